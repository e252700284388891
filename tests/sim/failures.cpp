#include <heddle/sim/run.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <heddle/allocate/requested.hpp>
#include <heddle/core/error.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/route/verify.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/trace/availability.hpp>
#include <heddle/trace/jobs.hpp>

#include "support/dice.hpp"
#include "support/schedulers.hpp"
#include "support/shared_data.hpp"
#include "support/states.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using doctest::Approx;
using schedule::scheduler;
using sim::report;
using sim::run_status;
using test::linear_workload;
using test::make_job;

namespace {

constexpr double sum_tolerance = 1e-9;  // relative, of sums of many terms

const fabric::leaf_spine small{
    {.leafs = 4, .spines = 8, .servers_per_leaf = 2, .gpus_per_server = 4}};

using any_place =
    std::function<place::answer(const fabric::ledger<fabric::leaf_spine>&, const place::request&)>;
using plain =
    scheduler<order::fifo, allocate::requested, any_place, route::ideal, test::any_admission>;

plain fifo_on(any_place place, test::any_admission a = {}, schedule::scheduler_options o = {}) {
  return {order::fifo{}, allocate::requested{}, std::move(place), route::ideal{}, std::move(a), o};
}

// Integrates the power shown, proves isolation after every failure, and keeps what was lost.
struct witness {
  double energy_j = 0, last_s = 0, last_w = 0;
  bool first = true, prove = false, look = false;
  const fabric::leaf_spine* dc = &small;  // where it runs
  std::size_t proofs = 0, hits = 0, downs = 0;
  std::map<job_id, double> lost_s;

  void operator()(const sim::moment& m) {
    if (!first) energy_j += last_w * (m.now_s - last_s);
    first = false;
    last_s = m.now_s;
    last_w = m.power_w;
    for (const auto& [job, where] : m.gpus.placements())
      for (gpu_id g : where.gpus) REQUIRE_FALSE(m.gpus.is_failed(m.gpus.hosts().server_of(g)));
    if (!prove || !look) return;
    look = false;
    const auto pattern = [&](job_id id) { return m.state.jobs[m.state.slot_of(id)].spec->pattern; };
    const route::isolation proof =
        route::verify_isolated(test::ledger_of(*dc, m.gpus), pattern, route::source{});
    REQUIRE_MESSAGE(proof, proof.broken->message());
    ++proofs;
  }
  void operator()(const sim::hit& e) {
    lost_s[e.job] += e.lost_s;
    ++hits;
  }
  void operator()(const sim::server_changed& e) {
    if (e.mode == sim::server_mode::failed) ++downs;
    look = true;
  }
};

void check_energy(const report& r, const witness& w) {
  CHECK(r.energy_j == Approx(w.energy_j).epsilon(sum_tolerance));
  CHECK(r.energy_j == Approx(r.parts.total_j()).epsilon(sum_tolerance));
  double jobs_j = 0;
  for (const auto& j : r.records) jobs_j += j.energy_j;
  CHECK(r.energy_j == Approx(jobs_j + r.overhead_energy_j).epsilon(sum_tolerance));
}

}  // namespace

TEST_CASE("a failure takes the work since the last checkpoint and the job goes on elsewhere") {
  // Eight GPUs on servers 0 and 1; server 1 fails after 250 s, 50 s after the second checkpoint.
  const auto w = linear_workload({make_job(0, 0, 8, 1000)});
  plain plan = fifo_on(place::packed{});
  const sim::options o{.moves = {.recovery = {.pause_s = 30}},
                       .checkpoint_s = 100,
                       .failures = {{250, 1, false}, {400, 1, true}}};
  witness see;
  const report r = sim::run(small, w, plan, o, see);
  REQUIRE(r.status == run_status::finished);
  CHECK(see.lost_s.at(job_id{0}) == Approx(50));
  CHECK(r.records[0].lost_s == Approx(50));
  CHECK(r.records[0].restarts == 1);
  CHECK(r.records[0].rescales == 0);
  CHECK(r.records[0].finish_s == Approx(250 + 30 + 800));
  CHECK(r.records[0].run_s == Approx(1080));
  CHECK(r.lost_gpu_s == Approx(50 * 8));
  CHECK(r.failures == 1);
  CHECK(r.restarts == 1);
  CHECK(r.events == 4);
  check_energy(r, see);
  // The server is off for 150 s.
  CHECK(r.parts.servers_off_j == Approx(150 * 20));
}

TEST_CASE("what is lost is what the checkpoint interval says") {
  for (double interval : {0.0, 10.0, 64.0, 1e9}) {
    CAPTURE(interval);
    const auto w = linear_workload({make_job(0, 0, 4, 1000)});
    plain plan = fifo_on(place::packed{});
    const report r = sim::run(small, w, plan,
                              {.moves = {.recovery = {.pause_s = 0}},
                               .checkpoint_s = interval,
                               .failures = {{333, 0, false}}});
    const double lost = interval == 0 ? 0 : std::fmod(333, interval);
    CHECK(r.records[0].lost_s == Approx(lost));
    CHECK(r.records[0].finish_s == Approx(1000 + lost));
  }
}

TEST_CASE("a job whose servers are all gone waits until enough are repaired") {
  const auto w = linear_workload({make_job(0, 0, 32, 100)});
  plain plan = fifo_on(place::packed{});
  const sim::options o{.moves = {.recovery = {.pause_s = 0}},
                       .failures = {{50, 3, false}, {500, 3, true}}};
  const report r = sim::run(small, w, plan, o);
  REQUIRE(r.finished == 1);
  CHECK(r.records[0].finish_s == Approx(600));
  CHECK(r.records[0].run_s == Approx(600));  // the time between runs counts
  // Without the repair it waits for ever, and the simulation ends all the same.
  plain again = fifo_on(place::packed{});
  const report s = sim::run(small, w, again, {.failures = {{50, 3, false}}});
  CHECK(s.status == run_status::stuck);
  CHECK(s.stuck_jobs == std::vector{job_id{0}});
}

