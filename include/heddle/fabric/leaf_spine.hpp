// A two-tier leaf-spine (Clos) network with its servers and GPUs.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <string>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/ids.hpp>

namespace heddle::fabric {

/// The shape of a regular leaf-spine network. Every GPU has one network card, linked to the leaf of
/// its server; every leaf has `links_per_pair` links to every spine.
struct leaf_spine_shape {
  int leafs = 16;             ///< ≥ 1
  int spines = 32;            ///< ≥ 1
  int links_per_pair = 1;     ///< parallel links between a leaf and a spine, ≥ 1
  int servers_per_leaf = 4;   ///< ≥ 1
  int gpus_per_server = 8;    ///< ≥ 1
  double link_gbps = 100;     ///< each way, of a leaf-spine link and of a network card, > 0
  double server_gbps = 1000;  ///< each way, between the GPUs of one server, > 0

  friend bool operator==(const leaf_spine_shape&, const leaf_spine_shape&) = default;
};

/// A leaf-spine network as an immutable value. GPU ids are consecutive by server, server ids by
/// leaf. All queries are O(1) and allocate nothing.
class leaf_spine {
 public:
  /// \throws input_error  for a shape with a part missing or a speed that is not positive
  explicit leaf_spine(const leaf_spine_shape& shape) : shape_(shape) {
    at_least_one("leafs", shape.leafs);
    at_least_one("spines", shape.spines);
    at_least_one("links_per_pair", shape.links_per_pair);
    at_least_one("servers_per_leaf", shape.servers_per_leaf);
    at_least_one("gpus_per_server", shape.gpus_per_server);
    positive("link_gbps", shape.link_gbps);
    positive("server_gbps", shape.server_gbps);
    const double gpus = 1.0 * shape.leafs * shape.servers_per_leaf * shape.gpus_per_server;
    const double links = 1.0 * shape.leafs * shape.spines * shape.links_per_pair;
    if (const double more = std::max(gpus, links); more > largest)
      throw input_error("leaf_spine", "at most 2^28 GPUs and links",
                        std::to_string(static_cast<long long>(std::min(more, 9e18))));
  }

  [[nodiscard]] const leaf_spine_shape& shape() const { return shape_; }

  [[nodiscard]] int leafs() const { return shape_.leafs; }
  [[nodiscard]] int spines() const { return shape_.spines; }
  [[nodiscard]] int servers() const { return shape_.leafs * shape_.servers_per_leaf; }
  [[nodiscard]] int gpus() const { return servers() * shape_.gpus_per_server; }
  [[nodiscard]] int gpus_per_server() const { return shape_.gpus_per_server; }
  [[nodiscard]] int gpus_per_leaf() const { return shape_.servers_per_leaf * gpus_per_server(); }
  [[nodiscard]] int links_per_pair() const { return shape_.links_per_pair; }
  /// Links from one leaf to all spines.
  [[nodiscard]] int uplinks() const { return shape_.spines * shape_.links_per_pair; }
  /// Leaf-spine links of the whole network.
  [[nodiscard]] int links() const { return shape_.leafs * uplinks(); }
  /// Leafs and spines.
  [[nodiscard]] int switches() const { return shape_.leafs + shape_.spines; }
  [[nodiscard]] double link_gbps() const { return shape_.link_gbps; }
  [[nodiscard]] double server_gbps() const { return shape_.server_gbps; }

  [[nodiscard]] id_range<leaf_id> all_leafs() const { return {0, u(leafs())}; }
  [[nodiscard]] id_range<server_id> all_servers() const { return {0, u(servers())}; }
  [[nodiscard]] id_range<gpu_id> all_gpus() const { return {0, u(gpus())}; }

  [[nodiscard]] server_id server_of(gpu_id g) const {
    return server_id{g.value / u(shape_.gpus_per_server)};
  }
  [[nodiscard]] leaf_id leaf_of(server_id s) const {
    return leaf_id{s.value / u(shape_.servers_per_leaf)};
  }
  [[nodiscard]] leaf_id leaf_of(gpu_id g) const { return leaf_id{g.value / u(gpus_per_leaf())}; }
  /// Where `g` stands among the GPUs of its leaf, from 0.
  [[nodiscard]] int index_in_leaf(gpu_id g) const {
    return static_cast<int>(g.value % u(gpus_per_leaf()));
  }

  [[nodiscard]] id_range<server_id> servers_of(leaf_id l) const {
    const std::uint32_t n = u(shape_.servers_per_leaf);
    return {l.value * n, (l.value + 1) * n};
  }
  [[nodiscard]] id_range<gpu_id> gpus_of(leaf_id l) const {
    const std::uint32_t n = u(gpus_per_leaf());
    return {l.value * n, (l.value + 1) * n};
  }
  [[nodiscard]] id_range<gpu_id> gpus_of(server_id s) const {
    const std::uint32_t n = u(shape_.gpus_per_server);
    return {s.value * n, (s.value + 1) * n};
  }

  friend bool operator==(const leaf_spine&, const leaf_spine&) = default;

 private:
  static constexpr double largest = 1 << 28;

  static std::uint32_t u(int v) { return static_cast<std::uint32_t>(v); }
  static void at_least_one(const char* field, int value) {
    if (value < 1)
      throw input_error(std::string("leaf_spine.") + field, "at least 1", std::to_string(value));
  }
  static void positive(const char* field, double value) {
    if (!(value > 0 && value < 1e12))
      throw input_error(std::string("leaf_spine.") + field, "a positive number of Gb/s",
                        std::to_string(value));
  }

  leaf_spine_shape shape_;
};

}  // namespace heddle::fabric
