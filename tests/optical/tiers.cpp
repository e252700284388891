#include <heddle/optical/leaf_centric.hpp>
#include <heddle/optical/symmetric_split.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

#include "support/allocation_guard.hpp"
#include "support/dice.hpp"

using namespace heddle;
using namespace heddle::optical;

namespace {

std::vector<wanted_pair> random_pairs(test::dice& d, std::uint32_t leafs, double density,
                                      int most) {
  std::vector<wanted_pair> pairs;
  for (std::uint32_t a = 0; a < leafs; ++a)
    for (std::uint32_t b = a + 1; b < leafs; ++b)
      if (d.chance(density)) {
        const int n = d.between(0, most);
        if (d.chance(.5))
          pairs.push_back({a, b, n});
        else
          pairs.push_back({b, a, n});
      }
  d.shuffle(pairs);
  return pairs;
}

bool is_part(int part, int whole, int parts) {
  return part >= whole / parts && part <= (whole + parts - 1) / parts;
}

}  // namespace

TEST_CASE("a symmetric split halves every entry and every row and column to the nearest integer") {
  symmetric_split split;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const std::uint32_t leafs = static_cast<std::uint32_t>(d.between(1, 20));
    const auto pairs = random_pairs(d, leafs, d.real(), d.between(1, 5));
    const auto forth = split(leafs, pairs);
    REQUIRE(forth.size() == pairs.size());
    std::vector<int> out(leafs, 0), in(leafs, 0);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      REQUIRE(is_part(forth[i], pairs[i].circuits, 2));
      const int back = pairs[i].circuits - forth[i];
      out[pairs[i].a] += forth[i], in[pairs[i].b] += forth[i];
      out[pairs[i].b] += back, in[pairs[i].a] += back;
    }
    for (std::uint32_t l = 0; l < leafs; ++l) REQUIRE(std::abs(out[l] - in[l]) <= 1);
  }
}

TEST_CASE(
    "leaf-centric spreading gives every spine its part of what each leaf sends and receives") {
  leaf_centric spread;
  int worst = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const std::uint32_t leafs = static_cast<std::uint32_t>(d.between(2, 24));
    const int spines = d.between(1, 12);
    const auto pairs = random_pairs(d, leafs, d.real(), d.between(1, 30));
    const auto circuits = spread(leafs, pairs, static_cast<std::uint32_t>(spines));
    const auto s = static_cast<std::size_t>(spines);
    std::vector<int> out(leafs * s, 0), in(leafs * s, 0), of_leaf(leafs, 0);
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::vector<int>> entries;
    for (const spread_circuit& k : circuits) {
      REQUIRE(k.spine < s);
      ++out[k.from * s + k.spine];
      ++in[k.to * s + k.spine];
      ++of_leaf[k.from], ++of_leaf[k.to];
      auto& e = entries[{k.from, k.to}];
      e.resize(s);
      ++e[k.spine];
    }
    for (std::uint32_t l = 0; l < leafs; ++l) {
      const auto row = [&](const std::vector<int>& m) { return std::span(m).subspan(l * s, s); };
      const auto sum = [](std::span<const int> r) {
        return std::accumulate(r.begin(), r.end(), 0);
      };
      for (int x : row(out)) REQUIRE(is_part(x, sum(row(out)), spines));
      for (int x : row(in)) REQUIRE(is_part(x, sum(row(in)), spines));
      int low = 1 << 30, high = 0;
      for (std::size_t k = 0; k < s; ++k) {
        low = std::min(low, out[l * s + k] + in[l * s + k]);
        high = std::max(high, out[l * s + k] + in[l * s + k]);
      }
      REQUIRE(high - low <= 2);
      REQUIRE(high <= 2 * (((of_leaf[l] + 1) / 2 + spines - 1) / spines));
      worst = std::max(worst, high - low);
    }
    // All that was wanted, and each pair spread.
    std::size_t total = 0;
    for (const wanted_pair& k : pairs) {
      int there = 0;
      for (auto key : {std::pair{k.a, k.b}, {k.b, k.a}})
        if (const auto it = entries.find(key); it != entries.end()) {
          const int n = std::accumulate(it->second.begin(), it->second.end(), 0);
          REQUIRE(is_part(n, k.circuits, 2));
          for (int x : it->second) {
            REQUIRE(x >= n / spines);
            REQUIRE(x <= (n + spines - 1) / spines + 1);
          }
          there += n;
        }
      REQUIRE(there == k.circuits);
      total += static_cast<std::size_t>(k.circuits);
    }
    REQUIRE(circuits.size() == total);
  }
  CHECK(worst == 2);  // less is not promised
}

TEST_CASE("with two links from a leaf to each spine a full leaf is spread without polarization") {
  // Each of 24 leafs wants 2·S circuits: S spines, two links to each.
  leaf_centric spread;
  for (std::uint32_t spines : {2u, 4u, 6u, 8u}) {
    std::vector<wanted_pair> ring;
    for (std::uint32_t l = 0; l < 24; ++l)
      ring.push_back({l, (l + 1) % 24, static_cast<int>(spines)});
    std::map<std::pair<std::uint32_t, std::uint32_t>, int> at;
    for (const spread_circuit& k : spread(24, ring, spines)) {
      ++at[{k.from, k.spine}];
      ++at[{k.to, k.spine}];
    }
    CHECK(at.size() == 24 * spines);
    for (const auto& [where, n] : at) CHECK(n == 2);
  }
}

TEST_CASE("a warm leaf-centric spreading allocates nothing") {
  test::dice d{8};
  const auto pairs = random_pairs(d, 40, .4, 9);
  leaf_centric spread;
  (void)spread(40, pairs, 6);
  const test::allocation_guard guard;
  (void)spread(40, pairs, 6);
  const std::size_t allocations = guard.count();
  CHECK(allocations == 0);
}
