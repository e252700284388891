// Claims: on rails and in three tiers an exact answer takes microseconds too: p50 ≤ 5 µs, p99 ≤ 100 µs,
// jobs over pods, whose answers name ten thousand links, ≤ 1 ms; the search gives up in < 0.1 % of them.
// Every counter in µs is of single decisions, in CPU time of the thread without that of reading the clock: others on
// the machine do not count.
//
//   bin/heddle-bench-place --benchmark_filter="on_rails|in_three_tiers"
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/random.hpp>
#include <heddle/core/statistics.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/trace/synthetic.hpp>

using namespace heddle;

namespace {

/// Units of 32 servers of 8 GPUs in 8 rails; each rail has 32 spines over all units.
fabric::leaf_spine railed(int units) {
  const fabric::ports where{fabric::hosts{units, 32, 8}, {.rails = 8}};
  const int spines = 8 * 32;
  std::vector<int> up;
  for (leaf_id l : where.all_leafs())
    for (int s = 0; s < spines; ++s) up.push_back(s / 32 == where.rail_of(l));
  return fabric::leaf_spine{fabric::clos_parts{
      .ports = where, .up = fabric::tier_links{where.leafs(), spines, std::move(up)}}};
}

/// Pods of 64 leafs of 32 GPUs and 32 spines, each of which has 64 links up to cores of its number.
fabric::leaf_spine three_tiers(int pods) {
  const fabric::ports where{fabric::hosts{pods * 64, 4, 8}};
  const int spines = pods * 32, cores = 32 * 64;
  std::vector<int> up, core;
  for (leaf_id l : where.all_leafs())
    for (int s = 0; s < spines; ++s) up.push_back(s / 32 == static_cast<int>(l.value) / 64);
  for (int s = 0; s < spines; ++s)
    for (int c = 0; c < cores; ++c) core.push_back(c / 64 == s % 32);
  return fabric::leaf_spine{
      fabric::clos_parts{.ports = where,
                         .up = fabric::tier_links{where.leafs(), spines, std::move(up)},
                         .core = fabric::tier_links{spines, cores, std::move(core)}}};
}

/// Jobs of the vClos list of 8 192 GPUs up to 512; with pods every 200th takes 2 048 or 4 096.
std::vector<int> sizes_for(bool with_pods) {
  trace::vclos_workload mix{.jobs = 20'000};
  mix.sizes = trace::vclos_sizes;
  std::vector<int> sizes;
  for (const job& j : mix()) {
    sizes.push_back(j.gpus);
    if (with_pods && sizes.size() % 200 == 0) sizes.back() = sizes.size() % 400 ? 4096 : 2048;
  }
  return sizes;
}

double cpu_us() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return 1e6 * static_cast<double>(t.tv_sec) + 1e-3 * static_cast<double>(t.tv_nsec);
}
/// What two readings that stand beside one another differ by.
double reading_us() {
  std::vector<double> all;
  for (int i = 0; i < 1001; ++i) {
    const double start = cpu_us();
    all.push_back(cpu_us() - start);
  }
  return quantile(all, .5);
}

/// Jobs come; as soon as more than 90 % of the GPUs are in use they go, by chance.
void decide(benchmark::State& state, const fabric::leaf_spine& dc) {
  fabric::ledger ledger{dc};
  const std::vector<int> sizes = sizes_for(dc.cores() > 0);
  stream chance{1, 0, "departures"};
  std::vector<job_id> running;
  std::uint32_t asked = 0;
  place::vclos policy;
  std::vector<double> small, large;  // in one pod, or unit; over pods
  std::size_t placed = 0, gave_up = 0;
  double used = 0;
  const double reading = reading_us();
  const auto used_gpus = [&] { return dc.gpus() - ledger.free_gpus(); };
  const auto one = [&](bool measured) {
    const place::request r{job_id{asked}, sizes[asked % sizes.size()]};
    ++asked;
    if (measured) used += 1.0 * used_gpus() / dc.gpus();
    const double start = cpu_us();
    place::answer a = place::ask(policy, std::as_const(ledger), r);
    const double us = std::max(0.0, cpu_us() - start - reading);
    if (measured) {
      (r.gpus > 512 ? large : small).push_back(us);
      placed += static_cast<bool>(a);
      gave_up += a.why == place::wait_reason::search_limit;
    }
    if (a && ledger.reserve(r.job, *std::move(a.where)) == fabric::reserve_status::reserved)
      running.push_back(r.job);
    while (used_gpus() > 0.9 * dc.gpus()) {
      const std::size_t k = chance() % running.size();
      ledger.release(running[k]);
      running[k] = running.back();
      running.pop_back();
    }
    return us;
  };
  for (int i = 0; i < 3000 + dc.gpus() / 30; ++i) (void)one(false);
  for (auto _ : state) state.SetIterationTime(one(true) / 1e6);
  const auto n = static_cast<double>(state.iterations());
  state.counters["p50_us"] = quantile(small, .5);
  state.counters["p99_us"] = quantile(small, .99);
  state.counters["max_us"] = quantile(small, 1);
  if (!large.empty()) {
    state.counters["pods_p50_us"] = quantile(large, .5);
    state.counters["pods_max_us"] = quantile(large, 1);
  }
  state.counters["limit_share"] = static_cast<double>(gave_up) / n;
  state.counters["placed"] = static_cast<double>(placed) / n;
  state.counters["use"] = used / n;
}

void on_rails(benchmark::State& state) { decide(state, railed(static_cast<int>(state.range(0)))); }
void in_three_tiers(benchmark::State& state) {
  decide(state, three_tiers(static_cast<int>(state.range(0))));
}
BENCHMARK(on_rails)->ArgName("units")->Arg(8)->Arg(32)->Iterations(20'000)->UseManualTime();
BENCHMARK(in_three_tiers)->ArgName("pods")->Arg(16)->Arg(64)->Iterations(20'000)->UseManualTime();

}  // namespace
