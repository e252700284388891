#include <heddle/place/relaxed.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include <heddle/route/load.hpp>
#include <heddle/route/owned.hpp>
#include <heddle/route/steady.hpp>
#include <heddle/traffic/collectives.hpp>
#include <heddle/traffic/group.hpp>

#include "support/dice.hpp"
#include "support/rail_networks.hpp"
#include "support/small_networks.hpp"
#include "support/states.hpp"
#include "support/worst_phase.hpp"

using namespace heddle;
using fabric::leaf_spine;
using ledger = fabric::ledger<leaf_spine>;
using fabric::reserve_status;
using place::answer;
using place::relaxed;
using place::wait_reason;

static_assert(place::PlacementPolicy<relaxed> && place::SearchingPolicy<relaxed>);

namespace {

constexpr job_id newcomer{7};

}  // namespace

TEST_CASE("no phase of a relaxed job takes longer than predicted and all its links are its own") {
  int isolated = 0, thin = 0, waiting = 0, exact = 0;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const leaf_spine dc = test::random_network(d);
    const ledger free = test::random_state(dc, d, .5 * d.real(), d.real());
    if (free.free_gpus() == 0) continue;
    const int wanted = d.between(1, free.free_gpus());
    CAPTURE(wanted);
    relaxed policy;
    place::vclos strict;
    const answer a = policy(free, {newcomer, wanted});
    const answer b = strict(free, {newcomer, wanted});
    if (b) {
      REQUIRE(a);
      CHECK(*a.where == *b.where);
      CHECK(a.predicted_slowdown == 1);
      ++isolated;
      continue;
    }
    if (!a) {
      CHECK(a.why == b.why);
      CHECK_FALSE(a.proved);
      ++waiting;
      continue;
    }
    ++thin;
    REQUIRE(a.where->gpus.size() == static_cast<std::size_t>(wanted));
    ledger l = free;
    REQUIRE(l.reserve(newcomer, *a.where) == reserve_status::reserved);
    CHECK(a.predicted_slowdown <= policy.most_slowdown);
    double worst = 1;
    for (collective c : {collective::ring, collective::all_to_all, collective::halving_doubling}) {
      worst = std::max(worst, test::worst_phase(dc, *a.where, c));
      CHECK(worst <= a.predicted_slowdown);
      // What the simulator will charge is no more either.
      route::steady network{dc, route::ecmp{}};
      network.add(newcomer, *a.where, c, 1);
      CHECK(network.slowdown(newcomer) <= a.predicted_slowdown + 1e-12);
    }
    exact += worst == a.predicted_slowdown;
  }
  CHECK(isolated > 1000);
  CHECK(thin > 300);
  CHECK(waiting > 50);
  CHECK(exact > thin / 2);
}

TEST_CASE("relaxed takes half the links where half of them are free and admits no job beyond its "
          "threshold") {
  // Two leafs of four GPUs; `taken` of four common spines have an owner.
  const leaf_spine dc{{.leafs = 2, .spines = 4, .servers_per_leaf = 1, .gpus_per_server = 4}};
  const auto state = [&](std::uint32_t taken) {
    ledger l{dc};
    fabric::placement p;
    for (std::uint32_t s = 0; s < taken; ++s) p.links.push_back({leaf_id{0}, spine_id{s}});
    REQUIRE(l.reserve(job_id{0}, p) == reserve_status::reserved);
    return l;
  };
  relaxed policy;
  CHECK(policy(state(0), {newcomer, 8}).predicted_slowdown == 1);
  const answer half = policy(state(2), {newcomer, 8});
  REQUIRE(half);
  CHECK(half.predicted_slowdown == 2);
  CHECK(half.where->links.size() == 4);
  CHECK(policy(state(3), {newcomer, 8}).predicted_slowdown == 4);
  CHECK_FALSE(policy(state(4), {newcomer, 8}));
  relaxed stricter{.most_slowdown = 2};
  CHECK(stricter(state(2), {newcomer, 8}));
  const answer no = stricter(state(3), {newcomer, 8});
  CHECK_FALSE(no);
  CHECK(no.why == wait_reason::network_fragmentation);
}

