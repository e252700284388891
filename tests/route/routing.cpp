#include <heddle/route/routing.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <tuple>
#include <vector>

#include <heddle/route/load.hpp>

using namespace heddle;
using route::path;
using traffic::flow;

static_assert(route::RoutingPolicy<route::ecmp>);
static_assert(route::RoutingPolicy<route::balanced>);
static_assert(route::RoutingPolicy<route::source>);
static_assert(route::RoutingPolicy<route::weighted>);
static_assert(route::RoutingPolicy<route::ideal>);
static_assert(!route::RoutingPolicy<int>);

namespace {

// All GPUs of a network as one job; the phase in which every GPU sends to its like under the next
// leaf.
struct leaf_shift {
  fabric::leaf_spine dc;
  route::link_numbers links{dc};
  traffic::group ranks;
  std::vector<flow> flows;

  leaf_shift(int leafs, int gpus, int lanes = 1)
      : dc({.leafs = leafs,
            .spines = gpus / lanes,
            .links_per_pair = lanes,
            .servers_per_leaf = 1,
            .gpus_per_server = gpus}) {
    std::vector<gpu_id> all;
    for (gpu_id g : dc.all_gpus()) all.push_back(g);
    ranks = traffic::make_group(dc, all);
    const auto n = static_cast<std::uint32_t>(all.size()), by = static_cast<std::uint32_t>(gpus);
    for (std::uint32_t i = 0; i < n; ++i) flows.push_back({i, (i + by) % n});
  }

  // Flows on each directed link.
  template <class Policy>
  std::vector<int> load(Policy policy) const {
    std::vector<int> count(links.size(), 0);
    const auto now = [&](std::uint32_t l) { return static_cast<double>(count[l]); };
    const route::view<decltype(now)> v{dc, links, ranks, now};
    route::for_each_link(policy, v, std::span{flows}, [&](std::uint32_t l) { ++count[l]; });
    return count;
  }
  template <class Policy>
  int most_up(Policy policy) const {
    const auto count = load(policy);
    return *std::max_element(count.begin(),
                             count.begin() + static_cast<std::ptrdiff_t>(count.size() / 2));
  }
};

}  // namespace

TEST_CASE("the mean largest up-link load of a leaf shift under ECMP is that of random spines") {
  constexpr double relative_tolerance = 0.02;
  for (const auto& [leafs, gpus, expected, seeds] : {std::tuple{2, 8, 2.94, 6000},
                                                     {2, 32, 3.91, 4000},
                                                     {4, 32, 4.29, 3000},
                                                     {16, 32, 5.01, 1000}}) {
    CAPTURE(leafs);
    CAPTURE(gpus);
    const leaf_shift phase{leafs, gpus};
    double sum = 0;
    for (int seed = 0; seed < seeds; ++seed)
      sum += phase.most_up(route::ecmp{static_cast<std::uint64_t>(seed)});
    CHECK(sum / seeds == doctest::Approx(expected).epsilon(relative_tolerance));
  }
}

TEST_CASE("n flows over n spines miss one another under ECMP with probability n! over n to the n") {
  constexpr int seeds = 20'000;
  for (const auto& [n, expected] : {std::pair{2, 0.5}, {4, 0.09375}, {8, 0.00240326}}) {
    CAPTURE(n);
    // Up-links of one leaf alone: flows of leaf 0 only.
    leaf_shift phase{2, n};
    phase.flows.resize(static_cast<std::size_t>(n));
    int missed = 0;
    for (int seed = 0; seed < seeds; ++seed)
      missed += phase.most_up(route::ecmp{static_cast<std::uint64_t>(seed)}) == 1;
    const double five_standard_errors = 5 * std::sqrt(expected * (1 - expected) / seeds);
    CHECK(std::abs(static_cast<double>(missed) / seeds - expected) < five_standard_errors);
  }
}

TEST_CASE("ECMP gives two GPUs the same path in every phase and takes every link alike") {
  const leaf_shift phase{2, 16, 4};
  const route::detail::no_load none;
  const route::view<route::detail::no_load> v{phase.dc, phase.links, phase.ranks, none};
  CHECK(route::ecmp{7}(v, phase.flows[3]) == route::ecmp{7}(v, phase.flows[3]));

  constexpr int seeds = 8000;
  std::vector<int> up(16, 0), down(4, 0);
  for (int seed = 0; seed < seeds; ++seed) {
    const path p = route::ecmp{static_cast<std::uint64_t>(seed)}(v, phase.flows[3]);
    REQUIRE(p.spine.value < 4);
    REQUIRE(p.up_lane < 4);
    REQUIRE(p.down_lane < 4);
    ++up[p.spine.value * 4 + p.up_lane];
    ++down[p.down_lane];
  }
  const double six_standard_errors = 6 * std::sqrt(seeds / 16.0);
  for (int n : up) CHECK(std::abs(n - seeds / 16) < six_standard_errors);
  for (int n : down) CHECK(std::abs(n - seeds / 4) < 2 * six_standard_errors);
}

