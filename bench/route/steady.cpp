// Claim: a job that comes or goes costs the contention of its own links and of the jobs on them
// alone; jobs that own their links cost nobody anything.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/steady.hpp>

using namespace heddle;

namespace {

// The cluster full of jobs of 64 GPUs; one of them leaves and comes back.
template <class Place>
void leave_and_come(benchmark::State& state, Place place, collective pattern) {
  const fabric::leaf_spine dc{{.leafs = static_cast<int>(state.range(0)) / 32, .spines = 32,
                               .servers_per_leaf = 4, .gpus_per_server = 8}};
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

}  // namespace
