// A leaf-spine network part by part, as it is found in a machine room.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace heddle::fabric {

/// A server and the number of its GPUs, each with a network card on the server's leaf.
struct server_layout {
  std::string name;
  int gpus = 8;  ///< ≥ 0; a server without GPUs is there, but can be given to nobody

  friend bool operator==(const server_layout&, const server_layout&) = default;
};

/// A leaf, its servers, and its links to each spine.
struct leaf_layout {
  std::string name;
  std::vector<server_layout> servers;
  std::vector<int> links;  ///< parallel links to each spine, in the order of `layout::spines`

  friend bool operator==(const leaf_layout&, const leaf_layout&) = default;
};

/// A network whose leafs may differ: what the readers of real networks give, and what
/// `leaf_spine` is made of. Ids are places in these lists.
struct layout {
  std::vector<leaf_layout> leafs = {};
  std::vector<std::string> spines = {};  ///< names
  double link_gbps = 100;                ///< each way, > 0
  double server_gbps = 1000;             ///< each way, between the GPUs of one server, > 0

  friend bool operator==(const layout&, const layout&) = default;
};

}  // namespace heddle::fabric
