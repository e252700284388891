// Ledgers of fixed and optical networks through reservations, failures, repairs and moves of
// circuits, against owners and failures kept in plain sets.
#include <heddle/fabric/failures.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/pods.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::leaf_fibre;
using fabric::leaf_spine;
using fabric::leaf_spine_ocs;
using fabric::ledger;
using fabric::placement;
using fabric::reserve_status;
using fabric::spine_fibre;

namespace {

// Failed parts by kind and number; a fibre is (index, OCS).
struct broken {
  std::set<std::uint32_t> gpus, servers, leafs, spines, switches;
  std::set<fabric::link> links;
  std::set<std::pair<std::uint32_t, std::uint32_t>> leaf_fibres, spine_fibres;

  [[nodiscard]] bool stops(const leaf_spine& dc, gpu_id g) const {
    return gpus.contains(g.value) || servers.contains(dc.server_of(g).value) ||
           leafs.contains(dc.leaf_of(g).value);
  }
  [[nodiscard]] bool stops(const leaf_spine& dc, const fabric::link& k) const {
    if (leafs.contains(k.leaf.value) || spines.contains(k.spine.value)) return true;
    if (!dc.is_optical()) return links.contains(k);
    const std::uint32_t o = dc.ocs_of(k.lane).value;
    return switches.contains(o) || leaf_fibres.contains({k.leaf.value, o}) ||
           spine_fibres.contains({k.spine.value, o});
  }
};

// Whether `k` can be given: by counting what all jobs hold.
bool may_have(const ledger& l, const broken& b, const fabric::link& k) {
  const leaf_spine& dc = l.fabric();
  if (b.stops(dc, k) ||
      (!dc.is_optical() && k.lane >= static_cast<std::uint32_t>(dc.links(k.leaf, k.spine))))
    return false;
  int fibres = 0;
  for (const auto& [job, p] : l.placements())
    for (const fabric::link& held : p.links) {
      if (!dc.is_optical() && held == k) return false;
      if (!dc.is_optical()) continue;
      if (held.leaf == k.leaf && held.lane == k.lane) return false;
      fibres += held.spine == k.spine && dc.ocs_of(held.lane) == dc.ocs_of(k.lane);
    }
  return !dc.is_optical() || fibres < dc.optical().spine_fibres;
}

void check_all(const ledger& l, const broken& b) {
  const leaf_spine& dc = l.fabric();
  int free = 0;
  for (gpu_id g : dc.all_gpus()) {
    const bool is_free = !l.owner(g).valid() && !b.stops(dc, g);
    REQUIRE(l.is_free(g) == is_free);
    free += is_free;
  }
  REQUIRE(l.free_gpus() == free);
  for (leaf_id leaf : dc.all_leafs()) {
    int here = 0, idle = 0;
    for (server_id s : dc.servers_of(leaf)) {
      int n = 0;
      for (gpu_id g : dc.gpus_of(s)) n += l.is_free(g);
      REQUIRE(l.free_gpus(s) == n);
      here += n;
      idle += n > 0 && n == static_cast<int>(dc.gpus_of(s).size());
    }
    REQUIRE(l.free_gpus(leaf) == here);
    REQUIRE(l.idle_servers(leaf) == idle);
    for (spine_id s : dc.all_spines()) {
      int lanes = 0;
      for (std::uint32_t k = 0; k < static_cast<std::uint32_t>(dc.links_per_pair()); ++k) {
        const fabric::link one{leaf, s, k};
        REQUIRE(l.is_free(one) == may_have(l, b, one));
        lanes += l.is_free(one);
      }
      if (dc.is_optical()) continue;
      REQUIRE(l.free_links(leaf, s) == lanes);
      for (int k = 0; k < dc.links_per_pair(); ++k)
        REQUIRE(test_bit(l.free_uplinks(leaf),
                         s.index() * static_cast<std::size_t>(dc.links_per_pair()) +
                             static_cast<std::size_t>(k)) == (k < lanes));
    }
  }
  if (dc.is_optical())
    for (spine_id s : dc.all_spines()) {
      int ports = 0;
      for (ocs_id o : dc.all_switches()) ports += l.free_spine_fibres(s, o);
      REQUIRE(l.free_spine_ports(s) == ports);
    }
}

// The jobs that own a GPU or link which `stops` says `b` alone would stop.
std::vector<job_id> owners_of(const ledger& l, const broken& b) {
  std::vector<job_id> hit;
  for (const auto& [job, p] : l.placements())
    if (std::any_of(p.gpus.begin(), p.gpus.end(),
                    [&](gpu_id g) { return b.stops(l.fabric(), g); }) ||
        std::any_of(p.links.begin(), p.links.end(),
                    [&](const fabric::link& k) { return b.stops(l.fabric(), k); }))
      hit.push_back(job);
  return hit;
}

// Fails or repairs one random part in the ledger and in the sets.
void break_or_mend(ledger& l, broken& b, test::dice& d) {
  const leaf_spine& dc = l.fabric();
  const bool fail = d.chance(.3);
  const auto pick = [&](int n) { return static_cast<std::uint32_t>(d.between(0, n - 1)); };
  const auto both = [&](auto part, auto& set, auto key, broken alone) {
    if (fail) {
      REQUIRE(l.fail(part) == owners_of(l, alone));
      set.insert(key);
    } else {
      REQUIRE(l.repair(part) == (set.erase(key) > 0));
    }
    REQUIRE(l.is_failed(part) == fail);
  };
  switch (d.index(7)) {
  case 0: {
    const auto i = pick(dc.gpus());
    return both(gpu_id{i}, b.gpus, i, {.gpus = {i}});
  }
  case 1: {
    const auto i = pick(dc.servers());
    return both(server_id{i}, b.servers, i, {.servers = {i}});
  }
  case 2: {
    const auto i = pick(dc.leafs());
    return both(leaf_id{i}, b.leafs, i, {.leafs = {i}});
  }
  case 3: {
    const auto i = pick(dc.spines());
    return both(spine_id{i}, b.spines, i, {.spines = {i}});
  }
  case 4: {
    if (!dc.is_optical()) {
      const fabric::link k{leaf_id{pick(dc.leafs())}, spine_id{pick(dc.spines())},
                           pick(dc.links_per_pair())};
      return both(k, b.links, k, {.links = {k}});
    }
    const auto o = pick(dc.optical().switches);
    return both(ocs_id{o}, b.switches, o, {.switches = {o}});
  }
  default: {
    if (!dc.is_optical()) return;
    const auto o = pick(dc.optical().switches);
    if (d.chance(.5)) {
      const auto i = pick(dc.leafs());
      return both(leaf_fibre{leaf_id{i}, ocs_id{o}}, b.leaf_fibres, std::pair{i, o},
                  {.leaf_fibres = {{i, o}}});
    }
    const auto i = pick(dc.spines());
    return both(spine_fibre{spine_id{i}, ocs_id{o}}, b.spine_fibres, std::pair{i, o},
                {.spine_fibres = {{i, o}}});
  }
  }
}

placement random_placement(const leaf_spine& dc, test::dice& d) {
  std::set<gpu_id> gpus;
  std::set<fabric::link> links;
  const int first = d.between(0, dc.gpus() - 1);
  for (int i = d.between(0, 6); i > 0; --i)
    gpus.insert(gpu_id{std::min(dc.gpus() - 1, first + d.between(0, 8))});
  for (int i = d.between(0, 5); i > 0; --i)
    links.insert({leaf_id{d.between(0, dc.leafs() - 1)}, spine_id{d.between(0, dc.spines() - 1)},
                  static_cast<std::uint32_t>(d.between(0, dc.links_per_pair() - 1))});
  return {{gpus.begin(), gpus.end()}, {links.begin(), links.end()}};
}

// Whether all of `p` could be given at once.
bool all_free(const ledger& l, const broken& b, const placement& p) {
  for (gpu_id g : p.gpus)
    if (l.owner(g).valid() || b.stops(l.fabric(), g)) return false;
  ledger with{l.fabric()};  // what the links of `p` take from one another
  for (const fabric::link& k : p.links)
    if (!may_have(l, b, k)) return false;
  if (!l.fabric().is_optical()) return true;
  for (const fabric::link& k : p.links) {
    int uplinks = 0, fibres = 0;
    for (const fabric::link& other : p.links) {
      uplinks += other.leaf == k.leaf && other.lane == k.lane;
      fibres +=
          other.spine == k.spine && l.fabric().ocs_of(other.lane) == l.fabric().ocs_of(k.lane);
    }
    if (uplinks > 1) return false;
    if (l.free_spine_fibres(k.spine, l.fabric().ocs_of(k.lane)) < fibres) return false;
  }
  return true;
}

void wander(const leaf_spine& dc, std::uint64_t seed, int operations) {
  CAPTURE(seed);
  test::dice d{seed};
  ledger l{dc};
  broken b;
  std::size_t reserved = 0, moved = 0;
  for (int i = 0; i < operations; ++i) {
    CAPTURE(i);
    const job_id job{d.between(0, 12)};
    const double what = d.real();
    if (what < .45 && !l.find(job)) {
      const placement p = random_placement(dc, d);
      const bool exist = std::all_of(p.links.begin(), p.links.end(), [&](const fabric::link& k) {
        return dc.is_optical() || k.lane < static_cast<std::uint32_t>(dc.links(k.leaf, k.spine));
      });
      const bool good = exist && all_free(l, b, p);
      const ledger before = l;
      const reserve_status got = l.reserve(job, p);
      REQUIRE((got == reserve_status::reserved) == good);
      if (!good) REQUIRE(l == before);
      reserved += good;
    } else if (what < .7) {
      l.release(job);
    } else if (what < .8 && dc.is_optical()) {
      // Two circuits, of one job or two, go to other uplinks of their leafs.
      std::vector<fabric::circuit_move> moves;
      for (job_id who : {job, job_id{d.between(0, 12)}}) {
        const placement* p = l.find(who);
        if (!p || p->links.empty()) continue;
        fabric::circuit_move m{who, p->links[d.index(p->links.size())], {}};
        m.to = m.from;
        m.to.lane = static_cast<std::uint32_t>(d.between(0, dc.uplinks() - 1));
        moves.push_back(m);
      }
      const ledger before = l;
      const reserve_status got = l.rewire(moves);
      if (got != reserve_status::reserved) {
        REQUIRE(l == before);
      } else {
        moved += moves.size();
        for (const auto& m : moves) {
          const placement* p = l.find(m.job);
          REQUIRE(std::is_sorted(p->links.begin(), p->links.end()));
          REQUIRE(std::binary_search(p->links.begin(), p->links.end(), m.to));
        }
      }
    } else {
      break_or_mend(l, b, d);
    }
    if (i % 8 == 0) check_all(l, b);
    if (i % 64 == 0) REQUIRE(l.consistent());
  }
  CHECK(reserved > static_cast<std::size_t>(operations) / 100);
  if (dc.is_optical()) CHECK(moved > 0);
}

}  // namespace

