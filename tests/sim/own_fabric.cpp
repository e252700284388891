// Schedulers and simulations on a fabric of one's own, with no word of it in the library.
#include <heddle/sim/run.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <heddle/allocate/max_min.hpp>
#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/requested.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/place/broken_promises.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/admit/easy.hpp>
#include <heddle/schedule/admit/greedy.hpp>
#include <heddle/schedule/any_scheduler.hpp>
#include <heddle/schedule/conformance.hpp>
#include <heddle/schedule/decision_log.hpp>
#include <heddle/schedule/means/migrate.hpp>
#include <heddle/schedule/means/other_count.hpp>
#include <heddle/schedule/means/preempt.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/trace/availability.hpp>

#include "fabric/own_fabric.hpp"
#include "support/dice.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using doctest::Approx;
using schedule::scheduler;
using schedule::scheduler_options;

namespace {

constexpr double sum_tolerance = 1e-9;  // relative, of sums of many terms

// Twelve servers of four GPUs: on a torus, and each under a leaf of its own.
const test::torus ring_of_rings{4, 3, 4};
const fabric::leaf_spine leafs{
    {.leafs = 12, .spines = 1, .servers_per_leaf = 1, .gpus_per_server = 4}};
// A torus has no switches, so that those of the other fabric draw nothing.
const fabric::base_power watts{.gpu_idle_w = 50,
                               .server_w = 400,
                               .server_off_w = 20,
                               .wake_s = 40,
                               .wake_j = 30000,
                               .switch_w = 0};

model::workload random_workload(std::uint64_t seed, int most_gpus) {
  test::dice d{seed};
  std::vector<model::operating_point> points;
  for (int n = 1; n <= 16; ++n)
    for (double f : {1.0, 1.4})
      points.push_back(test::point(n, n * f, n * (100 + 150 * f * f * f), f));
  model::workload w;
  w.curves.push_back(model::curve{points});
  double now = 0;
  for (std::uint32_t i = 0; i < 80; ++i) {
    w.jobs.push_back(
        test::make_job(i, now += d.between(0, 40), d.between(1, most_gpus), d.between(1, 300)));
    w.jobs.back().pattern = collective::ring;
    w.jobs.back().comm_share = .4;
    w.jobs.back().priority = d.between(0, 1);
  }
  w.curve_of.assign(w.jobs.size(), 0);
  return w;
}

sim::options with_failures(std::uint64_t seed) {
  sim::options o{.power = watts, .checkpoint_s = 50};
  o.failures =
      trace::failure_process{
          .nodes = 12, .mtbf_s = 4000, .mttr_s = 200, .horizon_s = 3000, .seed = seed}()
          .events;
  return o;
}

// What a run did, in words, with the decisions that it took.
struct story {
  sim::report said;
  std::string records, decisions;
  double seen_j = 0;  // the integral of the power shown
};

template <class Fabric, class Plan>
story replay(const Fabric& dc, const model::workload& w, Plan plan, const sim::options& o) {
  story out;
  std::ostringstream log_text, text;
  schedule::decision_log log{log_text};
  double last_s = 0, last_w = 0;
  const auto meter = [&](const sim::moment& m) {
    out.seen_j += last_w * (m.now_s - last_s);
    last_s = m.now_s;
    last_w = m.power_w;
    int held = 0;
    for (const auto& [id, where] : m.gpus.placements()) {
      held += static_cast<int>(where.gpus.size());
      for (gpu_id g : where.gpus) REQUIRE_FALSE(m.gpus.is_failed(m.gpus.hosts().server_of(g)));
    }
    REQUIRE(held == m.used_gpus);
  };
  out.said = sim::run(dc, w, plan, o, log, meter);
  const sim::report& r = out.said;
  text.precision(17);
  text << r.finished << ' ' << r.events << ' ' << r.decisions << ' ' << r.energy_j << ' '
       << r.overhead_energy_j << ' ' << r.network_fragmentation << ' ' << r.gpu_fragmentation << ' '
       << r.peak_power_w << ' ' << r.mean_ftf << ' ' << r.wake_ups << ' ' << r.restarts << ' '
       << r.lost_gpu_s << ' ' << r.rescales << ' ' << r.migrations << '\n';
  for (const sim::job_record& j : r.records)
    text << j.id.value << ' ' << j.start_s << ' ' << j.finish_s << ' ' << j.run_s << ' ' << j.gpus
         << ' ' << j.servers << ' ' << j.leafs << ' ' << j.slowdown << ' ' << j.energy_j << ' '
         << j.rescales << ' ' << j.restarts << ' ' << j.lost_s << ' ' << name(j.why_waited) << '\n';
  out.records = text.str();
  out.decisions = log_text.str();
  return out;
}

// Runs a scheduler on the torus and under leafs, and compares all that was decided and reported.
template <class Plan>
void same_on_both(const Plan& plan, int most_gpus) {
  std::size_t woken = 0, hit = 0;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    CAPTURE(seed);
    const model::workload w = random_workload(seed, most_gpus);
    const sim::options o = with_failures(seed);
    const story mine = replay(ring_of_rings, w, plan, o), theirs = replay(leafs, w, plan, o);
    REQUIRE(mine.said.finished == w.size());
    CHECK(mine.decisions == theirs.decisions);
    CHECK(mine.records == theirs.records);
    const sim::report& r = mine.said;
    double jobs_j = 0;
    for (const sim::job_record& j : r.records) jobs_j += j.energy_j;
    CHECK(r.energy_j == Approx(jobs_j + r.overhead_energy_j).epsilon(sum_tolerance));
    CHECK(r.energy_j == Approx(r.parts.total_j()).epsilon(sum_tolerance));
    CHECK(r.energy_j == Approx(mine.seen_j).epsilon(sum_tolerance));
    CHECK(r.parts.switches_j == 0);
    CHECK(r.parts.servers_off_j > 0);
    woken += r.wake_ups;
    hit += r.restarts;
  }
  CHECK(woken > 20);
  CHECK(hit > 0);
}

