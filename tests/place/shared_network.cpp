#include <heddle/place/shared_network.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "support/dice.hpp"
#include "support/states.hpp"

using namespace heddle;
using fabric::leaf_spine;
using ledger = fabric::ledger<leaf_spine>;
using fabric::reserve_status;
using place::placement;
using place::request;

static_assert(place::PlacementPolicy<place::one_server>);
static_assert(place::PlacementPolicy<place::one_leaf>);
static_assert(place::PlacementPolicy<place::packed>);
static_assert(place::PlacementPolicy<place::spread>);
static_assert(place::PlacementPolicy<place::locality>);
static_assert(place::PlacementPolicy<place::random>);

namespace {

struct instance {
  leaf_spine dc;
  ledger free;
  request wanted;
};

template <class Check>
void on_random_states(int count, Check&& check) {
  for (std::uint64_t seed = 0; seed < static_cast<std::uint64_t>(count); ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const leaf_spine dc{{.leafs = d.between(1, 5),
                         .spines = 2,
                         .servers_per_leaf = d.between(1, 4),
                         .gpus_per_server = d.between(1, 5)}};
    const ledger free = test::random_state(dc, d, d.real(), 0.2);
    check(instance{dc, free, {job_id{1}, d.between(1, dc.gpus())}});
  }
}

// What every placement of these policies must be.
void check_sound(const instance& x, const placement& p) {
  CHECK(p.gpus.size() == static_cast<std::size_t>(x.wanted.gpus));
  CHECK(std::is_sorted(p.gpus.begin(), p.gpus.end()));
  CHECK(p.links.empty());
  ledger l = x.free;
  CHECK(l.reserve(x.wanted.job, p) == reserve_status::reserved);
}
std::set<server_id> servers(const instance& x, const placement& p) {
  std::set<server_id> out;
  for (gpu_id g : p.gpus) out.insert(x.dc.server_of(g));
  return out;
}
std::set<unit_id> units(const instance& x, const placement& p) {
  std::set<unit_id> out;
  for (gpu_id g : p.gpus) out.insert(x.dc.unit_of(g));
  return out;
}

}  // namespace

TEST_CASE("one_server places on the best fitting server if one has room, and only then") {
  on_random_states(1500, [](const instance& x) {
    std::set<std::tuple<int, int, server_id>> fits;
    for (server_id s : x.dc.all_servers())
      if (x.free.free_gpus(s) >= x.wanted.gpus)
        fits.insert({x.free.free_gpus(s), x.free.free_gpus(x.dc.unit_of(s)), s});
    const auto p = place::one_server{}(x.free, x.wanted);
    REQUIRE(p.has_value() == !fits.empty());
    if (!p) return;
    check_sound(x, *p);
    CHECK(servers(x, *p) == std::set{std::get<2>(*fits.begin())});
  });
}

TEST_CASE("one_leaf places under the best fitting leaf if one has room, and only then") {
  on_random_states(1500, [](const instance& x) {
    std::set<std::pair<int, unit_id>> fits;
    for (unit_id u : x.dc.all_units())
      if (x.free.free_gpus(u) >= x.wanted.gpus) fits.insert({x.free.free_gpus(u), u});
    const auto p = place::one_leaf{}(x.free, x.wanted);
    REQUIRE(p.has_value() == !fits.empty());
    if (!p) return;
    check_sound(x, *p);
    CHECK(units(x, *p) == std::set{fits.begin()->second});
  });
}

TEST_CASE("packed places whenever enough GPUs are free, on as few leafs as can be") {
  on_random_states(1500, [](const instance& x) {
    const auto p = place::packed{}(x.free, x.wanted);
    REQUIRE(p.has_value() == (x.free.free_gpus() >= x.wanted.gpus));
    if (!p) return;
    check_sound(x, *p);
    if (place::one_server{}(x.free, x.wanted)) {
      CHECK(*p == *place::one_server{}(x.free, x.wanted));
      return;
    }
    std::vector<int> free;
    for (unit_id u : x.dc.all_units()) free.push_back(x.free.free_gpus(u));
    std::sort(free.begin(), free.end(), std::greater<>{});
    std::size_t fewest = 0;
    for (int left = x.wanted.gpus; left > 0; left -= free[fewest++]) {
    }
    CHECK(units(x, *p).size() == fewest);
  });
}

