// The ranks of one job and where each of them sits.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include <heddle/core/ids.hpp>

namespace heddle::traffic {

/// A set of GPUs that communicate, in rank order, with what patterns and routes need to know of
/// each rank. All vectors have one entry per rank.
struct group {
  std::vector<gpu_id> gpus;
  std::vector<server_id> servers;
  std::vector<leaf_id> leafs;
  std::vector<std::uint32_t> slots;  ///< the rank's place among the group's ranks under its leaf
  int gpus_per_server = 1;           ///< of the fabric, not of this group

  [[nodiscard]] int size() const { return static_cast<int>(gpus.size()); }
  /// Whether some ranks lie under different leafs.
  [[nodiscard]] bool crosses_leafs() const {
    return std::any_of(leafs.begin(), leafs.end(), [&](leaf_id l) { return l != leafs.front(); });
  }
};

/// The group of `gpus`, given in rank order. O(ranks + leafs).
/// \tparam Fabric  with leafs: `leafs()`, `leaf_of(gpu)`, `server_of(gpu)`, `gpus_per_server()`
template <class Fabric>
[[nodiscard]] group make_group(const Fabric& dc, std::span<const gpu_id> gpus) {
  group g;
  g.gpus.assign(gpus.begin(), gpus.end());
  g.gpus_per_server = dc.gpus_per_server();
  g.servers.reserve(gpus.size());
  g.leafs.reserve(gpus.size());
  g.slots.reserve(gpus.size());
  std::vector<std::uint32_t> next_slot(static_cast<std::size_t>(dc.leafs()), 0);
  for (gpu_id gpu : gpus) {
    const leaf_id leaf = dc.leaf_of(gpu);
    g.servers.push_back(dc.server_of(gpu));
    g.leafs.push_back(leaf);
    g.slots.push_back(next_slot[leaf.index()]++);
  }
  return g;
}

}  // namespace heddle::traffic
