// Claim: the 5 000 jobs of the vClos evaluation replay in well under a second, contention included.
// One item is an event: a submission or a finish.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <heddle/allocate/requested.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/sim/run.hpp>
#include <heddle/trace/jobs.hpp>
#include <heddle/trace/synthetic.hpp>

using namespace heddle;

namespace {

const fabric::leaf_spine small{
    {.leafs = 16, .spines = 32, .servers_per_leaf = 4, .gpus_per_server = 8}};
const fabric::leaf_spine large{
    {.leafs = 128, .spines = 64, .servers_per_leaf = 16, .gpus_per_server = 4}};

// One point a count, so that the replay and not a model is measured.
model::workload with_one_point(std::vector<job> jobs) {
  std::set<int> counts;
  for (const job& j : jobs) counts.insert(j.gpus);
  std::vector<model::operating_point> points;
  for (int n : counts)
    points.push_back({.config = {.gpus = n},
                      .throughput = 1.0 * n,
                      .power_w = 300.0 * n,
                      .waiting_power_w = 100.0 * n});
  model::workload w;
  w.curves.emplace_back(std::move(points));
  w.curve_of.assign(jobs.size(), 0);
  w.jobs = std::move(jobs);
  return w;
}

template <class Place, class Route>
void replay(benchmark::State& state, const fabric::leaf_spine& dc, const model::workload& jobs,
            Place place, Route route) {
  std::int64_t events = 0;
  sim::report last;
  for (auto _ : state) {
    schedule::scheduler plan{order::fifo{}, allocate::requested{}, place, route};
    last = sim::run(dc, jobs, plan);
    events += static_cast<std::int64_t>(last.events);
  }
  state.SetItemsProcessed(events);
  state.counters["slowdown"] = last.mean_slowdown;
  state.counters["finished"] = static_cast<double>(last.finished);
}

model::workload vclos_jobs(int gpus) {
  trace::vclos_workload w{.jobs = 5000, .cluster_gpus = gpus};
  if (gpus > 512) {
    w.sizes = trace::vclos_sizes;
    w.mean_gap_s = 285;
  }
  return with_one_point(w());
}

void vclos_on_512(benchmark::State& s) {
  replay(s, small, vclos_jobs(512), place::vclos{}, route::source{});
}
void ecmp_on_512(benchmark::State& s) {
  replay(s, small, vclos_jobs(512), place::packed{}, route::ecmp{});
}
void vclos_on_8192(benchmark::State& s) {
  replay(s, large, vclos_jobs(8192), place::vclos{}, route::source{});
}
void ecmp_on_8192(benchmark::State& s) {
  replay(s, large, vclos_jobs(8192), place::packed{}, route::ecmp{});
}
BENCHMARK(vclos_on_512)->Unit(benchmark::kMillisecond);
BENCHMARK(ecmp_on_512)->Unit(benchmark::kMillisecond);
BENCHMARK(vclos_on_8192)->Unit(benchmark::kMillisecond);
BENCHMARK(ecmp_on_8192)->Unit(benchmark::kMillisecond);

// The trace named by HEDDLE_PHILLY, a CSV of jobs, on 8192 GPUs.
void vclos_on_philly(benchmark::State& state) {
  const char* path = std::getenv("HEDDLE_PHILLY");
  std::ifstream in(path ? path : "");
  if (!in) {
    state.SkipWithError("set HEDDLE_PHILLY to a CSV of jobs");
    return;
  }
  const auto jobs = trace::read_jobs(in, path, {.max_gpus = large.gpus()}, trace::vclos_mix{});
  replay(state, large, with_one_point(jobs), place::vclos{}, route::source{});
}
BENCHMARK(vclos_on_philly)->Unit(benchmark::kMillisecond);

}  // namespace
