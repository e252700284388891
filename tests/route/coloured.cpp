#include <heddle/route/coloured.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include <heddle/fabric/layout.hpp>
#include <heddle/route/load.hpp>
#include <heddle/route/undisturbed.hpp>
#include <heddle/traffic/collectives.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::leaf_spine;
using traffic::flow;

static_assert(route::PhaseRouting<route::coloured>);

namespace {

// Flows on the fullest link, and the least that is possible for the fullest leaf.
template <class Policy>
std::pair<int, int> most_and_least(const leaf_spine& dc, const traffic::group& ranks,
                                   Policy& policy, const std::vector<flow>& flows) {
  const route::link_numbers links{dc};
  std::vector<int> count(links.size(), 0);
  const route::detail::no_load none;
  const route::view<route::detail::no_load> v{dc, links, ranks, none};
  route::for_each_link(policy, v, std::span{flows}, [&](std::uint32_t l) { ++count[l]; });
  std::map<leaf_id, int> out, in;
  int fullest = 0;
  for (const flow& f : flows) {
    const leaf_id a = ranks.leafs[f.source], b = ranks.leafs[f.target];
    if (a != b) fullest = std::max({fullest, ++out[a], ++in[b]});
  }
  return {*std::max_element(count.begin(), count.end()),
          (fullest + dc.uplinks() - 1) / dc.uplinks()};
}

}  // namespace

TEST_CASE(
    "coloured routing reaches the least possible load for any job and phase of any collective") {
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const leaf_spine dc{{.leafs = d.between(2, 6),
                         .spines = d.between(1, 6),
                         .links_per_pair = d.between(1, 2),
                         .servers_per_leaf = d.between(1, 3),
                         .gpus_per_server = d.between(1, 4)}};
    std::vector<gpu_id> gpus;
    for (gpu_id g : dc.all_gpus()) gpus.push_back(g);
    d.shuffle(gpus);
    gpus.resize(1 + d.index(gpus.size()));
    if (d.chance(.6)) std::sort(gpus.begin(), gpus.end());
    const auto ranks = traffic::make_group(dc, gpus);
    route::coloured policy;
    route::card_counter cards;
    for (collective c : all_collectives) {
      const traffic::any_source all = traffic::source_of(c, ranks, 1);
      std::vector<flow> flows;
      for (std::size_t k = 0; k < all.size(); ++k) {
        (void)all.write(k, flows);
        const auto [most, least] = most_and_least(dc, ranks, policy, flows);
        REQUIRE(most == least);
        // Enough up-links: no more than a card carries.
        if (dc.uplinks() >= dc.gpus_per_leaf()) REQUIRE(most <= cards(ranks, flows).card);
      }
    }
  }
}

TEST_CASE("coloured routing needs one flow a link where hashing collides and slots do too") {
  const leaf_spine dc{{.leafs = 3, .spines = 2, .servers_per_leaf = 1, .gpus_per_server = 2}};
  std::vector<gpu_id> gpus;
  for (gpu_id g : dc.all_gpus()) gpus.push_back(g);
  const auto ranks = traffic::make_group(dc, gpus);
  const std::vector<flow> flows{{0, 4}, {2, 5}};
  route::source by_slot;
  CHECK(most_and_least(dc, ranks, by_slot, flows) == std::pair{2, 1});
  route::coloured policy;
  CHECK(most_and_least(dc, ranks, policy, flows) == std::pair{1, 1});
}

TEST_CASE("neighbours under a leaf start on different spines") {
  const leaf_spine dc{{.leafs = 2, .spines = 4, .servers_per_leaf = 1, .gpus_per_server = 4}};
  const route::link_numbers links{dc};
  const route::detail::no_load none;
  std::vector<spine_id> used;
  for (std::uint32_t i = 0; i < 4; ++i) {
    const auto ranks = traffic::make_group(dc, std::vector{gpu_id{i}, gpu_id{4 + i}});
    const route::view<route::detail::no_load> v{dc, links, ranks, none};
    route::coloured policy;
    const std::vector<flow> flows{{0, 1}};
    used.push_back(policy(v, std::span{flows})[0].spine);
  }
  std::sort(used.begin(), used.end());
  CHECK(std::unique(used.begin(), used.end()) == used.end());
}

TEST_CASE("on an uneven network every policy takes links that are there, if there are any") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    fabric::layout found;
    const int leafs = d.between(2, 5), spines = d.between(1, 5);
    for (int s = 0; s < spines; ++s) found.spines.push_back("s");
    for (int l = 0; l < leafs; ++l) {
      fabric::leaf_layout leaf;
      leaf.servers.assign(static_cast<std::size_t>(d.between(1, 3)), {"", d.between(1, 4)});
      for (int s = 0; s < spines; ++s) leaf.links.push_back(d.between(0, 3));
      found.leafs.push_back(leaf);
    }
    const leaf_spine dc{found};
    std::vector<gpu_id> gpus;
    for (gpu_id g : dc.all_gpus()) gpus.push_back(g);
    const auto ranks = traffic::make_group(dc, gpus);
    const route::link_numbers links{dc};
    const route::detail::no_load none;
    const route::view<route::detail::no_load> v{dc, links, ranks, none};
    std::vector<flow> flows;
    for (std::uint32_t i = 0; i < gpus.size(); ++i)
      flows.push_back({i, static_cast<std::uint32_t>(d.index(gpus.size()))});
    const auto check = [&](const flow& f, const route::path& p) {
      const leaf_id a = ranks.leafs[f.source], b = ranks.leafs[f.target];
      if (a == b) return;
      bool reachable = false;
      for (spine_id s : dc.all_spines()) reachable |= dc.links(a, s) > 0 && dc.links(b, s) > 0;
      REQUIRE(p.spine.valid() == reachable);
      if (!reachable) return;
      REQUIRE(static_cast<int>(p.up_lane) < dc.links(a, p.spine));
      REQUIRE(static_cast<int>(p.down_lane) < dc.links(b, p.spine));
    };
    route::coloured all_at_once;
    const auto paths = all_at_once(v, std::span<const flow>{flows});
    for (std::size_t i = 0; i < flows.size(); ++i) {
      check(flows[i], paths[i]);
      if (ranks.leafs[flows[i].source] == ranks.leafs[flows[i].target]) continue;
      check(flows[i], route::ecmp{seed}(v, flows[i]));
      check(flows[i], route::balanced{seed}(v, flows[i]));
      check(flows[i], route::source{}(v, flows[i]));
      check(flows[i], route::weighted{{0.5, 2}, seed}(v, flows[i]));
    }
  }
}
