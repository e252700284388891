#include <heddle/route/owned.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <heddle/route/load.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/traffic/collectives.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::leaf_spine;
using traffic::flow;

static_assert(route::PhaseRouting<route::owned>);

namespace {

// A job with ranks under some leafs and links of its own.
struct clos {
  leaf_spine dc;
  route::link_numbers links{dc};
  std::vector<fabric::link> own;
  traffic::group ranks;

  clos(const leaf_spine& network, const std::vector<int>& gpus_of_leaf,
       const std::vector<int>& spines_of_leaf)
      : dc(network) {
    std::vector<gpu_id> gpus;
    for (int l = 0; l < static_cast<int>(gpus_of_leaf.size()); ++l) {
      const auto at = static_cast<std::size_t>(l);
      for (int i = 0; i < gpus_of_leaf[at]; ++i) gpus.push_back(gpu_id{l * dc.gpus_per_leaf() + i});
      for (int s = 0; s < spines_of_leaf[at]; ++s) own.push_back({leaf_id{l}, spine_id{s}, 0});
    }
    ranks = traffic::make_group(dc, gpus);
  }

  // m leafs with n GPUs and n spines each; servers of g.
  static clos even(int m, int n, int g = 1) {
    return {
        leaf_spine{
            {.leafs = m, .spines = n, .servers_per_leaf = (n + g - 1) / g, .gpus_per_server = g}},
        std::vector<int>(static_cast<std::size_t>(m), n),
        std::vector<int>(static_cast<std::size_t>(m), n)};
  }

  // The most flows on a link, of which direction.
  template <class Policy>
  std::pair<int, int> most(Policy& policy, const std::vector<flow>& flows) const {
    std::vector<int> count(links.size(), 0);
    const route::detail::no_load none;
    const route::view<route::detail::no_load> v{dc, links, ranks, none};
    route::for_each_link(policy, v, std::span{flows}, [&](std::uint32_t l) { ++count[l]; });
    const auto half = count.begin() + static_cast<std::ptrdiff_t>(count.size() / 2);
    return {*std::max_element(count.begin(), half), *std::max_element(half, count.end())};
  }
  [[nodiscard]] int ranks_count() const { return ranks.size(); }
};

std::vector<flow> random_partial_permutation(test::dice& d, int n) {
  std::vector<std::uint32_t> to(static_cast<std::size_t>(n));
  std::iota(to.begin(), to.end(), 0u);
  d.shuffle(to);
  const double density = d.real();
  std::vector<flow> flows;
  for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(n); ++i)
    if (to[i] != i && (density > .3 ? true : d.chance(density))) flows.push_back({i, to[i]});
  return flows;
}

// The links of `own` that `flows` use belong to the job, and each flow between leafs has a path.
template <class Policy>
bool stays_at_home(const clos& c, Policy& policy, const std::vector<flow>& flows) {
  std::vector<bool> mine(c.links.size(), false);
  for (const fabric::link& k : c.own)
    mine[c.links.up(k.leaf, k.spine, k.lane)] = mine[c.links.down(k.spine, k.leaf, k.lane)] = true;
  std::size_t used = 0, wanted = 0;
  for (const flow& f : flows) wanted += 2 * (c.ranks.leafs[f.source] != c.ranks.leafs[f.target]);
  bool all_mine = true;
  const route::detail::no_load none;
  const route::view<route::detail::no_load> v{c.dc, c.links, c.ranks, none};
  route::for_each_link(policy, v, std::span{flows}, [&](std::uint32_t l) {
    ++used;
    all_mine = all_mine && mine[l];
  });
  return all_mine && used == wanted;
}

// Of flows by chance, up to `incast` to and from a GPU, no link of the job carries more than a network card.
void check_no_more_than_a_card(const clos& c, route::owned& own, test::dice& d, int incast) {
  std::vector<flow> flows;
  for (int k = 0; k < incast; ++k) {
    const auto more = random_partial_permutation(d, c.ranks_count());
    flows.insert(flows.end(), more.begin(), more.end());
  }
  std::vector<int> out(c.ranks.gpus.size(), 0), in(c.ranks.gpus.size(), 0);
  int p = 1;
  for (const flow& f : flows) p = std::max({p, ++out[f.source], ++in[f.target]});
  const auto [up, down] = c.most(own, flows);
  REQUIRE(std::max(up, down) <= p);
  REQUIRE(own.complete());
  REQUIRE(stays_at_home(c, own, flows));
}

}  // namespace

TEST_CASE("source routing puts at most one flow on an up-link if every GPU sends at most one") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const clos c = clos::even(d.between(1, 8), d.between(1, 8));
    const auto flows = random_partial_permutation(d, c.ranks_count());
    route::source by_source;
    CHECK(c.most(by_source, flows).first <= 1);
  }
}

