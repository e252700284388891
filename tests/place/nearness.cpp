// Jobs on the tree server – NVLink domain – unit – pod, and groups of ranks on it.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

#include <heddle/fabric/fabric.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/place/buddy.hpp>
#include <heddle/place/groups.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/topology_aware.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::hosts;
using place::placement;

namespace {

struct bare {
  using book = fabric::no_links;
  fabric::hosts all;

  [[nodiscard]] const fabric::hosts& hosts() const { return all; }
  [[nodiscard]] fabric::equipment equipment() const { return {}; }
  friend bool operator==(const bare&, const bare&) = default;
};
using ledger = fabric::ledger<bare>;

/// Pods of units whose numbers are mixed; domains of one, two or three servers of four GPUs.
hosts random_tree(test::dice& d) {
  const int units = d.between(2, 6);
  const hosts flat{units, d.between(1, 4), 4, d.between(1, 3)};
  std::vector<std::uint32_t> pods(static_cast<std::size_t>(units));
  const int n = d.between(1, std::min(3, units));
  for (std::size_t x = 0; x < pods.size(); ++x)
    pods[x] = static_cast<std::uint32_t>(x % static_cast<std::size_t>(n));
  d.shuffle(pods);
  return flat.in_pods(pods);
}
/// Jobs on some GPUs, each by itself or of whole servers.
ledger random_state(const hosts& dc, test::dice& d) {
  ledger l{bare{dc}};
  const double single = d.real() * .5, whole = d.real() * .6;
  std::uint32_t id = 1000;
  for (server_id s : dc.all_servers()) {
    placement p;
    const bool all = d.chance(whole);
    for (gpu_id g : dc.gpus_of(s))
      if (all || d.chance(single)) p.gpus.push_back(g);
    if (!p.gpus.empty()) REQUIRE(l.reserve(job_id{id++}, p) == fabric::reserve_status::reserved);
  }
  return l;
}

/// Parts of one kind that a placement is in.
template <class Part>
std::size_t parts_of(const placement& p, Part&& part) {
  std::set<std::uint32_t> seen;
  for (gpu_id g : p.gpus) seen.insert(part(g));
  return seen.size();
}
struct counts {
  std::size_t servers, domains, units, pods;
};
counts counts_of(const hosts& dc, const placement& p) {
  return {parts_of(p, [&](gpu_id g) { return dc.server_of(g).value; }),
          parts_of(p, [&](gpu_id g) { return dc.domain_of(dc.server_of(g)).value; }),
          parts_of(p, [&](gpu_id g) { return dc.unit_of(g).value; }),
          parts_of(p, [&](gpu_id g) { return dc.pod_of(dc.unit_of(g)).value; })};
}

/// The fewest parts whose room suffices: the largest are.
std::size_t fewest(std::vector<int> room, int wanted) {
  std::sort(room.rbegin(), room.rend());
  std::size_t n = 0;
  for (; wanted > 0; ++n) wanted -= n < room.size() ? room[n] : 1 << 20;
  return n;
}
/// Room of all parts of a kind, by what each server has.
template <class Room>
struct room_of_tree {
  const hosts& dc;
  Room room;

  [[nodiscard]] std::vector<int> of(auto&& part, int parts) const {
    std::vector<int> out(static_cast<std::size_t>(parts), 0);
    for (server_id s : dc.all_servers()) out[part(s)] += room(s);
    return out;
  }
  [[nodiscard]] std::vector<int> domains() const {
    return of([&](server_id s) { return dc.domain_of(s).index(); }, dc.domains());
  }
  [[nodiscard]] std::vector<int> units() const {
    return of([&](server_id s) { return dc.unit_of(s).index(); }, dc.units());
  }
  [[nodiscard]] std::vector<int> pods() const {
    return of([&](server_id s) { return dc.pod_of(dc.unit_of(s)).index(); }, dc.pods());
  }
  [[nodiscard]] std::vector<int> units_of(pod_id p) const {
    std::vector<int> out;
    const std::vector<int> all = units();
    for (unit_id x : dc.units_of(p)) out.push_back(all[x.index()]);
    return out;
  }
};
template <class Room>
room_of_tree(const hosts&, Room) -> room_of_tree<Room>;

/// That a placement of `wanted` (GPUs or servers) is in one domain, else unit, else pod, if there is one with
/// room, and over few pods else.
template <class Room>
void check_near(const room_of_tree<Room>& tree, const placement& p, int wanted) {
  const counts c = counts_of(tree.dc, p);
  const auto some = [&](const std::vector<int>& room) {
    return std::any_of(room.begin(), room.end(), [&](int n) { return n >= wanted; });
  };
  if (some(tree.domains())) {
    REQUIRE(c.domains == 1);
  } else if (some(tree.units())) {
    REQUIRE(c.units == 1);
  } else if (some(tree.pods())) {
    REQUIRE(c.pods == 1);
    const pod_id pod = tree.dc.pod_of(tree.dc.unit_of(p.gpus.front()));
    REQUIRE(c.units == fewest(tree.units_of(pod), wanted));
  } else {
    REQUIRE(c.pods == fewest(tree.pods(), wanted));
  }
}

}  // namespace