TEST_CASE(
    "relaxed isolates uneven leafs that have links to spare where vclos has no shape for them") {
  // Free GPUs 3, 2, 2: no equal leafs, no remainder of seven; all leafs have all spines.
  const leaf_spine dc{{.leafs = 3, .spines = 3, .servers_per_leaf = 1, .gpus_per_server = 3}};
  ledger l{dc};
  REQUIRE(l.reserve(job_id{0}, {{gpu_id{3}, gpu_id{6}}, {}}) == reserve_status::reserved);
  CHECK_FALSE(place::vclos{.unequal = false}(l, {newcomer, 7}));
  CHECK(place::vclos{}(l, {newcomer, 7}));
  relaxed policy{.isolated = {.unequal = false}, .most_slowdown = 1};
  const answer a = policy(l, {newcomer, 7});
  REQUIRE(a);
  CHECK(a.predicted_slowdown == 1);
  CHECK(test::worst_phase(dc, *a.where, collective::all_to_all) == 1);
}

TEST_CASE(
    "relaxed on rails planes and pods gives links of a job's own that predict its slow-down") {
  int isolated = 0, thin = 0, declared = 0, exact = 0, over_pods = 0;
  for (const test::rail_family family : {test::rail_family::rails, test::rail_family::planes,
                                         test::rail_family::pods, test::rail_family::both})
    for (std::uint64_t seed = 0; seed < 2500; ++seed) {
      CAPTURE(seed);
      CAPTURE(static_cast<int>(family));
      test::dice d{seed};
      const leaf_spine dc = test::random_rail_network(family, d);
      const ledger free = test::random_rail_state(dc, d);
      if (free.free_gpus() == 0) continue;
      const int wanted = test::random_rail_request(dc, free.free_gpus(), d);
      constexpr collective patterns[] = {collective::ring, collective::tree,
                                         collective::server_tree, collective::halving_doubling,
                                         collective::all_to_all};
      const collective c = patterns[d.index(std::size(patterns))];
      const bool says = d.chance(.5);
      place::vclos strict{.guarantee =
                              says ? place::isolated_for::declared : place::isolated_for::any};
      relaxed policy{.isolated = strict};
      const place::request asked{.job = newcomer, .gpus = wanted, .sends = {c}};
      const answer a = policy(free, asked), b = strict(free, asked);
      if (b) {
        REQUIRE(a);
        REQUIRE(*a.where == *b.where);
        ++isolated;
        continue;
      }
      if (!a) continue;
      ++thin;
      declared += !a.where->enough_for.empty();
      REQUIRE(a.where->gpus.size() == static_cast<std::size_t>(wanted));
      ledger l = free;
      REQUIRE(l.reserve(newcomer, *a.where) == reserve_status::reserved);
      const double worst = test::worst_phase(dc, *a.where, c);
      CHECK(worst <= a.predicted_slowdown);
      exact += worst == a.predicted_slowdown;
      route::steady network{dc, route::ecmp{}};
      network.add(newcomer, *a.where, c, 1);
      // Where a plane is lost the others carry its part.
      std::set<std::uint32_t> planes;
      for (const fabric::link& k : a.where->links)
        planes.insert(k.leaf.value % static_cast<std::uint32_t>(dc.planes()));
      CHECK(network.slowdown(newcomer) <=
            a.predicted_slowdown * dc.planes() / static_cast<double>(planes.size()) + 1e-12);
      over_pods += !a.where->core_links.empty();
    }
  CHECK(isolated > 500);
  CHECK(over_pods > 100);
  CHECK(thin > 150);
  CHECK(declared > 25);
  CHECK(exact > thin / 4);
}
