// Three tiers: leaf-spine pods joined by a core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include <heddle/core/error.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>

namespace heddle::fabric {

/// What joins the spines of all pods.
enum class core_kind : unsigned char {
  optical,   ///< circuit switches: each joins two fibres for as long as it is told
  switches,  ///< packet switches
};

struct pods_shape {
  int pods = 4;               ///< ≥ 1
  leaf_spine_shape pod = {};  ///< of each
  core_kind kind = core_kind::optical;
  int core_switches = 16;    ///< ≥ 1
  int core_fibres = 1;       ///< from each spine to each core switch, ≥ 1
  double switching_ms = 50;  ///< of an optical core

  friend bool operator==(const pods_shape&, const pods_shape&) = default;
};

/// Pods, and the core above them. Leafs and spines are numbered through all pods.
///
/// What places jobs sees `network()`: isolated placements keep within a pod, because between two there
/// is no link to own. The core is for what designs its circuits (optical/leaf_centric.hpp).
/// Memory: O(pods² · leafs · spines of a pod).
class pods {
 public:
  /// \throws input_error  for a shape with a part missing or a speed that is not positive
  explicit pods(const pods_shape& s) : network_(spread_out(s)), pods_(s) {}

  /// The pods as one leaf-spine network in which a leaf has links to the spines of its own pod only.
  [[nodiscard]] const leaf_spine& network() const { return network_; }
  [[nodiscard]] const pods_shape& shape() const { return pods_; }
  [[nodiscard]] int count() const { return pods_.pods; }
  [[nodiscard]] int pod_of(leaf_id l) const { return static_cast<int>(l.value) / pods_.pod.leafs; }
  [[nodiscard]] int pod_of(spine_id s) const {
    return static_cast<int>(s.value) / pods_.pod.spines;
  }
  /// Fibres from each spine to the core.
  [[nodiscard]] int core_ports() const { return pods_.core_switches * pods_.core_fibres; }

  friend bool operator==(const pods& a, const pods& b) { return a.pods_ == b.pods_; }

 private:
  static layout spread_out(const pods_shape& s) {
    const auto at_least_one = [](const char* field, int value) {
      if (value < 1)
        throw input_error(std::string("pods.") + field, "at least 1", std::to_string(value));
      return static_cast<std::size_t>(value);
    };
    const std::size_t pods = at_least_one("pods", s.pods);
    at_least_one("core_switches", s.core_switches);
    at_least_one("core_fibres", s.core_fibres);
    static_cast<void>(leaf_spine{s.pod});  // says what is wrong with a pod
    const auto leafs = static_cast<std::size_t>(s.pod.leafs);
    const auto spines = static_cast<std::size_t>(s.pod.spines);
    if (1.0 * s.pods * s.pods * s.pod.leafs * s.pod.spines * s.pod.links_per_pair > 1 << 28)
      throw input_error("pods", "at most 2^28 pairs of a leaf and a spine", "more");

    layout all{.link_gbps = s.pod.link_gbps, .server_gbps = s.pod.server_gbps};
    all.spines.resize(pods * spines);
    for (std::size_t p = 0; p < pods; ++p) {
      leaf_layout leaf;
      leaf.servers.resize(static_cast<std::size_t>(s.pod.servers_per_leaf));
      for (server_layout& server : leaf.servers) server.gpus = s.pod.gpus_per_server;
      leaf.links.resize(all.spines.size(), 0);
      for (std::size_t k = 0; k < spines; ++k) leaf.links[p * spines + k] = s.pod.links_per_pair;
      all.leafs.insert(all.leafs.end(), leafs, leaf);
    }
    return all;
  }

  leaf_spine network_;
  pods_shape pods_;
};

}  // namespace heddle::fabric
