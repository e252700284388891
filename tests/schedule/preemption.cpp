#include <heddle/schedule/scheduler.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <heddle/allocate/requested.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/sim/run.hpp>
#include <heddle/trace/jobs.hpp>

#include "support/dice.hpp"
#include "support/reference_queue.hpp"
#include "support/schedulers.hpp"
#include "support/shared_data.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using doctest::Approx;
using schedule::decision;
using schedule::means;
using schedule::migrate;
using schedule::other_count;
using schedule::preempt;
using schedule::scheduler;
using test::linear_workload;
using test::make_job;
using test::point;

namespace {

const fabric::leaf_spine dc{{.leafs = 2, .spines = 8, .servers_per_leaf = 1, .gpus_per_server = 8}};
const sim::options free_moves{.moves = {.rescale = {.pause_s = 0}}};

// The mean JCT of shortest remaining time first on one machine that runs one job at a time.
double srtf_on_one_machine(std::vector<job> jobs) {
  double now = 0, sum = 0;
  std::vector<double> left;
  for (const job& j : jobs) left.push_back(j.duration_s);
  for (std::size_t done = 0; done < jobs.size();) {
    std::size_t best = jobs.size();
    double next = 1e300;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      if (jobs[i].submit_s > now)
        next = std::min(next, jobs[i].submit_s);
      else if (left[i] > 0 && (best == jobs.size() || left[i] < left[best]))
        best = i;
    }
    if (best == jobs.size()) {
      now = next;
      continue;
    }
    const double run = std::min(left[best], next - now);
    now += run;
    left[best] -= run;
    if (left[best] <= 0) {
      sum += now - jobs[best].submit_s;
      ++done;
    }
  }
  return sum / static_cast<double>(jobs.size());
}

}  // namespace

TEST_CASE("preempting shortest remaining time first is SRTF on one machine") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<job> jobs;
    int now = 0;
    for (std::uint32_t i = 0; i < 60; ++i)
      jobs.push_back(make_job(i, now += d.between(0, 60), 16, d.between(1, 100)));
    const auto w = linear_workload(jobs);
    scheduler plan{
        order::shortest_remaining{}, allocate::requested{}, place::packed{}, route::ideal{},
        admit::in_order{},           means{preempt{}}};
    const sim::report r = sim::run(dc, w, plan, free_moves);
    REQUIRE(r.finished == w.size());
    CHECK(r.mean_jct_s == Approx(srtf_on_one_machine(jobs)));
    CHECK(r.rescales > 0);
  }
}

TEST_CASE("a job stops as few running ones as it needs, those that come last") {
  std::vector jobs{make_job(0, 0, 4, 100), make_job(1, 1, 4, 300), make_job(2, 2, 4, 200),
                   make_job(3, 3, 4, 400), make_job(4, 4, 8, 50)};
  const auto w = linear_workload(jobs);
  scheduler plan{
      order::shortest_remaining{}, allocate::requested{}, place::packed{}, route::ideal{},
      admit::in_order{},           means{preempt{}}};
  std::vector<job_id> stopped;
  const auto watch = [&](const sim::stopped& e) {
    if (e.now_s < 5) stopped.push_back(e.job);
  };
  const sim::report r = sim::run(dc, w, plan, free_moves, watch);
  CHECK(r.finished == 5);
  std::sort(stopped.begin(), stopped.end());
  CHECK(stopped == std::vector{job_id{1}, job_id{3}});
}

TEST_CASE("a job that cannot be placed even so stops nobody") {
  // Sixteen GPUs on one server are not to be had.
  std::vector jobs{make_job(0, 0, 8, 100), make_job(1, 0, 8, 100), make_job(2, 1, 16, 1)};
  const auto w = linear_workload(jobs);
  scheduler plan{order::shortest_remaining{}, allocate::requested{},
                 place::one_server{},         route::ideal{},
                 admit::in_order{},           means{preempt{}}};
  const sim::report r = sim::run(dc, w, plan, free_moves);
  CHECK(r.finished == 2);
  CHECK(r.rescales == 0);
  CHECK(r.makespan_s == 100);
}

TEST_CASE("a higher class stops a lower one, equals stop nobody") {
  std::vector jobs{make_job(0, 0, 16, 100), make_job(1, 10, 16, 10), make_job(2, 20, 16, 10)};
  jobs[2].priority = 1;
  const auto w = linear_workload(jobs);
  scheduler plan{order::fifo{},  allocate::requested{}, place::packed{},
                 route::ideal{}, admit::in_order{},     means{preempt{}}};
  const sim::report r = sim::run(dc, w, plan, free_moves);
  CHECK(r.records[2].start_s == 20);
  CHECK(r.records[0].finish_s == 110);
  CHECK(r.records[1].start_s == 110);
}