TEST_CASE("servers that are away at the start serve nobody until they come") {
  const auto w = linear_workload({make_job(0, 10, 4, 100)});
  plain plan = fifo_on(place::packed{});
  const sim::options o{.failures = {{0, 7, true}, {0, 7, false}, {60, 2, true}},
                       .up_at_start = false};
  const report r = sim::run(small, w, plan, o);
  REQUIRE(r.finished == 1);
  CHECK(r.records[0].start_s == 60);
}

TEST_CASE("failures that cannot be are refused") {
  const auto w = linear_workload({make_job(0, 0, 1, 1)});
  plain plan = fifo_on(place::packed{});
  CHECK_THROWS_AS((void)sim::run(small, w, plan, {.failures = {{0, 8, false}}}), input_error);
  CHECK_THROWS_AS((void)sim::run(small, w, plan, {.failures = {{5, 1, false}, {4, 1, true}}}),
                  input_error);
}

TEST_CASE("work and energy are conserved and isolation holds through failures by chance") {
  std::size_t hits = 0, proofs = 0;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<job> jobs;
    double now = 0;
    for (std::uint32_t i = 0; i < 150; ++i) {
      now += d.between(0, 200);
      jobs.push_back(make_job(i, now, d.between(1, 20), d.between(10, 2000)));
      jobs.back().pattern = collective::ring;
      jobs.back().comm_share = .4;
    }
    const auto w = linear_workload(jobs);
    const trace::failure_process process{
        .nodes = 8, .mtbf_s = 5000, .mttr_s = 600, .horizon_s = 1e6, .seed = seed};
    sim::options o{
        .moves = {.recovery = {.pause_s = 30}}, .checkpoint_s = 300, .failures = process().events};
    // Every other time idle servers are switched off, and a preempting order is at work.
    schedule::scheduler_options s;
    if (seed % 2) s.off_after_s = 120;
    plain plan = fifo_on(place::vclos{}, admit::easy{}, s);
    witness see;
    see.prove = true;
    const report r = sim::run(small, w, plan, o, see);
    REQUIRE(r.status == run_status::finished);
    REQUIRE(r.finished == w.size());
    check_energy(r, see);
    CHECK(r.restarts == see.hits);
    CHECK(r.failures == see.downs);
    std::size_t restarts = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
      const auto& j = r.records[i];
      restarts += static_cast<std::size_t>(j.restarts);
      const double lost = see.lost_s.contains(j.id) ? see.lost_s.at(j.id) : 0;
      REQUIRE(j.lost_s == Approx(lost));
      REQUIRE(j.lost_s <= 300.0 * j.restarts + 1e-6);
      REQUIRE(j.run_s == Approx(j.finish_s - j.start_s).epsilon(sum_tolerance));
      // Run time: its work, what was lost of it, pauses (which a failure may cut short) and gaps.
      REQUIRE(j.run_s >= w.jobs[i].duration_s + lost - 1e-6);
      if (!j.restarts) REQUIRE(j.run_s == w.jobs[i].duration_s);
    }
    CHECK(restarts <= see.hits);  // one that was hit before it began simply begins later
    hits += see.hits;
    proofs += see.proofs;
  }
  CHECK(hits > 50);
  CHECK(proofs > 100);
}

TEST_CASE("every job of a real trace finishes on a real spot market") {
  HEDDLE_SHARED_FILE(nodes, "data/availability/bamboo_p3.csv");
  HEDDLE_SHARED_FILE(trace, "data/jobs/msr_itp_c01.csv");
  const fabric::leaf_spine dc{
      {.leafs = 8, .spines = 32, .servers_per_leaf = 4, .gpus_per_server = 8}};
  std::ifstream spot(nodes), in(trace);
  const trace::availability real = trace::read_availability(spot, "bamboo_p3.csv").on(32);
  std::vector<job> jobs =
      trace::read_jobs(in, "msr_itp_c01.csv", {.limit = 400}, trace::vclos_mix{});
  // The market was watched for 11 hours: jobs come ten times as fast, and at the end all is well.
  for (job& j : jobs) j.submit_s /= 10;
  sim::options o{.checkpoint_s = 600, .failures = real.events, .up_at_start = real.up_at_start};
  const double end_s = real.events.back().time_s + 60;
  std::vector<bool> up(32, false);
  for (const node_event& e : real.events) up[e.node] = e.up;
  for (std::uint32_t i = 0; i < 32; ++i)
    if (!up[i]) o.failures.push_back({end_s, i, true});
  const auto w = linear_workload(jobs);
  for (const bool isolated : {false, true}) {
    CAPTURE(isolated);
    plain plan = fifo_on(isolated ? any_place(place::first_of{place::one_server{}, place::vclos{}})
                                  : any_place(place::packed{}),
                         admit::easy{});
    witness see;
    see.prove = isolated;
    see.dc = &dc;
    const report r = sim::run(dc, w, plan, o, see);
    REQUIRE(r.finished == w.size());
    check_energy(r, see);
    CHECK(see.hits > 10);
    for (const auto& j : r.records) REQUIRE(j.lost_s <= 600.0 * j.restarts + 1e-6);
  }
}
