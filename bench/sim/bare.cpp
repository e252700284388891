// Claims: the bare engine, with trivial policies on an ideal network, makes more than a million
// events a second; the cost of an event hardly grows with the cluster. One item is an event.
//
//   heddle-bench-sim --benchmark_filter=event      the table of docs/simulation.md
#include <benchmark/benchmark.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <heddle/allocate/requested.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/sim/run.hpp>

using namespace heddle;

namespace {

/// Single GPUs, one after the other around the cluster: as little policy as can be.
struct next_free {
  std::uint32_t at = 0;
  std::optional<fabric::placement> operator()(const fabric::gpu_book& free,
                                              const place::request& job) {
    const auto n = static_cast<std::uint32_t>(free.hosts().gpus());
    fabric::placement p;
    for (std::uint32_t tried = 0; tried < n; ++tried, at = (at + 1) % n)
      if (free.is_free(gpu_id{at})) {
        p.gpus.push_back(gpu_id{at});
        if (static_cast<int>(p.gpus.size()) == job.gpus) return p;
      }
    return std::nullopt;
  }
};

/// `count` jobs, half of the cluster in use on average.
model::workload jobs_for(int gpus, int job_gpus, std::size_t count) {
  model::workload w;
  w.curves.emplace_back(std::vector<model::operating_point>{{.config = {.gpus = job_gpus},
                                                             .throughput = 1,
                                                             .power_w = 300.0 * job_gpus,
                                                             .waiting_power_w = 100.0 * job_gpus}});
  const double gap_s = 1000.0 * job_gpus / (0.5 * gpus);
  for (std::size_t i = 0; i < count; ++i) {
    job j;
    j.id = job_id{i};
    j.submit_s = gap_s * static_cast<double>(i);
    j.gpus = job_gpus;
    j.duration_s = 500 + static_cast<double>((i * 7919) % 1000);
    w.jobs.push_back(j);
  }
  w.curve_of.assign(count, 0);
  return w;
}

fabric::leaf_spine cluster_of(int gpus) {
  return fabric::leaf_spine{
      {.leafs = gpus / 32, .spines = 32, .servers_per_leaf = 4, .gpus_per_server = 8}};
}

template <class Place>
void replay(benchmark::State& state, Place place, int job_gpus) {
  const int gpus = static_cast<int>(state.range(0));
  const fabric::leaf_spine dc = cluster_of(gpus);
  const model::workload jobs = jobs_for(gpus, job_gpus, 100'000);
  std::int64_t events = 0;
  for (auto _ : state) {
    schedule::scheduler plan{order::fifo{}, allocate::requested{}, place, route::ideal{}};
    events += static_cast<std::int64_t>(sim::run(dc, jobs, plan, {.keep_records = false}).events);
  }
  state.SetItemsProcessed(events);
}

void bare_event(benchmark::State& s) { replay(s, next_free{}, 1); }
void packed_event(benchmark::State& s) { replay(s, place::packed{}, 8); }
void vclos_event(benchmark::State& s) { replay(s, place::vclos{}, 64); }
BENCHMARK(bare_event)
    ->RangeMultiplier(4)
    ->Range(512, 131072)
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);
BENCHMARK(packed_event)
    ->RangeMultiplier(4)
    ->Range(512, 131072)
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);
BENCHMARK(vclos_event)
    ->RangeMultiplier(4)
    ->Range(512, 131072)
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);

}  // namespace
