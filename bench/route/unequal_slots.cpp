// Aim: routes by destination on units of different sizes, 1 024 cards, in at most 2 ms, so that an arrival takes
// less than 5. Processor times with -O2, machine loaded: 43 to 80 servers under three or four units 0.6 to 2.0 ms, by
// one address a card for an all-to-all and nine or ten other collectives; before, by search, 10 to 490.
#include <heddle/route/carry_most.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/traffic/collectives.hpp>
#include <heddle/traffic/group.hpp>

#include "support/railed.hpp"

namespace {

using namespace heddle;

// Routes of an all-to-all of servers under three or four units of different sizes, and what goes with it, with as many
// links of every leaf as every permutation needs, two to a spine.
void unequal(benchmark::State& state) {
  const fabric::leaf_spine dc = bench::railed(4);
  int all = 0, width = 0;
  for (int u = 0; u < 4; ++u) all += static_cast<int>(state.range(u));
  for (int u = 0; u < 4; ++u) {
    const int n = static_cast<int>(state.range(u));
    width = std::max(width, std::min(n, all - n));
  }
  fabric::placement where;
  for (int u = 0; u < 4; ++u) {
    const int n = static_cast<int>(state.range(u));
    for (int g = 0; g < 8 * n; ++g) where.gpus.push_back(gpu_id{u * 256 + g});
    for (int rail = 0; n > 0 && rail < 8; ++rail)
      for (int k = 0; k < width; ++k)
        where.links.push_back({leaf_id{8 * u + rail}, spine_id{16 * rail + k / 2},
                               static_cast<std::uint32_t>(k % 2)});
  }
  const traffic::group ranks = traffic::make_group(dc, where.gpus);
  route::carried_routes r;
  for (auto unused : state)
    r = route::carry_most(dc, where, ranks, {traffic::source_of(collective::all_to_all, ranks, 1)});
  state.counters["lids"] = r.routes.lids;
  state.counters["also"] = static_cast<double>(r.also.size());
}
BENCHMARK(unequal)
    ->Args({5, 32, 7, 0})
    ->Args({31, 8, 2, 0})
    ->Args({18, 29, 24, 0})
    ->Args({32, 32, 5, 0})
    ->Args({12, 15, 16, 21})
    ->Args({20, 16, 7, 3})
    ->Unit(benchmark::kMillisecond);

}  // namespace
