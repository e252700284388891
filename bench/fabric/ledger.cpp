// Claim: a reservation and its release cost time in proportion to the placement alone, whatever the
// size of the cluster.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <utility>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/ledger.hpp>

using namespace heddle;

namespace {

// A job of whole leafs: 32 GPUs and, beyond one leaf, 32 links under each.
fabric::placement whole_leafs(const fabric::leaf_spine& dc, int gpus) {
  fabric::placement p;
  for (int g = 0; g < gpus; ++g) p.gpus.push_back(gpu_id{g});
  for (int l = 0; gpus > dc.gpus_per_leaf() && l < gpus / dc.gpus_per_leaf(); ++l)
    for (int s = 0; s < dc.gpus_per_leaf(); ++s) p.links.push_back({leaf_id{l}, spine_id{s}, 0});
  return p;
}

void reserve_and_release(benchmark::State& state) {
  const fabric::leaf_spine dc{{.leafs = static_cast<int>(state.range(0)) / 32,
                               .spines = 64,
                               .servers_per_leaf = 4,
                               .gpus_per_server = 8}};
  fabric::ledger ledger{dc};
  fabric::placement p = whole_leafs(dc, static_cast<int>(state.range(1)));
  for (auto _ : state) {
    benchmark::DoNotOptimize(ledger.reserve(job_id{1}, std::move(p)));
    p = *ledger.extract(job_id{1});
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(reserve_and_release)
    ->ArgNames({"cluster", "gpus"})
    ->Args({512, 8})
    ->Args({8192, 8})
    ->Args({512, 512})
    ->Args({8192, 512});

}  // namespace
