#include <heddle/traffic/group.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>

#include "support/dice.hpp"

using namespace heddle;
using traffic::make_group;

TEST_CASE("a group knows the server, the leaf and the slot of every rank") {
  const fabric::leaf_spine dc{
      {.leafs = 3, .spines = 2, .servers_per_leaf = 2, .gpus_per_server = 2}};
  const std::vector<gpu_id> gpus{gpu_id{9}, gpu_id{0}, gpu_id{3}, gpu_id{8}, gpu_id{1}};
  const auto g = make_group(dc, gpus);
  CHECK(g.size() == 5);
  CHECK(g.gpus == gpus);
  CHECK(g.gpus_per_server == 2);
  CHECK(g.servers ==
        std::vector{server_id{4}, server_id{0}, server_id{1}, server_id{4}, server_id{0}});
  CHECK(g.leafs == std::vector{leaf_id{2}, leaf_id{0}, leaf_id{0}, leaf_id{2}, leaf_id{0}});
  CHECK(g.slots == std::vector<std::uint32_t>{0, 0, 1, 1, 2});
  CHECK(g.crosses_leafs());
}

TEST_CASE("a group under one leaf does not cross leafs") {
  const fabric::leaf_spine dc{
      {.leafs = 2, .spines = 1, .servers_per_leaf = 2, .gpus_per_server = 2}};
  CHECK_FALSE(make_group(dc, std::vector{gpu_id{4}, gpu_id{7}}).crosses_leafs());
  CHECK_FALSE(make_group(dc, std::vector{gpu_id{3}}).crosses_leafs());
  CHECK_FALSE(make_group(dc, std::vector<gpu_id>{}).crosses_leafs());
  CHECK(make_group(dc, std::vector{gpu_id{3}, gpu_id{4}}).crosses_leafs());
}

TEST_CASE("slots count the ranks of a leaf in their order, whatever the GPUs") {
  const fabric::leaf_spine dc{
      {.leafs = 4, .spines = 4, .servers_per_leaf = 2, .gpus_per_server = 4}};
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<gpu_id> gpus;
    for (gpu_id g : dc.all_gpus())
      if (d.chance(.5)) gpus.push_back(g);
    d.shuffle(gpus);
    const auto g = make_group(dc, gpus);
    std::map<leaf_id, std::uint32_t> next;
    for (std::size_t i = 0; i < gpus.size(); ++i) {
      CHECK(g.leafs[i] == dc.leaf_of(gpus[i]));
      CHECK(g.servers[i] == dc.server_of(gpus[i]));
      CHECK(g.slots[i] == next[g.leafs[i]]++);
    }
  }
}
