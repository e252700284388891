// Claim: a circuit more costs a microsecond, by a Kempe chain if need be.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/core/random.hpp>
#include <heddle/optical/kempe.hpp>
#include <heddle/optical/wiring.hpp>

using namespace heddle;
using namespace heddle::optical;

namespace {

// On a network that is nearly full a random circuit leaves and another comes, where both ends have room.
void insert_one(benchmark::State& state) {
  const ports ends{256, 128, 32, 1, 2};
  wiring w{ends};
  kempe insert;
  std::vector<rerouted> moved;
  stream random{2, 0, "circuits"};
  const auto may_move = [](const circuit&) { return 1; };
  const auto try_one = [&] {
    const leaf_id l{random() % 256};
    const spine_id s{random() % 128};
    moved.clear();
    return insert.insert(w, l, s, may_move, kempe::frozen, moved);
  };
  const int full = static_cast<int>(256 * 32 * state.range(0) / 100);
  while (w.circuits() < full) try_one();
  std::size_t chains = 0, links = 0, inserted = 0;
  for (auto _ : state) {
    if (try_one()) {
      ++inserted;
      chains += !moved.empty();
      links += moved.size();
    }
    while (w.circuits() > full) {
      const leaf_id l{random() % 256};
      const auto p = static_cast<std::uint32_t>(random() % 32);
      if (const spine_id s = w.spine_at(l, p); s.valid()) w.disconnect({l, s, p});
    }
  }
  state.counters["inserted"] =
      static_cast<double>(inserted) / static_cast<double>(state.iterations());
  state.counters["chains"] = static_cast<double>(chains) / static_cast<double>(inserted);
  state.counters["moved"] = static_cast<double>(links) / static_cast<double>(inserted);
}
BENCHMARK(insert_one)->ArgName("percent_full")->Arg(50)->Arg(90)->Arg(98);

}  // namespace
