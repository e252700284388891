#include <heddle/schedule/decision_log.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/requested.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/schedule/any_scheduler.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/sim/run.hpp>
#include <heddle/trace/availability.hpp>

#include "support/dice.hpp"
#include "support/schedulers.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using schedule::any_scheduler;
using schedule::scheduler;
using schedule::scheduler_options;
using test::make_job;
using test::point;

namespace {

const fabric::leaf_spine dc{{.leafs = 4, .spines = 8, .servers_per_leaf = 2, .gpus_per_server = 4}};

model::workload workload_of(std::uint64_t seed) {
  test::dice d{seed};
  std::vector<model::operating_point> points;
  for (int n = 1; n <= 32; n *= 2)
    for (double f : {1.0, 1.4}) points.push_back(point(n, n * f, n * (100 + 150 * f * f * f), f));
  model::workload w;
  w.curves.push_back(model::curve{points});
  double now = 0;
  for (std::uint32_t i = 0; i < 60; ++i) {
    now += 10 * d.real() * d.between(0, 9);
    w.jobs.push_back(make_job(i, now, 1 << d.between(0, 4), 300 * d.real() + 1));
    w.jobs.back().pattern = collective::ring;
    w.jobs.back().comm_share = .4;
  }
  w.curve_of.assign(w.jobs.size(), 0);
  return w;
}

// Everything that a run says, in words; times of decisions apart.
std::string words(const sim::report& r) {
  std::ostringstream out;
  out.precision(17);
  out << r.finished << ' ' << r.events << ' ' << r.decisions << ' ' << r.energy_j << ' '
      << r.overhead_energy_j << ' ' << r.parts.total_j() << ' ' << r.network_fragmentation << ' '
      << r.gpu_fragmentation << ' ' << r.peak_power_w << ' ' << r.mean_ftf << ' ' << r.wake_ups
      << ' ' << r.restarts << ' ' << r.lost_gpu_s << ' ' << r.rescales << '\n';
  for (const auto& j : r.records)
    out << j.id.value << ' ' << j.start_s << ' ' << j.finish_s << ' ' << j.run_s << ' '
        << j.slowdown << ' ' << j.energy_j << ' ' << j.rescales << ' ' << j.restarts << ' '
        << j.lost_s << ' ' << name(j.why_waited) << '\n';
  return out.str();
}

// Schedulers with everything that changes its mind.
any_scheduler<> plan_number(int i) {
  if (i == 0)
    return any_scheduler<>{scheduler{
        order::shortest_remaining{}, allocate::powerflow{}, place::packed{}, route::balanced{3},
        admit::elastic{.least_gain_s = 5}, scheduler_options{.off_after_s = 60}}};
  std::function<place::answer(const fabric::ledger<fabric::leaf_spine>&, const place::request&)>
      at = place::packed{};
  if (i == 1) at = place::vclos{};
  return any_scheduler<>{
      scheduler{order::least_attained{.levels_gpu_s = {100, 500}}, allocate::requested{}, at,
                route::balanced{3},
                i == 1 ? test::any_admission(admit::easy{}) : test::any_admission(admit::greedy{}),
                schedule::means{schedule::preempt{}, test::only_if<schedule::other_count>{i == 1}},
                scheduler_options{.patience_s = 400, .off_after_s = 30}}};
}

}  // namespace

TEST_CASE("a run that was cut at any event and goes on from its log equals the uncut one") {
  std::size_t cuts = 0;
  for (std::uint64_t seed = 0; seed < 2; ++seed) {
    const auto w = workload_of(seed);
    sim::options o{.checkpoint_s = 50};
    o.failures =
        trace::failure_process{
            .nodes = 8, .mtbf_s = 2000, .mttr_s = 200, .horizon_s = 5000, .seed = seed}()
            .events;
    for (int i = 0; i < 3; ++i) {
      CAPTURE(seed);
      CAPTURE(i);
      any_scheduler<> plan = plan_number(i);
      std::ostringstream text;
      schedule::decision_log log{text};
      const std::string whole = words(sim::run(dc, w, plan, o, log));
      std::istringstream in(text.str());
      const std::vector<schedule::logged> all = schedule::read_log(in, "log");
      REQUIRE(all.size() > 100);
      for (std::size_t cut = 0; cut <= all.size();
           cut += cut + 1 < all.size() ? 1 + all.size() / 40 : 1) {
        CAPTURE(cut);
        any_scheduler<> fresh = plan_number(i);
        schedule::replayed again{fresh,
                                 {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(cut)}};
        std::ostringstream written;
        schedule::decision_log second{written};
        REQUIRE(words(sim::run(dc, w, again, o, second)) == whole);
        REQUIRE(written.str() == text.str());
        REQUIRE(again.replayed_decisions() == cut);
        ++cuts;
      }
    }
  }
  CHECK(cuts > 200);
}

TEST_CASE("a log that belongs to another run is refused") {
  const auto w = workload_of(1);
  any_scheduler<> plan = plan_number(2);
  std::ostringstream text;
  schedule::decision_log log{text};
  (void)sim::run(dc, w, plan, {}, log);
  std::istringstream in(text.str());
  const auto all = schedule::read_log(in, "log");
  const auto refused = [&](std::vector<schedule::logged> other) {
    any_scheduler<> fresh = plan_number(2);
    schedule::replayed again{fresh, std::move(other)};
    CHECK_THROWS_AS((void)sim::run(dc, w, again), input_error);
  };
  auto later = all;
  later[3].at_s += 1;
  refused(later);
  auto unknown = all;
  unknown[0].decided.starts.at(0).job = job_id{777};
  refused(unknown);
  auto taken = all;
  taken[0].decided.starts.push_back(taken[0].decided.starts.at(0));
  refused(taken);
  auto other_point = all;
  other_point[0].decided.starts.at(0).point.power_w += 1;
  refused(other_point);
}

TEST_CASE("any scheduler decides as the one inside it") {
  const auto w = workload_of(5);
  scheduler plan{order::fifo{}, allocate::powerflow{}, place::packed{}, route::balanced{3}};
  any_scheduler<> erased{plan};
  const std::string direct = words(sim::run(dc, w, plan));
  CHECK(words(sim::run(dc, w, erased)) == direct);
}
