// price_path over many jobs.
//
// Aims: 1 000 jobs × 16 to 40 points on 512 GPUs take at most 0.3 ms from nothing, 10 000 × 40 at most 4 ms; at 1 000
// jobs an arrival takes at most 0.15 ms and an end at most 0.02 ms in the median. What was measured:
// docs/allocate/price_path.md.
//
// Arguments: jobs; counts; clocks; curves (as many as jobs: no two alike); price of a joule in 1e-6 job-seconds.
// There are 512 GPUs. `from_nothing`: curves that the policy knows, nothing else kept; `unseen`: nor the curves.
// `arrival` and `end`: between two of them all running jobs come on a little, so that they pass one another in the order
// of ends; `end_alone`: they do not.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/allocate/price_path.hpp>
#include <heddle/core/random.hpp>

#include "drawn_curve.hpp"

namespace {

using namespace heddle;

struct snapshot {
  std::vector<model::curve> curves;
  std::vector<allocate::candidate> jobs;
  allocate::limits limits{.gpus = 512};
  allocate::price_path policy;
};

snapshot draw(const benchmark::State& state, std::uint64_t seed) {
  const auto jobs = static_cast<std::size_t>(state.range(0));
  const auto curves = static_cast<std::size_t>(state.range(3));
  stream bits(seed, jobs, "price_path bench");
  const auto unit = [&] { return static_cast<double>(bits() >> 11) * 0x1p-53; };
  snapshot s;
  s.policy.energy_price = 1e-6 * static_cast<double>(state.range(4));
  for (std::size_t i = 0; i < curves; ++i)
    s.curves.push_back(
        bench::drawn_curve(unit, 1 << state.range(1), static_cast<int>(state.range(2))));
  for (std::size_t i = 0; i < jobs; ++i)
    s.jobs.push_back({.id = job_id{i}, .curve = &s.curves[i % curves], .work = 1 + 1000 * unit()});
  return s;
}

#define HEDDLE_SIZES                    \
  ->Args({1000, 4, 4, 1000, 0})         \
      ->Args({1000, 5, 8, 1000, 0})     \
      ->Args({1000, 5, 8, 1000, 300})   \
      ->Args({1000, 5, 8, 30, 300})     \
      ->Args({10000, 5, 8, 10000, 300}) \
      ->Args({10000, 5, 8, 200, 300})

template <bool Seen>
void anew(benchmark::State& state) {
  // More curves than caches hold, so that each turn meets them anew.
  std::vector<snapshot> sets;
  for (std::uint64_t seed = 0; seed < 4; ++seed) sets.push_back(draw(state, seed));
  std::vector<allocate::price_path> policies(4, sets[0].policy);
  allocate::allocation out;
  if (Seen)
    for (std::size_t i = 0; i < 4; ++i) policies[i](sets[i].jobs, sets[i].limits, out);
  std::size_t turn = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const std::size_t i = turn++ % 4;
    snapshot& s = sets[i];
    if (Seen)
      s.limits.gpus ^= 1;  // makes it forget what work is worth
    else
      s.limits.gpu_idle_w += 1e-9;  // and the curves
    state.ResumeTiming();
    policies[i](s.jobs, s.limits, out);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(anew<true>)->Name("from_nothing") HEDDLE_SIZES->Unit(benchmark::kMicrosecond);
BENCHMARK(anew<false>)->Name("unseen") HEDDLE_SIZES->Unit(benchmark::kMicrosecond);

enum class kind { arrival, end, end_alone };
// The median over events.
template <kind Which>
void event(benchmark::State& state) {
  snapshot s = draw(state, 0);
  allocate::price_path policy = s.policy;
  allocate::allocation out;
  policy(s.jobs, s.limits, out);
  stream bits(1, 0, "price_path events");
  std::vector<double> took;
  std::uint64_t id = 1'000'000;
  const auto act = [&](bool timed) {
    const auto start = std::chrono::steady_clock::now();
    policy(s.jobs, s.limits, out);
    const std::chrono::duration<double, std::micro> d = std::chrono::steady_clock::now() - start;
    if (timed) took.push_back(d.count());
  };
  for (auto _ : state) {
    for (std::size_t i = 0; i < s.jobs.size(); ++i) {
      s.jobs[i].current = out[i];
      if (out[i] && Which != kind::end_alone) s.jobs[i].work *= .999;
    }
    // Who ends is the one with the least time left of those that run.
    std::size_t first = s.jobs.size();
    double least = 1e300;
    for (std::size_t i = 0; i < s.jobs.size(); ++i)
      if (out[i] && s.jobs[i].work / out[i]->throughput < least) {
        least = s.jobs[i].work / out[i]->throughput;
        first = i;
      }
    allocate::candidate next = s.jobs[bits() % s.jobs.size()];
    s.jobs.erase(s.jobs.begin() + static_cast<std::ptrdiff_t>(first));
    act(Which != kind::arrival);
    next.id = job_id{++id};
    next.work = 1 + 1000 * (static_cast<double>(bits() >> 11) * 0x1p-53);
    next.current = nullptr;
    s.jobs.push_back(next);
    act(Which == kind::arrival);
  }
  std::nth_element(took.begin(), took.begin() + static_cast<std::ptrdiff_t>(took.size() / 2),
                   took.end());
  state.counters["median_us"] = took[took.size() / 2];
}
BENCHMARK(event<kind::arrival>)->Name("arrival") HEDDLE_SIZES->Iterations(400);
BENCHMARK(event<kind::end>)->Name("end") HEDDLE_SIZES->Iterations(400);
BENCHMARK(event<kind::end_alone>)->Name("end_alone") HEDDLE_SIZES->Iterations(400);

}  // namespace
