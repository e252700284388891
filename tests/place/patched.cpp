#include <heddle/place/patched.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/place/relaxed.hpp>
#include <heddle/route/steady.hpp>

#include "support/dice.hpp"
#include "support/small_networks.hpp"
#include "support/states.hpp"
#include "support/worst_phase.hpp"

using namespace heddle;
using fabric::leaf_spine;
using ledger = fabric::ledger<leaf_spine>;
using fabric::reserve_status;
using place::answer;
using place::patched;
using place::wait_reason;

static_assert(place::PlacementPolicy<patched> && place::SearchingPolicy<patched>);

namespace {

constexpr job_id newcomer{7};

// Whether some leafs, any two of which have a free spine in common, have so many free GPUs. A leaf whose links
// are few may be too poor to have one in common with each of the others; that is not asked here.
bool some_leafs_match(const ledger& l, int gpus) {
  const auto& rows = l.network().free_uplinks();
  const auto leafs = static_cast<unsigned>(l.fabric().leafs());
  for (unsigned set = 1; set < 1u << leafs; ++set) {
    int room = 0;
    bool match = true;
    for (unsigned i = 0; i < leafs; ++i) {
      if (!(set >> i & 1)) continue;
      room += l.free_gpus(unit_id{i});
      for (unsigned j = i + 1; j < leafs; ++j)
        if (set >> j & 1) match &= count_common(rows[i], rows[j]) > 0;
    }
    if (match && room >= gpus) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("a patch is of links that nobody has, no more than GPUs, and carries every phase as "
          "predicted") {
  int isolated = 0, patches = 0, waiting = 0, could_be = 0, better = 0, worse = 0;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const leaf_spine dc = test::random_network(d);
    const ledger free = test::random_state(dc, d, .5 * d.real(), d.real());
    if (free.free_gpus() == 0) continue;
    const int wanted = d.between(1, free.free_gpus());
    CAPTURE(wanted);
    patched policy;
    const answer a = policy(free, {newcomer, wanted});
    if (const answer b = place::vclos{}(free, {newcomer, wanted})) {
      REQUIRE(a);
      CHECK(*a.where == *b.where);
      ++isolated;
      continue;
    }
    if (!a) {
      CHECK_FALSE(a.proved);
      ++waiting;
      could_be += some_leafs_match(free, wanted);
      continue;
    }
    ++patches;
    REQUIRE(a.where->gpus.size() == static_cast<std::size_t>(wanted));
    CHECK_FALSE(place::owns_spare_links(dc, *a.where));
    ledger l = free;
    REQUIRE(l.reserve(newcomer, *a.where) == reserve_status::reserved);
    for (collective c : {collective::ring, collective::all_to_all, collective::halving_doubling}) {
      CHECK(test::worst_phase(dc, *a.where, c) <= a.predicted_slowdown);
      if (c != collective::all_to_all) continue;
      const answer thin =
          place::relaxed{.most_slowdown = place::relaxed::no_bound}(free, {newcomer, wanted});
      if (!thin) continue;
      const auto slowdown = [&](const fabric::placement& where) {
        route::steady network{dc, route::ecmp{}};
        network.add(newcomer, where, c, 1);
        return network.slowdown(newcomer);
      };
      better += slowdown(*a.where) < slowdown(*thin.where);
      worse += slowdown(*a.where) > slowdown(*thin.where);
    }
  }
  CHECK(isolated > 1000);
  CHECK(patches > 300);
  CHECK(waiting > 50);
  CHECK(could_be < patches / 10);
  CHECK(better > worse);
}

TEST_CASE("a job on uneven leafs is patched together where no leaf has spines in common with all "
          "others") {
  // Three leafs of two GPUs; leaf 0 has spines 0 and 1, leaf 1 has 1 and 2, leaf 2 has 2 and 0.
  const leaf_spine dc{{.leafs = 3, .spines = 3, .servers_per_leaf = 1, .gpus_per_server = 2}};
  ledger l{dc};
  REQUIRE(l.reserve(job_id{0}, {.gpus = {},
                                .links = {{leaf_id{0}, spine_id{2}},
                                          {leaf_id{1}, spine_id{0}},
                                          {leaf_id{2}, spine_id{1}}}}) == reserve_status::reserved);
  CHECK_FALSE(place::vclos{}(l, {newcomer, 6}));
  CHECK_FALSE(place::relaxed{}(l, {newcomer, 6}));
  const answer a = patched{}(l, {newcomer, 6});
  REQUIRE(a);
  CHECK(a.where->links.size() == 6);
  CHECK(a.predicted_slowdown == 2);
  // Two neighbours of the ring have one spine in common for two flows.
  CHECK(test::worst_phase(dc, *a.where, collective::ring) == 2);
  // Without a spine between two of them there is none.
  REQUIRE(l.reserve(job_id{1}, {.gpus = {}, .links = {{leaf_id{0}, spine_id{1}}}}) ==
          reserve_status::reserved);
  CHECK(patched{}(l, {newcomer, 6}).why == wait_reason::network_fragmentation);
}

TEST_CASE("links beyond a job's GPUs under a leaf are told") {
  const leaf_spine dc{{.leafs = 2, .spines = 2, .servers_per_leaf = 1, .gpus_per_server = 2}};
  fabric::placement p{.gpus = {gpu_id{0}, gpu_id{2}},
                      .links = {{leaf_id{0}, spine_id{0}}, {leaf_id{1}, spine_id{0}}}};
  CHECK_FALSE(place::owns_spare_links(dc, p));
  p.links = {{leaf_id{0}, spine_id{0}}, {leaf_id{0}, spine_id{1}}, {leaf_id{1}, spine_id{0}}};
  CHECK(place::owns_spare_links(dc, p));
  CHECK_FALSE(place::owns_spare_links(dc, {.gpus = {gpu_id{0}}}));
}