TEST_CASE("under least attained service a long job falls behind when it has had its level") {
  // Level ends at 16 GPUs × 100 s. Job 1 comes at 50 and waits until job 0 falls at 100.
  std::vector jobs{make_job(0, 0, 16, 1000), make_job(1, 50, 16, 30)};
  const auto w = linear_workload(jobs);
  scheduler plan{order::least_attained{.levels_gpu_s = {1600}},
                 allocate::requested{},
                 place::packed{},
                 route::ideal{},
                 admit::in_order{},
                 means{preempt{}}};
  const sim::report r = sim::run(dc, w, plan, free_moves);
  CHECK(r.records[1].start_s == Approx(100));
  CHECK(r.records[1].finish_s == Approx(130));
  CHECK(r.records[0].finish_s == Approx(1030));
  CHECK(r.rescales == 1);
}

TEST_CASE("work is conserved under preemption, whatever the order") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<job> jobs;
    int now = 0;
    for (std::uint32_t i = 0; i < 150; ++i) {
      jobs.push_back(make_job(i, now += d.between(0, 30), d.between(1, 16), d.between(1, 300)));
      jobs.back().priority = d.between(0, 1);
    }
    const auto w = linear_workload(jobs);
    const auto check = [&](auto order) {
      scheduler plan{order,          allocate::requested{}, place::vclos{},
                     route::ideal{}, admit::greedy{},       means{preempt{}}};
      // What each job did, from what it was told.
      std::vector<double> done(jobs.size(), 0), since(jobs.size(), -1);
      struct watcher {
        std::vector<double>*done, *since;
        void operator()(const sim::started& e) { (*since)[e.what.job.index()] = e.now_s; }
        void operator()(const sim::stopped& e) {
          (*done)[e.job.index()] += e.now_s - (*since)[e.job.index()];
          (*since)[e.job.index()] = -1;
        }
        void operator()(const sim::finished& e) {
          (*done)[e.record.id.index()] += e.now_s - (*since)[e.record.id.index()];
        }
      } watch{&done, &since};
      const sim::report r = sim::run(dc, w, plan, free_moves, watch);
      REQUIRE(r.finished == w.size());
      for (const job& j : jobs) REQUIRE(done[j.id.index()] == Approx(j.duration_s).epsilon(1e-9));
    };
    if (seed % 2)
      check(order::shortest_remaining{});
    else
      check(order::least_attained{.levels_gpu_s = {100, 1000}});
  }
}

TEST_CASE("a job that has moved out of the way is not stopped in the same decision") {
  // Four GPUs are free on each server, eight are wanted on one, four anywhere.
  const std::vector jobs{make_job(0, 0, 4, 5000), make_job(1, 0, 4, 10), make_job(2, 1, 4, 1000),
                         make_job(3, 20, 8, 10), make_job(4, 20, 4, 50)};
  const auto curve = test::linear_curve({4, 8});
  schedule::state s{dc};
  scheduler plan{order::shortest_remaining{}, allocate::requested{},
                 place::one_server{},         route::ideal{},
                 admit::in_order{},           means{preempt{}, migrate{}}};
  scheduler moving{order::shortest_remaining{}, allocate::requested{},
                   place::one_server{},         route::ideal{},
                   admit::in_order{},           means{migrate{}, preempt{}}};
  for (int i : {0, 1, 2}) {
    s.submit(jobs[static_cast<std::size_t>(i)], curve);
    (void)plan.decide(s, i);
  }
  s.finish(1);
  s.submit(jobs[3], curve);
  s.submit(jobs[4], curve);
  const decision d = moving.decide(s, 20);
  REQUIRE(d.resizes.size() == 1);
  CHECK(d.resizes[0].job == job_id{0});  // the longest, which job 4 outranks before all others
  CHECK(d.starts.size() == 2);
  CHECK(d.stops == std::vector{job_id{2}});
  CHECK(s.ledger.consistent());
}

