// Claims: what a job that comes or goes costs under contention follows what it reaches, so that hundreds of
// thousands of jobs replay on 131 072 GPUs; without contention an event costs there hardly more than on 512, and a
// million jobs that come one by one take the memory of those that are there. The tables of docs/scale.md.
//
//   heddle-bench-sim --benchmark_filter='scale_.*/60000/'
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
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
#include <heddle/sim/job_source.hpp>
#include <heddle/sim/run.hpp>
#include <heddle/trace/fill.hpp>

using namespace heddle;

namespace {

// Sizes evenly from a list, run times log-normal, gaps exponential: load .8 on 2 048 leafs of 64 GPUs, and on
// fewer as many jobs a leaf. One after the other.
class drawn_jobs {
 public:
  drawn_jobs(std::size_t count, int leafs)
      : count_(count), gap_s_(2.2 * 2048 / leafs), most_(64 * leafs) {
    std::vector<model::operating_point> points;
    for (int n : std::set<int>(std::begin(sizes), std::end(sizes)))
      points.push_back({.config = {.gpus = n},
                        .throughput = 1.0 * n,
                        .power_w = 300.0 * n,
                        .waiting_power_w = 100.0 * n});
    curve_.emplace(std::move(points));
  }
  std::optional<sim::submission> next() {
    if (at_ == count_) return std::nullopt;
    stream arrival{1, at_, "arrival"}, size{1, at_, "size"}, length{1, at_, "length"};
    now_s_ += boost::random::exponential_distribution<double>(1 / gap_s_)(arrival);
    job j;
    j.id = job_id{at_++};
    j.submit_s = now_s_;
    j.gpus = std::min(most_, sizes[boost::random::uniform_int_distribution<int>(0, 13)(size)]);
    j.duration_s = std::exp(7.2 + 1.3 * boost::random::normal_distribution<double>()(length));
    trace::vclos_mix{}(j, {.model = true, .pattern = true, .comm_share = true});
    return sim::submission{std::move(j), &*curve_};
  }

 private:
  static constexpr int sizes[] = {1, 1, 1, 2, 4, 8, 8, 8, 16, 32, 64, 128, 256, 512};
  std::size_t at_ = 0, count_;
  double gap_s_, now_s_ = 0;
  int most_;
  std::optional<model::curve> curve_;
};

fabric::leaf_spine cluster_of(int leafs) {
  return fabric::leaf_spine{
      {.leafs = leafs, .spines = 64, .servers_per_leaf = 8, .gpus_per_server = 8}};
}

/// Arguments: jobs, leafs, what part of 1 `steady_options::step` is (0: exactly).
template <class Place>
void replay(benchmark::State& state, Place place) {
  const int leafs = static_cast<int>(state.range(1));
  const fabric::leaf_spine dc = cluster_of(leafs);
  const double step = state.range(2) > 0 ? 1.0 / static_cast<double>(state.range(2)) : 0;
  std::int64_t events = 0;
  sim::report last;
  for (auto _ : state) {
    schedule::scheduler plan{order::fifo{}, allocate::requested{}, place, route::ecmp{}};
    drawn_jobs jobs(static_cast<std::size_t>(state.range(0)), leafs);
    last = sim::run(dc, jobs, plan, {.contention = {.step = step}, .keep_records = false});
    events += static_cast<std::int64_t>(last.events);
  }
  state.SetItemsProcessed(events);
  state.counters["slowdown"] = last.mean_slowdown;
  state.counters["jct_s"] = last.mean_jct_s;
}

/// Arguments: jobs, leafs.
template <class Place>
void without_contention(benchmark::State& state, Place place) {
  const int leafs = static_cast<int>(state.range(1));
  const fabric::leaf_spine dc = cluster_of(leafs);
  std::int64_t events = 0;
  for (auto _ : state) {
    schedule::scheduler plan{order::fifo{}, allocate::requested{}, place, route::ideal{}};
    drawn_jobs jobs(static_cast<std::size_t>(state.range(0)), leafs);
    events += static_cast<std::int64_t>(sim::run(dc, jobs, plan, {.keep_records = false}).events);
  }
  state.SetItemsProcessed(events);
}

void scale_packed_ideal(benchmark::State& s) { without_contention(s, place::packed{}); }
void scale_vclos_streamed(benchmark::State& s) { without_contention(s, place::vclos{}); }
BENCHMARK(scale_packed_ideal)
    ->Args({50000, 8})
    ->Args({50000, 128})
    ->Args({50000, 2048})
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);
BENCHMARK(scale_vclos_streamed)
    ->Args({50000, 8})
    ->Args({50000, 128})
    ->Args({50000, 2048})
    ->Args({1000000, 2048})
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);

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