TEST_CASE("packed puts the last part under the leaf that it fits best") {
  on_random_states(1500, [](const instance& x) {
    const auto p = place::packed{}(x.free, x.wanted);
    if (!p || units(x, *p).size() < 2) return;
    std::map<unit_id, int> taken;
    for (gpu_id g : p->gpus) ++taken[x.dc.unit_of(g)];
    // All leafs but one are taken whole, and no leaf outside holds the rest in less room.
    int partly = 0;
    for (const auto& [u, n] : taken) {
      if (n == x.free.free_gpus(u)) continue;
      ++partly;
      for (unit_id other : x.dc.all_units())
        if (!taken.contains(other) && x.free.free_gpus(other) >= n)
          CHECK(x.free.free_gpus(other) >= x.free.free_gpus(u));
    }
    CHECK(partly <= 1);
  });
}

TEST_CASE("spread places whenever enough GPUs are free, as evenly over the servers as can be") {
  on_random_states(1500, [](const instance& x) {
    const auto p = place::spread{}(x.free, x.wanted);
    REQUIRE(p.has_value() == (x.free.free_gpus() >= x.wanted.gpus));
    if (!p) return;
    check_sound(x, *p);
    std::map<server_id, int> taken;
    for (gpu_id g : p->gpus) ++taken[x.dc.server_of(g)];
    int most = 0;
    for (const auto& [s, n] : taken) most = std::max(most, n);
    // Max-min fair: who has less than the most but one gives all that it has.
    for (server_id s : x.dc.all_servers())
      CHECK(taken[s] >= std::min(most - 1, x.free.free_gpus(s)));
  });
}

TEST_CASE(
    "locality uses as few servers as an empty cluster would give, under as few leafs, or waits") {
  int placed = 0, waiting = 0;
  on_random_states(2000, [&](const instance& x) {
    const leaf_spine& dc = x.dc;
    const int g = std::min(dc.gpus_per_server(), x.wanted.gpus);
    const int servers = (x.wanted.gpus + g - 1) / g;
    std::vector<int> open(static_cast<std::size_t>(dc.leafs()), 0);
    int all = 0;
    for (server_id s : dc.all_servers())
      if (x.free.free_gpus(s) >= g) {
        ++open[dc.unit_of(s).index()];
        ++all;
      }
    const auto p = place::locality{}(x.free, x.wanted);
    REQUIRE(p.has_value() == (all >= servers));
    if (!p) {
      ++waiting;
      return;
    }
    ++placed;
    check_sound(x, *p);
    std::set<server_id> used;
    std::set<unit_id> units;
    for (gpu_id gpu : p->gpus) {
      used.insert(dc.server_of(gpu));
      units.insert(dc.unit_of(gpu));
    }
    CHECK(used.size() == static_cast<std::size_t>(servers));
    std::sort(open.rbegin(), open.rend());
    std::size_t fewest = 0;
    for (int left = servers; left > 0; ++fewest) left -= open[fewest];
    CHECK(units.size() == fewest);
  });
  CHECK(placed > 300);
  CHECK(waiting > 300);
}

TEST_CASE("random draws every free GPU equally often and the same ones for the same job and seed") {
  const leaf_spine dc{{.leafs = 2, .spines = 1, .servers_per_leaf = 2, .gpus_per_server = 4}};
  ledger l{dc};
  REQUIRE(l.reserve(job_id{99999}, {{gpu_id{3}, gpu_id{8}}, {}}) == reserve_status::reserved);
  std::map<gpu_id, int> drawn;
  constexpr int trials = 7000, wanted = 4;
  for (std::uint32_t i = 0; i < trials; ++i) {
    const request r{job_id{i}, wanted};
    const auto p = place::random{5}(l, r);
    REQUIRE(p);
    REQUIRE(*p == *place::random{5}(l, r));
    REQUIRE(p->gpus.size() == wanted);
    for (gpu_id g : p->gpus) {
      REQUIRE(l.is_free(g));
      ++drawn[g];
    }
    REQUIRE(std::is_sorted(p->gpus.begin(), p->gpus.end()));
  }
  CHECK(drawn.size() == 14);
  for (const auto& [g, n] : drawn) {  // 2000 expected, standard deviation below 38
    CHECK(n > 2000 - 190);
    CHECK(n < 2000 + 190);
  }
  CHECK(place::random{1}(l, {job_id{0}, 14})->gpus.size() == 14);
  CHECK_FALSE(place::random{1}(l, {job_id{0}, 15}));
  CHECK_FALSE(*place::random{1}(l, {job_id{0}, 4}) == *place::random{2}(l, {job_id{0}, 4}));
}
