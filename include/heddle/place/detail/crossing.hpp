// Which units have a job that also runs in other units.
#pragma once

#include <algorithm>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/gpu_book.hpp>

namespace heddle::place::detail {

/// Makes `out` the set of units in which some job has a part only of its GPUs. O(GPUs held).
inline void find_crossing_units(const fabric::gpu_book& state, std::vector<word>& out) {
  const fabric::hosts& dc = state.hosts();
  out.assign(words_for(static_cast<std::size_t>(dc.units())), 0);
  for (const auto& [job, where] : state.placements()) {
    const auto unit = [&](gpu_id g) { return dc.unit_of(g); };
    if (where.gpus.empty()) continue;
    const unit_id first = unit(where.gpus.front());
    const bool crosses = std::any_of(where.gpus.begin(), where.gpus.end(),
                                     [&](gpu_id g) { return unit(g) != first; });
    if (!crosses) continue;
    for (gpu_id g : where.gpus) set_bit(out, unit(g).index());
  }
}

}  // namespace heddle::place::detail
