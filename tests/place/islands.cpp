#include <heddle/fabric/islands.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/place/buddy.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/hived.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/topology_aware.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/verify.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::leaf_spine;
using ledger = fabric::ledger<leaf_spine>;
using place::answer;
using place::wait_reason;

namespace {

// Calls `use` with each policy that gives away GPUs alone.
template <class Use>
void with_each_policy(const Use& use) {
  use(place::packed{});
  use(place::spread{});
  use(place::random{7});
  use(place::locality{});
  use(place::buddy{});
  use(place::first_of{place::one_server{}, place::topology_aware{}});
  use(place::hived{});
}

// Two leafs are joined if a way that works leads up from one and down to the other.
bool joined(const ledger& state, leaf_id a, leaf_id b) {
  const leaf_spine& dc = state.fabric();
  const auto works = [&](leaf_id l, spine_id s) {
    if (state.is_failed(l) || state.is_failed(s)) return false;
    for (int k = 0; k < dc.links(l, s); ++k)
      if (!state.is_failed(fabric::link{l, s, static_cast<std::uint32_t>(k)})) return true;
    return false;
  };
  for (spine_id s : dc.all_spines()) {
    if (!works(a, s)) continue;
    for (spine_id t : dc.all_spines()) {
      if (!works(b, t)) continue;
      if (s == t) return true;
      for (std::size_t c = 0; c < static_cast<std::size_t>(dc.cores()); ++c)
        if (!state.is_failed(core_id{c}) && dc.core_links().between(s.index(), c) > 0 &&
            dc.core_links().between(t.index(), c) > 0)
          return true;
    }
  }
  return false;
}

}  // namespace

TEST_CASE("leafs whose common spines have failed are never one job's, under any policy") {
  with_each_policy([](auto policy) {
    ledger state{
        leaf_spine{{.leafs = 4, .spines = 2, .servers_per_leaf = 1, .gpus_per_server = 2}}};
    CHECK(state.islands().all_joined());
    for (const fabric::link k :
         {fabric::link{leaf_id{0}, spine_id{1}, 0}, fabric::link{leaf_id{1}, spine_id{1}, 0},
          fabric::link{leaf_id{2}, spine_id{0}, 0}, fabric::link{leaf_id{3}, spine_id{0}, 0}})
      state.fail(k);
    REQUIRE(state.islands().size() == 2);
    CHECK(state.consistent());
    const answer six = place::ask(policy, state, {job_id{1}, 6});
    CHECK(six.why == wait_reason::network_fragmentation);
    for (const auto& [job, gpus] : {std::pair{2u, 4}, {3u, 3}}) {
      const answer a = place::ask(policy, state, {job_id{job}, gpus});
      REQUIRE(a);
      for (gpu_id g : a.where->gpus) CHECK(g.value / 4 == a.where->gpus[0].value / 4);
      REQUIRE(state.reserve(job_id{job}, *a.where) == fabric::reserve_status::reserved);
    }
    state.repair(fabric::link{leaf_id{0}, spine_id{1}, 0});
    CHECK(state.islands().size() == 2);  // 0 and 1; 0, 2 and 3
    state.repair(fabric::link{leaf_id{1}, spine_id{1}, 0});
    CHECK(state.islands().all_joined());
  });
}

