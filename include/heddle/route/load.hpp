// Which links the flows of a phase use.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <heddle/route/network_flows.hpp>
#include <heddle/route/path.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route {

namespace detail {
/// Calls `use(number)` for each directed link of a path from one leaf to another.
template <class Use>
void follow(const link_numbers& links, const path& p, leaf_id from, leaf_id to, Use&& use) {
  if (!p.spine.valid()) return;
  use(links.up(from, p.spine, p.up_lane));
  if (!p.core.valid()) return use(links.down(p.spine, to, p.down_lane));
  use(links.up(p.spine, p.core, p.core_up_lane));
  use(links.down(p.core, p.down_spine, p.core_down_lane));
  use(links.down(p.down_spine, to, p.down_lane));
}

/// Routes the flows of a phase, as `network_flows` gives them, in one plane after the other, and calls
/// `take(plane, i, path, from, to)` for flow i where its ends lie under different leafs.
template <RoutingPolicy Policy, class Load, class Take>
void for_each_path(Policy& policy, const view<Load>& of, std::span<const traffic::flow> flows,
                   std::span<const traffic::flow> entering, Take&& take) {
  for (int plane = 0; plane < of.ranks.planes; ++plane) {
    const view<Load> v{of.fabric, of.links, of.ranks, of.load, plane, flows};
    std::span<const path> paths;
    if constexpr (PhaseRouting<Policy>) paths = policy(v, entering);
    for (std::size_t i = 0; i < entering.size(); ++i) {
      const leaf_id from = v.from(entering[i]), to = v.to(entering[i]);
      if (from == to) continue;
      if constexpr (PhaseRouting<Policy>)
        take(plane, i, paths[i], from, to);
      else
        take(plane, i, policy(v, entering[i]), from, to);
    }
  }
}
}  // namespace detail

/// Routes the flows of one phase in order and calls `use(number)` for each directed link that a flow
/// takes, its up-links before its down-links; in every plane. A load that `use` counts is seen by the
/// policy at the next flow. O(flows) calls of the policy.
/// \param entering  what finds where flows enter the network; keeps its memory
/// \returns  the fewest planes in which a flow between leafs has a path, of those that have one; that many
///           planes carry all its bytes
template <RoutingPolicy Policy, class Load, class Use>
int for_each_link(Policy& policy, const view<Load>& v, std::span<const traffic::flow> flows,
                  Use&& use, network_flows& entering) {
  const std::span<const traffic::flow> all = entering(v.ranks, flows);
  const int planes = v.ranks.planes;
  int fewest = planes;
  std::vector<int> found;
  if (planes > 1) found.assign(all.size(), 0);
  detail::for_each_path(policy, v, flows, all,
                        [&](int, std::size_t i, const path& p, leaf_id from, leaf_id to) {
                          if (planes > 1) found[i] += p.spine.valid();
                          detail::follow(v.links, p, from, to, use);
                        });
  for (int n : found)
    if (n > 0) fewest = std::min(fewest, n);
  return fewest;
}

template <RoutingPolicy Policy, class Load, class Use>
int for_each_link(Policy& policy, const view<Load>& v, std::span<const traffic::flow> flows,
                  Use&& use) {
  network_flows entering;
  return for_each_link(policy, v, flows, use, entering);
}

}  // namespace heddle::route
