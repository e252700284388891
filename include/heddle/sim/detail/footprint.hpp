// Which parts of a cluster a placement touches.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/sim/detail/asked_of_fabric.hpp>

namespace heddle::sim::detail {

struct footprint {
  int gpus = 0, servers = 0;
  int leafs = 0;            ///< 0 on a fabric without
  double server_share = 0;  ///< servers' worth of its GPUs
  bool on_network = false;  ///< its GPUs talk over the network
};

/// Counts the parts of placements. O(GPUs + servers · log servers); nothing is allocated after
/// warm-up.
class footprint_counter {
 public:
  template <class Fabric>
  footprint operator()(const Fabric& dc, const std::vector<gpu_id>& gpus) {
    const auto& hosts = hosts_of(dc);
    footprint f{.gpus = static_cast<int>(gpus.size())};
    leafs_.clear();
    servers_.clear();
    for (std::size_t i = 0; i < gpus.size();) {
      const server_id s = hosts.server_of(gpus[i]);
      const auto of_server = hosts.gpus_of(s);
      std::size_t k = i + 1;
      while (k < gpus.size() && gpus[k].value - of_server.front().value < of_server.size()) ++k;
      f.server_share += static_cast<double>(k - i) / of_server.size();
      servers_.push_back(s);
      add_leafs(dc, s, std::span{gpus}.subspan(i, k - i), leafs_);
      i = k;
    }
    f.servers = distinct(servers_);
    f.leafs = distinct(leafs_);
    f.on_network = leafs_.empty() ? f.servers > 1 : f.leafs > 1;
    return f;
  }

 private:
  template <class Id>
  static int distinct(std::vector<Id>& ids) {
    std::sort(ids.begin(), ids.end());
    return static_cast<int>(std::unique(ids.begin(), ids.end()) - ids.begin());
  }

  std::vector<leaf_id> leafs_;      // scratch
  std::vector<server_id> servers_;  // scratch
};

}  // namespace heddle::sim::detail