TEST_CASE("a down-link of source routing is free of contention if one leaf sends into it") {
  // Theorem 2, both directions: flows on the down-link (spine, leaf) are the leafs whose slot sends
  // into that leaf.
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const int m = d.between(2, 6), n = d.between(1, 6);
    const clos c = clos::even(m, n);
    const auto flows = random_partial_permutation(d, c.ranks_count());
    std::map<std::pair<std::uint32_t, leaf_id>, int> senders;
    for (const flow& f : flows)
      if (c.ranks.leafs[f.source] != c.ranks.leafs[f.target])
        ++senders[{c.ranks.slots[f.source], c.ranks.leafs[f.target]}];
    int expected = 0;
    for (const auto& [where, count] : senders) expected = std::max(expected, count);
    route::source by_source;
    CHECK(c.most(by_source, flows).second == expected);
  }
}

TEST_CASE("under source routing cyclic shifts never share a link, for any leafs and GPUs") {
  for (int m = 1; m <= 9; ++m)
    for (int n = 1; n <= 9; ++n) {
      CAPTURE(m);
      CAPTURE(n);
      const clos c = clos::even(m, n);
      const traffic::any_source all = traffic::source_of(collective::all_to_all, c.ranks, 1);
      route::source by_source;
      route::owned own{c.dc.leafs(), {{}, c.own}};
      std::vector<flow> flows;
      for (std::size_t k = 0; k < all.size(); ++k) {
        (void)all.write(k, flows);
        const auto [up, down] = c.most(by_source, flows);
        REQUIRE(std::max(up, down) <= 1);
        REQUIRE(c.most(own, flows) == std::pair{up, down});
      }
    }
}

TEST_CASE("under source routing hierarchical rings never share a link if servers divide leafs") {
  int hierarchical = 0;
  for (int m = 2; m <= 6; ++m)
    for (int n = 1; n <= 12; ++n)
      for (int g = 1; g <= 6; ++g) {
        if (n % g) continue;
        CAPTURE(m);
        CAPTURE(n);
        CAPTURE(g);
        const clos c = clos::even(m, n, g);
        const traffic::any_source all = traffic::source_of(collective::ring, c.ranks, 1);
        hierarchical += all.size() == 3;
        route::source by_source;
        std::vector<flow> flows;
        for (std::size_t k = 0; k < all.size(); ++k) {
          (void)all.write(k, flows);
          const auto [up, down] = c.most(by_source, flows);
          REQUIRE(std::max(up, down) <= traffic::incast_counter{}(flows));
        }
      }
  CHECK(hierarchical > 50);
}

TEST_CASE("under source routing halving-doubling never shares a link for powers of two") {
  for (int m : {1, 2, 4, 8, 16})
    for (int n : {1, 2, 4, 8, 16}) {
      CAPTURE(m);
      CAPTURE(n);
      const clos c = clos::even(m, n);
      const traffic::any_source all = traffic::source_of(collective::halving_doubling, c.ranks, 1);
      route::source by_source;
      std::vector<flow> flows;
      for (std::size_t k = 0; k < all.size(); ++k) {
        (void)all.write(k, flows);
        const auto [up, down] = c.most(by_source, flows);
        REQUIRE(std::max(up, down) <= 1);
      }
    }
}

TEST_CASE("under source routing two leafs, or one leaf, or one spine, never share a link") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    for (const auto& [m, n] :
         {std::pair{2, d.between(1, 9)}, {1, d.between(2, 9)}, {d.between(2, 9), 1}}) {
      const clos c = clos::even(m, n);
      const auto flows = random_partial_permutation(d, c.ranks_count());
      route::source by_source;
      const auto [up, down] = c.most(by_source, flows);
      CHECK(std::max(up, down) <= 1);
    }
  }
}

TEST_CASE("three leafs and two spines are enough for source routing to collide") {
  // Ranks 0, 2 (slot 0 of leafs 0 and 1) both send into leaf 2: the bound of theorem 4 is sharp.
  const clos c = clos::even(3, 2);
  route::source by_source;
  CHECK(c.most(by_source, {{0, 4}, {2, 5}}).second == 2);
  route::owned own{c.dc.leafs(), {{}, c.own}};
  CHECK(c.most(own, {{0, 4}, {2, 5}}) == std::pair{1, 1});
}

