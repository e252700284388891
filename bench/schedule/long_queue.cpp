// Claim: with 100 000 jobs waiting, of which one at the very end fits, a decision under greedy, EASY and
// conservative backfill takes less than a millisecond, and starts it. An item is a decision: a small job
// comes, or one ends.
//
//   heddle-bench-schedule --benchmark_filter=waiting      the figure in docs/concepts/scheduler.md
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <type_traits>
#include <utility>
#include <vector>

#include <heddle/allocate/requested.hpp>
#include <heddle/core/job.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/model/curve.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/admit/conservative.hpp>
#include <heddle/schedule/admit/easy.hpp>
#include <heddle/schedule/admit/greedy.hpp>
#include <heddle/schedule/scheduler.hpp>

using namespace heddle;

namespace {

/// 512 GPUs, 500 of them in use for long. What waits is too wide, or, every other job, fits and would
/// delay the first.
template <class Admission>
void waiting(benchmark::State& bench) {
  const fabric::leaf_spine dc{
      {.leafs = 8, .spines = 64, .servers_per_leaf = 8, .gpus_per_server = 8}};
  std::vector<model::operating_point> points;
  for (int gpus : {1, 4, 500, 512})
    points.push_back({.config = {.gpus = gpus}, .throughput = 1.0 * gpus, .power_w = 300.0 * gpus});
  const model::curve curve{std::move(points)};
  schedule::scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::ideal{},
                           Admission{}};
  schedule::state s{dc};
  std::deque<job> jobs;
  const auto submit = [&](double at_s, int gpus, double duration_s) {
    job j{.id = job_id{jobs.size()}, .submit_s = at_s, .gpus = gpus};
    j.duration_s = duration_s;
    jobs.push_back(j);
    return s.submit(jobs.back(), curve);
  };
  const auto decide = [&](double at_s) {
    const schedule::decision d = plan.decide(s, at_s);
    for (std::uint32_t slot : s.running) {
      schedule::active_job& j = s.jobs[slot];
      if (j.rate > 0) continue;
      j.rate = 1;
      j.since_s = at_s;
    }
    return d.starts.size();
  };
  submit(0, 500, 1e6);
  decide(0);
  const auto length = static_cast<std::size_t>(bench.range(0));
  constexpr bool any_passes = std::is_same_v<Admission, admit::greedy>;
  for (std::size_t i = 0; i < length; ++i) submit(1, any_passes || i % 2 == 0 ? 512 : 4, 2e6);
  decide(1);
  double now_s = 2;
  for (auto _ : bench) {
    const std::uint32_t slot = submit(now_s, 1, 5);
    if (decide(now_s) != 1) bench.SkipWithError("a job that fits does not start");
    s.finish(slot);
    decide(now_s + 5);
    now_s += 10;
  }
  bench.SetItemsProcessed(2 * bench.iterations());
}

BENCHMARK(waiting<admit::greedy>)->Arg(1000)->Arg(100'000);
BENCHMARK(waiting<admit::easy>)->Arg(1000)->Arg(100'000);
BENCHMARK(waiting<admit::conservative>)->Arg(1000)->Arg(100'000);

}  // namespace
