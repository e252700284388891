// Claims: what a job that comes or goes costs under contention follows what it reaches, so that hundreds of
// thousands of jobs replay on 131 072 GPUs. The tables of docs/scale.md.
//
//   heddle-bench-sim --benchmark_filter='scale_.*/60000/'
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include <boost/random/exponential_distribution.hpp>
#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_int_distribution.hpp>

#include <heddle/allocate/requested.hpp>
#include <heddle/core/random.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/sim/run.hpp>
#include <heddle/trace/fill.hpp>

using namespace heddle;

namespace {

// Sizes evenly from a list, run times log-normal, gaps exponential: load .8 on 2 048 leafs of 64 GPUs, and on
// fewer as many jobs a leaf.
model::workload jobs_for(std::size_t count, int leafs) {
  constexpr int sizes[] = {1, 1, 1, 2, 4, 8, 8, 8, 16, 32, 64, 128, 256, 512};
  const double gap_s = 2.2 * 2048 / leafs;
  model::workload w;
  std::vector<model::operating_point> points;
  for (int n : std::set<int>(std::begin(sizes), std::end(sizes)))
    points.push_back({.config = {.gpus = n},
                      .throughput = 1.0 * n,
                      .power_w = 300.0 * n,
                      .waiting_power_w = 100.0 * n});
  w.curves.emplace_back(std::move(points));
  w.curve_of.assign(count, 0);
  double now_s = 0;
  for (std::size_t i = 0; i < count; ++i) {
    stream arrival{1, i, "arrival"}, size{1, i, "size"}, length{1, i, "length"};
    now_s += boost::random::exponential_distribution<double>(1 / gap_s)(arrival);
    job j;
    j.id = job_id{i};
    j.submit_s = now_s;
    j.gpus = sizes[boost::random::uniform_int_distribution<int>(0, 13)(size)];
    j.duration_s = std::exp(7.2 + 1.3 * boost::random::normal_distribution<double>()(length));
    trace::vclos_mix{}(j, {.model = true, .pattern = true, .comm_share = true});
    w.jobs.push_back(j);
  }
  return w;
}

/// Arguments: jobs, leafs, what part of 1 `steady_options::step` is (0: exactly).
template <class Place>
void replay(benchmark::State& state, Place place) {
  const int leafs = static_cast<int>(state.range(1));
  const fabric::leaf_spine dc{
      {.leafs = leafs, .spines = 64, .servers_per_leaf = 8, .gpus_per_server = 8}};
  const model::workload jobs = jobs_for(static_cast<std::size_t>(state.range(0)), leafs);
  const double step = state.range(2) > 0 ? 1.0 / static_cast<double>(state.range(2)) : 0;
  std::int64_t events = 0;
  sim::report last;
  for (auto _ : state) {
    schedule::scheduler plan{order::fifo{}, allocate::requested{}, place, route::ecmp{}};
    last = sim::run(dc, jobs, plan, {.contention = {.step = step}, .keep_records = false});
    events += static_cast<std::int64_t>(last.events);
  }
  state.SetItemsProcessed(events);
  state.counters["slowdown"] = last.mean_slowdown;
  state.counters["jct_s"] = last.mean_jct_s;
}

void scale_packed_ecmp(benchmark::State& s) { replay(s, place::packed{}); }
void scale_vclos(benchmark::State& s) { replay(s, place::vclos{}); }
BENCHMARK(scale_packed_ecmp)
    ->Args({20000, 8, 0})
    ->Args({10000, 128, 0})
    ->Args({60000, 2048, 0})
    ->Args({60000, 2048, 50})
    ->Args({300000, 2048, 50})
    ->Args({1000000, 2048, 50})
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);
BENCHMARK(scale_vclos)
    ->Args({60000, 2048, 0})
    ->Args({300000, 2048, 0})
    ->Args({1000000, 2048, 0})
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);

}  // namespace
