// Claim: an exact answer, a placement or the proof that there is none, takes microseconds on a full
// cluster of the size on which the original gives an integer program 10 s.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/core/random.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/trace/synthetic.hpp>

using namespace heddle;

namespace {

// Jobs of the vClos mix come and leave by chance, so that the cluster stays nearly full; each
// decision is one item.
void decide(benchmark::State& state) {
  const bool large = state.range(0) == 8192;
  const bool any_size = state.range(1) != 0;
  const fabric::leaf_spine dc{large ? fabric::leaf_spine_shape{.leafs = 128, .spines = 64,
                                                               .servers_per_leaf = 16,
                                                               .gpus_per_server = 4}
                                    : fabric::leaf_spine_shape{.leafs = 16, .spines = 32,
                                                               .servers_per_leaf = 4,
                                                               .gpus_per_server = 8}};
  trace::vclos_workload mix{.jobs = 20'000};
  if (large) mix.sizes = trace::vclos_sizes;
  const std::vector<job> jobs = mix();
  place::first_of policy{place::one_server{}, place::one_leaf{},
                         place::vclos{.any_size = any_size}};
  fabric::ledger ledger{dc};
  stream chance{1, 0, "departures"};
  std::vector<job_id> running;
  std::size_t next = 0, placed = 0, used = 0, unproved = 0;
  for (auto _ : state) {
    const job_id id{static_cast<std::uint32_t>(next)};
    place::answer a = place::ask(policy, ledger, {id, jobs[next % jobs.size()].gpus});
    benchmark::DoNotOptimize(a);
    state.PauseTiming();
    unproved += !a.proved;
    if (a) {
      ++placed;
      ++next;
      (void)ledger.reserve(id, *std::move(a.where));
      running.push_back(id);
    } else {
      const std::size_t k = chance() % running.size();
      ledger.release(running[k]);
      running[k] = running.back();
      running.pop_back();
    }
    used += static_cast<std::size_t>(dc.gpus() - ledger.free_gpus());
    state.ResumeTiming();
  }
  const auto n = static_cast<double>(state.iterations());
  state.SetItemsProcessed(state.iterations());
  state.counters["placed"] = static_cast<double>(placed) / n;
  state.counters["use"] = static_cast<double>(used) / n / dc.gpus();
  state.counters["unproved"] = static_cast<double>(unproved) / n;
}

BENCHMARK(decide)
    ->ArgNames({"gpus", "any_size"})
    ->Args({512, 0})
    ->Args({512, 1})
    ->Args({8192, 0})
    ->Args({8192, 1})
    ->Iterations(20'000);

}  // namespace
