#include <heddle/fabric/ledger.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::leaf_spine;
using ledger = fabric::ledger<leaf_spine>;
using fabric::placement;
using fabric::reserve_status;

namespace {

// Who owns what, by maps alone.
struct model_ledger {
  const leaf_spine& dc;
  std::map<gpu_id, job_id> gpus;
  std::map<fabric::link, job_id> links;
  std::map<job_id, placement> held;

  // All that is wrong with a reservation.
  [[nodiscard]] std::set<reserve_status> faults(job_id job, const placement& p) const {
    std::set<reserve_status> wrong;
    if (!job.valid()) wrong.insert(reserve_status::malformed);
    if (held.contains(job)) wrong.insert(reserve_status::job_present);
    std::set<gpu_id> seen;
    for (gpu_id g : p.gpus) {
      if (gpus.contains(g)) wrong.insert(reserve_status::gpu_taken);
      if (g.value >= static_cast<std::uint32_t>(dc.gpus()) || !seen.insert(g).second)
        wrong.insert(reserve_status::malformed);
    }
    for (const fabric::link& k : p.links) {
      if (links.contains(k)) wrong.insert(reserve_status::link_taken);
      if (k.leaf.value >= static_cast<std::uint32_t>(dc.leafs()) ||
          k.spine.value >= static_cast<std::uint32_t>(dc.spines()) ||
          k.lane >= static_cast<std::uint32_t>(dc.links_per_pair()))
        wrong.insert(reserve_status::malformed);
    }
    if (!std::is_sorted(p.links.begin(), p.links.end()) ||
        std::adjacent_find(p.links.begin(), p.links.end()) != p.links.end())
      wrong.insert(reserve_status::malformed);
    return wrong;
  }
  void reserve(job_id job, const placement& p) {
    for (gpu_id g : p.gpus) gpus[g] = job;
    for (const fabric::link& k : p.links) links[k] = job;
    held[job] = p;
  }
  void release(job_id job) {
    std::erase_if(gpus, [&](const auto& e) { return e.second == job; });
    std::erase_if(links, [&](const auto& e) { return e.second == job; });
    held.erase(job);
  }