const scheduler_options off_when_idle{.off_after_s = 30};

}  // namespace

TEST_CASE(
    "on a torus of one's own jobs are packed, backfilled and moved as under leafs of a server") {
  same_on_both(scheduler{order::fifo{}, allocate::requested{}, place::packed{}, route::ideal{},
                         admit::easy{}, off_when_idle},
               16);
  same_on_both(
      scheduler{order::fifo{}, allocate::requested{}, place::packed{}, route::ideal{},
                admit::greedy{},
                schedule::means{schedule::preempt{}, schedule::migrate{}, schedule::other_count{}},
                off_when_idle},
      16);
}

TEST_CASE("on a torus of one's own jobs keep to one server as under leafs of a server") {
  same_on_both(scheduler{order::shortest{}, allocate::requested{}, place::one_server{},
                         route::ideal{}, admit::greedy{}, schedule::means{schedule::migrate{}},
                         off_when_idle},
               4);
}

TEST_CASE("on a torus of one's own jobs grow and shrink as under leafs of a server") {
  same_on_both(scheduler{order::fifo{}, allocate::powerflow{}, place::packed{}, route::ideal{},
                         admit::elastic{.least_gain_s = 5}, off_when_idle},
               8);
  same_on_both(scheduler{order::fifo{}, allocate::powerflow{}, place::one_server{}, route::ideal{},
                         admit::elastic{.ask_place = true}, off_when_idle},
               4);
  same_on_both(scheduler{order::fifo{}, allocate::max_min{.round_s = 60}, place::packed{},
                         route::ideal{}, off_when_idle},
               8);
}

TEST_CASE("schedulers keep their promises on a torus of one's own") {
  scheduler plan{order::fifo{},   allocate::requested{},
                 place::packed{}, route::ideal{},
                 admit::easy{},   schedule::means{schedule::preempt{}, schedule::migrate{}}};
  CHECK(schedule::broken_promises(plan, ring_of_rings, 1) == std::vector<std::string>{});
  schedule::any_scheduler<test::torus> any{
      scheduler{order::fifo{}, allocate::powerflow{}, place::packed{}, route::ideal{}}};
  CHECK(schedule::broken_promises(any, ring_of_rings, 2) == std::vector<std::string>{});
}

