#include <heddle/sim/run.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/requested.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/place/ocs_vclos.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/sim/quantiles.hpp>
#include <heddle/sim/series.hpp>

#include "support/dice.hpp"
#include "support/power_meter.hpp"
#include "support/schedulers.hpp"
#include "support/watts.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using doctest::Approx;
using schedule::scheduler_options;
using sim::report;
using test::linear_workload;
using test::make_job;
using test::point;
using test::power_meter;
using test::watts;

namespace {

constexpr double sum_tolerance = 1e-9;  // relative, of sums of many terms

template <class F>
using any_place = std::function<place::answer(const fabric::ledger<F>&, const place::request&)>;
using plain = schedule::scheduler<order::fifo, allocate::requested, any_place<fabric::leaf_spine>,
                                  route::ideal>;

// Two servers of four GPUs under one leaf.
const fabric::leaf_spine two{
    {.leafs = 1, .spines = 1, .servers_per_leaf = 2, .gpus_per_server = 4}};

void check_energy(const report& r, const power_meter& m) {
  double jobs_j = 0;
  for (const auto& j : r.records) jobs_j += j.energy_j;
  CHECK(r.energy_j == Approx(jobs_j + r.overhead_energy_j).epsilon(sum_tolerance));
  CHECK(r.energy_j == Approx(m.energy_j).epsilon(sum_tolerance));
  CHECK(r.energy_j == Approx(r.parts.total_j()).epsilon(sum_tolerance));
}

}  // namespace

TEST_CASE("an idle server is switched off after its delay and a job waits until one wakes") {
  // Job 0 keeps server 0 busy; server 1 idles from 0, goes off at 60, wakes for job 1 at 200.
  const auto w = linear_workload({make_job(0, 0, 4, 1000), make_job(1, 200, 4, 100)});
  plain plan{order::fifo{}, allocate::requested{}, place::packed{}, route::ideal{},
             scheduler_options{.off_after_s = 60}};
  power_meter m;
  const report r = sim::run(two, w, plan, {.power = watts}, m);
  REQUIRE(r.finished == 2);
  CHECK(r.records[1].start_s == 300);
  CHECK(r.records[1].jwt_s() == 100);
  CHECK(r.records[1].finish_s == 400);
  CHECK(r.records[1].run_s == 100);
  CHECK(r.wake_ups == 1);
  // Off from 60 to 200 and from 460 on; idle for 60 s, then 60 s after job 1; waking for 100 s.
  CHECK(r.parts.servers_off_j == Approx(20 * (140 + 540)));
  CHECK(r.parts.wake_j == Approx(30000));
  CHECK(r.parts.gpus_idle_j == Approx(4 * 50 * 120));
  CHECK(r.parts.servers_on_j == Approx(400 * (1000 + 60 + 100 + 60)));
  CHECK(r.parts.gpus_running_j == Approx(4 * 300.0 * 1100));
  CHECK(r.parts.switches_j == Approx(2 * 300 * 1000));
  CHECK(r.records[1].energy_j == Approx(4 * 300.0 * 100 + 400 * 100));
  check_energy(r, m);
}

TEST_CASE("switching off at break even costs at most twice what clairvoyance would") {
  CHECK(schedule::break_even_s(watts, 4) == Approx(30000 / (400 + 4 * 50 - 20.0)));
  CHECK(
      std::isinf(schedule::break_even_s({.gpu_idle_w = 0, .server_w = 20, .server_off_w = 20}, 8)));
  const double t = schedule::break_even_s(watts, 4), save_w = 580;
  for (double idle_s : {1.0, 10.0, 51.0, 52.0, 500.0, 5000.0}) {
    const double spent = std::min(idle_s, t) * save_w + (idle_s > t ? 30000 : 0);
    CHECK(spent <= 2 * std::min(idle_s * save_w, 30000.0) + 1e-9);
  }
}

