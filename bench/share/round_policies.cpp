// One round of policies that choose, at the size of a large cluster.
//
// Claims: a round of 160 jobs on 64 GPUs of three types, each with four numbers of GPUs, takes at most 2 ms in
// the mean over a run, and one of 2 048 jobs on 2 048 GPUs at most 20 ms; every choice is within 0.1 % of its bound.
//
// Jobs: rates saturate with the number of GPUs and differ by type; a tenth of the jobs changes between two rounds.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/core/random.hpp>
#include <heddle/share/rate_by_time_left.hpp>
#include <heddle/share/relative_goodput.hpp>
#include <heddle/share/type_blind.hpp>

namespace {

using namespace heddle;

struct history {
  stream bits;
  share::problem jobs;
  std::vector<double> counts{1, 2, 4, 8}, rate, held_s, type_held_s{0, 0, 0};
  std::vector<std::uint32_t> id, before, starts;
  std::vector<share::grant> had;

  history(std::size_t n, double gpus) : bits(2026, n, "round bench") {
    jobs.capacity = {std::floor(gpus / 4), std::floor(gpus * 3 / 8), std::floor(gpus * 3 / 8)};
    id.resize(n), before.resize(n, share::no_type), starts.resize(n), had.resize(n);
    held_s.resize(n);
    jobs.throughput.resize(3 * n), rate.resize(12 * n), jobs.gpus.resize(n, 1);
    jobs.weight.resize(n, 1), jobs.steps.resize(n), jobs.elapsed_s.resize(n);
    for (std::size_t i = 0; i < n; ++i) draw(i);
  }
  double unit() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  void draw(std::size_t i) {
    const double share = 0.05 + 0.4 * unit();
    double speed = std::exp(4 * unit());
    for (std::size_t j = 0; j < 3; ++j, speed *= 0.2 + 0.6 * unit()) {
      for (std::size_t c = 0; c < 4; ++c)
        rate[12 * i + 4 * j + c] = speed * counts[c] / (1 + share * (counts[c] - 1));
      jobs.throughput[3 * i + j] = rate[12 * i + 4 * j];
    }
    jobs.steps[i] = speed * 3600 * std::exp(3 * unit());
    jobs.elapsed_s[i] = 0;
    id[i] = static_cast<std::uint32_t>(i), starts[i] = 0, before[i] = share::no_type, had[i] = {};
  }
  [[nodiscard]] share::round_view view() const {
    return {jobs, id, before, held_s, type_held_s, 0, 60, 30, true};
  }
  void pass() {
    for (std::size_t i = 0; i < id.size(); ++i) {
      jobs.elapsed_s[i] += 60;
      if (unit() < 0.1) draw(i);
    }
  }
};

template <class Policy>
void elastic_round(benchmark::State& state, Policy policy) {
  history h(static_cast<std::size_t>(state.range(0)), static_cast<double>(state.range(1)));
  std::vector<share::grant> given;
  for (auto _ : state) {
    const share::round_view view = h.view();
    policy(share::elastic_view{view, h.counts, h.rate, h.had, h.starts}, given);
    state.PauseTiming();
    for (std::size_t i = 0; i < given.size(); ++i)
      if (given[i] != h.had[i]) {
        h.starts[i] += !given[i].waits();
        h.had[i] = given[i];
        h.before[i] = given[i].type;
      }
    h.pass();
    state.ResumeTiming();
  }
  if constexpr (requires { policy.worst_gap(); })
    state.counters["worst_gap"] = policy.worst_gap();
  else
    state.counters["worst_gap"] = policy.policy().worst_gap();
}

void relative_goodput(benchmark::State& state) { elastic_round(state, share::relative_goodput{}); }
void type_blind(benchmark::State& state) {
  elastic_round(state, share::type_blind<share::relative_goodput>{});
}
void rate_by_time_left(benchmark::State& state) {
  history h(static_cast<std::size_t>(state.range(0)), static_cast<double>(state.range(1)));
  share::rate_by_time_left policy;
  std::vector<std::uint32_t> type;
  for (auto _ : state) {
    policy(h.view(), type);
    state.PauseTiming();
    h.before = type;
    h.pass();
    state.ResumeTiming();
  }
  state.counters["worst_gap"] = policy.worst_gap();
}

#define HEDDLE_ROUNDS \
  ->Args({160, 64})->Args({2048, 2048})->Iterations(50)->Unit(benchmark::kMillisecond)
BENCHMARK(relative_goodput) HEDDLE_ROUNDS;
BENCHMARK(type_blind) HEDDLE_ROUNDS;
BENCHMARK(rate_by_time_left) HEDDLE_ROUNDS;

}  // namespace