TEST_CASE("jobs that belong together start together or not at all") {
  std::vector jobs{make_job(0, 0, 6, 10), make_job(1, 0, 6, 10), make_job(2, 0, 6, 10)};
  const auto curve = test::linear_curve({6});
  schedule::state s{dc};
  for (const job& j : jobs) s.submit(j, curve);
  scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::ideal{}};
  const auto before = s.ledger;
  const job_id all[] = {job_id{0}, job_id{1}, job_id{2}};
  const decision no = plan.start_together(s, all, 0);
  CHECK(no.changes_nothing());
  CHECK(no.waiting == std::vector{schedule::blocked{job_id{2}, place::wait_reason::gpus}});
  CHECK(s.ledger == before);
  CHECK(s.waiting.size() == 3);
  CHECK(s.running.empty());
  const job_id two[] = {job_id{2}, job_id{0}};
  const decision yes = plan.start_together(s, two, 0);
  CHECK(yes.starts.size() == 2);
  CHECK(s.running.size() == 2);
  CHECK(s.waiting == std::vector<std::uint32_t>{1});
}

TEST_CASE("in joint mode a job takes the count that can be placed now if that is done sooner") {
  // Twelve GPUs run for long; 8 are wanted, 4 are free. At 4 GPUs it takes twice as long.
  const auto w =
      linear_workload({make_job(0, 0, 12, 400), make_job(1, 1, 8, 100), make_job(2, 2, 4, 1)});
  const auto replay = [&](bool joint, double first_s) {
    auto all = w;
    all.jobs[0].duration_s = first_s;
    scheduler plan{order::fifo{},  allocate::requested{}, place::packed{},
                   route::ideal{}, admit::in_order{},     means{test::only_if<other_count>{joint}}};
    return sim::run(dc, all, plan).records[1];
  };
  CHECK(replay(false, 400).start_s == 400);
  CHECK(replay(true, 400).start_s == 1);
  CHECK(replay(true, 400).gpus == 4);
  CHECK(replay(true, 400).finish_s == 201);
  // When waiting is better it waits: at 50 s it gets its eight and is done at 150.
  CHECK(replay(true, 50).start_s == 50);
  CHECK(replay(true, 50).gpus == 8);
}

TEST_CASE("in joint mode isolation that is to be had now is taken, by the curve's worth") {
  // Leaf 0 is full but for two GPUs, leaf 1 but for five: no virtual Clos of six in the original's
  // even shape, but one leaf has room for four.
  const auto curve = test::linear_curve({2, 3, 4, 6, 11});
  std::vector jobs{make_job(0, 0, 6, 1000), make_job(1, 0, 3, 1000), make_job(2, 1, 6, 100)};
  const auto w = linear_workload({jobs[0], jobs[1], jobs[2], make_job(3, 2, 4, 1)});
  for (const bool joint : {false, true}) {
    scheduler plan{order::fifo{},  allocate::requested{}, place::one_leaf{},
                   route::ideal{}, admit::in_order{},     means{test::only_if<other_count>{joint}}};
    const sim::report r = sim::run(dc, w, plan);
    CHECK(r.records[2].gpus == (joint ? 4 : 6));
    CHECK(r.records[2].finish_s == Approx(joint ? 151 : 1100));
  }
}

TEST_CASE("running jobs migrate out of the way of one for which there is room in all") {
  // Job 1 leaves four free on each server, eight are wanted on one: job 0 moves over to job 2.
  auto w = linear_workload({make_job(0, 0, 4, 100), make_job(1, 0, 4, 10), make_job(2, 1, 4, 1000),
                            make_job(3, 20, 8, 50)});
  for (const int most : {0, 3, 4}) {
    CAPTURE(most);
    scheduler plan{order::fifo{},  allocate::requested{}, place::one_server{},
                   route::ideal{}, admit::in_order{},     means{migrate{.most_gpus = most}}};
    const sim::report r = sim::run(dc, w, plan, {.moves = {.migration = {.pause_s = 3}}});
    REQUIRE(r.finished == 4);
    CHECK(r.migrations == (most == 4 ? 1 : 0));
    CHECK(r.records[3].start_s == (most == 4 ? 20 : 100));
    CHECK(r.rescales == 0);
    const double moved_s = r.records[0].run_s - 100 + r.records[2].run_s - 1000;
    CHECK(moved_s == (most == 4 ? 3 : 0));
  }
}

namespace {

// Shortest remaining time first that stops and starts freely, anywhere.
sim::report srtf(const fabric::leaf_spine& on, const model::workload& w) {
  scheduler plan{order::shortest_remaining{},
                 allocate::requested{},
                 place::packed{},
                 route::ideal{},
                 admit::greedy{},
                 means{preempt{}}};
  return sim::run(on, w, plan, free_moves);
}
std::vector<double> srtf_by_definition(const model::workload& w, int gpus) {
  std::vector<double> submit, run;
  std::vector<int> wants;
  for (const job& j : w.jobs) {
    submit.push_back(j.submit_s);
    run.push_back(j.duration_s);
    wants.push_back(j.gpus);
  }
  return test::reference::ends_under_srtf(submit, run, wants, gpus);
}

}  // namespace