TEST_CASE("energy adds up while servers go off and wake and jobs come by chance") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<job> jobs;
    double now = 0;
    for (std::uint32_t i = 0; i < 200; ++i)
      jobs.push_back(make_job(i, now += d.between(0, 300), d.between(1, 8), d.between(1, 400)));
    const auto w = linear_workload(jobs);
    const fabric::leaf_spine dc{
        {.leafs = 2, .spines = 2, .servers_per_leaf = 3, .gpus_per_server = 4}};
    plain plan{order::fifo{}, allocate::requested{}, place::packed{}, route::ideal{},
               scheduler_options{.off_after_s = seed % 2 ? 0.0 : 90.0}};
    power_meter m;
    const report r = sim::run(dc, w, plan, {.power = watts}, m);
    REQUIRE(r.finished == w.size());
    check_energy(r, m);
    CHECK(r.wake_ups > 20);
    CHECK(r.parts.wake_j == Approx(30000.0 * static_cast<double>(r.wake_ups)));
    for (const auto& j : r.records) REQUIRE(j.run_s == w.jobs[j.id.index()].duration_s);
  }
}

TEST_CASE("a server that is switched off on its way to on draws what it should") {
  // Both servers go off, wake for job 1 at 100; job 2 stops that at 110 and needs one of them only.
  std::vector jobs{make_job(0, 0, 1, 1), make_job(1, 100, 8, 50), make_job(2, 110, 4, 50)};
  jobs[2].priority = 1;
  const auto w = linear_workload(jobs);
  schedule::scheduler plan{order::fifo{},
                           allocate::requested{},
                           place::packed{},
                           route::ideal{},
                           admit::in_order{},
                           schedule::means{schedule::preempt{}},
                           scheduler_options{.off_after_s = 10}};
  power_meter m;
  const report r = sim::run(two, w, plan, {.power = watts}, m);
  REQUIRE(r.finished == 3);
  check_energy(r, m);
  CHECK(r.records[2].start_s == 200);  // job 2, when server 0 is on
  CHECK(r.records[2].finish_s == 250);
  CHECK(r.parts.wake_j == Approx(30000 + 6000 + 30000));  // server 1 gives up after 20 of 100 s
  CHECK(r.parts.servers_off_j == Approx(20 * (89 + 90 + 130)));
}

TEST_CASE("setting circuits up is waiting, and moving them a pause of those that they belong to") {
  const fabric::leaf_spine_ocs dc{{.leafs = 2,
                                   .spines = 2,
                                   .switches = 4,
                                   .switching_ms = 2000,
                                   .servers_per_leaf = 1,
                                   .gpus_per_server = 4}};
  auto jobs = std::vector{make_job(0, 0, 8, 100), make_job(1, 10, 4, 100)};
  const auto w = linear_workload(jobs);
  schedule::scheduler plan{order::fifo{}, allocate::requested{}, place::ocs_vclos{},
                           route::ideal{}};
  power_meter m;
  const report r = sim::run(dc, w, plan, {.power = watts}, m);
  REQUIRE(r.finished == 2);
  CHECK(r.records[0].start_s == 2);  // circuits between both leafs
  CHECK(r.records[0].jwt_s() == 2);
  CHECK(r.records[0].run_s == 100);
  CHECK(r.records[1].start_s == 102);  // one leaf: no circuit
  CHECK(r.parts.ocs_j == Approx(4 * 40 * 202.0));
  check_energy(r, m);
}

TEST_CASE("when an energy budget is used up jobs go on at their most frugal clock and none start") {
  // Two clocks: 1000 W for 10 samples a second, 400 W for 5.
  model::workload w;
  w.curves.push_back(model::curve{{point(4, 5, 400, 1), point(4, 10, 1000, 2)}});
  w.jobs = {make_job(0, 0, 4, 1000), make_job(1, 100, 4, 20)};
  w.curve_of = {0, 0};
  const fabric::base_power none{.gpu_idle_w = 0, .server_w = 0, .server_off_w = 0, .switch_w = 0};
  for (const bool hard : {false, true}) {
    plain plan{order::fifo{}, allocate::requested{}, place::one_server{}, route::ideal{},
               scheduler_options{.energy = {.energy_j = 1.1e6, .hard = hard}}};
    // Job 0 was let in with 1 MJ of work; job 1 needs 20 kJ, and gets them.
    const report r = sim::run(two, w, plan, {.power = none});
    CHECK(r.finished == 2);
  }
  // Idle parts use what was meant for the work: job 1 never starts, and job 0 slows down.
  const fabric::base_power idle{
      .gpu_idle_w = 0, .server_w = 100, .server_off_w = 0, .switch_w = 100};
  for (const bool hard : {false, true}) {
    plain plan{order::fifo{}, allocate::requested{}, place::one_server{}, route::ideal{},
               scheduler_options{.energy = {.energy_j = 1.05e6, .hard = hard}}};
    power_meter m;
    const report r = sim::run(two, w, plan, {.power = idle}, m);
    CHECK(r.status == sim::run_status::stuck);
    CHECK(r.finished == (hard ? 0 : 1));
    if (hard) {
      CHECK(r.energy_j <= 1.05e6 * (1 + 1e-3));
    } else {
      // 1.4 kW until 750 s (1 kW its own), then half as fast on 400 W.
      CHECK(r.records[0].finish_s == Approx(750 + 500).epsilon(0.01));
      check_energy(r, m);
    }
  }
}

