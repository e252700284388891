// Elastic policies over many jobs × 40 operating points each.
//
// Claims: powerflow decides on 10 000 jobs in at most 5 ms from nothing and in at most 0.1 ms after one
// arrival where GPUs are the limit; optimal takes at most 50 ms with a proved gap of at most 0.1 %.
//
// Arguments: jobs; curves (as many as jobs: no two alike); W of power a job, 0 for no limit. Jobs have 5
// counts × 8 clocks, drawn with their own share of communication and of memory-bound time; there are two
// GPUs a job. `from_nothing`: curves that the policy has not seen; `arrival`: one job more or less.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <heddle/allocate/optimal.hpp>
#include <heddle/allocate/powerflow.hpp>
#include <heddle/core/random.hpp>

#include "drawn_curve.hpp"

namespace {

using namespace heddle;

struct snapshot {
  std::vector<model::curve> curves;
  std::vector<allocate::candidate> jobs;
  allocate::limits limits;
};

snapshot draw(const benchmark::State& state, std::uint64_t seed) {
  const auto jobs = static_cast<std::size_t>(state.range(0));
  const auto curves = static_cast<std::size_t>(state.range(1));
  stream bits(seed, jobs, "policies bench");
  const auto unit = [&] { return static_cast<double>(bits() >> 11) * 0x1p-53; };
  snapshot s;
  for (std::size_t i = 0; i < curves; ++i) s.curves.push_back(bench::drawn_curve(unit, 17, 8));
  for (std::size_t i = 0; i < jobs; ++i) {
    allocate::candidate c;
    c.id = job_id{i};
    c.curve = &s.curves[i % curves];
    c.work = 1 + 1000 * unit();
    s.jobs.push_back(c);
  }
  s.limits.gpus = static_cast<int>(2 * jobs);
  if (state.range(2) > 0)
    s.limits.power_w = static_cast<double>(state.range(2)) * static_cast<double>(jobs);
  return s;
}

#define HEDDLE_SIZES              \
  ->Args({1000, 1000, 0})         \
      ->Args({10000, 10000, 0})   \
      ->Args({10000, 10000, 200}) \
      ->Args({10000, 200, 0})     \
      ->Args({10000, 200, 200})

void powerflow_from_nothing(benchmark::State& state) {
  // More curves than caches hold, so that each turn meets them anew.
  std::vector<snapshot> sets;
  for (std::uint64_t seed = 0; seed < 4; ++seed) sets.push_back(draw(state, seed));
  allocate::powerflow policy;
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
}
BENCHMARK(powerflow_from_nothing) HEDDLE_SIZES->Unit(benchmark::kMicrosecond);

void powerflow_arrival(benchmark::State& state) {
  snapshot s = draw(state, 0);
  allocate::powerflow policy;
  allocate::allocation out;
  policy(s.jobs, s.limits, out);
  allocate::candidate next = s.jobs[7];
  bool more = false;
  for (auto _ : state) {
    more = !more;
    if (more) {
      next.id = job_id{next.id.value + 100'000};
      s.jobs.push_back(next);
    } else {
      s.jobs.pop_back();
    }
    policy(s.jobs, s.limits, out);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(powerflow_arrival) HEDDLE_SIZES->Unit(benchmark::kMicrosecond);

// The least that any policy does: to read each candidate and to tell its curve.
void pass_over_input(benchmark::State& state) {
  const snapshot s = draw(state, 0);
  std::uint64_t prints = 0;
  double work = 0;
  for (auto _ : state) {
    for (const allocate::candidate& c : s.jobs) {
      prints ^=
          c.curve->fingerprint() + c.id.value + static_cast<std::uint64_t>(c.min_gpus ^ c.max_gpus);
      work += c.work * c.weight;
    }
    benchmark::DoNotOptimize(prints);
    benchmark::DoNotOptimize(work);
  }
}
BENCHMARK(pass_over_input)
    ->Args({10000, 10000, 0})
    ->Args({10000, 200, 0})
    ->Unit(benchmark::kMicrosecond);

// Memory kept, prices of another problem; then after an arrival with its own prices.
void optimal_from_nothing(benchmark::State& state) {
  const snapshot s = draw(state, 0);
  allocate::optimal<> policy;
  allocate::allocation out;
  const allocate::limits other{.gpus = 1, .power_w = 1, .energy_j = 1};
  for (auto _ : state) {
    state.PauseTiming();
    policy({}, other, out);
    state.ResumeTiming();
    policy(s.jobs, s.limits, out);
    benchmark::ClobberMemory();
  }
  state.counters["gap"] = policy.last().gap;
}
BENCHMARK(optimal_from_nothing) HEDDLE_SIZES->Unit(benchmark::kMillisecond);

void optimal_arrival(benchmark::State& state) {
  snapshot s = draw(state, 0);
  allocate::optimal<> policy;
  allocate::allocation out;
  policy(s.jobs, s.limits, out);
  bool more = false;
  for (auto _ : state) {
    more = !more;
    if (more)
      s.jobs.push_back(s.jobs[7]);
    else
      s.jobs.pop_back();
    policy(s.jobs, s.limits, out);
    benchmark::ClobberMemory();
  }
  state.counters["gap"] = policy.last().gap;
}
BENCHMARK(optimal_arrival) HEDDLE_SIZES->Unit(benchmark::kMillisecond);

}  // namespace
