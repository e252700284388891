// Claim: a decision on an optical fabric of 8192 GPUs takes 20 µs at the median and less than 1 ms at
// the 99th percentile, whichever circuits may move.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <vector>

#include <heddle/core/random.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/ocs_vclos.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/trace/synthetic.hpp>

using namespace heddle;

namespace {

// What this thread computed, so that work beside it does not count.
struct thread_clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<thread_clock>;
  static time_point now() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return time_point{std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec}};
  }
};

// 256 leafs of 32 GPUs over 128 spines of 64 ports, or 128 leafs of 64 over 64 spines of 128 ports.
fabric::leaf_spine_ocs network(std::int64_t leafs) {
  if (leafs == 256)
    return fabric::leaf_spine_ocs{{.leafs = 256,
                                   .spines = 128,
                                   .switches = 32,
                                   .spine_fibres = 2,
                                   .servers_per_leaf = 8,
                                   .gpus_per_server = 4}};
  return fabric::leaf_spine_ocs{{.leafs = 128,
                                 .spines = 64,
                                 .switches = 32,
                                 .leaf_fibres = 2,
                                 .spine_fibres = 4,
                                 .servers_per_leaf = 16,
                                 .gpus_per_server = 4}};
}

// Jobs come and leave by chance, so that the cluster stays nearly full; each decision is one item.
void decide(benchmark::State& state, place::rewiring may_move, bool odd_sizes) {
  using clock = thread_clock;
  const fabric::leaf_spine_ocs dc = network(state.range(0));
  trace::vclos_workload mix{.jobs = 20'000};
  mix.sizes = trace::vclos_sizes;
  std::vector<job> jobs = mix();
  stream chance{1, 0, "departures"};
  if (odd_sizes)  // any number of GPUs up to that of the mix
    for (job& j : jobs)
      j.gpus = 1 + static_cast<int>(chance() % static_cast<std::uint64_t>(j.gpus));
  place::first_of policy{place::one_server{}, place::one_leaf{},
                         place::ocs_vclos{.may_move = may_move}};
  fabric::ledger ledger{dc};
  std::vector<job_id> running;
  std::vector<double> took_us;
  std::size_t next = 0, placed = 0, used = 0, unproved = 0, moved = 0, network_waits = 0;
  for (auto _ : state) {
    const job_id id{static_cast<std::uint32_t>(next)};
    const auto start = clock::now();
    place::answer a = place::ask(policy, ledger, {id, jobs[next % jobs.size()].gpus});
    const std::chrono::duration<double> took = clock::now() - start;
    state.SetIterationTime(took.count());
    took_us.push_back(took.count() * 1e6);
    unproved += !a.proved;
    network_waits += !a && a.why != place::wait_reason::gpus;
    if (a) {
      ++placed;
      ++next;
      moved += a.moved.size();
      if (ledger.rewire(a.moved) != fabric::reserve_status::reserved ||
          ledger.reserve(id, *std::move(a.where)) != fabric::reserve_status::reserved)
        state.SkipWithError("an answer that cannot be reserved");
      running.push_back(id);
    } else {
      const std::size_t k = chance() % running.size();
      ledger.release(running[k]);
      running[k] = running.back();
      running.pop_back();
    }
    used += static_cast<std::size_t>(dc.gpus() - ledger.free_gpus());
  }
  std::sort(took_us.begin(), took_us.end());
  const auto n = static_cast<double>(state.iterations());
  const auto quantile = [&](double q) {
    return took_us[static_cast<std::size_t>(q * static_cast<double>(took_us.size() - 1))];
  };
  state.counters["p50_us"] = quantile(.5);
  state.counters["p99_us"] = quantile(.99);
  state.counters["max_us"] = took_us.back();
  state.counters["placed"] = static_cast<double>(placed) / n;
  state.counters["use"] = static_cast<double>(used) / n / dc.gpus();
  state.counters["unproved"] = static_cast<double>(unproved) / n;
  state.counters["no_links"] = static_cast<double>(network_waits) / n;
  state.counters["moved"] = static_cast<double>(moved) / static_cast<double>(placed);
}

void leafs(benchmark::internal::Benchmark* b) {
  b->ArgName("leafs")->Arg(256)->Arg(128)->UseManualTime()->Iterations(20000)->Unit(
      benchmark::kMicrosecond);
}
BENCHMARK_CAPTURE(decide, never, place::rewiring::never, false)->Apply(leafs);
BENCHMARK_CAPTURE(decide, bounded, place::rewiring::bounded, false)->Apply(leafs);
BENCHMARK_CAPTURE(decide, free, place::rewiring::free, false)->Apply(leafs);
BENCHMARK_CAPTURE(decide, never_odd_sizes, place::rewiring::never, true)->Apply(leafs);
BENCHMARK_CAPTURE(decide, bounded_odd_sizes, place::rewiring::bounded, true)->Apply(leafs);
BENCHMARK_CAPTURE(decide, free_odd_sizes, place::rewiring::free, true)->Apply(leafs);

}  // namespace
