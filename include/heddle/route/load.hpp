// Which links the flows of a phase use.
#pragma once

#include <cstdint>
#include <span>

#include <heddle/route/path.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/traffic/phases.hpp>

namespace heddle::route {

/// Routes the flows of one phase in order and calls `use(number)` for each directed leaf-spine link
/// that a flow takes, its up-link before its down-link. A load that `use` counts is seen by the
/// policy at the next flow. O(flows) calls of the policy.
template <class Policy, class Load, class Use>
void for_each_link(Policy& policy, const view<Load>& v, std::span<const traffic::flow> flows,
                   Use&& use) {
  for (const traffic::flow& f : flows) {
    const leaf_id from = v.ranks.leafs[f.source], to = v.ranks.leafs[f.target];
    if (from == to) continue;
    const path p = policy(v, f);
    if (!p.spine.valid()) continue;
    use(v.links.up(from, p.spine, p.up_lane));
    use(v.links.down(p.spine, to, p.down_lane));
  }
}

}  // namespace heddle::route
