// The isolating rivals of vclos: jigsaw, laas, topology_aware.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include <heddle/place/jigsaw.hpp>
#include <heddle/place/topology_aware.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/verify.hpp>

#include "support/dice.hpp"
#include "support/isolated.hpp"
#include "support/states.hpp"

using namespace heddle;
using fabric::leaf_spine;
using ledger = fabric::ledger<leaf_spine>;
using fabric::reserve_status;
using place::answer;
using place::jigsaw;
using place::laas;
using place::placement;
using place::topology_aware;
using place::wait_reason;

static_assert(place::PlacementPolicy<jigsaw> && place::SearchingPolicy<jigsaw>);
static_assert(place::PlacementPolicy<laas> && place::SearchingPolicy<laas>);
static_assert(place::PlacementPolicy<topology_aware>);

namespace {

constexpr job_id newcomer{7};

// q leafs of n GPUs that share `links` spines and, with r > 0, one more of r that shares r of these.
bool has_shape(const ledger& free, int q, int n, int r, int links) {
  const leaf_spine& dc = free.fabric();
  const auto leafs = static_cast<std::uint32_t>(dc.leafs());
  const auto common = [&](std::uint32_t set) {
    std::vector<word> all(free.network().free_uplinks().words(), ~word{0});
    for (std::uint32_t l = 0; l < leafs; ++l)
      if (set >> l & 1) intersect(all, free.network().free_uplinks(leaf_id{l}), all);
    return count_bits(all);
  };
  for (std::uint32_t set = 1; set < 1u << leafs; ++set) {
    if (std::popcount(set) != q) continue;
    bool room = true;
    for (std::uint32_t l = 0; l < leafs; ++l)
      room = room && (!(set >> l & 1) || free.free_gpus(unit_id{l}) >= n);
    if (!room || common(set) < links) continue;
    if (r == 0) return true;
    for (std::uint32_t t = 0; t < leafs; ++t)
      if (!(set >> t & 1) && free.free_gpus(unit_id{t}) >= r && common(set | 1u << t) >= r)
        return true;
  }
  return false;
}

// The widest n for which there is a shape of `gpus`; 0 for none.
int widest_shape(const ledger& free, int gpus, bool remainder_only) {
  const leaf_spine& dc = free.fabric();
  for (int n = std::min(gpus, dc.gpus_per_leaf()); n >= 1; --n) {
    const int q = gpus / n, r = gpus % n, links = remainder_only && q == 1 ? r : n;
    if (q <= dc.leafs() && has_shape(free, q, n, r, links)) return n;
  }
  return 0;
}

std::map<leaf_id, int> gpus_by_leaf(const leaf_spine& dc, const placement& p) {
  std::map<leaf_id, int> out;
  for (gpu_id g : p.gpus) ++out[dc.leaf_of(g)];
  return out;
}

template <class Check>
void on_random_states(std::uint64_t count, Check&& check) {
  for (std::uint64_t seed = 0; seed < count; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const leaf_spine dc{{.leafs = d.between(1, 6),
                         .spines = d.between(1, 6),
                         .links_per_pair = d.between(1, 2),
                         .servers_per_leaf = d.between(1, 2),
                         .gpus_per_server = d.between(1, 4)}};
    const ledger free = test::random_state(dc, d, d.real() * d.real(), d.real());
    if (free.free_gpus() > 0) check(free, d.between(1, free.free_gpus()));
  }
}

void check_isolated(const ledger& free, const placement& p) {
  ledger l = free;
  REQUIRE(l.reserve(newcomer, p) == reserve_status::reserved);
  test::check_isolated(l, newcomer);
}

}  // namespace

TEST_CASE(
    "jigsaw and laas place exactly where brute force finds one of their shapes and isolate it") {
  jigsaw a_jigsaw;
  laas a_laas;
  int placed = 0, refused = 0, differ = 0;
  on_random_states(3000, [&](const ledger& free, int wanted) {
    CAPTURE(wanted);
    int most = 0;
    for (unit_id x : free.fabric().all_units()) most = std::max(most, free.free_gpus(x));
    bool yes[2];
    for (bool is_laas : {false, true}) {
      CAPTURE(is_laas);
      const answer a =
          is_laas ? a_laas(free, {newcomer, wanted}) : a_jigsaw(free, {newcomer, wanted});
      const int n = wanted <= most ? wanted : widest_shape(free, wanted, is_laas);
      REQUIRE(a.proved);
      REQUIRE(static_cast<bool>(a) == (n > 0));
      yes[is_laas] = static_cast<bool>(a);
      if (!a) {
        ++refused;
        continue;
      }
      ++placed;
      REQUIRE(a.where->gpus.size() == static_cast<std::size_t>(wanted));
      int widest = 0;
      for (const auto& [leaf, gpus] : gpus_by_leaf(free.fabric(), *a.where))
        widest = std::max(widest, gpus);
      CHECK(widest == n);
      check_isolated(free, *a.where);
    }
    CHECK((yes[1] || !yes[0]));  // laas can do all that jigsaw can
    differ += yes[0] != yes[1];
  });
  CHECK(placed > 1000);
  CHECK(refused > 500);
  CHECK(differ > 10);
}