TEST_CASE("on random networks with failures no policy places a job where no way leads") {
  int placed = 0, waited = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    fabric::layout l;
    const bool tiers = d.chance(.3);
    const int leafs = d.between(2, 7), spines = d.between(1, 4),
              cores = tiers ? d.between(1, 2) : 0;
    l.spines.resize(static_cast<std::size_t>(spines));
    l.cores.resize(static_cast<std::size_t>(cores));
    for (int i = 0; i < leafs; ++i) {
      fabric::leaf_layout leaf;
      for (int s = d.between(1, 3); s > 0; --s) leaf.servers.push_back({"n", 2});
      for (int s = 0; s < spines; ++s) leaf.links.push_back(d.chance(.5) ? d.between(1, 2) : 0);
      l.leafs.push_back(leaf);
    }
    for (int s = 0; s < spines && tiers; ++s) {
      l.core_links.emplace_back();
      for (int c = 0; c < cores; ++c) l.core_links.back().push_back(d.chance(.6));
    }
    ledger state{leaf_spine{l}};
    const leaf_spine& dc = state.fabric();
    with_each_policy([&](auto policy) {
      for (unsigned job = 1; job < 12; ++job) {
        if (d.chance(.4)) state.fail(spine_id{d.index(dc.all_spines().size())});
        if (d.chance(.4)) (void)state.repair(spine_id{d.index(dc.all_spines().size())});
        if (tiers && d.chance(.2)) state.fail(core_id{d.index(l.cores.size())});
        if (tiers && d.chance(.4)) (void)state.repair(core_id{d.index(l.cores.size())});
        if (d.chance(.2)) state.fail(leaf_id{d.index(dc.all_leafs().size())});
        if (d.chance(.4)) (void)state.repair(leaf_id{d.index(dc.all_leafs().size())});
        for (leaf_id a : dc.all_leafs())
          for (leaf_id b : dc.all_leafs())
            if (a != b && !state.is_failed(a) && !state.is_failed(b) &&
                !state.islands().all_joined())
              REQUIRE(state.islands().joined(dc.unit_of(a), dc.unit_of(b)) == joined(state, a, b));
        const answer a = place::ask(policy, state, {job_id{job}, d.between(1, dc.gpus())});
        ++(a ? placed : waited);
        if (!a) continue;
        for (gpu_id g : a.where->gpus)
          for (gpu_id h : a.where->gpus)
            if (dc.leaf_of(g) != dc.leaf_of(h))
              REQUIRE(joined(state, dc.leaf_of(g), dc.leaf_of(h)));
        REQUIRE(state.reserve(job_id{job}, *a.where) == fabric::reserve_status::reserved);
        if (d.chance(.5)) state.release(job_id{job});
      }
      REQUIRE(state.consistent());
      for (unsigned job = 1; job < 12; ++job) state.release(job_id{job});
    });
  }
  CHECK(placed > 1000);
  CHECK(waited > 1000);
}

TEST_CASE("a job whose flows have no way is not isolated") {
  ledger state{leaf_spine{{.leafs = 2, .spines = 2, .servers_per_leaf = 1, .gpus_per_server = 2}}};
  REQUIRE(state.reserve(job_id{1}, {.gpus = {gpu_id{0u}, gpu_id{2u}}}) ==
          fabric::reserve_status::reserved);
  const auto ring = [](job_id) { return collective::ring; };
  CHECK(!route::verify_isolated(state, ring, route::ecmp{}).broken);
  state.fail(spine_id{0u});
  CHECK(!route::verify_isolated(state, ring, route::ecmp{}).broken);
  state.fail(fabric::link{leaf_id{1u}, spine_id{1u}, 0});
  const auto broken = route::verify_isolated(state, ring, route::ecmp{}).broken;
  REQUIRE(broken);
  CHECK(broken->message() ==
        "job 1, ring phase 0: no links that work lead from one of its leafs to another");
}

TEST_CASE("units on rails are joined if every rail joins them in some plane") {
  const fabric::hosts h{2, 1, 4};
  const auto net = [&](std::vector<int> links) {
    return leaf_spine{fabric::clos_parts{.ports = fabric::ports{h, {.rails = 2, .planes = 2}},
                                         .up = fabric::tier_links{8, 4, std::move(links)}}};
  };
  // A spine a rail and plane.
  std::vector<int> all(32, 0);
  for (std::size_t l = 0; l < 8; ++l) all[l * 4 + l % 4] = 1;
  ledger state{net(all)};
  CHECK(state.islands().all_joined());
  state.fail(spine_id{0u});  // rail 0 has its other plane
  CHECK(state.islands().all_joined());
  state.fail(spine_id{1u});
  CHECK(state.islands().size() == 2);
  CHECK(!state.islands().joined(unit_id{0u}, unit_id{1u}));
  CHECK(ledger{net(std::vector<int>(32, 0))}.islands().size() == 2);  // rails without spines
}
