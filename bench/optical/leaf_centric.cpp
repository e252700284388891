// Claim: circuits between pods are spread over the spines at least 25 times faster by Euler orientation
// and colouring than by a min-cost flow for each spine (LEMON), 1024 leafs with 16 384 circuits in a
// millisecond.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/core/random.hpp>
#include <heddle/optical/leaf_centric.hpp>

using namespace heddle;

#ifdef HEDDLE_HAS_LEMON
long lemon_spread(int leafs, const std::vector<std::uint32_t>& from,
                  const std::vector<std::uint32_t>& to, const std::vector<int>& count, int spines);
#endif

namespace {

// Ring-like: leafs at the vertices of random rings, some circuits between neighbours.
std::vector<optical::wanted_pair> rings(std::uint32_t leafs, std::size_t circuits) {
  std::vector<optical::wanted_pair> pairs;
  std::vector<std::uint32_t> order(leafs);
  for (std::uint32_t l = 0; l < leafs; ++l) order[l] = l;
  stream random{3, leafs, "rings"};
  for (std::size_t total = 0; total < circuits;) {
    for (std::size_t i = leafs; i > 1; --i) std::swap(order[i - 1], order[random() % i]);
    for (std::uint32_t i = 0; i < leafs && total < circuits; ++i) {
      const int n = static_cast<int>(std::min<std::size_t>(1 + random() % 4, circuits - total));
      pairs.push_back({order[i], order[(i + 1) % leafs], n});
      total += static_cast<std::size_t>(n);
    }
  }
  return pairs;
}

void spread(benchmark::State& state) {
  const auto leafs = static_cast<std::uint32_t>(state.range(0));
  const auto pairs = rings(leafs, static_cast<std::size_t>(state.range(1)));
  optical::leaf_centric design;
  for (auto _ : state)
    benchmark::DoNotOptimize(
        design(leafs, pairs, static_cast<std::uint32_t>(state.range(2))).data());
  state.SetItemsProcessed(state.iterations() * state.range(1));
}
BENCHMARK(spread)
    ->ArgNames({"leafs", "circuits", "spines"})
    ->Unit(benchmark::kMicrosecond)
    ->Args({256, 4096, 16})
    ->Args({1024, 16'384, 16})
    ->Args({4096, 131'072, 32});

#ifdef HEDDLE_HAS_LEMON
void lemon_flow(benchmark::State& state) {
  const auto leafs = static_cast<std::uint32_t>(state.range(0));
  const auto pairs = rings(leafs, static_cast<std::size_t>(state.range(1)));
  // The direction costs the peer nothing here.
  optical::symmetric_split split;
  const auto forth = split(leafs, pairs);
  std::vector<std::uint32_t> from, to;
  std::vector<int> count;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto add = [&](std::uint32_t a, std::uint32_t b, int n) {
      if (n > 0) from.push_back(a), to.push_back(b), count.push_back(n);
    };
    add(pairs[i].a, pairs[i].b, forth[i]);
    add(pairs[i].b, pairs[i].a, pairs[i].circuits - forth[i]);
  }
  for (auto _ : state)
    if (lemon_spread(static_cast<int>(leafs), from, to, count, static_cast<int>(state.range(2))) !=
        state.range(1))
      state.SkipWithError("not all circuits were given out");
  state.SetItemsProcessed(state.iterations() * state.range(1));
}
BENCHMARK(lemon_flow)
    ->ArgNames({"leafs", "circuits", "spines"})
    ->Unit(benchmark::kMicrosecond)
    ->Args({256, 4096, 16})
    ->Args({1024, 16'384, 16});
#endif

}  // namespace