TEST_CASE("balanced ECMP with one attempt is ECMP, with more it loads up-links less") {
  const leaf_shift phase{4, 32};
  double plain = 0, balanced = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CHECK(phase.load(route::balanced{seed, 1}) == phase.load(route::ecmp{seed}));
    plain += phase.most_up(route::ecmp{seed});
    balanced += phase.most_up(route::balanced{seed});
  }
  CHECK(balanced < 0.75 * plain);
}

TEST_CASE("balanced ECMP keeps the first of the paths whose up-link carries fewest flows") {
  const leaf_shift phase{2, 8};
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    // A load that grows with the link's number: the lowest of five draws wins.
    const auto load = [](std::uint32_t l) { return static_cast<double>(l); };
    const route::view<decltype(load)> v{phase.dc, phase.links, phase.ranks, load};
    std::uint32_t lowest = 8;
    for (int attempt = 0; attempt < 5; ++attempt)
      lowest =
          std::min(lowest, route::detail::hashed(seed, attempt, v, phase.flows[0]).spine.value);
    CHECK(route::balanced{seed}(v, phase.flows[0]).spine.value == lowest);
  }
}

TEST_CASE("source routing gives every GPU an up-link of its own") {
  for (int lanes : {1, 2, 4}) {
    const leaf_shift phase{4, 8, lanes};
    const auto count = phase.load(route::source{});
    for (std::size_t l = 0; l < count.size(); ++l) CHECK(count[l] == 1);  // down-links too, here
    const route::detail::no_load none;
    const route::view<route::detail::no_load> v{phase.dc, phase.links, phase.ranks, none};
    std::set<std::pair<std::uint32_t, std::uint32_t>> up;
    for (std::uint32_t i = 8; i < 16; ++i) {
      const path p = route::source{}(v, phase.flows[i]);
      CHECK(p.up_lane == p.down_lane);
      up.insert({p.spine.value, p.up_lane});
    }
    CHECK(up.size() == 8);
  }
}

TEST_CASE("source routing wraps around where a leaf has fewer up-links than GPUs") {
  const fabric::leaf_spine dc{
      {.leafs = 2, .spines = 3, .servers_per_leaf = 2, .gpus_per_server = 4}};
  const route::link_numbers links{dc};
  const auto ranks = traffic::make_group(dc, std::vector{gpu_id{5}, gpu_id{8}});
  const route::detail::no_load none;
  const route::view<route::detail::no_load> v{dc, links, ranks, none};
  CHECK(route::source{}(v, flow{0, 1}) == path{spine_id{5 % 3}, 0, 0});
}

TEST_CASE("the ideal network routes over no spine") {
  const leaf_shift phase{2, 4};
  for (int n : phase.load(route::ideal{})) CHECK(n == 0);
}

TEST_CASE("weighted routing takes a spine as often as its weight says") {
  const leaf_shift phase{2, 8, 2};  // four spines, two lanes to each
  const route::detail::no_load none;
  const route::view<route::detail::no_load> v{phase.dc, phase.links, phase.ranks, none};
  const std::vector<double> weights{1, 0, 5};  // the last spine counts 1
  constexpr double expected[] = {1.0 / 7, 0, 5.0 / 7, 1.0 / 7};
  constexpr int seeds = 8000;
  std::vector<int> taken(4, 0), lanes(4, 0);
  for (int seed = 0; seed < seeds; ++seed) {
    const path p = route::weighted{weights, static_cast<std::uint64_t>(seed)}(v, phase.flows[3]);
    REQUIRE(p.spine.value < 4);
    REQUIRE(p.up_lane < 2);
    REQUIRE(p.down_lane < 2);
    ++taken[p.spine.value];
    ++lanes[2 * p.up_lane + p.down_lane];
  }
  for (std::size_t s = 0; s < 4; ++s) {
    const double e = expected[s], five_standard_errors = 5 * std::sqrt(e * (1 - e) / seeds);
    CHECK(std::abs(static_cast<double>(taken[s]) / seeds - e) <= five_standard_errors);
  }
  for (int n : lanes) CHECK(std::abs(static_cast<double>(n) / seeds - .25) < .025);
}

TEST_CASE("weighted routing with no weight at all is ECMP") {
  const leaf_shift phase{2, 8};
  CHECK(phase.load(route::weighted{std::vector<double>(8, 0.0), 5}) == phase.load(route::ecmp{5}));
}
