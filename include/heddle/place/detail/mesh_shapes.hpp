// Shapes for a number of chips, and a mesh of the first that can be had.
#pragma once

#include <algorithm>
#include <tuple>
#include <vector>

#include <heddle/core/shape.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::place::detail {

/// All boxes of `chips` cells and three sides, largest first, in order of what communicates best: the
/// longest row first, as a ring takes as many steps, then the sum of the others.
[[nodiscard]] inline std::vector<box_shape> shapes_of(int chips) {
  std::vector<box_shape> out;
  for (int c = 1; c * c * c <= chips; ++c) {
    if (chips % c != 0) continue;
    for (int b = c; b * b <= chips / c; ++b)
      if (chips / c % b == 0 && chips / c / b <= 65535) out.push_back({chips / c / b, b, c});
  }
  std::sort(out.begin(), out.end(), [](const box_shape& x, const box_shape& y) {
    return std::tuple{x[0], x[1], x[2]} < std::tuple{y[0], y[1], y[2]};
  });
  return out;
}

/// \tparam Placer  `look(free)`, then `find(mesh, rules, placement&)`, and whether a no is proved
template <class Placer, class Ledger, class Rules>
[[nodiscard]] answer place_mesh(Placer& placer, const Ledger& free, const request& job,
                                const Rules& rules) {
  if (job.shape.size() > Placer::most_sides) return wait_reason::unsupported;
  placer.look(free);
  placement p;
  if (job.shape.empty()) {
    for (const box_shape& mesh : shapes_of(job.gpus))
      if (placer.find(mesh, rules, p)) return p;
  } else if (placer.find(job.shape, rules, p)) {
    return p;
  }
  return {wait_reason::gpu_fragmentation, placer.has_proved(rules)};
}

}  // namespace heddle::place::detail
