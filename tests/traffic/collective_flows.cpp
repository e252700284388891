#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/traffic/collectives.hpp>
#include <heddle/traffic/conformance.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "support/dice.hpp"

using namespace heddle;
using traffic::flow;
using traffic::phase;
using flows = std::vector<flow>;

namespace {

constexpr double relative_tolerance = 1e-12;

const fabric::leaf_spine dc{{.leafs = 8, .spines = 8, .servers_per_leaf = 2, .gpus_per_server = 4}};

// The first n GPUs.
traffic::group first(int n) {
  std::vector<gpu_id> gpus;
  for (int i = 0; i < n; ++i) gpus.push_back(gpu_id{i});
  return traffic::make_group(dc, gpus);
}
traffic::group of(std::initializer_list<int> gpus) {
  std::vector<gpu_id> ids;
  for (int g : gpus) ids.push_back(gpu_id{g});
  return traffic::make_group(dc, ids);
}

struct written {
  phase what;
  flows who;
};
std::vector<written> write_all(collective c, const traffic::group& g, double bytes) {
  const traffic::any_source all = traffic::source_of(c, g, bytes);
  std::vector<written> out(all.size());
  for (std::size_t k = 0; k < all.size(); ++k) out[k].what = all.write(k, out[k].who);
  return out;
}

// Bytes that each rank sends, and receives, in the whole collective.
std::pair<std::vector<double>, std::vector<double>> totals(const std::vector<written>& all,
                                                           std::size_t n) {
  std::vector<double> sent(n, 0), received(n, 0);
  for (const auto& [what, who] : all)
    for (const flow& f : who) {
      sent[f.source] += what.bytes * what.repeat;
      received[f.target] += what.bytes * what.repeat;
    }
  return {sent, received};
}

int most_flows_of_a_rank(const flows& who) { return traffic::incast_counter{}(who); }

constexpr collective all_patterns[] = {collective::ring, collective::halving_doubling,
                                       collective::all_to_all};

}  // namespace

TEST_CASE("one rank or none, or a job that does not communicate, has no phases") {
  for (collective c : all_patterns) {
    CHECK(write_all(c, first(0), 1).empty());
    CHECK(write_all(c, first(1), 1).empty());
  }
  CHECK(write_all(collective::none, first(8), 1).empty());
}

TEST_CASE("a ring within the size of a server goes both ways") {
  const auto two = write_all(collective::ring, first(2), 8);
  REQUIRE(two.size() == 1);
  CHECK(two[0].who == flows{{0, 1}, {0, 1}, {1, 0}, {1, 0}});
  CHECK(two[0].what.bytes == 2);
  CHECK(two[0].what.repeat == 2);
  CHECK(most_flows_of_a_rank(two[0].who) == 2);

  const auto three = write_all(collective::ring, first(3), 12);
  REQUIRE(three.size() == 1);
  CHECK(three[0].who == flows{{0, 1}, {0, 2}, {1, 2}, {1, 0}, {2, 0}, {2, 1}});
  CHECK(three[0].what.bytes == 2);  // D / 2N
  CHECK(three[0].what.repeat == 4);
}

TEST_CASE("a ring over whole servers is hierarchical") {
  const auto all = write_all(collective::ring, first(8), 16);
  REQUIRE(all.size() == 3);
  const flows inside{{0, 1}, {1, 2}, {2, 3}, {3, 0}, {4, 5}, {5, 6}, {6, 7}, {7, 4}};
  CHECK(all[0].who == inside);
  CHECK(all[0].what.bytes == 4);  // D / q
  CHECK(all[0].what.repeat == 3);
  CHECK(all[1].who == flows{{0, 4}, {1, 5}, {2, 6}, {3, 7}, {4, 0}, {5, 1}, {6, 2}, {7, 3}});
  CHECK(all[1].what.bytes == 2);  // D / (q s)
  CHECK(all[1].what.repeat == 2);
  CHECK(all[2].who == inside);
  CHECK(all[2].what.bytes == 4);
  CHECK(all[2].what.repeat == 3);
}

