// Shapes for a number of chips, and a mesh of the first that can be had.
#pragma once

#include <heddle/core/box_shapes.hpp>
#include <heddle/core/shape.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::place::detail {

/// \tparam Placer  `look(free)`, then `find(mesh, rules, placement&)`, and whether a no is proved
template <class Placer, class Ledger, class Rules>
[[nodiscard]] answer place_mesh(Placer& placer, const Ledger& free, const request& job,
                                const Rules& rules) {
  if (job.shape.size() > Placer::most_sides) return wait_reason::unsupported;
  placer.look(free);
  placement p;
  if (job.shape.empty()) {
    for (const box_shape& mesh : boxes_of(job.gpus))
      if (placer.find(mesh, rules, p)) return p;
  } else if (placer.find(job.shape, rules, p)) {
    return p;
  }
  return {wait_reason::gpu_fragmentation, placer.has_proved(rules)};
}

}  // namespace heddle::place::detail
