// Checks that a source of phases of one's own keeps the promises that routes and contention rely on.
//
//   broken_promises(source, ranks)     of a PhaseSource for a group of so many ranks
//
// Returns one sentence for every promise that was seen broken; an empty list is conformance.
// Test-framework free: `CHECK(broken_promises(my_source{ranks, 1.0}, ranks.size()).empty())`.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <heddle/traffic/phase_source.hpp>

namespace heddle::traffic {

/// The promises of a PhaseSource:
/// 1. a phase has flows, and each lies between two different ranks of the group;
/// 2. bytes are positive and finite, repeats at least 1;
/// 3. `write` replaces what stood in the vector;
/// 4. the same call writes the same phase, whatever was written between.
/// O(flows of all phases).
template <PhaseSource Source>
[[nodiscard]] std::vector<std::string> broken_promises(const Source& source, int ranks) {
  std::vector<std::string> broken;
  const std::size_t phases = source.size();
  std::vector<std::vector<flow>> flows(phases);
  std::vector<phase> said;
  const auto require = [&](bool kept, const char* promise, std::size_t k) {
    if (!kept) broken.push_back(std::string(promise) + ": phase " + std::to_string(k));
  };
  for (std::size_t k = 0; k < phases; ++k) {
    said.push_back(source.write(k, flows[k]));
    const phase& p = said.back();
    require(!flows[k].empty(), "a phase has flows", k);
    require(std::all_of(flows[k].begin(), flows[k].end(),
                        [&](flow f) {
                          const auto n = static_cast<std::size_t>(ranks);
                          return f.source < n && f.target < n;
                        }),
            "the ends of a flow are ranks of the group", k);
    require(
        std::none_of(flows[k].begin(), flows[k].end(), [](flow f) { return f.source == f.target; }),
        "a flow has two different ends", k);
    require(std::isfinite(p.bytes) && p.bytes > 0, "bytes are positive and finite", k);
    require(p.repeat >= 1, "a phase is run at least once", k);
  }
  std::vector<flow> again(1);  // never empty: what stands in it must go
  for (std::size_t k = phases; k-- > 0;) {
    const phase p = source.write(k, again);
    require(p == said[k] && again == flows[k],
            "the same call writes the same phase, in place of what stood in the vector", k);
    again.push_back({0, 0});
  }
  require(static_cast<std::size_t>(source.size()) == phases, "the number of phases stays", phases);
  return broken;
}

}  // namespace heddle::traffic
