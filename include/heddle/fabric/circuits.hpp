// What optical circuit switches (OCS) can join.
#pragma once

#include <cstdint>
#include <string>

#include <heddle/core/error.hpp>
#include <heddle/core/ids.hpp>

namespace heddle::fabric {

/// Optical circuit switches between leafs and spines. Every leaf has fibres to every OCS and every
/// spine too; an OCS joins a fibre of a leaf with one of a spine: a circuit. The fibres of a leaf are
/// its *uplinks*; uplink p goes to OCS p / leaf_fibres.
struct optical_layer {
  int switches = 32;         ///< ≥ 1
  int leaf_fibres = 1;       ///< from each leaf to each OCS, ≥ 1
  int spine_fibres = 2;      ///< from each spine to each OCS, ≥ 1
  double switching_ms = 50;  ///< time to set up or move a circuit, ≥ 0

  /// Of each leaf.
  [[nodiscard]] int uplinks() const { return switches * leaf_fibres; }
  /// Of each spine.
  [[nodiscard]] int spine_ports() const { return switches * spine_fibres; }
  [[nodiscard]] ocs_id ocs_of(std::uint32_t uplink) const {
    return ocs_id{uplink / static_cast<std::uint32_t>(leaf_fibres)};
  }

  /// \throws input_error  if a number is out of its range
  void check() const {
    const auto at_least_one = [](const char* field, int value) {
      if (value < 1)
        throw input_error(std::string("leaf_spine_ocs.") + field, "at least 1",
                          std::to_string(value));
    };
    at_least_one("switches", switches);
    at_least_one("leaf_fibres", leaf_fibres);
    at_least_one("spine_fibres", spine_fibres);
    if (!(switching_ms >= 0 && switching_ms < 1e12))
      throw input_error("leaf_spine_ocs.switching_ms", "a number of ms of at least 0",
                        std::to_string(switching_ms));
  }

  friend bool operator==(const optical_layer&, const optical_layer&) = default;
};

}  // namespace heddle::fabric
