// price_path over many jobs.
//
// Aims, not yet met where no two curves are alike and a joule has a price: 1 000 jobs × 16 to 40 points on 512 GPUs take at most 0.3 ms from nothing, 10 000 × 40 at most 4 ms;
// at 1 000 jobs an arrival takes at most 0.15 ms and an end at most 0.02 ms in the median.
//
// Arguments: jobs; counts; clocks; curves (as many as jobs: no two alike); price of a joule in 1e-6 job-seconds.
// There are 512 GPUs. `from_nothing`: curves that the policy has not seen, nothing kept.
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

void from_nothing(benchmark::State& state) {
  // More curves than caches hold, so that each turn meets them anew.
  std::vector<snapshot> sets;
  for (std::uint64_t seed = 0; seed < 4; ++seed) sets.push_back(draw(state, seed));
  allocate::price_path policy = sets[0].policy;
  allocate::allocation out;
  std::size_t turn = 0;
  for (auto _ : state) {
    state.PauseTiming();
    snapshot& s = sets[turn++ % 4];
    s.limits.gpu_idle_w += 1e-9;  // makes it forget
    state.ResumeTiming();
    policy(s.jobs, s.limits, out);
    benchmark::ClobberMemory();
  }
  state.counters["exact"] = policy.last().exact;
}
BENCHMARK(from_nothing) HEDDLE_SIZES->Unit(benchmark::kMicrosecond);

// The median over events; between two of them all running jobs come on a little.
template <bool Arrivals>
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
      if (out[i]) s.jobs[i].work *= .999;
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
    act(!Arrivals);
    next.id = job_id{++id};
    next.work = 1 + 1000 * (static_cast<double>(bits() >> 11) * 0x1p-53);
    next.current = nullptr;
    s.jobs.push_back(next);
    act(Arrivals);
  }
  std::nth_element(took.begin(), took.begin() + static_cast<std::ptrdiff_t>(took.size() / 2),
                   took.end());
  state.counters["median_us"] = took[took.size() / 2];
}
BENCHMARK(event<true>)->Name("arrival") HEDDLE_SIZES->Iterations(400);
BENCHMARK(event<false>)->Name("end") HEDDLE_SIZES->Iterations(400);

}  // namespace
