// Which parts of a cluster a placement touches.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/hosts.hpp>

namespace heddle::sim::detail {

struct footprint {
  int gpus = 0, servers = 0;
  int leafs = 0;            ///< that is, units of hosts (fabric/hosts.hpp)
  double server_share = 0;  ///< servers' worth of its GPUs
};

/// Counts the parts of placements. O(GPUs + servers · log servers); nothing is allocated after
/// warm-up.
class footprint_counter {
 public:
  footprint operator()(const fabric::hosts& hosts, const std::vector<gpu_id>& gpus) {
    footprint f{.gpus = static_cast<int>(gpus.size())};
    units_.clear();
    servers_.clear();
    for (std::size_t i = 0; i < gpus.size();) {
      const server_id s = hosts.server_of(gpus[i]);
      const auto of_server = hosts.gpus_of(s);
      std::size_t k = i + 1;
      while (k < gpus.size() && gpus[k].value - of_server.front().value < of_server.size()) ++k;
      f.server_share += static_cast<double>(k - i) / of_server.size();
      servers_.push_back(s);
      if (const unit_id x = hosts.unit_of(s); units_.empty() || units_.back() != x)
        units_.push_back(x);
      i = k;
    }
    f.servers = distinct(servers_);
    f.leafs = distinct(units_);
    return f;
  }

 private:
  template <class Id>
  static int distinct(std::vector<Id>& ids) {
    std::sort(ids.begin(), ids.end());
    return static_cast<int>(std::unique(ids.begin(), ids.end()) - ids.begin());
  }

  std::vector<unit_id> units_;      // scratch
  std::vector<server_id> servers_;  // scratch
};

}  // namespace heddle::sim::detail
