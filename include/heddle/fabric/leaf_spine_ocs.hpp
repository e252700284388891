// Leafs and spines joined by optical circuit switches.
#pragma once

#include <string>

#include <heddle/core/error.hpp>
#include <heddle/fabric/leaf_spine.hpp>

namespace heddle::fabric {

/// The shape of a regular leaf-spine network with an optical layer. Every leaf has `leaf_fibres`
/// fibres to each of the `switches` OCS, every spine `spine_fibres`; so a leaf has switches ·
/// leaf_fibres uplinks, and a spine switches · spine_fibres ports.
struct leaf_spine_ocs_shape {
  int leafs = 16;             ///< ≥ 1
  int spines = 8;             ///< ≥ 1
  int switches = 32;          ///< optical circuit switches, ≥ 1
  int leaf_fibres = 1;        ///< ≥ 1
  int spine_fibres = 2;       ///< ≥ 1
  double switching_ms = 50;   ///< time to set up or move a circuit, ≥ 0
  int servers_per_leaf = 4;   ///< ≥ 1
  int gpus_per_server = 8;    ///< ≥ 1
  double link_gbps = 100;     ///< each way, of a circuit and of a network card, > 0
  double server_gbps = 1000;  ///< each way, between the GPUs of one server, > 0

  friend bool operator==(const leaf_spine_ocs_shape&, const leaf_spine_ocs_shape&) = default;
};

/// A leaf-spine network whose uplinks end at optical circuit switches. A circuit exists while a job
/// owns it: the network starts dark, and a release darkens what it frees.
class leaf_spine_ocs : public leaf_spine {
 public:
  /// \throws input_error  for a shape with a part missing or a speed that is not positive
  explicit leaf_spine_ocs(const leaf_spine_ocs_shape& s)
      : leaf_spine({.leafs = s.leafs,
                    .spines = s.spines,
                    .servers_per_leaf = s.servers_per_leaf,
                    .gpus_per_server = s.gpus_per_server,
                    .link_gbps = s.link_gbps,
                    .server_gbps = s.server_gbps},
                   {.switches = at_least_one(s.switches),
                    .leaf_fibres = s.leaf_fibres,
                    .spine_fibres = s.spine_fibres,
                    .switching_ms = s.switching_ms}) {}

 private:
  static int at_least_one(int switches) {
    if (switches < 1)
      throw input_error("leaf_spine_ocs.switches", "at least 1", std::to_string(switches));
    return switches;
  }
};

}  // namespace heddle::fabric
