// Which leafs have a job that also runs under other leafs.
#pragma once

#include <algorithm>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/ledger.hpp>

namespace heddle::place::detail {

/// Makes `out` the set of leafs under which some job has a part only of its GPUs. O(GPUs held).
inline void find_crossing_leafs(const fabric::ledger& state, std::vector<word>& out) {
  const fabric::leaf_spine& dc = state.fabric();
  out.assign(words_for(static_cast<std::size_t>(dc.leafs())), 0);
  for (const auto& [job, where] : state.placements()) {
    const auto leaf = [&](gpu_id g) { return dc.leaf_of(g); };
    if (where.gpus.empty()) continue;
    const leaf_id first = leaf(where.gpus.front());
    const bool crosses = std::any_of(where.gpus.begin(), where.gpus.end(),
                                     [&](gpu_id g) { return leaf(g) != first; });
    if (!crosses) continue;
    for (gpu_id g : where.gpus) set_bit(out, leaf(g).index());
  }
}

}  // namespace heddle::place::detail