  // The first difference to a ledger, or nothing.
  [[nodiscard]] std::string difference(const ledger& l) const {
    int idle = 0;
    for (gpu_id g : dc.all_gpus()) {
      const job_id owner = gpus.contains(g) ? gpus.at(g) : job_id{};
      if (l.owner(g) != owner || l.is_free(g) == owner.valid() ||
          test_bit(l.free_gpu_bits(), g.index()) == owner.valid())
        return "GPU " + std::to_string(g.value);
    }
    for (leaf_id leaf : dc.all_leafs()) {
      int here = 0, idle_here = 0;
      for (server_id s : dc.servers_of(dc.unit_of(leaf))) {
        int free = 0;
        for (gpu_id g : dc.gpus_of(s)) free += !gpus.contains(g);
        if (l.free_gpus(s) != free) return "server " + std::to_string(s.value);
        here += free;
        idle_here += free == dc.gpus_per_server();
      }
      idle += idle_here;
      if (l.free_gpus(dc.unit_of(leaf)) != here || l.idle_servers(dc.unit_of(leaf)) != idle_here)
        return "leaf " + std::to_string(leaf.value);
      for (std::uint32_t s = 0; s < static_cast<std::uint32_t>(dc.spines()); ++s) {
        const auto lanes = static_cast<std::uint32_t>(dc.links_per_pair());
        std::uint32_t free = 0;
        for (std::uint32_t lane = 0; lane < lanes; ++lane) {
          const fabric::link k{leaf, spine_id{s}, lane};
          const job_id owner = links.contains(k) ? links.at(k) : job_id{};
          if (l.owner(k) != owner || l.is_free(k) == owner.valid()) return "an owner of a link";
          if (!owner.valid()) {
            if (l.network().free_lane(leaf, spine_id{s}, lane) != lane) return "a free lane";
            ++free;
          }
        }
        if (l.network().free_links(leaf, spine_id{s}) != static_cast<int>(free))
          return "free links";
        for (std::uint32_t k = 0; k < lanes; ++k)  // the thermometer
          if (test_bit(l.network().free_uplinks(leaf), s * lanes + k) != (k < free))
            return "a thermometer";
      }
    }
    if (l.free_gpus() != dc.gpus() - static_cast<int>(gpus.size())) return "free GPUs";
    if (l.idle_servers() != idle) return "idle servers";
    if (l.placements() != held) return "placements";
    return "";
  }
};

fabric::link random_link(const leaf_spine& dc, test::dice& d) {
  return {leaf_id{d.between(0, dc.leafs() - 1)}, spine_id{d.between(0, dc.spines() - 1)},
          static_cast<std::uint32_t>(d.between(0, dc.links_per_pair() - 1))};
}

// A placement that mostly names free parts; one time in four something may be wrong with it.
placement random_placement(const leaf_spine& dc, const model_ledger& m, test::dice& d) {
  const bool careless = d.chance(.25);
  std::set<gpu_id> gpus;
  std::set<fabric::link> links;
  for (int i = d.between(0, 5); i > 0; --i) {
    const gpu_id g{d.between(0, dc.gpus() - 1)};
    if (careless || !m.gpus.contains(g)) gpus.insert(g);
  }
  for (int i = d.between(0, 4); i > 0; --i) {
    const fabric::link k = random_link(dc, d);
    if (careless || !m.links.contains(k)) links.insert(k);
  }
  placement p{{gpus.begin(), gpus.end()}, {links.begin(), links.end()}};
  if (d.chance(.3)) d.shuffle(p.gpus);  // any order of ranks is good
  if (!careless) return p;
  switch (d.index(7)) {
  case 0:
    if (!p.gpus.empty()) p.gpus.push_back(p.gpus.front());
    break;
  case 1:
    p.gpus.push_back(gpu_id{dc.gpus() + d.between(0, 3)});
    break;
  case 2:
    if (!p.links.empty()) p.links.push_back(p.links.back());
    break;
  case 3:
    std::reverse(p.links.begin(), p.links.end());
    break;
  case 4:
    p.links.push_back({leaf_id{dc.leafs()}, spine_id{0}, 0});
    break;
  case 5:
    p.links.push_back({leaf_id{dc.leafs() - 1}, spine_id{dc.spines()}, 0});
    break;
  default:
    p.links.push_back({leaf_id{dc.leafs() - 1}, spine_id{dc.spines() - 1},
                       static_cast<std::uint32_t>(dc.links_per_pair())});
  }
  return p;
}

void wander(const leaf_spine& dc, std::uint64_t seed, int operations) {
  CAPTURE(seed);
  test::dice d{seed};
  ledger l{dc};
  model_ledger m{dc, {}, {}, {}};
  for (int i = 0; i < operations; ++i) {
    const job_id job = d.chance(.01) ? job_id{} : job_id{d.between(0, 30)};
    if (d.chance(.6)) {
      const placement p = random_placement(dc, m, d);
      const auto faults = m.faults(job, p);
      const bool snapshot = !faults.empty() && d.chance(.1);
      const ledger before = snapshot ? l : ledger{dc};
      const reserve_status got = l.reserve(job, p);
      if (faults.empty()) {
        REQUIRE(got == reserve_status::reserved);
        m.reserve(job, p);
      } else {
        REQUIRE(faults.contains(got));
        if (snapshot) REQUIRE(l == before);
      }
    } else if (d.chance(.5)) {
      REQUIRE(l.release(job) == m.held.contains(job));
      m.release(job);
    } else {
      const auto p = l.extract(job);
      REQUIRE(p.has_value() == m.held.contains(job));
      if (p) REQUIRE(*p == m.held.at(job));
      m.release(job);
    }
    if (i % 16 == 0) {
      const std::string difference = m.difference(l);
      CAPTURE(i);
      REQUIRE(difference == "");
    }
    if (i % 256 == 0) REQUIRE(l.consistent());
  }
  for (std::uint32_t j = 0; j <= 30; ++j) l.release(job_id{j});
  CHECK(l == ledger{dc});
  CHECK(l.consistent());
}

}  // namespace

TEST_CASE("a ledger agrees with maps through a hundred thousand reservations and releases") {
  for (const auto& [leafs, spines, lanes, servers, gpus] : {std::tuple{4, 4, 1, 2, 4},
                                                            {3, 5, 3, 2, 2},
                                                            {2, 3, 2, 1, 3},
                                                            {6, 70, 1, 3, 8},
                                                            {1, 1, 1, 1, 1}}) {
    const leaf_spine dc{{.leafs = leafs,
                         .spines = spines,
                         .links_per_pair = lanes,
                         .servers_per_leaf = servers,
                         .gpus_per_server = gpus}};
    CAPTURE(leafs);
    const int operations = spines > 10 ? 4'000 : 16'000;
    for (std::uint64_t seed = 0; seed < 2; ++seed) wander(dc, seed, operations);
  }
}

