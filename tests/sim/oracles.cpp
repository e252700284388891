#include <heddle/sim/run.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <functional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include <heddle/allocate/requested.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/trace/jobs.hpp>

#include "support/dice.hpp"
#include "support/schedulers.hpp"
#include "support/shared_data.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using test::linear_workload;
using test::make_job;

namespace {

struct span_of_job {
  double start_s = 0, finish_s = 0;
};

// Each job in turn waits until enough GPUs are free, and holds back all behind it.
std::vector<span_of_job> list_schedule(const std::vector<job>& jobs, int gpus) {
  std::vector<span_of_job> out;
  std::priority_queue<std::pair<double, int>, std::vector<std::pair<double, int>>, std::greater<>>
      running;
  double now = 0;
  for (const job& j : jobs) {
    now = std::max(now, j.submit_s);
    while (gpus < j.gpus || (!running.empty() && running.top().first <= now)) {
      now = std::max(now, running.top().first);
      gpus += running.top().second;
      running.pop();
    }
    gpus -= j.gpus;
    out.push_back({now, now + j.duration_s});
    running.push({now + j.duration_s, j.gpus});
  }
  return out;
}

}  // namespace

TEST_CASE("without contention fifo is list scheduling on every public trace") {
  // Small enough that there is a queue: these clusters had up to 2 437 GPUs in use.
  const fabric::leaf_spine dc{
      {.leafs = 2, .spines = 4, .servers_per_leaf = 4, .gpus_per_server = 8}};
  for (const char* name : {"msr_itp_c01", "msr_itp_c02", "msr_itp_c04", "msr_itp_c07", "philly_all",
                           "alibaba_v2023_openb"}) {
    CAPTURE(name);
    HEDDLE_SHARED_FILE(file, "data/jobs/" + std::string(name) + ".csv");
    std::ifstream in(file);
    const auto w = linear_workload(trace::read_jobs(in, name));
    schedule::scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::ideal{}};
    const sim::report r = sim::run(dc, w, plan);
    const auto oracle = list_schedule(w.jobs, dc.gpus());
    REQUIRE(r.records.size() == w.size());
    std::size_t waited = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
      REQUIRE(r.records[i].start_s == oracle[i].start_s);
      REQUIRE(r.records[i].finish_s == oracle[i].finish_s);
      REQUIRE(r.records[i].run_s == w.jobs[i].duration_s);
      waited += r.records[i].jwt_s() > 0;
    }
    CHECK(waited > 0);
  }
}

TEST_CASE("one job at a time takes its duration under every policy") {
  const fabric::leaf_spine dc{
      {.leafs = 4, .spines = 8, .servers_per_leaf = 2, .gpus_per_server = 4}};
  std::vector<job> jobs;
  test::dice d{1};
  for (std::uint32_t i = 0; i < 40; ++i) {
    jobs.push_back(make_job(i, 1000.0 * i, d.between(1, 32), d.between(1, 999)));
    jobs.back().pattern = d.chance(.5) ? collective::ring : collective::all_to_all;
    jobs.back().comm_share = .5;
    jobs.back().deadline_s = jobs.back().submit_s + 500;
  }
  const auto w = linear_workload(jobs);
  // One type for all orders and one for all placements.
  using test::any_admission;
  using any_order = std::function<bool(const order::entry&, const order::entry&)>;
  using any_place = std::function<place::answer(const fabric::ledger<fabric::leaf_spine>&,
                                                const place::request&)>;
  const any_order orders[] = {order::fifo{},     order::fewest_gpus{},
                              order::shortest{}, order::shortest_remaining{},
                              order::deadline{}, order::least_attained{}};
  // Jobs under vclos own their links, those under packed find the network ideal.
  const any_place places[] = {place::packed{}, place::vclos{}};
  const auto in_time =
      std::count_if(jobs.begin(), jobs.end(), [](const job& j) { return j.duration_s <= 500; });
  for (const any_order& by : orders)
    for (const any_place& at : places)
      for (const any_admission& a :
           {any_admission(admit::in_order{}), any_admission(admit::greedy{}),
            any_admission(admit::easy{}), any_admission(admit::conservative{})})
        for (bool all : {false, true}) {
          schedule::scheduler plan{by,
                                   allocate::requested{},
                                   at,
                                   route::ideal{},
                                   a,
                                   schedule::means{test::only_if<schedule::preempt>{all},
                                                   test::only_if<schedule::other_count>{all}},
                                   schedule::scheduler_options{.patience_s = 10}};
          const sim::report r = sim::run(dc, w, plan);
          REQUIRE(r.finished == w.size());
          for (std::size_t i = 0; i < w.size(); ++i) {
            REQUIRE(r.records[i].jct_s() == w.jobs[i].duration_s);
            REQUIRE(r.records[i].jwt_s() == 0);
          }
          CHECK(r.mean_slowdown == 1);
          CHECK(r.mean_ftf == 1);
          CHECK(r.deadlines == 40);
          CHECK(r.deadlines_met == static_cast<std::size_t>(in_time));
        }
}
