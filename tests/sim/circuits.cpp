// Whole simulations on a fabric whose links are circuits that jobs own.
#include <heddle/sim/run.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/requested.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/place/ocs_vclos.hpp>
#include <heddle/schedule/admit/easy.hpp>
#include <heddle/schedule/any_scheduler.hpp>
#include <heddle/schedule/decision_log.hpp>
#include <heddle/schedule/means/preempt.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/trace/availability.hpp>

#include "support/dice.hpp"
#include "support/states.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using fabric::leaf_spine_ocs;
using schedule::scheduler;
using schedule::scheduler_options;
using any_scheduler = schedule::any_scheduler<leaf_spine_ocs>;

namespace {

const leaf_spine_ocs dc{{.leafs = 4,
                         .spines = 4,
                         .switches = 8,
                         .leaf_fibres = 1,
                         .spine_fibres = 1,
                         .switching_ms = 500,
                         .servers_per_leaf = 2,
                         .gpus_per_server = 4}};

model::workload workload_of(std::uint64_t seed) {
  test::dice d{seed};
  std::vector<job> jobs;
  std::vector<int> counts;
  for (int n = 1; n <= 16; ++n) counts.push_back(n);
  double now = 0;
  for (std::uint32_t i = 0; i < 80; ++i) {
    jobs.push_back(test::make_job(i, now += d.between(0, 30), d.between(1, 16), d.between(1, 200)));
    jobs.back().pattern = collective::ring;
    jobs.back().comm_share = .4;
    jobs.back().priority = d.between(0, 1);
  }
  model::workload w;
  w.curves.push_back(test::linear_curve(counts));
  w.curve_of.assign(jobs.size(), 0);
  w.jobs = std::move(jobs);
  return w;
}

any_scheduler plan_number(int i) {
  const place::ocs_vclos moving{.may_move = place::rewiring::free};
  const scheduler_options o{.off_after_s = 30};
  if (i == 0)
    return any_scheduler{scheduler{order::fifo{}, allocate::requested{}, moving, route::source{},
                                   admit::easy{}, schedule::means{schedule::preempt{}}, o}};
  return any_scheduler{scheduler{order::shortest_remaining{}, allocate::powerflow{}, moving,
                                 route::source{}, admit::elastic{.least_gain_s = 5}, o}};
}

// Sees that no circuit has two owners and that everybody has those of a network of his own.
struct witness {
  std::size_t looks = 0, circuits = 0;
  void operator()(const sim::moment& m) {
    ++looks;
    REQUIRE(test::ledger_of(dc, m.gpus).consistent());
    for (const auto& [id, where] : m.gpus.placements()) {
      REQUIRE(where.links.empty());
      circuits += where.circuits.size();
    }
  }
};

std::string words(const sim::report& r) {
  std::ostringstream out;
  out.precision(17);
  out << r.finished << ' ' << r.events << ' ' << r.decisions << ' ' << r.energy_j << ' '
      << r.overhead_energy_j << ' ' << r.parts.total_j() << ' ' << r.parts.ocs_j << ' '
      << r.network_fragmentation << ' ' << r.wake_ups << ' ' << r.restarts << ' ' << r.rescales
      << ' ' << r.circuits_moved << '\n';
  for (const sim::job_record& j : r.records)
    out << j.id.value << ' ' << j.start_s << ' ' << j.finish_s << ' ' << j.run_s << ' '
        << j.energy_j << ' ' << j.rescales << ' ' << j.restarts << ' ' << name(j.why_waited)
        << '\n';
  return out.str();
}

}  // namespace

TEST_CASE("a simulation on circuits writes them down and goes on from its log wherever it is cut") {
  std::size_t moved = 0, hit = 0;
  for (std::uint64_t seed = 0; seed < 2; ++seed) {
    const model::workload w = workload_of(seed);
    sim::options o{.checkpoint_s = 50};
    o.failures =
        trace::failure_process{
            .nodes = 8, .mtbf_s = 3000, .mttr_s = 200, .horizon_s = 3000, .seed = seed}()
            .events;
    for (int i = 0; i < 2; ++i) {
      CAPTURE(seed);
      CAPTURE(i);
      any_scheduler plan = plan_number(i);
      std::ostringstream text;
      schedule::decision_log log{text};
      witness see;
      const sim::report whole = sim::run(dc, w, plan, o, log, see);
      REQUIRE(whole.finished == w.size());
      for (const sim::job_record& j : whole.records) REQUIRE(j.slowdown >= 1);
      CHECK(see.circuits > 500);
      CHECK(text.str().find(" circuits ") != std::string::npos);
      CHECK(text.str().find(" links ") == std::string::npos);
      moved += whole.circuits_moved;
      hit += whole.restarts;

      std::istringstream in(text.str());
      const std::vector<schedule::logged> all = schedule::read_log(in, "log");
      REQUIRE(all.size() > 100);
      for (std::size_t cut = 0; cut <= all.size(); cut += 1 + all.size() / 8) {
        CAPTURE(cut);
        any_scheduler fresh = plan_number(i);
        schedule::replayed again{fresh,
                                 {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(cut)}};
        std::ostringstream written;
        schedule::decision_log second{written};
        REQUIRE(words(sim::run(dc, w, again, o, second)) == words(whole));
        REQUIRE(written.str() == text.str());
        REQUIRE(again.replayed_decisions() == cut);
      }
    }
  }
  CHECK(moved > 0);
  CHECK(hit > 0);
}

TEST_CASE("a log of circuits does not fit a cluster of fixed links") {
  const model::workload w = workload_of(3);
  any_scheduler plan = plan_number(0);
  std::ostringstream text;
  schedule::decision_log log{text};
  (void)sim::run(dc, w, plan, {}, log);
  std::istringstream in(text.str());
  scheduler fixed{order::fifo{}, allocate::requested{}, place::packed{}, route::ideal{}};
  schedule::replayed again{fixed, schedule::read_log(in, "log")};
  CHECK_THROWS_AS((void)sim::run(dc.mesh().value(), w, again), input_error);
}
