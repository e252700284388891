// What a simulation asks of a fabric: all of it stands here.
#pragma once

#include <span>
#include <vector>

#include <heddle/core/ids.hpp>

namespace heddle::sim::detail {

/// The GPUs and servers of a fabric.
template <class Fabric>
[[nodiscard]] decltype(auto) hosts_of(const Fabric& dc) {
  if constexpr (requires { dc.hosts(); })
    return dc.hosts();
  else
    return (dc);
}

/// The time to set up or move circuits, in s; 0 on a fabric that has none.
template <class Fabric>
[[nodiscard]] double switching_s(const Fabric& dc) {
  if constexpr (requires { dc.equipment().switching_s; })
    return dc.equipment().switching_s;
  else if constexpr (requires { dc.optical().switching_ms; })
    return dc.is_optical() ? dc.optical().switching_ms / 1000 : 0;
  else
    return 0;
}

/// How long a job waits for the circuits of its placement, in s.
template <class Fabric, class Placement>
[[nodiscard]] double set_up_s(const Fabric& dc, const Placement& where) {
  if constexpr (requires { where.circuits; })
    return where.circuits.empty() ? 0 : switching_s(dc);
  else
    return where.links.empty() ? 0 : switching_s(dc);
}

/// Adds the leafs that some GPUs of one server hang on; a fabric need not have any.
template <class Fabric>
void add_leafs(const Fabric& dc, server_id s, std::span<const gpu_id>,
               std::vector<leaf_id>& leafs) {
  if constexpr (requires { leaf_id{dc.leaf_of(s)}; })
    if (const leaf_id l = dc.leaf_of(s); leafs.empty() || leafs.back() != l) leafs.push_back(l);
}

}  // namespace heddle::sim::detail
