// How far allocations are from a proved bound, on moments of a real trace.
//
// Claim: docs/allocate/powerflow.md, "How far from the bound". Set HEDDLE_TRACE to a CSV of jobs (columns
// as in trace/jobs.hpp); without it these benchmarks are skipped.
//
// A moment is a random time; its jobs are those that were submitted before it and would still run, each
// with the part of its work that is left then. There are 60 % of the GPUs that they ask for. Arguments:
// the objective (0 jct, 1 completion_rate) and the limit beside GPUs (0 none, 1 power: 70 % of what all
// GPUs draw at full clock, 2 energy: 110 % of what all jobs take at their most frugal point).
//
// Counters: (bound − worth) / bound in per cent, median and 95th percentile over 1 000 moments, for
// optimal, powerflow and throughput_marginal; the time is that of one powerflow decision.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <heddle/allocate/allocate.hpp>
#include <heddle/core/random.hpp>
#include <heddle/core/statistics.hpp>
#include <heddle/model/catalogue.hpp>
#include <heddle/trace/fill.hpp>
#include <heddle/trace/jobs.hpp>

namespace {

using namespace heddle;

constexpr std::size_t moments = 1000, most_jobs = 400;
constexpr std::array<std::string_view, 5> mix{"resnet50", "vgg16", "bert", "gpt2", "resnet18"};

const model::workload& trace_jobs(const char* path) {
  static const model::workload w = [&] {
    const model::catalogue known;
    std::vector<std::string_view> models;
    for (std::string_view m : mix)
      if (known.find_job(m)) models.push_back(m);
    return trace::read_csv(path, known, {}, {}, trace::catalogue_mix{.seed = 1, .models = models});
  }();
  return w;
}

struct moment {
  std::vector<allocate::candidate> jobs;
  allocate::limits limits;
};

moment draw(const model::workload& w, std::size_t number, int limit) {
  stream bits(1, number, "moment");
  const auto unit = [&] { return static_cast<double>(bits() >> 11) * 0x1p-53; };
  const double first = w.jobs.front().submit_s, last = w.jobs.back().submit_s;
  moment m;
  double gpus = 0, most_w = 0, least_j = 0;
  while (m.jobs.size() < 10) {
    m.jobs.clear();
    gpus = most_w = least_j = 0;
    const double now = first + (last - first) * unit();
    for (std::size_t i = 0; i < w.jobs.size() && w.jobs[i].submit_s < now; ++i) {
      const job& j = w.jobs[i];
      const double left = 1 - (now - j.submit_s) / j.duration_s;
      if (!(left > 0)) continue;
      const model::curve& c = w.curve_of_job(i);
      allocate::candidate a;
      a.id = j.id;
      a.curve = &c;
      a.work = left * j.duration_s * c.fastest(j.gpus)->throughput;
      a.requested_gpus = j.gpus;
      m.jobs.push_back(a);
    }
    if (m.jobs.size() > most_jobs) m.jobs.erase(m.jobs.begin(), m.jobs.end() - most_jobs);
    for (const allocate::candidate& a : m.jobs) {
      gpus += a.requested_gpus;
      most_w += a.curve->fastest(a.requested_gpus)->power_w;
      double frugal = std::numeric_limits<double>::infinity();
      for (const auto& p : a.curve->points()) frugal = std::min(frugal, p.energy_per_sample_j());
      least_j += a.work * frugal;
    }
  }
  m.limits.gpus = static_cast<int>(0.6 * gpus);
  if (limit == 1) m.limits.power_w = 0.7 * 0.6 * most_w;
  if (limit == 2) m.limits.energy_j = 1.1 * least_j;
  return m;
}

template <class Objective>
void measure(benchmark::State& state, const model::workload& w, int limit) {
  allocate::optimal<Objective> best;
  allocate::powerflow steps;
  allocate::throughput_marginal marginal;
  allocate::allocation out;
  std::array<std::vector<double>, 3> gaps;
  double jobs = 0;
  for (auto _ : state) {
    double seconds = 0;
    for (std::size_t k = 0; k < moments; ++k) {
      const moment m = draw(w, k, limit);
      jobs += static_cast<double>(m.jobs.size());
      best(m.jobs, m.limits, out);
      const double bound = best.last().bound;
      const auto add = [&](std::size_t who) {
        double worth = 0;
        for (std::size_t i = 0; i < out.size(); ++i)
          if (out[i]) worth += m.jobs[i].weight * best.objective(m.jobs[i], *out[i]);
        gaps[who].push_back(100 * (bound - worth) / bound);
      };
      add(0);
      const auto start = std::chrono::steady_clock::now();
      steps(m.jobs, m.limits, out);
      seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      add(1);
      marginal(m.jobs, m.limits, out);
      add(2);
    }
    state.SetIterationTime(seconds / moments);
  }
  const char* names[] = {"optimal", "powerflow", "marginal"};
  for (std::size_t who = 0; who < 3; ++who) {
    state.counters[std::string(names[who]) + "_p50"] = quantile(gaps[who], 0.5);
    state.counters[std::string(names[who]) + "_p95"] = quantile(gaps[who], 0.95);
  }
  state.counters["jobs"] = jobs / moments;
}

void distance(benchmark::State& state) {
  const char* path = std::getenv("HEDDLE_TRACE");
  if (!path) {
    state.SkipWithError("HEDDLE_TRACE names no file");
    return;
  }
  const int limit = static_cast<int>(state.range(1));
  if (state.range(0) == 0)
    measure<allocate::objective::jct>(state, trace_jobs(path), limit);
  else
    measure<allocate::objective::completion_rate>(state, trace_jobs(path), limit);
}
BENCHMARK(distance)
    ->Args({0, 0})
    ->Args({0, 1})
    ->Args({0, 2})
    ->Args({1, 0})
    ->Args({1, 1})
    ->Args({1, 2})
    ->Iterations(1)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
