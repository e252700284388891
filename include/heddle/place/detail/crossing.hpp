// Which units have a job that also runs in other units, and which pods.
#pragma once

#include <algorithm>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/gpu_book.hpp>

namespace heddle::place::detail {

/// Makes `units` the set of units in which some job has a part only of its GPUs, and `pods` so of pods.
/// O(GPUs held).
inline void find_crossing(const fabric::gpu_book& state, std::vector<word>& units,
                          std::vector<word>& pods) {
  const fabric::hosts& dc = state.hosts();
  units.assign(words_for(static_cast<std::size_t>(dc.units())), 0);
  pods.assign(words_for(static_cast<std::size_t>(dc.pods())), 0);
  const auto mark = [](const std::vector<gpu_id>& gpus, auto&& part_of, std::vector<word>& out) {
    if (gpus.empty()) return;
    const auto first = part_of(gpus.front());
    if (std::any_of(gpus.begin(), gpus.end(), [&](gpu_id g) { return part_of(g) != first; }))
      for (gpu_id g : gpus) set_bit(out, part_of(g).index());
  };
  for (const auto& [job, where] : state.placements()) {
    mark(
        where.gpus, [&](gpu_id g) { return dc.unit_of(g); }, units);
    if (dc.pods() > 1)
      mark(
          where.gpus, [&](gpu_id g) { return dc.pod_of(dc.unit_of(g)); }, pods);
  }
}

}  // namespace heddle::place::detail