TEST_CASE("on shapes with a proof no link carries more flows of a phase than a network card") {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<int> gpus, spines;
    switch (d.index(3)) {
    case 0: {  // even
      gpus.assign(static_cast<std::size_t>(d.between(2, 7)), d.between(1, 8));
      spines = gpus;
      break;
    }
    case 1: {  // even, and a remainder somewhere among the leafs
      const int n = d.between(2, 8);
      gpus.assign(static_cast<std::size_t>(d.between(2, 6)), n);
      gpus.push_back(d.between(1, n - 1));
      d.shuffle(gpus);
      spines = gpus;
      break;
    }
    default: {  // two leafs
      const int a = d.between(1, 8);
      gpus = {a, d.between(1, a)};
      d.shuffle(gpus);
      spines.assign(2, std::min(gpus[0], gpus[1]));
    }
    }
    const clos c{leaf_spine{{.leafs = static_cast<int>(gpus.size()) + 1,
                             .spines = 8,
                             .servers_per_leaf = 4,
                             .gpus_per_server = 2}},
                 gpus, spines};
    route::owned own{c.dc.leafs(), {{}, c.own}};
    for (int incast : {1, 2, 3}) {
      CAPTURE(incast);
      check_no_more_than_a_card(c, own, d, incast);
    }
  }
}

TEST_CASE("leafs linked in like proportions carry no more flows on a link than a network card") {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<int> copies, w;
    for (int l = d.between(2, 6); l > 0; --l) copies.push_back(d.between(0, 4));
    for (int s = d.between(1, 4); s > 0; --s) w.push_back(d.between(1, 3));
    const int n = std::accumulate(w.begin(), w.end(), 0), g = d.between(1, 4);
    const int most = std::max(1, *std::max_element(copies.begin(), copies.end()));
    clos c{leaf_spine{{.leafs = static_cast<int>(copies.size()),
                       .spines = static_cast<int>(w.size()),
                       .links_per_pair = 3 * most,
                       .servers_per_leaf = (most * n + g - 1) / g,
                       .gpus_per_server = g}},
           [&] {
             std::vector<int> gpus;  // a leaf need not be full
             for (int k : copies) gpus.push_back(k == 0 ? 0 : k * n - d.between(0, n - 1));
             return gpus;
           }(),
           std::vector<int>(copies.size(), 0)};
    for (std::size_t l = 0; l < copies.size(); ++l)
      for (std::size_t s = 0; s < w.size(); ++s)
        for (int k = 0; k < copies[l] * w[s]; ++k)
          c.own.push_back({leaf_id{l}, spine_id{s}, static_cast<std::uint32_t>(k)});
    if (c.ranks_count() < 2) continue;
    route::owned own{c.dc.leafs(), {{}, c.own}};
    for (int incast : {1, 2}) {
      check_no_more_than_a_card(c, own, d, incast);
    }
  }
}

TEST_CASE("slots count within the job, so its GPUs need not be aligned") {
  // GPUs 1, 3 of leaf 0 and 0, 2 of leaf 1; links to spines 2 and 3 with odd lanes.
  const leaf_spine dc{
      {.leafs = 2, .spines = 4, .links_per_pair = 2, .servers_per_leaf = 1, .gpus_per_server = 4}};
  const route::link_numbers links{dc};
  const auto ranks =
      traffic::make_group(dc, std::vector{gpu_id{1}, gpu_id{3}, gpu_id{4}, gpu_id{6}});
  const std::vector<fabric::link> own{{leaf_id{0}, spine_id{2}, 1},
                                      {leaf_id{0}, spine_id{3}, 0},
                                      {leaf_id{1}, spine_id{2}, 0},
                                      {leaf_id{1}, spine_id{3}, 1}};
  route::owned policy{dc.leafs(), {{}, own}};
  const route::detail::no_load none;
  const route::view<route::detail::no_load> v{dc, links, ranks, none};
  const std::vector<flow> flows{{0, 2}, {1, 3}, {2, 0}, {3, 1}, {0, 1}};
  const auto paths = policy(v, std::span{flows});
  REQUIRE(paths.size() == 5);
  CHECK(paths[0] == route::path{spine_id{2}, 1, 0});
  CHECK(paths[1] == route::path{spine_id{3}, 0, 1});
  CHECK(paths[2] == route::path{spine_id{2}, 0, 1});
  CHECK(paths[3] == route::path{spine_id{3}, 1, 0});
  CHECK_FALSE(paths[4].spine.valid());
}

TEST_CASE("a job whose leafs share no spine is told that its routes are incomplete") {
  const leaf_spine dc{{.leafs = 2, .spines = 2, .servers_per_leaf = 1, .gpus_per_server = 1}};
  const route::link_numbers links{dc};
  const auto ranks = traffic::make_group(dc, std::vector{gpu_id{0}, gpu_id{1}});
  const std::vector<fabric::link> own{{leaf_id{0}, spine_id{0}, 0}, {leaf_id{1}, spine_id{1}, 0}};
  route::owned policy{dc.leafs(), {{}, own}};
  const route::detail::no_load none;
  const route::view<route::detail::no_load> v{dc, links, ranks, none};
  const std::vector<flow> flows{{0, 1}};
  CHECK_FALSE(policy(v, std::span{flows})[0].spine.valid());
  CHECK_FALSE(policy.complete());
}
