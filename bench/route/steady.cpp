// Claims: a job that comes or goes costs the contention of its own links and of the jobs that it
// reaches, jobs that own their links cost nobody anything; and on 8192 GPUs full of a running mix all
// slow-downs are known within a millisecond of an arrival.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <utility>
#include <vector>

#include <heddle/core/random.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/steady.hpp>

using namespace heddle;

namespace {

// The cluster full of jobs of 64 GPUs; one of them leaves and comes back.
template <class Place>
void leave_and_come(benchmark::State& state, Place place, collective pattern) {
  const fabric::leaf_spine dc{{.leafs = static_cast<int>(state.range(0)) / 32,
                               .spines = 32,
                               .servers_per_leaf = 4,
                               .gpus_per_server = 8}};
  fabric::ledger ledger{dc};
  route::steady model{dc, route::ecmp{}};
  std::vector<fabric::placement> where;
  for (std::uint32_t i = 0; static_cast<int>(i) < dc.gpus() / 64; ++i) {
    place::answer a = place::ask(place, ledger, {job_id{i}, 64});
    (void)ledger.reserve(job_id{i}, *a.where);
    model.add(job_id{i}, *a.where, pattern, 0.348);
    where.push_back(*std::move(a.where));
  }
  std::uint32_t i = 0;
  for (auto _ : state) {
    model.remove(job_id{i});
    model.add(job_id{i}, where[i], pattern, 0.348);
    i = (i + 1) % static_cast<std::uint32_t>(where.size());
  }
  state.SetItemsProcessed(2 * state.iterations());
}

void spread_ring(benchmark::State& s) { leave_and_come(s, place::spread{}, collective::ring); }
void spread_all_to_all(benchmark::State& s) {
  leave_and_come(s, place::spread{}, collective::all_to_all);
}
void packed_all_to_all(benchmark::State& s) {
  leave_and_come(s, place::packed{}, collective::all_to_all);
}
void vclos_all_to_all(benchmark::State& s) {
  leave_and_come(s, place::vclos{}, collective::all_to_all);
}

BENCHMARK(spread_ring)->Arg(512)->Arg(4096);
BENCHMARK(spread_all_to_all)->Arg(512)->Arg(4096);
BENCHMARK(packed_all_to_all)->Arg(512)->Arg(4096);
BENCHMARK(vclos_all_to_all)->Arg(512)->Arg(4096);

// 128 leafs of 64 GPUs, 64 spines, under the original's mix of sizes, collectives and communication
// shares, as random arrivals and departures leave it. An iteration is one arrival; departures are not
// timed. Counters: the mean and the longest arrival, the jobs that run, those whose slow-down moved.
template <class Place>
void arrival_on_8192(benchmark::State& state, Place place) {
  const fabric::leaf_spine dc{
      {.leafs = 128, .spines = 64, .servers_per_leaf = 16, .gpus_per_server = 4}};
  fabric::ledger ledger{dc};
  route::steady model{dc, route::ecmp{}};
  stream bits{1, 0, "mix"};
  const auto real = [&] { return static_cast<double>(bits() >> 11) * 0x1p-53; };
  const auto size = [&] {
    constexpr std::pair<int, int> sizes[] = {{8, 446},   {64, 1501}, {128, 699}, {192, 31},
                                             {256, 501}, {384, 5},   {512, 1817}};
    int at = static_cast<int>(real() * 5000);
    for (auto [n, weight] : sizes)
      if ((at -= weight) < 0) return n;
    return 512;
  };
  std::vector<job_id> running;
  std::uint32_t next = 0;
  double total_s = 0, longest_s = 0;
  std::size_t changed = 0, jobs = 0, arrivals = 0;
  const auto arrive = [&](int n) {
    const job_id id{next++};
    place::answer a = place::ask(place, ledger, {id, n});
    if (!a.where) return false;
    (void)ledger.reserve(id, *a.where);
    const bool power = (n & (n - 1)) == 0;
    const double u = real();
    const collective pattern = u < .5 && power    ? collective::halving_doubling
                               : u < .7 || !power ? collective::ring
                                                  : collective::all_to_all;
    const std::clock_t start = std::clock();  // the time of this process: others may run beside
    model.add(id, *a.where, pattern, 0.348);
    for (job_id j : running) benchmark::DoNotOptimize(model.slowdown(j));
    total_s = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    longest_s = std::max(longest_s, total_s);
    running.push_back(id);
    changed += model.changed().size();
    return true;
  };
  const auto depart = [&] {
    const auto at = static_cast<std::ptrdiff_t>(real() * static_cast<double>(running.size()));
    const job_id id = running[static_cast<std::size_t>(at)];
    running.erase(running.begin() + at);
    model.remove(id);
    ledger.release(id);
  };
  for (int i = 0; i < 300; ++i)
    if (!arrive(size())) depart();
  longest_s = 0;
  changed = 0;
  for (auto _ : state) {
    const int n = size();
    while (!arrive(n)) depart();
    state.SetIterationTime(total_s);
    jobs += running.size();
    ++arrivals;
  }
  const auto mean = [&](std::size_t sum) {
    return static_cast<double>(sum) / static_cast<double>(std::max<std::size_t>(arrivals, 1));
  };
  state.counters["longest_us"] = 1e6 * longest_s;
  state.counters["jobs"] = mean(jobs);
  state.counters["changed"] = mean(changed);
}
void arrival_packed(benchmark::State& s) { arrival_on_8192(s, place::packed{}); }
void arrival_spread(benchmark::State& s) { arrival_on_8192(s, place::spread{}); }
BENCHMARK(arrival_packed)->UseManualTime()->Unit(benchmark::kMicrosecond)->Iterations(2000);
BENCHMARK(arrival_spread)->UseManualTime()->Unit(benchmark::kMicrosecond)->Iterations(200);

}  // namespace
