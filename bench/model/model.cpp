// Claims, on one core of a Zen 4 server:
//   a point of the model ≤ 20 ns where γ = 1 or n = 1, ≤ 60 ns else
//   a curve of 200 configurations ≤ 20 µs
//   a fit of 50 samples ≤ 2 ms, one refinement ≤ 5 µs
// Instruction counts: valgrind --tool=callgrind --toggle-collect='<function>' on this program, see
// docs/models.md.
#include <cmath>
#include <cstdint>
#include <vector>

#include <benchmark/benchmark.h>

#include <heddle/core/random.hpp>
#include <heddle/model/catalogue.hpp>
#include <heddle/model/curve.hpp>
#include <heddle/model/curve_hull.hpp>
#include <heddle/model/fit_power.hpp>
#include <heddle/model/fit_time.hpp>
#include <heddle/model/refine.hpp>
#include <heddle/model/suggest.hpp>

#include "tests/support/known_job.hpp"

namespace {

using namespace heddle;
using namespace heddle::model;

const powerflow_throughput& truth = test::known_job;
const ridge_power ridge{60, 160, 1.05, 0.6};

std::vector<configuration> configurations(bool one_gpu) {
  std::vector<configuration> out;
  for (int n : {1, 2, 4, 8, 16, 32, 64})
    for (double b : {8.0, 64.0, 256.0})
      for (double f : {0.6, 1.0, 1.4})
        out.push_back({one_gpu ? 1 : n, one_gpu ? 1 : (n + 7) / 8, b, f});
  return out;
}

std::vector<sample> samples(std::size_t count, bool power) {
  std::vector<sample> out;
  const job_model job{truth, ridge};
  const auto all = configurations(false);
  stream random(1, 1, "noise");
  for (std::size_t i = 0; i < count; ++i) {
    sample s;
    s.config = all[(i * 29) % all.size()];
    const auto noise = [&] {
      return 1 + 0.06 * (static_cast<double>(random() >> 11) * 0x1p-53 - 0.5);
    };
    s.iteration_s = truth(s.config).total_s * noise();
    if (power) s.power_w = job(s.config).power_w * noise();
    out.push_back(s);
  }
  return out;
}

void evaluate(benchmark::State& state, double gamma, bool one_gpu) {
  powerflow_throughput time = truth;
  time.gamma = gamma;
  const job_model job{time, ridge};
  const auto all = configurations(one_gpu);
  for (auto _ : state)
    for (const configuration& c : all) benchmark::DoNotOptimize(job(c));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(all.size()));
  state.counters["s_a_point"] = benchmark::Counter(static_cast<double>(all.size()),
                                                   benchmark::Counter::kIsIterationInvariantRate |
                                                       benchmark::Counter::kInvert);
}
BENCHMARK_CAPTURE(evaluate, no_overlap, 1.0, false);
BENCHMARK_CAPTURE(evaluate, one_gpu, 2.5, true);
BENCHMARK_CAPTURE(evaluate, overlap, 2.5, false);

void curve_of_200(benchmark::State& state) {
  const auto job = catalogue().model("resnet50", "a100");
  grid g{.gpus = {}, .clocks_ghz = {}, .global_batch = 1024};
  for (int k = 0; k < 20; ++k) g.gpus.push_back(k + 1);
  for (int k = 0; k < 10; ++k) g.clocks_ghz.push_back(0.6 + 0.09 * k);
  for (auto _ : state) benchmark::DoNotOptimize(make_curve(job, g));
}
BENCHMARK(curve_of_200);

void hull_of_200(benchmark::State& state) {
  const auto job = catalogue().model("resnet50", "a100");
  grid g{.gpus = {}, .clocks_ghz = {}, .global_batch = 1024};
  for (int k = 0; k < 20; ++k) g.gpus.push_back(k + 1);
  for (int k = 0; k < 10; ++k) g.clocks_ghz.push_back(0.6 + 0.09 * k);
  const curve c = make_curve(job, g);
  for (auto _ : state) benchmark::DoNotOptimize(concave_hull{c});
}
BENCHMARK(hull_of_200);

void fit_samples(benchmark::State& state) {
  const auto measured = samples(static_cast<std::size_t>(state.range(0)), false);
  for (auto _ : state) benchmark::DoNotOptimize(fit_time(measured));
}
BENCHMARK(fit_samples)->Arg(9)->Arg(50)->Arg(500)->Unit(benchmark::kMillisecond);

void fit_samples_of_many_clocks(benchmark::State& state) {  // a knee is looked for
  auto measured = samples(50, false);
  for (std::size_t i = 0; i < measured.size(); ++i) {
    measured[i].config.clock_ghz = 0.5 + 0.1 * static_cast<double>(i % 10);
    measured[i].iteration_s = truth(measured[i].config).total_s *
                              (1 + 0.02 * std::sin(1.0 + 7.0 * static_cast<double>(i)));
  }
  for (auto _ : state) benchmark::DoNotOptimize(fit_time(measured));
}
BENCHMARK(fit_samples_of_many_clocks)->Unit(benchmark::kMillisecond);

void fit_samples_of_limits(benchmark::State& state) {  // power limits in place of clocks
  auto measured = samples(50, true);
  for (std::size_t i = 0; i < measured.size(); ++i) {
    sample& s = measured[i];
    s.config = {1, 1, 8.0 * static_cast<double>(1 + i % 7), 0};
    s.power_limit_w = 100 + 25.0 * static_cast<double>(i / 7);
    const double f = continuous_clock_at(ridge, *s.power_limit_w, 1.4);
    s.iteration_s = truth.compute_s(s.config.local_batch, f) *
                    (1 + 0.02 * std::sin(1.0 + 7.0 * static_cast<double>(i)));
    s.power_w = ridge(f, 1);
  }
  for (auto _ : state) benchmark::DoNotOptimize(fit_time(measured));
}
BENCHMARK(fit_samples_of_limits)->Unit(benchmark::kMillisecond);

void fit_samples_with_power(benchmark::State& state) {
  const auto measured = samples(static_cast<std::size_t>(state.range(0)), true);
  for (auto _ : state) {
    const time_fit time = fit_time(measured);
    benchmark::DoNotOptimize(fit_power(measured, time));
  }
}
BENCHMARK(fit_samples_with_power)->Arg(50)->Unit(benchmark::kMillisecond);

void refine_one(benchmark::State& state) {
  const auto measured = samples(50, false);
  online_fit online(fit_time(measured));
  std::size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(online.refine(measured[i++ % measured.size()]));
}
BENCHMARK(refine_one)->Unit(benchmark::kMicrosecond);

void suggest_one(benchmark::State& state) {
  const auto measured = samples(static_cast<std::size_t>(state.range(0)), false);
  std::vector<sample> candidates;
  for (const configuration& c : configurations(false)) {
    candidates.emplace_back();
    candidates.back().config = c;
  }
  for (auto _ : state)
    benchmark::DoNotOptimize(suggest_sample(measured, candidates, {.repeat = true}));
}
BENCHMARK(suggest_one)->Arg(3)->Arg(9)->Unit(benchmark::kMillisecond);

}  // namespace