TEST_CASE("an energy budget over a horizon is never overdrawn") {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<job> jobs;
    double now = 0;
    for (std::uint32_t i = 0; i < 60; ++i)
      jobs.push_back(make_job(i, now += d.between(0, 100), d.between(1, 8), d.between(10, 400)));
    const auto w = linear_workload(jobs);
    const schedule::state empty{two, watts};
    const double per_hour = 3600 * (empty.idle_power_w() + 1000);
    plain plan{order::fifo{}, allocate::requested{}, place::packed{}, route::ideal{},
               scheduler_options{.energy = {.energy_j = per_hour, .horizon_s = 3600}}};
    power_meter m;
    double worst = 1e300;
    const auto watch = [&](const sim::moment& at) {
      worst = std::min(worst, per_hour / 3600 * (at.now_s - at.state.start_s) + per_hour -
                                  at.state.energy_j);
    };
    const report r = sim::run(two, w, plan, {.power = watts}, m, watch);
    CHECK(r.finished == w.size());
    CHECK(worst >= 0);
    CHECK(r.mean_jwt_s > 0);
    check_energy(r, m);
  }
}

TEST_CASE("carbon and cost are the integrals of power times their series") {
  const auto w = linear_workload({make_job(0, 0, 4, 100), make_job(1, 100, 8, 100)});
  plain plan{order::fifo{}, allocate::requested{}, place::packed{}, route::ideal{}};
  const report r = sim::run(two, w, plan,
                            {.power = watts,
                             .carbon_g_per_kwh = sim::series{{{0, 500}}},
                             .price_per_kwh = sim::series{{{0, 0}, {100, 0.2}}}});
  CHECK(r.carbon_g == Approx(r.energy_j / 3.6e6 * 500));
  const double second_half_j = 100 * (8 * 300 + 2 * 400 + 2 * 300);
  CHECK(r.cost == Approx(second_half_j / 3.6e6 * 0.2));
  CHECK_THROWS_AS((sim::series{{{5, 1}, {5, 2}}}), input_error);
  const sim::series s{{{10, 1}, {20, 3}}};
  CHECK(s.at(0) == 1);
  CHECK(s.at(25) == 3);
  CHECK(s.integral(0, 30) == 20 + 30);
  CHECK(s.integral(12, 12) == 0);
  CHECK(sim::series{}.integral(0, 9) == 0);
}

TEST_CASE("quantiles are exact for short series and close for long ones in bounded memory") {
  test::dice d{3};
  for (const std::size_t n : {std::size_t{1}, std::size_t{1000}, std::size_t{200'000}}) {
    sim::quantiles q;
    std::vector<double> all;
    for (std::size_t i = 0; i < n; ++i) {
      all.push_back(d.chance(.1) ? 0 : std::exp(20 * d.real() - 5));
      q.add(all.back());
    }
    for (double p : {0.0, 0.05, 0.5, 0.9, 0.99, 1.0}) {
      const double exact = quantile(all, p);
      if (n <= sim::quantiles::exact_until)
        CHECK(q.at(p) == exact);
      else
        CHECK(std::abs(q.at(p) - exact) <= exact / 2048);
    }
  }
}