TEST_CASE("a refused reservation leaves a ledger as it was") {
  const leaf_spine dc{
      {.leafs = 2, .spines = 2, .links_per_pair = 2, .servers_per_leaf = 1, .gpus_per_server = 4}};
  ledger l{dc};
  const fabric::link a{leaf_id{0}, spine_id{0}, 1}, b{leaf_id{1}, spine_id{0}, 0};
  REQUIRE(l.reserve(job_id{1}, {{gpu_id{0}, gpu_id{5}}, {a, b}}) == reserve_status::reserved);
  const ledger before = l;
  CHECK(l.reserve(job_id{1}, {{gpu_id{1}}, {}}) == reserve_status::job_present);
  CHECK(l.reserve(job_id{2}, {{gpu_id{1}, gpu_id{5}}, {}}) == reserve_status::gpu_taken);
  CHECK(l.reserve(job_id{2}, {{gpu_id{1}}, {a}}) == reserve_status::link_taken);
  CHECK(l.reserve(job_id{2}, {{gpu_id{1}, gpu_id{1}}, {}}) == reserve_status::malformed);
  CHECK(l.reserve(job_id{2}, {{gpu_id{2}, gpu_id{1}, gpu_id{2}}, {}}) == reserve_status::malformed);
  CHECK(l.reserve(job_id{2}, {{gpu_id{8}}, {}}) == reserve_status::malformed);
  CHECK(l.reserve(job_id{2}, {{gpu_id{}}, {}}) == reserve_status::malformed);
  CHECK(l.reserve(job_id{2}, {{}, {{leaf_id{0}, spine_id{0}, 2}}}) == reserve_status::malformed);
  CHECK(l.reserve(job_id{2}, {{}, {{leaf_id{1}, spine_id{1}, 0}, {leaf_id{0}, spine_id{1}, 0}}}) ==
        reserve_status::malformed);
  CHECK(l.reserve(job_id{2}, {{}, {{leaf_id{1}, spine_id{1}, 0}, {leaf_id{1}, spine_id{1}, 0}}}) ==
        reserve_status::malformed);
  CHECK(l.reserve(job_id{}, {{gpu_id{1}}, {{leaf_id{0}, spine_id{1}, 0}}}) ==
        reserve_status::malformed);
  CHECK_FALSE(l.release(job_id{2}));
  CHECK_FALSE(l.extract(job_id{2}));
  CHECK(l == before);
}

TEST_CASE("copies of a ledger are snapshots") {
  ledger l{leaf_spine{{.leafs = 2, .spines = 2, .servers_per_leaf = 1, .gpus_per_server = 2}}};
  const ledger empty = l;
  REQUIRE(l.reserve(job_id{1}, {{gpu_id{3}}, {}}) == reserve_status::reserved);
  CHECK(l != empty);
  CHECK(empty.free_gpus() == 4);
  const ledger full = l;
  CHECK(full.find(job_id{1})->gpus == std::vector{gpu_id{3}});
  l.release(job_id{1});
  CHECK(l == empty);
  CHECK(full.find(job_id{1}) != nullptr);
  CHECK(l.find(job_id{1}) == nullptr);
}

TEST_CASE("common bits of the free up-links count the lanes that leafs can share") {
  const leaf_spine dc{
      {.leafs = 2, .spines = 1, .links_per_pair = 4, .servers_per_leaf = 1, .gpus_per_server = 4}};
  ledger l{dc};
  // Leaf 0 loses its lowest lane, leaf 1 its two highest: three and two are left, two in common.
  REQUIRE(l.reserve(job_id{1}, {{}, {{leaf_id{0}, spine_id{0}, 0}}}) == reserve_status::reserved);
  REQUIRE(
      l.reserve(job_id{2}, {{}, {{leaf_id{1}, spine_id{0}, 2}, {leaf_id{1}, spine_id{0}, 3}}}) ==
      reserve_status::reserved);
  CHECK(l.network().free_links(leaf_id{0}, spine_id{0}) == 3);
  CHECK(l.network().free_links(leaf_id{1}, spine_id{0}) == 2);
  CHECK(count_common(l.network().free_uplinks(leaf_id{0}), l.network().free_uplinks(leaf_id{1})) ==
        2);
  CHECK(l.network().free_lane(leaf_id{0}, spine_id{0}) == 1);
  CHECK(l.network().free_lane(leaf_id{1}, spine_id{0}) == 0);
  CHECK(l.network().free_lane(leaf_id{0}, spine_id{0}, 2) == 2);
}

TEST_CASE("a reservation's outcomes have names") {
  CHECK(name(reserve_status::reserved) == "reserved");
  CHECK(name(reserve_status::job_present) == "job_present");
  CHECK(name(reserve_status::gpu_taken) == "gpu_taken");
  CHECK(name(reserve_status::link_taken) == "link_taken");
  CHECK(name(reserve_status::malformed) == "malformed");
}
