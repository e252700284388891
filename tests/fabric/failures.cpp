// Ledgers of fixed and optical networks through reservations, failures, repairs and moves of
// circuits, against owners and failures kept in plain sets.
#include <heddle/fabric/ledger.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/fabric/pods.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::circuit;
using fabric::leaf_fibre;
using fabric::leaf_spine;
using fabric::leaf_spine_ocs;
using fabric::ledger;
using fabric::placement;
using fabric::reserve_status;
using fabric::spine_fibre;

namespace {

template <class F>
constexpr bool is_optical = std::same_as<F, leaf_spine_ocs>;

// What jobs own of the network of an F.
template <class F>
using owned_part = std::conditional_t<is_optical<F>, circuit, fabric::link>;

const std::vector<fabric::link>& parts_of(const leaf_spine&, const placement& p) { return p.links; }
const std::vector<circuit>& parts_of(const leaf_spine_ocs&, const placement& p) {
  return p.circuits;
}

// Failed parts by kind and number; a fibre is (index, OCS).
struct broken {
  std::set<std::uint32_t> gpus, servers, leafs, spines, switches;
  std::set<fabric::link> links;
  std::set<std::pair<std::uint32_t, std::uint32_t>> leaf_fibres, spine_fibres;

  // A card has a leaf in each plane: a GPU is cut off when all of them have failed.
  template <class F>
  [[nodiscard]] bool stops(const F& dc, gpu_id g) const {
    if (gpus.contains(g.value) || servers.contains(dc.server_of(g).value)) return true;
    for (int plane = 0; plane < dc.planes(); ++plane)
      if (!leafs.contains(dc.leaf_of(g, plane).value)) return false;
    return true;
  }
  // Whether the GPU has to do with any of these parts.
  template <class F>
  [[nodiscard]] bool hits(const F& dc, gpu_id g) const {
    if (gpus.contains(g.value) || servers.contains(dc.server_of(g).value)) return true;
    for (int plane = 0; plane < dc.planes(); ++plane)
      if (leafs.contains(dc.leaf_of(g, plane).value)) return true;
    return false;
  }
  [[nodiscard]] bool stops(const leaf_spine&, const fabric::link& k) const {
    return leafs.contains(k.leaf.value) || spines.contains(k.spine.value) || links.contains(k);
  }
  [[nodiscard]] bool stops(const leaf_spine_ocs& dc, const circuit& k) const {
    if (leafs.contains(k.leaf.value) || spines.contains(k.spine.value)) return true;
    const std::uint32_t o = dc.ocs_of(k.uplink).value;
    return switches.contains(o) || leaf_fibres.contains({k.leaf.value, o}) ||
           spine_fibres.contains({k.spine.value, o});
  }
};

bool exists(const leaf_spine& dc, const fabric::link& k) {
  return k.lane < static_cast<std::uint32_t>(dc.links(k.leaf, k.spine));
}
bool exists(const leaf_spine_ocs&, const circuit&) { return true; }

// Whether `k` can be given: by counting what all jobs hold.
bool may_have(const ledger<leaf_spine>& l, const broken& b, const fabric::link& k) {
  if (b.stops(l.fabric(), k) || !exists(l.fabric(), k)) return false;
  for (const auto& [job, p] : l.placements())
    if (std::find(p.links.begin(), p.links.end(), k) != p.links.end()) return false;
  return true;
}
bool may_have(const ledger<leaf_spine_ocs>& l, const broken& b, const circuit& k) {
  const leaf_spine_ocs& dc = l.fabric();
  if (b.stops(dc, k)) return false;
  int fibres = 0;
  for (const auto& [job, p] : l.placements())
    for (const circuit& held : p.circuits) {
      if (held.leaf == k.leaf && held.uplink == k.uplink) return false;
      fibres += held.spine == k.spine && dc.ocs_of(held.uplink) == dc.ocs_of(k.uplink);
    }
  return fibres < dc.optical().spine_fibres;
}

void check_network(const ledger<leaf_spine>& l, const broken& b) {
  const leaf_spine& dc = l.fabric();
  for (leaf_id leaf : dc.all_leafs())
    for (spine_id s : dc.all_spines()) {
      int lanes = 0;
      for (std::uint32_t k = 0; k < static_cast<std::uint32_t>(dc.links_per_pair()); ++k) {
        const fabric::link one{leaf, s, k};
        REQUIRE(l.is_free(one) == may_have(l, b, one));
        lanes += l.is_free(one);
      }
      REQUIRE(l.network().free_links(leaf, s) == lanes);
      for (int k = 0; k < dc.links_per_pair(); ++k)
        REQUIRE(test_bit(l.network().free_uplinks(leaf),
                         s.index() * static_cast<std::size_t>(dc.links_per_pair()) +
                             static_cast<std::size_t>(k)) == (k < lanes));
    }
}
void check_network(const ledger<leaf_spine_ocs>& l, const broken& b) {
  const leaf_spine_ocs& dc = l.fabric();
  const auto uplinks = static_cast<std::uint32_t>(dc.uplinks());
  for (leaf_id leaf : dc.all_leafs())
    for (spine_id s : dc.all_spines())
      for (std::uint32_t k = 0; k < uplinks; ++k) {
        const circuit one{leaf, s, k};
        REQUIRE(l.is_free(one) == may_have(l, b, one));
      }
  for (leaf_id leaf : dc.all_leafs())
    for (std::uint32_t k = 0; k < uplinks; ++k) {
      const std::uint32_t o = dc.ocs_of(k).value;
      bool free = !b.leafs.contains(leaf.value) && !b.switches.contains(o) &&
                  !b.leaf_fibres.contains({leaf.value, o});
      REQUIRE(l.network().works(leaf, k) == free);
      for (const auto& [job, p] : l.placements())
        for (const circuit& held : p.circuits)
          free = free && !(held.leaf == leaf && held.uplink == k);
      REQUIRE(test_bit(l.network().free_ports(leaf), k) == free);
    }
  for (spine_id s : dc.all_spines()) {
    int ports = 0;
    for (ocs_id o : dc.all_switches()) {
      int used = 0;
      for (const auto& [job, p] : l.placements())
        for (const circuit& held : p.circuits)
          used += held.spine == s && dc.ocs_of(held.uplink) == o;
      const bool works = !b.spines.contains(s.value) && !b.switches.contains(o.value) &&
                         !b.spine_fibres.contains({s.value, o.value});
      const int free = works ? dc.optical().spine_fibres - used : 0;
      REQUIRE(l.network().free_spine_fibres(s, o) == free);
      ports += free;
    }
    REQUIRE(l.network().free_spine_ports(s) == ports);
  }
}

template <class F>
void check_all(const ledger<F>& l, const broken& b) {
  const F& dc = l.fabric();
  int free = 0;
  for (gpu_id g : dc.all_gpus()) {
    const bool is_free = !l.owner(g).valid() && !b.stops(dc, g);
    REQUIRE(l.is_free(g) == is_free);
    free += is_free;
  }
  REQUIRE(l.free_gpus() == free);
  for (unit_id x : dc.all_units()) {
    int here = 0, idle = 0;
    for (server_id s : dc.servers_of(x)) {
      int n = 0;
      for (gpu_id g : dc.gpus_of(s)) n += l.is_free(g);
      REQUIRE(l.free_gpus(s) == n);
      here += n;
      idle += n > 0 && n == static_cast<int>(dc.gpus_of(s).size());
    }
    REQUIRE(l.free_gpus(x) == here);
    REQUIRE(l.idle_servers(x) == idle);
  }
  check_network(l, b);
}

// The jobs that own a GPU or a part of the network which `b` alone has to do with; of GPUs those that are
// lost when what `with` holds has failed too.
template <class F>
std::vector<job_id> owners_of(const ledger<F>& l, const broken& b, const broken& with) {
  std::vector<job_id> hit;
  for (const auto& [job, p] : l.placements()) {
    const auto& owned = parts_of(l.fabric(), p);
    if (std::any_of(p.gpus.begin(), p.gpus.end(),
                    [&](gpu_id g) { return b.hits(l.fabric(), g) && with.stops(l.fabric(), g); }) ||
        std::any_of(owned.begin(), owned.end(),
                    [&](const auto& k) { return b.stops(l.fabric(), k); }))
      hit.push_back(job);
  }
  return hit;
}

// Fails or repairs one random part in the ledger and in the sets.
template <class F>
void break_or_mend(ledger<F>& l, broken& b, test::dice& d) {
  const F& dc = l.fabric();
  const bool fail = d.chance(.3);
  const auto pick = [&](int n) { return static_cast<std::uint32_t>(d.between(0, n - 1)); };
  const auto both = [&](auto part, auto& set, auto key, broken alone) {
    if (fail) {
      broken with = alone;  // a card is lost with its leafs in all planes
      if (!alone.leafs.empty()) with.leafs.insert(b.leafs.begin(), b.leafs.end());
      REQUIRE(l.fail(part) == owners_of(l, alone, with));
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
  case 4:
    if constexpr (is_optical<F>) {
      const auto o = pick(dc.optical().switches);
      return both(ocs_id{o}, b.switches, o, {.switches = {o}});
    } else {
      const fabric::link k{leaf_id{pick(dc.leafs())}, spine_id{pick(dc.spines())},
                           pick(dc.links_per_pair())};
      return both(k, b.links, k, {.links = {k}});
    }
  default:
    if constexpr (is_optical<F>) {
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

template <class F>
placement random_placement(const F& dc, test::dice& d) {
  std::set<gpu_id> gpus;
  std::set<owned_part<F>> parts;
  const int first = d.between(0, dc.gpus() - 1);
  for (int i = d.between(0, 6); i > 0; --i)
    gpus.insert(gpu_id{std::min(dc.gpus() - 1, first + d.between(0, 8))});
  int ways = 0;
  if constexpr (is_optical<F>)
    ways = dc.uplinks();
  else
    ways = dc.links_per_pair();
  for (int i = d.between(0, 5); i > 0; --i)
    parts.insert({leaf_id{d.between(0, dc.leafs() - 1)}, spine_id{d.between(0, dc.spines() - 1)},
                  static_cast<std::uint32_t>(d.between(0, ways - 1))});
  placement p{{gpus.begin(), gpus.end()}};
  if constexpr (is_optical<F>)
    p.circuits.assign(parts.begin(), parts.end());
  else
    p.links.assign(parts.begin(), parts.end());
  return p;
}

// Whether all of `p` could be given at once.
template <class F>
bool all_free(const ledger<F>& l, const broken& b, const placement& p) {
  for (gpu_id g : p.gpus)
    if (l.owner(g).valid() || b.stops(l.fabric(), g)) return false;
  for (const auto& k : parts_of(l.fabric(), p))
    if (!may_have(l, b, k)) return false;
  if constexpr (is_optical<F>)  // what the circuits of `p` take from one another
    for (const circuit& k : p.circuits) {
      const ocs_id o = l.fabric().ocs_of(k.uplink);
      int uplinks = 0, fibres = 0;
      for (const circuit& other : p.circuits) {
        uplinks += other.leaf == k.leaf && other.uplink == k.uplink;
        fibres += other.spine == k.spine && l.fabric().ocs_of(other.uplink) == o;
      }
      if (uplinks > 1) return false;
      if (l.network().free_spine_fibres(k.spine, o) < fibres) return false;
    }
  return true;
}

// Two circuits, of one job or two, go to other uplinks of their leafs. Returns how many moved.
std::size_t move_circuits(ledger<leaf_spine_ocs>& l, job_id job, test::dice& d) {
  std::vector<fabric::circuit_move> moves;
  for (job_id who : {job, job_id{d.between(0, 12)}}) {
    const placement* p = l.find(who);
    if (!p || p->circuits.empty()) continue;
    fabric::circuit_move m{who, p->circuits[d.index(p->circuits.size())], {}};
    m.to = m.from;
    m.to.uplink = static_cast<std::uint32_t>(d.between(0, l.fabric().uplinks() - 1));
    moves.push_back(m);
  }
  const ledger before = l;
  if (l.rewire(moves) != reserve_status::reserved) {
    REQUIRE(l == before);
    return 0;
  }
  for (const auto& m : moves) {
    const placement* p = l.find(m.job);
    REQUIRE(std::is_sorted(p->circuits.begin(), p->circuits.end()));
    REQUIRE(std::binary_search(p->circuits.begin(), p->circuits.end(), m.to));
  }
  return moves.size();
}

template <class F>
void wander(const F& dc, std::uint64_t seed, int operations) {
  CAPTURE(seed);
  test::dice d{seed};
  ledger<F> l{dc};
  broken b;
  std::size_t reserved = 0, moved = 0;
  for (int i = 0; i < operations; ++i) {
    CAPTURE(i);
    const job_id job{d.between(0, 12)};
    const double what = d.real();
    if (what < .45 && !l.find(job)) {
      const placement p = random_placement(dc, d);
      const auto& parts = parts_of(dc, p);
      const bool exist =
          std::all_of(parts.begin(), parts.end(), [&](const auto& k) { return exists(dc, k); });
      const bool good = exist && all_free(l, b, p);
      const ledger<F> before = l;
      const reserve_status got = l.reserve(job, p);
      REQUIRE((got == reserve_status::reserved) == good);
      if (!good) REQUIRE(l == before);
      reserved += good;
    } else if (what < .7) {
      l.release(job);
    } else if (is_optical<F> && what < .8) {
      if constexpr (is_optical<F>) moved += move_circuits(l, job, d);
    } else {
      break_or_mend(l, b, d);
    }
    if (i % 8 == 0) check_all(l, b);
    if (i % 64 == 0) REQUIRE(l.consistent());
  }
  CHECK(reserved > static_cast<std::size_t>(operations) / 100);
  if (is_optical<F>) CHECK(moved > 0);
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
             .pod = {.leafs = 2, .spines = 2, .servers_per_leaf = 2, .gpus_per_server = 2}}}
            .network(),
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

namespace {

// Two units of three servers in so many rails and planes, with tapered links.
leaf_spine railed(int rails, int planes) {
  const fabric::ports where{fabric::hosts{2, 3, 4}, {.rails = rails, .planes = planes}};
  std::vector<int> counts;
  for (int i = 0; i < where.leafs() * 3; ++i) counts.push_back(i % 5 % 3);
  return leaf_spine{
      fabric::clos_parts{.ports = where, .up = fabric::tier_links{where.leafs(), 3, counts}}};
}

}  // namespace

TEST_CASE("ledgers of rails and planes agree with sets through reservations and failures") {
  for (std::uint64_t seed = 0; seed < 3; ++seed)
    for (const auto& [rails, planes] : {std::pair{4, 1}, {1, 2}, {2, 2}}) {
      CAPTURE(rails);
      CAPTURE(planes);
      wander(railed(rails, planes), seed, 3'000);
    }
}

TEST_CASE("failing a leaf of a railed unit cuts off just the GPUs of its rail") {
  const leaf_spine dc = railed(4, 1);
  for (leaf_id leaf : dc.all_leafs()) {
    ledger l{dc};
    REQUIRE(l.reserve(job_id{1}, {{gpu_id{1}, gpu_id{2}}}) == reserve_status::reserved);
    const std::vector<job_id> hit = l.fail(leaf);
    CHECK(hit.empty() == (leaf != leaf_id{1} && leaf != leaf_id{2}));
    for (gpu_id g : dc.all_gpus()) {
      const bool on_rail =
          dc.unit_of(g) == dc.unit_of(leaf) && dc.hosts().index_in_server(g) == dc.rail_of(leaf);
      CHECK(l.is_free(g) == (!on_rail && !l.owner(g).valid()));
    }
    CHECK(l.idle_servers(dc.unit_of(leaf)) == 0);
    l.release(job_id{1});
    CHECK(l.free_gpus() == dc.gpus() - 3);
    CHECK(l.repair(leaf));
    CHECK(l == ledger{dc});
  }
}

TEST_CASE("with two planes a GPU is cut off when both of its leafs have failed and not before") {
  const leaf_spine dc = railed(2, 2);
  for (gpu_id g : {gpu_id{0}, gpu_id{3}, gpu_id{17}}) {
    ledger l{dc};
    l.fail(dc.leaf_of(g, 0));
    CHECK(l.free_gpus() == dc.gpus());
    CHECK_FALSE(l.all_work());
    l.fail(dc.leaf_of(g, 1));
    for (gpu_id other : dc.all_gpus())
      CHECK(l.is_free(other) == (dc.leaf_of(other) != dc.leaf_of(g)));
    CHECK(l.free_gpus() == dc.gpus() - 6);  // half the GPUs of three servers
    CHECK(l.repair(dc.leaf_of(g, 0)));
    CHECK(l.free_gpus() == dc.gpus());
    CHECK(l.repair(dc.leaf_of(g, 1)));
    CHECK(l == ledger{dc});
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
  const circuit a{leaf_id{0}, spine_id{0}, 0}, b{leaf_id{0}, spine_id{1}, 1};
  REQUIRE(l.reserve(job_id{1}, {{gpu_id{0}}, {}, {a}}) == reserve_status::reserved);
  REQUIRE(l.reserve(job_id{2}, {{gpu_id{1}}, {}, {b}}) == reserve_status::reserved);
  const circuit a_moved{leaf_id{0}, spine_id{0}, 1}, b_moved{leaf_id{0}, spine_id{1}, 0};
  const ledger before = l;
  // Alone neither finds a free uplink; together they change places.
  CHECK(l.rewire(std::vector{fabric::circuit_move{job_id{1}, a, a_moved}}) ==
        reserve_status::link_taken);
  CHECK(l == before);
  CHECK(l.rewire(std::vector<fabric::circuit_move>{
            {job_id{1}, a, a_moved}, {job_id{2}, b, b_moved}}) == reserve_status::reserved);
  CHECK(l.find(job_id{1})->circuits == std::vector{a_moved});
  CHECK(l.owner(b_moved) == job_id{2});
  CHECK(l.consistent());
  CHECK(l.rewire(std::vector{fabric::circuit_move{job_id{1}, a, a_moved}}) ==
        reserve_status::malformed);
  CHECK(l.rewire(std::vector{fabric::circuit_move{job_id{9}, a_moved, a}}) ==
        reserve_status::malformed);
  CHECK(l.rewire(std::vector{fabric::circuit_move{
            job_id{1}, a_moved, {leaf_id{0}, spine_id{1}, 0}}}) == reserve_status::malformed);
}