TEST_CASE("packed, locality and buddy keep to one domain, else one unit, else one pod") {
  int over_pods = 0, in_pod = 0, in_domain = 0;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const hosts dc = random_tree(d);
    const ledger l = random_state(dc, d);
    if (l.free_gpus() == 0) continue;
    const place::request r{job_id{1}, d.between(1, l.free_gpus())};
    const auto packed = place::packed{}(l, r);
    REQUIRE(packed);
    REQUIRE(packed->gpus.size() == static_cast<std::size_t>(r.gpus));
    const counts c = counts_of(dc, *packed);
    if (c.servers > 1) {
      check_near(room_of_tree{dc, [&](server_id s) { return l.free_gpus(s); }}, *packed, r.gpus);
      over_pods += c.pods > 1;
      in_pod += c.pods == 1 && c.units > 1;
      in_domain += c.domains == 1;
    }
    const place::request whole{job_id{1}, r.gpus / 4 * 4};
    if (whole.gpus <= 4) continue;
    const room_of_tree idle{dc, [&](server_id s) { return static_cast<int>(l.is_idle(s)); }};
    const bool there_are = l.idle_servers() >= whole.gpus / 4;
    const auto local = place::locality{}(l, whole);
    const auto blocks = place::buddy{}(l, whole);
    REQUIRE(local.has_value() == there_are);
    REQUIRE(blocks.has_value() == there_are);
    if (!there_are) continue;
    REQUIRE(local->gpus.size() == static_cast<std::size_t>(whole.gpus));
    REQUIRE(blocks->gpus.size() == static_cast<std::size_t>(whole.gpus));
    check_near(idle, *local, whole.gpus / 4);
    check_near(idle, *blocks, whole.gpus / 4);
  }
  CHECK(over_pods > 100);
  CHECK(in_pod > 100);
  CHECK(in_domain > 100);
}

