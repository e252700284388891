#include <heddle/fabric/leaf_spine.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <heddle/core/error.hpp>

#include "support/refusal.hpp"

using namespace heddle;
using fabric::leaf_spine;
using fabric::leaf_spine_shape;

namespace {

std::string refusal(const leaf_spine_shape& shape) {
  return test::refusal_of([&] { return leaf_spine{shape}; });
}

}  // namespace

TEST_CASE("a leaf-spine network counts its parts") {
  const leaf_spine dc{
      {.leafs = 16, .spines = 8, .links_per_pair = 4, .servers_per_leaf = 4, .gpus_per_server = 8}};
  CHECK(dc.gpus() == 512);
  CHECK(dc.servers() == 64);
  CHECK(dc.gpus_per_leaf() == 32);
  CHECK(dc.uplinks() == 32);
  CHECK(dc.links() == 512);
  CHECK(dc.switches() == 24);
  CHECK(dc.link_gbps() == 100);
  CHECK(dc.server_gbps() == 1000);
  CHECK(dc == leaf_spine{dc.shape()});
  CHECK(dc != leaf_spine{leaf_spine_shape{}});
}

TEST_CASE("GPUs are numbered by server and servers by leaf") {
  for (const auto& [leafs, servers, gpus] :
       {std::array{1, 1, 1}, {3, 2, 4}, {2, 5, 3}, {7, 1, 8}, {4, 4, 1}}) {
    CAPTURE(leafs);
    CAPTURE(servers);
    CAPTURE(gpus);
    const leaf_spine dc{
        {.leafs = leafs, .spines = 2, .servers_per_leaf = servers, .gpus_per_server = gpus}};
    std::uint32_t g = 0, s = 0;
    for (unit_id x : dc.all_units()) {
      int index = 0;
      CHECK(dc.servers_of(x).size() == static_cast<std::uint32_t>(servers));
      CHECK(dc.servers_of(x).front() == server_id{s});
      CHECK(dc.gpus_of(x).front() == gpu_id{g});
      for (server_id server : dc.servers_of(x)) {
        CHECK(server == server_id{s++});
        CHECK(dc.unit_of(server) == x);
        for (gpu_id gpu : dc.gpus_of(server)) {
          CHECK(gpu == gpu_id{g++});
          CHECK(dc.server_of(gpu) == server);
          CHECK(dc.unit_of(gpu) == x);
          CHECK(dc.leaf_of(gpu) == leaf_id{x.value});
          CHECK(dc.index_in_leaf(gpu) == index++);
        }
      }
    }
    CHECK(dc.gpus() == static_cast<int>(g));
    CHECK(dc.all_gpus().size() == g);
    CHECK(dc.all_servers().size() == s);
  }
}

TEST_CASE("a shape without a part is refused by name") {
  CHECK(refusal({.leafs = 0}) == "leaf_spine.leafs: expected at least 1, got 0");
  CHECK(refusal({.spines = -1}) == "leaf_spine.spines: expected at least 1, got -1");
  CHECK(refusal({.links_per_pair = 0}) == "leaf_spine.links_per_pair: expected at least 1, got 0");
  CHECK(refusal({.servers_per_leaf = 0}) ==
        "leaf_spine.servers_per_leaf: expected at least 1, got 0");
  CHECK(refusal({.gpus_per_server = 0}) ==
        "leaf_spine.gpus_per_server: expected at least 1, got 0");
}

TEST_CASE("a speed that is not positive and finite is refused") {
  for (double speed : {0.0, -1.0, std::numeric_limits<double>::infinity(),
                       std::numeric_limits<double>::quiet_NaN()}) {
    CHECK_THROWS_AS((leaf_spine{{.link_gbps = speed}}), input_error);
    CHECK_THROWS_AS((leaf_spine{{.server_gbps = speed}}), input_error);
  }
  CHECK(refusal({.link_gbps = 0}) ==
        "leaf_spine.link_gbps: expected a positive number of Gb/s, got 0.000000");
}

TEST_CASE("a network too large for its ids is refused") {
  constexpr int huge = std::numeric_limits<int>::max();
  CHECK(refusal({.leafs = 1 << 14,
                 .spines = 1,
                 .servers_per_leaf = 1 << 10,
                 .gpus_per_server = 1 << 5}) ==
        "leaf_spine: expected at most 2^28 GPUs and links, got 536870912");
  CHECK(
      refusal({.leafs = 1 << 14, .spines = 1 << 14, .servers_per_leaf = 1, .gpus_per_server = 1}) ==
      "accepted");
  CHECK(refusal({.leafs = huge,
                 .spines = huge,
                 .links_per_pair = huge,
                 .servers_per_leaf = huge,
                 .gpus_per_server = huge})
            .starts_with("leaf_spine: expected at most 2^28 GPUs and links, got "));
}
