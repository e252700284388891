// The choice of a type, a number of GPUs and a clock for many jobs, and one job more.
//
// Claims: 2 048 jobs × 3 types × 8 numbers of GPUs × 5 clocks, under the GPUs of three types and watts, take at most 5 ms
// from prices that are not known; a job that comes to a standing choice of as many takes at most 0.3 ms in the mean. Both
// at a gap of at most 0.1 %.
//
// Instances: throughput grows with numbers and clocks and saturates, by another part for each job and type; power goes
// with the cube of the clock. With one clock the GPUs alone are scarce.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/choice/choice.hpp>
#include <heddle/choice/standing.hpp>
#include <heddle/core/random.hpp>

#include "tests/support/typed_choice.hpp"

namespace {

using namespace heddle;

// Capacities are those of `fit` jobs.
choice::problem typed(std::size_t jobs, std::size_t clocks, std::size_t fit) {
  stream bits(2026, jobs, "typed choice bench");
  return test::typed_choice(jobs, clocks, 2 * static_cast<double>(fit), clocks > 1,
                            [&] { return static_cast<double>(bits() >> 11) * 0x1p-53; });
}

constexpr double enough = 1e-3;

// Arguments: jobs, clocks. Cold prices, memory kept.
void all_jobs(benchmark::State& state) {
  const auto jobs = static_cast<std::size_t>(state.range(0));
  const choice::problem p = typed(jobs, static_cast<std::size_t>(state.range(1)), jobs);
  const choice::options o{.gap = enough, .node_limit = 0};
  const choice::problem other{.capacity = std::vector<double>(p.resources() + 1, 1), .begin = {0}};
  choice::solver solver;
  choice::answer a;
  for (auto _ : state) {
    state.PauseTiming();
    solver(other, o, a);  // forgets the prices
    state.ResumeTiming();
    solver(p, o, a);
    benchmark::ClobberMemory();
  }
  state.counters["points"] = static_cast<double>(p.value.size());
  state.counters["gap"] = a.gap;
  state.counters["passes"] = static_cast<double>(a.passes);
}
BENCHMARK(all_jobs)->Args({2048, 5})->Args({2048, 1})->Args({8192, 5})->Unit(
    benchmark::kMillisecond);

// Jobs come to a choice of as many, another goes each time. Only the coming is timed.
void one_more(benchmark::State& state) {
  using clock = std::chrono::steady_clock;
  const auto jobs = static_cast<std::size_t>(state.range(0));
  const choice::problem p = typed(2 * jobs, static_cast<std::size_t>(state.range(1)), jobs);
  const std::size_t resources = p.resources();
  choice::problem first = p;
  first.begin.resize(jobs + 1);
  first.value.resize(first.begin.back());
  first.use.resize(first.value.size() * resources);
  choice::standing all(p.capacity, enough / 2);
  all.add_all(first);
  std::size_t next = jobs, leaves = 0;
  double worst_gap = all.gap();
  std::vector<double> took_ms;
  for (auto _ : state) {
    const std::size_t from = p.begin[next], count = p.begin[next + 1] - from;
    const auto began = clock::now();
    all.add({p.value.data() + from, count}, {p.use.data() + from * resources, count * resources});
    const double took_s = std::chrono::duration<double>(clock::now() - began).count();
    state.SetIterationTime(took_s);
    took_ms.push_back(1e3 * took_s);
    worst_gap = std::max(worst_gap, all.gap());
    all.remove(static_cast<choice::standing::key>(leaves));
    worst_gap = std::max(worst_gap, all.gap());
    leaves = (7 * leaves + 13) % jobs;
    if (++next == 2 * jobs) next = jobs;
  }
  std::sort(took_ms.begin(), took_ms.end());
  state.counters["worst_gap"] = worst_gap;
  state.counters["median_ms"] = took_ms[took_ms.size() / 2];
  state.counters["p99_ms"] = took_ms[took_ms.size() * 99 / 100];
  state.counters["worst_ms"] = took_ms.back();
  state.counters["prices_anew"] = static_cast<double>(all.prices_anew());
  state.counters["points_anew"] = static_cast<double>(all.points_anew());
}
BENCHMARK(one_more)->Args({2048, 5})->Args({2048, 1})->UseManualTime()->Iterations(4096)->Unit(
    benchmark::kMillisecond);

}  // namespace