TEST_CASE("a ring is hierarchical if servers hold equal shares and flat if not") {
  const auto shape = [](const traffic::group& g) {
    return write_all(collective::ring, g, 1).size() == 3 ? "hierarchical" : "flat";
  };
  CHECK(shape(first(8)) == "hierarchical");
  CHECK(shape(first(12)) == "hierarchical");
  CHECK(shape(of({0, 1, 4, 5, 8, 9, 12, 13})) == "hierarchical");  // two on each of four
  CHECK(shape(of({1, 0, 5, 4, 13, 12, 8, 9})) == "hierarchical");  // any order of servers
  CHECK(shape(first(6)) == "flat");                                // no multiple of a server
  CHECK(shape(of({0, 1, 2, 4, 5, 6})) == "flat");
  CHECK(shape(of({0, 4, 8, 12, 16, 20, 24, 28})) == "flat");  // one on each server
  CHECK(shape(of({0, 1, 2, 4, 5, 6, 7, 8})) == "flat");       // three, four and one
  CHECK(shape(of({0, 1, 2, 3, 4, 5, 8, 9})) == "flat");       // four, two and two
  CHECK(shape(of({0, 1, 4, 5, 2, 3, 6, 7})) == "flat");       // servers not consecutive
  CHECK(shape(of({0, 4, 1, 5, 2, 6, 3, 7})) == "flat");
}

TEST_CASE("a flat ring shifts by one") {
  const auto all = write_all(collective::ring, first(6), 12);
  REQUIRE(all.size() == 1);
  CHECK(all[0].who == flows{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 0}});
  CHECK(all[0].what.bytes == 2);  // D / N
  CHECK(all[0].what.repeat == 10);
  CHECK(most_flows_of_a_rank(all[0].who) == 1);
}

TEST_CASE("halving and doubling pairs ranks that differ in one bit") {
  const auto all = write_all(collective::halving_doubling, first(4), 16);
  REQUIRE(all.size() == 4);
  const flows near{{0, 1}, {1, 0}, {2, 3}, {3, 2}}, far{{0, 2}, {1, 3}, {2, 0}, {3, 1}};
  CHECK(all[0].who == near);
  CHECK(all[1].who == far);
  CHECK(all[2].who == far);
  CHECK(all[3].who == near);
  CHECK(all[0].what.bytes == 8);
  CHECK(all[1].what.bytes == 4);
  CHECK(all[2].what.bytes == 4);
  CHECK(all[3].what.bytes == 8);
}

TEST_CASE("ranks beyond a power of two hand their data to a partner under the same leaf") {
  // Leafs of eight GPUs. Ranks 0-2 under leaf 0, ranks 3-5 under leaf 1; the core is ranks 0-3.
  const auto all = write_all(collective::halving_doubling, of({0, 1, 2, 8, 9, 10}), 16);
  REQUIRE(all.size() == 6);
  // Rank 4 gets rank 3, the only one of its leaf; rank 5 the one 2^k lower, which is rank 1.
  CHECK(all.front().who == flows{{4, 3}, {5, 1}});
  CHECK(all.back().who == flows{{3, 4}, {1, 5}});
  CHECK(all.front().what.bytes == 16);
  CHECK(all.back().what.bytes == 16);
  CHECK(all[1].who == flows{{0, 1}, {1, 0}, {2, 3}, {3, 2}});
  CHECK(all[1].what.bytes == 8);
}

TEST_CASE("an extra rank whose natural partner is taken gets the lowest one left") {
  // Ranks 0, 1 under leaf 0; 2, 3 under leaf 1; extras: 4 under leaf 2, 5 under leaf 0.
  const auto all = write_all(collective::halving_doubling, of({0, 1, 8, 9, 16, 2}), 1);
  // Rank 5 takes rank 0 first; rank 4's natural partner is rank 0, so the lowest left, rank 1.
  CHECK(all.front().who == flows{{4, 1}, {5, 0}});
}

TEST_CASE("every extra rank has a partner of its own in the core, under its leaf if one is left") {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<gpu_id> gpus;
    for (gpu_id g : dc.all_gpus()) gpus.push_back(g);
    d.shuffle(gpus);
    const std::size_t n = 2 + d.index(62);
    gpus.resize(n);
    if (d.chance(.5)) std::sort(gpus.begin(), gpus.end());
    const auto g = traffic::make_group(dc, gpus);
    const auto all = write_all(collective::halving_doubling, g, 1);
    const std::size_t core = std::bit_floor(n);
    const auto steps = static_cast<std::size_t>(std::bit_width(core)) - 1;
    REQUIRE(all.size() == 2 * steps + (core < n ? 2 : 0));
    for (const auto& p : all) REQUIRE(most_flows_of_a_rank(p.who) == 1);
    if (core == n) continue;
    std::set<std::uint32_t> extras, partners;
    std::map<leaf_id, int> core_under, paired_under, extras_under;
    for (std::size_t i = 0; i < n; ++i) ++(i < core ? core_under : extras_under)[g.leafs[i]];
    for (std::size_t i = 0; i < all.front().who.size(); ++i) {
      const flow f = all.front().who[i];
      CHECK(all.back().who[i] == flow{f.target, f.source});
      CHECK(f.source >= core);
      CHECK(f.target < core);
      extras.insert(f.source);
      partners.insert(f.target);
      if (g.leafs[f.source] == g.leafs[f.target]) ++paired_under[g.leafs[f.source]];
    }
    CHECK(extras.size() == n - core);
    CHECK(partners.size() == n - core);
    for (const auto& [leaf, count] : extras_under)
      CHECK(paired_under[leaf] == std::min(count, core_under[leaf]));
  }
}

