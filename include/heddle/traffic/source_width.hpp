// How many flows of one's own phases leave a leaf at once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <heddle/traffic/phase_source.hpp>

namespace heddle::traffic {

/// The most flows of a phase that leave any run of consecutive ranks, at most `most` of them, or enter it: whatever
/// the leafs over which ranks are numbered, links to so many spines in common are enough for each of these phases
/// (`declared::width`; theorem W, docs/place/rails.md). Flows are counted, so phases in which a rank sends several
/// at once are taken for wider than they are. The source must send the same however its ranks lie on servers.
/// \param most  ranks under a leaf, ≥ 1
/// O(flows · min(most, ranks)). Derived.
template <PhaseSource Source>
[[nodiscard]] int source_width(const Source& all, int ranks, int most) {
  const auto n = static_cast<std::size_t>(ranks);
  std::vector<flow> flows;
  std::vector<std::vector<flow>> of(n);  // by either end
  int width = 0;
  for (std::size_t k = 0; k < static_cast<std::size_t>(all.size()); ++k) {
    (void)all.write(k, flows);
    for (auto& f : of) f.clear();
    for (const flow& f : flows) {
      of[f.source].push_back(f);
      of[f.target].push_back(f);
    }
    for (std::size_t first = 0; first < n; ++first) {
      int out = 0, in = 0;
      for (std::size_t last = first; last < std::min(n, first + static_cast<std::size_t>(most));
           ++last) {
        // The last rank joins: what it exchanges with those that are there stays inside.
        for (const flow& f : of[last]) {
          if (f.source == f.target) continue;
          const std::size_t other = f.source == last ? f.target : f.source;
          const bool inside = other >= first && other < last;
          if (f.source == last)
            inside ? --in : ++out;
          else
            inside ? --out : ++in;
        }
        width = std::max({width, out, in});
      }
    }
  }
  return width;
}

}  // namespace heddle::traffic