namespace {

// A placement of one's own, for a fabric of one's own: on one server, or on it and a neighbour.
struct side_by_side {
  std::optional<fabric::placement> operator()(const fabric::ledger<test::torus>& free,
                                              const place::request& job) const {
    const fabric::hosts& hosts = free.hosts();
    const auto take = [&](server_id s, std::size_t most, fabric::placement& p) {
      for (gpu_id g : hosts.gpus_of(s))
        if (most > 0 && free.is_free(g)) p.gpus.push_back(g), --most;
      return most;
    };
    const auto wanted = static_cast<std::size_t>(job.gpus);
    for (server_id s : hosts.all_servers())
      if (free.free_gpus(s) >= job.gpus) {
        fabric::placement p;
        take(s, wanted, p);
        return p;
      }
    for (server_id s : hosts.all_servers())
      for (server_id other : free.fabric().neighbours(s)) {
        if (other == s || free.free_gpus(s) + free.free_gpus(other) < job.gpus) continue;
        fabric::placement p;
        take(other, take(s, wanted, p), p);
        std::sort(p.gpus.begin(), p.gpus.end());
        return p;
      }
    return std::nullopt;
  }
};

}  // namespace

TEST_CASE("a placement of one's own uses what only one's own fabric knows") {
  CHECK_FALSE(place::broken_promises(side_by_side{}, ring_of_rings, 1));
  static_assert(!place::PlacementPolicy<side_by_side, fabric::ledger<fabric::leaf_spine>>);
  std::size_t alone = 0, pairs = 0;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    CAPTURE(seed);
    const model::workload w = random_workload(seed, 8);
    scheduler plan{order::fifo{},  allocate::requested{}, side_by_side{},
                   route::ideal{}, admit::easy{},         off_when_idle};
    const auto watch = [&](const sim::started& e) {
      std::set<server_id> servers;
      for (gpu_id g : e.what.where.gpus) servers.insert(ring_of_rings.hosts().server_of(g));
      if (servers.size() == 1) {
        ++alone;
        return;
      }
      REQUIRE(servers.size() == 2);
      const auto near = ring_of_rings.neighbours(*servers.begin());
      REQUIRE(std::find(near.begin(), near.end(), *servers.rbegin()) != near.end());
      ++pairs;
    };
    CHECK(sim::run(ring_of_rings, w, plan, with_failures(seed), watch).finished == w.size());
  }
  CHECK(alone > 50);
  CHECK(pairs > 50);
}

namespace {

// Counts the jobs that come to a network.
struct visits {
  int* jobs;
  void add(const job&, const fabric::placement&) { ++*jobs; }
  void remove(job_id) {}
  [[nodiscard]] double slowdown(job_id) const { return 1; }
  [[nodiscard]] std::span<const job_id> changed() const { return {}; }
};

template <class Fabric>
int jobs_on_the_network(const Fabric& dc) {
  std::vector<job> jobs;
  for (std::uint32_t i = 0; i < 3; ++i) {
    jobs.push_back(test::make_job(i, 10 * i, i == 0 ? 2 : 8, 100));  // one server, and two of them
    jobs.back().pattern = collective::ring;
    jobs.back().comm_share = .5;
  }
  model::workload w;
  w.curves.push_back(test::linear_curve({2, 8}));
  w.curve_of.assign(jobs.size(), 0);
  w.jobs = std::move(jobs);
  int seen = 0;
  schedule::scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::ideal{}};
  const sim::report r = sim::run_on(visits{&seen}, dc, w, plan, {});
  REQUIRE(r.finished == 3);
  return seen;
}

}  // namespace

TEST_CASE("a job over several servers comes to the network, but where all hang under its leaf") {
  const fabric::hosts one_unit{1, 4, 4};
  const auto wired = [&](int rails) {
    const fabric::ports ports{one_unit, {.rails = rails}};
    return fabric::leaf_spine{
        fabric::clos_parts{.ports = ports, .up = fabric::tier_links{ports.leafs(), 2, 1}}};
  };
  CHECK(jobs_on_the_network(wired(1)) == 0);
  CHECK(jobs_on_the_network(wired(4)) == 2);  // a leaf a rail
  CHECK(jobs_on_the_network(test::torus{2, 2, 4}) == 2);
}