TEST_CASE(
    "under topology_aware no unit has two jobs that cross units, and no pod two that cross pods") {
  int crossing_units = 0, crossing_pods = 0, refused = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const hosts dc = random_tree(d);
    ledger l{bare{dc}};
    place::topology_aware policy;
    std::vector<job_id> running;
    for (std::uint32_t i = 0; i < 60; ++i) {
      if (!running.empty() && d.chance(.45)) {
        const std::size_t k = d.index(running.size());
        l.release(running[k]);
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(k));
        continue;
      }
      std::vector<int> crossed(static_cast<std::size_t>(dc.units()), 0),
          crossed_pods(static_cast<std::size_t>(dc.pods()), 0);
      for (const auto& [job, p] : l.placements()) {
        const counts c = counts_of(dc, p);
        std::set<std::uint32_t> units, pods;
        for (gpu_id g : p.gpus) {
          units.insert(dc.unit_of(g).value);
          pods.insert(dc.pod_of(dc.unit_of(g)).value);
        }
        for (std::uint32_t x : units) crossed[x] += c.units > 1;
        for (std::uint32_t x : pods) crossed_pods[x] += c.pods > 1;
      }
      REQUIRE(*std::max_element(crossed.begin(), crossed.end()) <= 1);
      REQUIRE(*std::max_element(crossed_pods.begin(), crossed_pods.end()) <= 1);
      const int wanted = d.between(1, dc.gpus());
      const place::answer a = place::ask(policy, l, {job_id{i}, wanted});
      if (wanted > dc.gpus_per_unit() && wanted <= l.free_gpus()) {
        // One pod if the units without crossing jobs of one have room, there the fewest of any pod.
        std::size_t least = 0;
        int allowed = 0;
        for (pod_id p : dc.all_pods()) {
          std::vector<int> room;
          for (unit_id x : dc.units_of(p))
            if (crossed[x.index()] == 0) room.push_back(l.free_gpus(x));
          const int all = std::accumulate(room.begin(), room.end(), 0);
          if (crossed_pods[p.index()] == 0) allowed += all;
          if (all < wanted) continue;
          const std::size_t n = fewest(room, wanted);
          if (least == 0 || n < least) least = n;
        }
        REQUIRE(static_cast<bool>(a) == (least > 0 || allowed >= wanted));
        if (a && least > 0) {
          REQUIRE(counts_of(dc, *a.where).pods == 1);
          REQUIRE(counts_of(dc, *a.where).units == least);
        }
      }
      refused += !a;
      if (!a) continue;
      REQUIRE(l.reserve(job_id{i}, *a.where) == fabric::reserve_status::reserved);
      running.push_back(job_id{i});
      crossing_units += counts_of(dc, *a.where).units > 1;
      crossing_pods += counts_of(dc, *a.where).pods > 1;
    }
  }
  CHECK(crossing_units > 500);
  CHECK(crossing_pods > 100);
  CHECK(refused > 500);
}

// --- groups ---------------------------------------------------------------------------------------------

namespace {

/// Cost of a grid of stages by replicas whose cells lie in `unit`, as `groups` defines it.
int cost_of(const std::vector<unit_id>& unit, const hosts& dc, int stages, int replicas,
            int pipeline_weight, int data_weight) {
  const auto spread = [&](int first, int step, int n) {
    std::set<std::uint32_t> units, pods;
    for (int k = 0; k < n; ++k) {
      const unit_id x = unit[static_cast<std::size_t>(first + k * step)];
      units.insert(x.value);
      pods.insert(dc.pod_of(x).value);
    }
    return static_cast<int>(units.size() + pods.size()) - 2;
  };
  int sum = 0;
  for (int s = 0; s < stages; ++s) sum += data_weight * spread(s * replicas, 1, replicas);
  for (int r = 0; r < replicas; ++r) sum += pipeline_weight * spread(r, replicas, stages);
  return sum;
}

/// The least cost of all ways to put the cells into units with so much room.
struct every_grid {
  const hosts& dc;
  std::vector<int> room;
  int stages, replicas, pipeline_weight, data_weight;
  std::vector<unit_id> unit = {};
  int best = std::numeric_limits<int>::max();

  int least() {
    if (static_cast<int>(unit.size()) == stages * replicas)
      return best =
                 std::min(best, cost_of(unit, dc, stages, replicas, pipeline_weight, data_weight));
    for (unit_id x : dc.all_units()) {
      if (room[x.index()] == 0) continue;
      --room[x.index()];
      unit.push_back(x);
      least();
      unit.pop_back();
      ++room[x.index()];
    }
    return best;
  }
};

}  // namespace