TEST_CASE("ledgers agree with sets through reservations and failures and repairs") {
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    wander(leaf_spine{{.leafs = 4, .spines = 3, .servers_per_leaf = 2, .gpus_per_server = 4}}, seed,
           4'000);
    wander(leaf_spine{{.leafs = 3,
                       .spines = 2,
                       .links_per_pair = 3,
                       .servers_per_leaf = 2,
                       .gpus_per_server = 3}},
           seed, 4'000);
    wander(
        fabric::pods{
            {.pods = 2,
             .pod = {.leafs = 2, .spines = 2, .servers_per_leaf = 2, .gpus_per_server = 2}}},
        seed, 2'000);
    wander(
        leaf_spine_ocs{
            {.leafs = 3, .spines = 2, .switches = 4, .servers_per_leaf = 2, .gpus_per_server = 4}},
        seed, 4'000);
    wander(leaf_spine_ocs{{.leafs = 3,
                           .spines = 3,
                           .switches = 2,
                           .leaf_fibres = 2,
                           .spine_fibres = 1,
                           .servers_per_leaf = 1,
                           .gpus_per_server = 4}},
           seed, 4'000);
  }
}

TEST_CASE("a repaired server does not repair a GPU that failed on its own") {
  ledger l{leaf_spine{{.leafs = 2, .spines = 2, .servers_per_leaf = 1, .gpus_per_server = 4}}};
  CHECK(l.fail(gpu_id{1}).empty());
  CHECK(l.fail(server_id{0}).empty());
  CHECK(l.free_gpus() == 4);
  CHECK(l.repair(server_id{0}));
  CHECK(l.free_gpus() == 7);
  CHECK_FALSE(l.is_free(gpu_id{1}));
  CHECK(l.idle_servers() == 1);
  CHECK(l.repair(gpu_id{1}));
  CHECK_FALSE(l.repair(gpu_id{1}));
  CHECK(l == ledger{l.fabric()});
}

TEST_CASE("a job keeps what failed under it until it is released and nobody gets it then") {
  ledger l{leaf_spine{{.leafs = 2, .spines = 2, .servers_per_leaf = 1, .gpus_per_server = 4}}};
  const placement p{{gpu_id{0}, gpu_id{4}},
                    {{leaf_id{0}, spine_id{1}, 0}, {leaf_id{1}, spine_id{1}, 0}}};
  REQUIRE(l.reserve(job_id{7}, p) == reserve_status::reserved);
  CHECK(l.fail(spine_id{1}) == std::vector{job_id{7}});
  CHECK(l.fail(spine_id{0}).empty());
  CHECK(l.owner(p.links[0]) == job_id{7});
  CHECK(l.release(job_id{7}));
  CHECK(l.reserve(job_id{8}, p) == reserve_status::link_taken);
  CHECK(l.repair(spine_id{1}));
  CHECK(l.reserve(job_id{8}, p) == reserve_status::reserved);
}

TEST_CASE("circuits move all together or not at all") {
  ledger l{leaf_spine_ocs{{.leafs = 2,
                           .spines = 2,
                           .switches = 2,
                           .spine_fibres = 1,
                           .servers_per_leaf = 1,
                           .gpus_per_server = 4}}};
  const fabric::link a{leaf_id{0}, spine_id{0}, 0}, b{leaf_id{0}, spine_id{1}, 1};
  REQUIRE(l.reserve(job_id{1}, {{gpu_id{0}}, {a}}) == reserve_status::reserved);
  REQUIRE(l.reserve(job_id{2}, {{gpu_id{1}}, {b}}) == reserve_status::reserved);
  const fabric::link a_moved{leaf_id{0}, spine_id{0}, 1}, b_moved{leaf_id{0}, spine_id{1}, 0};
  const ledger before = l;
  // Alone neither finds a free uplink; together they change places.
  CHECK(l.rewire(std::vector{fabric::circuit_move{job_id{1}, a, a_moved}}) ==
        reserve_status::link_taken);
  CHECK(l == before);
  CHECK(l.rewire(std::vector<fabric::circuit_move>{
            {job_id{1}, a, a_moved}, {job_id{2}, b, b_moved}}) == reserve_status::reserved);
  CHECK(l.find(job_id{1})->links == std::vector{a_moved});
  CHECK(l.owner(b_moved) == job_id{2});
  CHECK(l.consistent());
  CHECK(l.rewire(std::vector{fabric::circuit_move{job_id{1}, a, a_moved}}) ==
        reserve_status::malformed);
  CHECK(l.rewire(std::vector{fabric::circuit_move{job_id{9}, a_moved, a}}) ==
        reserve_status::malformed);
  CHECK(l.rewire(std::vector{fabric::circuit_move{
            job_id{1}, a_moved, {leaf_id{0}, spine_id{1}, 0}}}) == reserve_status::malformed);
}
