// Which links the flows of a phase use.
#pragma once

#include <cstddef>
#include <span>

#include <heddle/route/path.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route {

/// Routes the flows of one phase in order and calls `use(number)` for each directed leaf-spine link
/// that a flow takes, its up-link before its down-link. A load that `use` counts is seen by the
/// policy at the next flow. O(flows) calls of the policy.
template <RoutingPolicy Policy, class Load, class Use>
void for_each_link(Policy& policy, const view<Load>& v, std::span<const traffic::flow> flows,
                   Use&& use) {
  const auto follow = [&](const path& p, leaf_id from, leaf_id to) {
    if (!p.spine.valid()) return;
    use(v.links.up(from, p.spine, p.up_lane));
    use(v.links.down(p.spine, to, p.down_lane));
  };
  std::span<const path> paths;
  if constexpr (PhaseRouting<Policy>) paths = policy(v, flows);
  for (std::size_t i = 0; i < flows.size(); ++i) {
    const leaf_id from = v.ranks.leafs[flows[i].source], to = v.ranks.leafs[flows[i].target];
    if (from == to) continue;
    if constexpr (PhaseRouting<Policy>)
      follow(paths[i], from, to);
    else
      follow(policy(v, flows[i]), from, to);
  }
}

}  // namespace heddle::route