TEST_CASE("of those that a job could stop the best go on that it can do without") {
  const fabric::leaf_spine four{
      {.leafs = 1, .spines = 1, .servers_per_leaf = 1, .gpus_per_server = 4}};
  // Job 2 comes at 50, wants two GPUs and outranks both. Job 1, of three, has to stop; job 0 does not.
  std::vector jobs{make_job(0, 0, 1, 1500), make_job(1, 1, 3, 900), make_job(2, 50, 2, 100)};
  const sim::report r = srtf(four, linear_workload(jobs));
  CHECK(r.records[0].finish_s == 1500);
  CHECK(r.records[0].rescales == 0);
  CHECK(r.records[1].finish_s == 1001);
  CHECK(r.records[2].start_s == 50);
  // Nor does one that it outranks take its place: that has the fourth GPU, as long as nobody wants it.
  jobs.insert(jobs.begin() + 2, make_job(3, 2, 1, 9000));
  const sim::report s = srtf(four, linear_workload(jobs));
  CHECK(s.records[0].finish_s == 1500);
  CHECK(s.records[1].finish_s == 1001);
  CHECK(s.records[2].start_s == 50);
  CHECK(s.records[2].rescales == 1);
}

TEST_CASE("one that is stopped starts elsewhere at once where there is room") {
  // Job 2 wants a whole server and stops both jobs of server 0 or 1; the shorter of them finds room.
  std::vector jobs{make_job(0, 0, 4, 900), make_job(1, 0, 8, 500), make_job(2, 10, 8, 50)};
  scheduler plan{order::shortest_remaining{},
                 allocate::requested{},
                 place::one_server{},
                 route::ideal{},
                 admit::greedy{},
                 means{preempt{}}};
  jobs.insert(jobs.begin() + 1, make_job(3, 0, 2, 600));
  const fabric::leaf_spine three{
      {.leafs = 1, .spines = 1, .servers_per_leaf = 2, .gpus_per_server = 8}};
  std::size_t stops = 0;
  const auto watch = [&](const sim::decision_made& e) {
    if (e.now_s == 10) stops = e.what.stops.size();
  };
  const sim::report r = sim::run(three, linear_workload(jobs), plan, free_moves, watch);
  REQUIRE(r.finished == 4);
  CHECK(stops == 2);
  CHECK(r.records[3].start_s == 10);
}

TEST_CASE("preempting shortest remaining time first is what its definition says job by job") {
  std::size_t stopped = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<job> jobs;
    double now = 0;
    for (std::uint32_t i = 0; i < 60; ++i) {
      now += d.between(0, 30) + d.between(0, 1000) / 1001.0;  // no two have as long to go
      jobs.push_back(make_job(i, now, d.chance(.3) ? d.between(1, 16) : d.between(1, 4),
                              d.between(1, 200) + d.between(0, 1000) / 1003.0));
    }
    const auto w = linear_workload(jobs);
    const sim::report r = srtf(dc, w);
    REQUIRE(r.finished == w.size());
    const auto expected = srtf_by_definition(w, dc.gpus());
    for (std::size_t i = 0; i < jobs.size(); ++i)
      REQUIRE(r.records[i].finish_s == Approx(expected[i]).epsilon(1e-9));
    stopped += r.rescales;
  }
  CHECK(stopped > 1000);
}

TEST_CASE("on a public trace shortest remaining time first has the mean that two other simulators "
          "found") {
  HEDDLE_SHARED_FILE(file, "data/jobs/msr_itp_c02.csv");
  std::ifstream in(file);
  const auto w = linear_workload(trace::read_jobs(in, "msr_itp_c02", {.limit = 2000}));
  const fabric::leaf_spine cluster{
      {.leafs = 3, .spines = 8, .servers_per_leaf = 4, .gpus_per_server = 8}};
  const sim::report r = srtf(cluster, w);
  REQUIRE(r.finished == 2000);
  constexpr double found_elsewhere_s = 14947.4045;
  CHECK(std::abs(r.mean_jct_s - found_elsewhere_s) < 1e-4);
  double sum_s = 0;
  const auto ends = srtf_by_definition(w, cluster.gpus());
  for (std::size_t i = 0; i < w.size(); ++i) sum_s += ends[i] - w.jobs[i].submit_s;
  CHECK(std::abs(sum_s / 2000 - found_elsewhere_s) < 1e-4);
}
