// A leaf-spine network part by part, as it is found in a machine room.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <heddle/fabric/ports.hpp>

namespace heddle::fabric {

/// A server and the number of its GPUs.
struct server_layout {
  std::string name;
  int gpus = 8;        ///< ≥ 0; a server without GPUs is there, but can be given to nobody
  bool joins = false;  ///< shares the NVLink domain of the server before it, under the same leaf
  std::uint16_t type = 0;  ///< of its GPUs, see `host::type`

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
///
/// Where the cards of a server hang on several leafs, the rails · planes leafs of a unit stand one behind
/// the other, rails first (fabric/ports.hpp), and the first of them lists the unit's servers.
struct layout {
  std::vector<leaf_layout> leafs = {};
  std::vector<std::string> spines = {};  ///< names
  double link_gbps = 100;                ///< each way, > 0
  double server_gbps = 1000;             ///< each way, between the GPUs of one server, > 0
  rail_shape cards = {};                 ///< on which leafs of its unit a server's cards hang
  std::vector<std::string> cores = {};   ///< names; none in two tiers
  std::vector<std::vector<int>> core_links =
      {};  ///< of each spine to each core; empty without cores
  std::vector<std::string> notes =
      {};  ///< what a reader passed over or had to assume, a sentence each

  friend bool operator==(const layout&, const layout&) = default;
};

}  // namespace heddle::fabric
