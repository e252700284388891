// Leafs and spines joined by optical circuit switches.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/circuit_book.hpp>
#include <heddle/fabric/circuits.hpp>
#include <heddle/fabric/equipment.hpp>
#include <heddle/fabric/hosts.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/links.hpp>
#include <heddle/fabric/ports.hpp>

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
  std::vector<std::uint16_t> type_of_server = {};  ///< of its GPUs, see `host::type`; empty: all 0

  friend bool operator==(const leaf_spine_ocs_shape&, const leaf_spine_ocs_shape&) = default;
};

/// A leaf-spine network whose uplinks end at optical circuit switches. A circuit exists while a job
/// owns it: the network starts dark, and a release darkens what it frees. An immutable value; copies
/// are cheap. All queries are O(1) and allocate nothing.
class leaf_spine_ocs : ports {
 public:
  using book = circuit_book;

  /// \throws input_error  for a shape with a part missing or a speed that is not positive
  explicit leaf_spine_ocs(const leaf_spine_ocs_shape& s)
      : leaf_spine_ocs(s, {.switches = s.switches,
                           .leaf_fibres = s.leaf_fibres,
                           .spine_fibres = s.spine_fibres,
                           .switching_ms = s.switching_ms}) {}

  using ports::all_gpus, ports::all_leafs, ports::all_servers, ports::all_units,
      ports::for_each_gpu;
  using ports::cards_per_server, ports::gpus_per_card, ports::planes, ports::rail_of, ports::rails,
      ports::server_of, ports::servers;
  using ports::gpus, ports::gpus_of, ports::gpus_per_leaf, ports::gpus_per_server, ports::hosts;
  using ports::index_in_leaf, ports::leaf_of, ports::leafs, ports::leafs_of, ports::leafs_per_unit;
  using ports::servers_of, ports::unit_of, ports::units, ports::whole_servers;

  [[nodiscard]] const leaf_spine_ocs_shape& shape() const { return shape_; }
  [[nodiscard]] const optical_layer& optical() const { return layer_; }
  [[nodiscard]] int spines() const { return shape_.spines; }
  [[nodiscard]] id_range<spine_id> all_spines() const {
    return {0, static_cast<std::uint32_t>(spines())};
  }
  [[nodiscard]] id_range<ocs_id> all_switches() const {
    return {0, static_cast<std::uint32_t>(layer_.switches)};
  }
  /// Of each leaf.
  [[nodiscard]] int uplinks() const { return layer_.uplinks(); }
  /// The OCS of an uplink.
  [[nodiscard]] ocs_id ocs_of(std::uint32_t uplink) const { return layer_.ocs_of(uplink); }
  /// Leafs and spines.
  [[nodiscard]] int switches() const { return leafs() + spines(); }
  [[nodiscard]] fabric::equipment equipment() const {
    return {.switches = switches(),
            .circuit_switches = layer_.switches,
            .switching_s = layer_.switching_ms / 1000};
  }
  [[nodiscard]] double link_gbps() const { return shape_.link_gbps; }
  [[nodiscard]] double server_gbps() const { return shape_.server_gbps; }

  /// The fixed network whose circuits are set once and for all, the same number between every leaf and
  /// every spine: what shares links or wants fixed ones runs on it. Nothing, if the uplinks of a leaf do
  /// not divide evenly among the spines, or a spine has too few ports.
  [[nodiscard]] std::optional<leaf_spine> mesh() const {
    const int lanes = uplinks() / spines();
    if (lanes * spines() != uplinks() || leafs() * lanes > layer_.spine_ports())
      return std::nullopt;
    return leaf_spine{clos_parts{.ports = static_cast<const fabric::ports&>(*this),
                                 .up = tier_links{leafs(), spines(), lanes},
                                 .link_gbps = link_gbps(),
                                 .server_gbps = server_gbps()}};
  }

  /// The network before any circuit is set up: all leafs and spines, and no link.
  [[nodiscard]] leaf_spine dark() const {
    const auto pairs = static_cast<std::size_t>(leafs()) * static_cast<std::size_t>(spines());
    return leaf_spine{clos_parts{.ports = static_cast<const fabric::ports&>(*this),
                                 .up = tier_links{leafs(), spines(), std::vector<int>(pairs, 0)},
                                 .link_gbps = link_gbps(),
                                 .server_gbps = server_gbps()}};
  }

  friend bool operator==(const leaf_spine_ocs&, const leaf_spine_ocs&) = default;

 private:
  leaf_spine_ocs(const leaf_spine_ocs_shape& s, const optical_layer& layer)
      : ports(hosts_of(s)), shape_(s), layer_(layer) {
    layer.check();
    const double most =
        1.0 * s.switches * std::max(1.0 * s.leafs * s.leaf_fibres, 1.0 * s.spines * s.spine_fibres);
    if (most > 1 << 28)
      throw input_error("leaf_spine_ocs", "at most 2^28 fibres",
                        std::to_string(static_cast<long long>(std::min(most, 9e18))));
  }
  /// What a fixed network of this shape checks holds here too.
  static ports hosts_of(const leaf_spine_ocs_shape& s) {
    static_cast<void>(leaf_spine{leaf_spine_shape{.leafs = s.leafs,
                                                  .spines = s.spines,
                                                  .servers_per_leaf = s.servers_per_leaf,
                                                  .gpus_per_server = s.gpus_per_server,
                                                  .link_gbps = s.link_gbps,
                                                  .server_gbps = s.server_gbps}});
    if (s.type_of_server.empty())
      return ports{fabric::hosts{s.leafs, s.servers_per_leaf, s.gpus_per_server}};
    const auto each = static_cast<std::size_t>(s.servers_per_leaf);
    if (s.type_of_server.size() != each * static_cast<std::size_t>(s.leafs))
      throw input_error("leaf_spine_ocs.type_of_server",
                        "a type for each of " + std::to_string(s.leafs * s.servers_per_leaf) +
                            " servers",
                        std::to_string(s.type_of_server.size()));
    std::vector<std::vector<host>> units(static_cast<std::size_t>(s.leafs));
    for (std::size_t x = 0; x < s.type_of_server.size(); ++x)
      units[x / each].push_back({.gpus = s.gpus_per_server, .type = s.type_of_server[x]});
    return ports{fabric::hosts{units}};
  }

  leaf_spine_ocs_shape shape_;
  optical_layer layer_;
};

}  // namespace heddle::fabric