TEST_CASE("groups of ranks lie over as few units and pods as exhaustive search can have it") {
  int better = 0, spread_out = 0, refused = 0;
  for (std::uint64_t seed = 0; seed < 700; ++seed) {
    CAPTURE(seed);
    test::dice d{seed + 5'000};
    hosts dc = random_tree(d);
    while (dc.units() > 4) dc = random_tree(d);
    const ledger l = random_state(dc, d);
    constexpr int tensors[] = {1, 2, 4, 8};
    const int t = tensors[d.index(4)], stages = d.between(1, 3);
    const int replicas = d.between(1, stages == 1 ? 8 : stages == 2 ? 4 : 2);
    const place::request r{
        .job = job_id{1}, .gpus = t * stages * replicas, .tensor = t, .pipeline = stages};
    place::groups policy{.data_weight = d.between(0, 3), .pipeline_weight = d.between(0, 3)};
    CAPTURE(t);
    CAPTURE(stages);
    CAPTURE(replicas);
    // Tensor groups that each unit holds in servers, or in domains.
    std::vector<int> room(static_cast<std::size_t>(dc.units()), 0);
    for (domain_id x : dc.all_domains()) {
      int here = 0, idle = 0;
      for (server_id s : dc.servers_of(x)) {
        here += l.free_gpus(s) / t;
        idle += l.is_idle(s);
      }
      room[dc.unit_of(dc.servers_of(x).front()).index()] += t <= 4 ? here : idle / (t / 4);
    }
    const place::answer a = policy(l, r);
    const int cells = stages * replicas;
    REQUIRE(static_cast<bool>(a) == (std::accumulate(room.begin(), room.end(), 0) >= cells));
    if (!a) {
      ++refused;
      continue;
    }
    const std::vector<gpu_id>& gpus = a.where->gpus;
    REQUIRE(std::set<gpu_id>(gpus.begin(), gpus.end()).size() == static_cast<std::size_t>(r.gpus));
    std::vector<unit_id> unit;
    for (int c = 0; c < cells; ++c) {
      placement group;
      for (int i = 0; i < t; ++i) {
        group.gpus.push_back(gpus[static_cast<std::size_t>(c * t + i)]);
        REQUIRE(l.is_free(group.gpus.back()));
      }
      const counts n = counts_of(dc, group);
      REQUIRE(n.domains == 1);
      REQUIRE(n.servers == static_cast<std::size_t>(t <= 4 ? 1 : t / 4));
      unit.push_back(dc.unit_of(group.gpus.front()));
    }
    const int mine =
        cost_of(unit, dc, stages, replicas, policy.pipeline_weight, policy.data_weight);
    every_grid all{dc, room, stages, replicas, policy.pipeline_weight, policy.data_weight};
    REQUIRE(mine == all.least());
    spread_out += mine > 0;

    // The measure that programs print says the same.
    const place::group_spread s = place::spread_of(dc, *a.where, t, stages);
    REQUIRE(s.tensor == 0);
    REQUIRE(policy.pipeline_weight * s.pipeline * replicas + policy.data_weight * s.data * stages ==
            doctest::Approx(mine));
    if (const auto p = place::packed{}(l, r)) {
      const place::group_spread other = place::spread_of(dc, *p, t, stages);
      const double theirs = policy.pipeline_weight * other.pipeline * replicas +
                            policy.data_weight * other.data * stages;
      better += theirs > mine + 1e-9;
    }
  }
  CHECK(spread_out > 60);
  CHECK(refused > 30);
  CHECK(better > 20);
}

TEST_CASE("large jobs of groups are tiled over units, and jobs of other sizes have the groups that "
          "divide them") {
  // 12 units of 16 servers of 8 GPUs in 3 pods; units have room for 8 to 16 servers.
  const hosts dc = hosts{12, 16, 8}.in_pods({0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2});
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    ledger l{bare{dc}};
    placement taken;
    for (unit_id x : dc.all_units())
      for (int k = d.between(0, 8); k > 0; --k)
        for (gpu_id g :
             dc.gpus_of(server_id{dc.servers_of(x).front().value + static_cast<std::uint32_t>(k)}))
          taken.gpus.push_back(g);
    if (!taken.gpus.empty())
      REQUIRE(l.reserve(job_id{1}, taken) == fabric::reserve_status::reserved);
    place::groups policy{.pipeline = 4};
    const place::request r{job_id{2}, 8 * 4 * 16};
    const place::answer a = policy(l, r);
    REQUIRE(a);
    const auto p = place::packed{}(l, r);
    const place::group_spread mine = place::spread_of(dc, *a.where, 8, 4),
                              other = place::spread_of(dc, *p, 8, 4);
    CHECK(mine.tensor == 0);
    CHECK(4 * mine.data + 16 * mine.pipeline <= 4 * other.data + 16 * other.pipeline);
    REQUIRE(policy(l, {job_id{3}, 12}));  // tensor groups of 4, 1 stage
    REQUIRE(policy(l, {job_id{3}, 7}));   // of 1
    const place::answer odd = policy(l, {.job = job_id{3}, .gpus = 36, .tensor = 12});
    CHECK_FALSE(odd);
    CHECK(odd.why == place::wait_reason::unsupported);
  }
}