TEST_CASE("an all-to-all is every cyclic shift once") {
  const auto all = write_all(collective::all_to_all, first(3), 7);
  REQUIRE(all.size() == 2);
  CHECK(all[0].who == flows{{0, 1}, {1, 2}, {2, 0}});
  CHECK(all[1].who == flows{{0, 2}, {1, 0}, {2, 1}});
  for (const auto& p : all) {
    CHECK(p.what.bytes == 7);
    CHECK(p.what.repeat == 1);
    CHECK(most_flows_of_a_rank(p.who) == 1);
  }
}

TEST_CASE("an all-to-all sends once between every ordered pair of ranks") {
  for (int n = 2; n <= 20; ++n) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, int> sent;
    for (const auto& p : write_all(collective::all_to_all, first(n), 1))
      for (const flow& f : p.who) ++sent[{f.source, f.target}];
    CHECK(sent.size() == static_cast<std::size_t>(n * (n - 1)));
    for (const auto& [pair, times] : sent) CHECK(times == 1);
  }
}

TEST_CASE("an ordered pair meets in at most one phase of each half of any collective") {
  for (collective c : all_patterns)
    for (int n : {8, 12, 16, 32, 64}) {
      const auto all = write_all(c, first(n), 1);
      const std::size_t end = c == collective::halving_doubling          ? (all.size() + 1) / 2
                              : c == collective::ring && all.size() == 3 ? 2
                                                                         : all.size();
      std::set<std::pair<std::uint32_t, std::uint32_t>> seen;
      std::size_t sent = 0;
      for (std::size_t k = 0; k < end; ++k)
        for (const flow& f : all[k].who) {
          seen.insert({f.source, f.target});
          ++sent;
        }
      CHECK(seen.size() == sent);
    }
}

TEST_CASE("every phase of rings, halvings and all-to-alls but the two-way ring is a permutation") {
  for (collective c : all_patterns)
    for (int n = 2; n <= 40; ++n) {
      CAPTURE(n);
      const bool two_way = c == collective::ring && n <= 4;
      for (const auto& p : write_all(c, first(n), 1))
        CHECK(most_flows_of_a_rank(p.who) == (two_way ? 2 : 1));
    }
}

TEST_CASE("every rank of an all-reduce sends and receives 2 D (N - 1) / N") {
  constexpr double d = 3e6;
  for (int n = 2; n <= 64; ++n) {
    CAPTURE(n);
    const double expected = 2 * d * (n - 1) / n;
    for (collective c : {collective::ring, collective::halving_doubling}) {
      if (c == collective::halving_doubling && !std::has_single_bit(static_cast<unsigned>(n)))
        continue;
      const auto [sent, received] = totals(write_all(c, first(n), d), static_cast<std::size_t>(n));
      for (double x : sent) CHECK(x == doctest::Approx(expected).epsilon(relative_tolerance));
      for (double x : received) CHECK(x == doctest::Approx(expected).epsilon(relative_tolerance));
    }
  }
}

TEST_CASE("extra ranks of a halving-doubling add D each way to themselves and their partners") {
  constexpr double d = 24;
  for (std::size_t n : {3u, 5u, 6u, 7u, 12u, 33u}) {
    CAPTURE(n);
    const auto all = write_all(collective::halving_doubling, first(static_cast<int>(n)), d);
    const std::size_t core = std::bit_floor(n);
    const auto [sent, received] = totals(all, n);
    std::vector<double> expected(n, 0);
    for (std::size_t i = 0; i < core; ++i)
      expected[i] = 2 * d * static_cast<double>(core - 1) / static_cast<double>(core);
    for (const flow& f : all.front().who) {
      expected[f.source] += d;
      expected[f.target] += d;
    }
    for (std::size_t i = 0; i < n; ++i) {
      CHECK(sent[i] == doctest::Approx(expected[i]).epsilon(relative_tolerance));
      CHECK(received[i] == doctest::Approx(expected[i]).epsilon(relative_tolerance));
    }
  }
}