TEST_CASE(
    "vclos of any size places wherever jigsaw or laas do, and elsewhere on unequal leafs alone") {
  place::vclos any, with_remainder{.unequal = false};
  int more = 0;
  jigsaw a_jigsaw;
  laas a_laas;
  on_random_states(3000, [&](const ledger& free, int wanted) {
    const bool yes = static_cast<bool>(any(free, {newcomer, wanted}));
    if (a_jigsaw(free, {newcomer, wanted})) CHECK(yes);
    const bool shaped = static_cast<bool>(with_remainder(free, {newcomer, wanted}));
    CHECK(static_cast<bool>(a_laas(free, {newcomer, wanted})) == shaped);
    if (shaped) CHECK(yes);
    more += yes && !shaped;
  });
  CHECK(more > 10);
}

TEST_CASE("laas on whole leafs closes the leafs of a large job to all others") {
  const leaf_spine dc{{.leafs = 4, .spines = 4, .servers_per_leaf = 1, .gpus_per_server = 4}};
  ledger l{dc};
  laas policy{.whole_leafs = true};
  const answer six = policy(l, {job_id{0}, 6});
  REQUIRE(six);
  CHECK(gpus_by_leaf(dc, *six.where).size() == 2);
  CHECK(six.where->links.size() == 8);
  check_isolated(l, *six.where);
  REQUIRE(l.reserve(job_id{0}, *six.where) == reserve_status::reserved);
  CHECK(l.free_gpus() == 10);
  const answer two = policy(l, {job_id{1}, 2});
  REQUIRE(two);
  CHECK(dc.leaf_of(two.where->gpus[0]) == leaf_id{2});
  REQUIRE(l.reserve(job_id{1}, *two.where) == reserve_status::reserved);
  CHECK_FALSE(policy(l, {job_id{2}, 5}));  // one whole leaf is left
  CHECK(policy(l, {job_id{2}, 5}).why == wait_reason::gpu_fragmentation);
  CHECK(policy(l, {job_id{2}, 4}));
  ledger failed{dc};
  failed.fail(fabric::link{leaf_id{0}, spine_id{0}});
  CHECK(policy(failed, {job_id{0}, 4}).where->gpus[0] == gpu_id{0});  // needs no link
  CHECK(gpus_by_leaf(dc, *policy(failed, {job_id{0}, 8}).where).contains(leaf_id{2}));
}

TEST_CASE("under topology_aware no leaf ever has two jobs that cross leafs") {
  const leaf_spine dc{{.leafs = 6, .spines = 8, .servers_per_leaf = 2, .gpus_per_server = 4}};
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    ledger l{dc};
    topology_aware policy;
    std::vector<job_id> running;
    int across = 0, closed = 0;
    for (std::uint32_t i = 0; i < 2000; ++i) {
      const int wanted = d.chance(.6) ? d.between(1, 8) : d.between(9, 30);
      const answer a = place::ask(policy, l, {job_id{i}, wanted});
      if (!a) {
        closed += a.why == wait_reason::network_fragmentation;
        if (a.why == wait_reason::gpu_fragmentation) {
          CHECK(wanted <= 8);
          for (unit_id x : dc.all_units()) CHECK(l.free_gpus(x) < wanted);
        }
        const std::size_t k = d.index(running.size());
        l.release(running[k]);
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(k));
        continue;
      }
      REQUIRE(a.where->gpus.size() == static_cast<std::size_t>(wanted));
      CHECK(a.where->links.empty());
      REQUIRE(l.reserve(job_id{i}, *a.where) == reserve_status::reserved);
      running.push_back(job_id{i});
      const auto parts = gpus_by_leaf(dc, *a.where);
      CHECK((wanted > 8 || parts.size() == 1));
      across += parts.size() > 1;
      std::map<leaf_id, int> crossing;
      for (const auto& [job, p] : l.placements())
        if (const auto by_leaf = gpus_by_leaf(dc, p); by_leaf.size() > 1)
          for (const auto& [leaf, gpus] : by_leaf) REQUIRE(++crossing[leaf] == 1);
    }
    CHECK(across > 100);
    CHECK(closed > 20);
  }
}
