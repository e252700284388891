// A two-tier leaf-spine (Clos) network with its servers and GPUs.
//
//   fabric           what                                                header
//   leaf_spine       fixed links between leafs and spines, any shape     here
//   leaf_spine_ocs   optical circuit switches between leafs and spines   leaf_spine_ocs.hpp
//   pods             leaf-spine pods joined by a core                    pods.hpp
//
// The last two are leaf_spines too: whatever takes one of these takes them all.
#pragma once

#include <algorithm>
#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/layout.hpp>

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

/// Optical circuit switches (OCS) between leafs and spines. Every leaf has fibres to every OCS and
/// every spine too; an OCS joins a fibre of a leaf with one of a spine: a circuit.
struct optical_layer {
  int switches = 0;          ///< 0: leafs and spines are joined by fixed links
  int leaf_fibres = 1;       ///< from each leaf to each OCS, ≥ 1
  int spine_fibres = 2;      ///< from each spine to each OCS, ≥ 1
  double switching_ms = 50;  ///< time to set up or move a circuit, ≥ 0

  friend bool operator==(const optical_layer&, const optical_layer&) = default;
};

/// A leaf-spine network as an immutable value; copies are cheap. GPU ids are consecutive by server,
/// server ids by leaf. Leafs may differ in their servers, GPUs and links. All queries are O(1) and
/// allocate nothing.
///
/// The ways up from a leaf are numbered: *lane* k of the links to spine s is uplink
/// s · links_per_pair + k. On an optical fabric a lane is the number of the uplink itself, and
/// uplink p goes to OCS p / leaf_fibres.
class leaf_spine {
 public:
  /// \throws input_error  for a shape with a part missing or a speed that is not positive
  explicit leaf_spine(const leaf_spine_shape& shape) : leaf_spine(shape, optical_layer{}) {}

  /// A network as it was found. `shape()` then has the largest leaf and server. (A template, so
  /// that braces alone mean a shape.)
  /// \throws input_error  if there is no leaf, spine or GPU, leafs name another number of spines
  ///                      than there are, or a number is negative
  template <std::same_as<layout> Layout>
  explicit leaf_spine(const Layout& found) : shape_(envelope(found)) {
    check(shape_, optical_);
    auto t = std::make_shared<tables>();
    for (const leaf_layout& l : found.leafs) {
      t->servers_of_leaf.push_back(u(static_cast<int>(t->gpus_of_server.size())));
      t->gpus_of_leaf.push_back(u(static_cast<int>(t->server_of_gpu.size())));
      for (const server_layout& s : l.servers)
        t->add_server(static_cast<std::uint32_t>(t->servers_of_leaf.size() - 1), s.gpus);
      t->links.insert(t->links.end(), l.links.begin(), l.links.end());
      for (int n : l.links) t->all_links += n;
    }
    t->close();
    if (t->server_of_gpu.empty()) throw input_error("layout", "a GPU", "none");
    tables_ = std::move(t);
  }

  /// Of an uneven network the largest parts.
  [[nodiscard]] const leaf_spine_shape& shape() const { return shape_; }

  [[nodiscard]] int leafs() const { return shape_.leafs; }
  [[nodiscard]] int spines() const { return shape_.spines; }
  [[nodiscard]] int servers() const { return static_cast<int>(tables_->gpus_of_server.size()) - 1; }
  [[nodiscard]] int gpus() const { return static_cast<int>(tables_->server_of_gpu.size()); }
  /// Of the largest server.
  [[nodiscard]] int gpus_per_server() const { return shape_.gpus_per_server; }
  /// Of the largest leaf.
  [[nodiscard]] int gpus_per_leaf() const { return tables_->most_gpus_of_leaf; }
  /// Lanes between a leaf and a spine, at most.
  [[nodiscard]] int links_per_pair() const {
    return is_optical() ? uplinks() : shape_.links_per_pair;
  }
  /// Places for links from one leaf to all spines.
  [[nodiscard]] int uplinks() const {
    return is_optical() ? optical_.switches * optical_.leaf_fibres
                        : shape_.spines * shape_.links_per_pair;
  }
  /// Whether all leafs have the same number of links to all spines.
  [[nodiscard]] bool is_regular() const { return tables_->links.empty(); }
  /// Links from `l` to `s`; 0 on an optical fabric, where there are none but circuits.
  [[nodiscard]] int links(leaf_id l, spine_id s) const {
    if (is_optical()) return 0;
    if (is_regular()) return shape_.links_per_pair;
    return tables_->links[l.index() * size(spines()) + s.index()];
  }
  /// Leaf-spine links of the whole network; on an optical fabric the leafs' fibres.
  [[nodiscard]] int links() const {
    return is_regular() ? leafs() * uplinks() : tables_->all_links;
  }
  /// Leafs and spines.
  [[nodiscard]] int switches() const { return shape_.leafs + shape_.spines; }
  [[nodiscard]] double link_gbps() const { return shape_.link_gbps; }
  [[nodiscard]] double server_gbps() const { return shape_.server_gbps; }

  /// Whether leafs and spines are joined by circuits instead of links.
  [[nodiscard]] bool is_optical() const { return optical_.switches > 0; }
  [[nodiscard]] const optical_layer& optical() const { return optical_; }
  /// The OCS of an uplink. Precondition: the fabric is optical.
  [[nodiscard]] ocs_id ocs_of(std::uint32_t uplink) const {
    return ocs_id{uplink / u(optical_.leaf_fibres)};
  }

  /// The fixed network of an optical one whose circuits are set once and for all, the same number
  /// between every leaf and every spine: what shares links or wants fixed ones runs on it. Nothing,
  /// if the uplinks of a leaf do not divide evenly among the spines, or a spine has too few ports.
  /// Precondition: the fabric is optical.
  [[nodiscard]] std::optional<leaf_spine> mesh() const {
    assert(is_optical());
    const int lanes = uplinks() / spines();
    if (lanes * spines() != uplinks() ||
        leafs() * lanes > optical_.switches * optical_.spine_fibres)
      return std::nullopt;
    leaf_spine_shape fixed = shape_;
    fixed.links_per_pair = lanes;
    return leaf_spine{fixed};
  }

  [[nodiscard]] id_range<leaf_id> all_leafs() const { return {0, u(leafs())}; }
  [[nodiscard]] id_range<spine_id> all_spines() const { return {0, u(spines())}; }
  [[nodiscard]] id_range<server_id> all_servers() const { return {0, u(servers())}; }
  [[nodiscard]] id_range<gpu_id> all_gpus() const { return {0, u(gpus())}; }
  [[nodiscard]] id_range<ocs_id> all_switches() const { return {0, u(optical_.switches)}; }

  [[nodiscard]] server_id server_of(gpu_id g) const {
    return server_id{tables_->server_of_gpu[g.index()]};
  }
  [[nodiscard]] leaf_id leaf_of(server_id s) const {
    return leaf_id{tables_->leaf_of_server[s.index()]};
  }
  [[nodiscard]] leaf_id leaf_of(gpu_id g) const { return leaf_of(server_of(g)); }
  /// Where `g` stands among the GPUs of its leaf, from 0.
  [[nodiscard]] int index_in_leaf(gpu_id g) const {
    return static_cast<int>(g.value - tables_->gpus_of_leaf[leaf_of(g).index()]);
  }

  [[nodiscard]] id_range<server_id> servers_of(leaf_id l) const {
    return {tables_->servers_of_leaf[l.index()], tables_->servers_of_leaf[l.index() + 1]};
  }
  [[nodiscard]] id_range<gpu_id> gpus_of(leaf_id l) const {
    return {tables_->gpus_of_leaf[l.index()], tables_->gpus_of_leaf[l.index() + 1]};
  }
  [[nodiscard]] id_range<gpu_id> gpus_of(server_id s) const {
    return {tables_->gpus_of_server[s.index()], tables_->gpus_of_server[s.index() + 1]};
  }

  friend bool operator==(const leaf_spine& a, const leaf_spine& b) {
    return a.shape_ == b.shape_ && a.optical_ == b.optical_ &&
           (a.tables_ == b.tables_ || *a.tables_ == *b.tables_);
  }

 protected:
  leaf_spine(const leaf_spine_shape& shape, const optical_layer& optical)
      : shape_(shape), optical_(optical) {
    check(shape, optical);
    auto t = std::make_shared<tables>();
    for (std::uint32_t l = 0; l < u(shape.leafs); ++l) {
      t->servers_of_leaf.push_back(l * u(shape.servers_per_leaf));
      t->gpus_of_leaf.push_back(l * u(shape.servers_per_leaf * shape.gpus_per_server));
      for (int s = 0; s < shape.servers_per_leaf; ++s) t->add_server(l, shape.gpus_per_server);
    }
    t->close();
    tables_ = std::move(t);
  }

 private:
  /// Where the parts of a part begin, and of which part one is.
  struct tables {
    std::vector<std::uint32_t> servers_of_leaf, gpus_of_leaf,
        gpus_of_server;  // first ids, and an end
    std::vector<std::uint32_t> leaf_of_server, server_of_gpu;
    std::vector<int> links;  // of each leaf to each spine; empty: all alike
    int all_links = 0;
    int most_gpus_of_leaf = 0;

    void add_server(std::uint32_t leaf, int gpus) {
      gpus_of_server.push_back(u(static_cast<int>(server_of_gpu.size())));
      server_of_gpu.insert(server_of_gpu.end(), size(gpus),
                           u(static_cast<int>(leaf_of_server.size())));
      leaf_of_server.push_back(leaf);
    }
    void close() {
      servers_of_leaf.push_back(u(static_cast<int>(leaf_of_server.size())));
      gpus_of_leaf.push_back(u(static_cast<int>(server_of_gpu.size())));
      gpus_of_server.push_back(u(static_cast<int>(server_of_gpu.size())));
      for (std::size_t l = 0; l + 1 < gpus_of_leaf.size(); ++l)
        most_gpus_of_leaf =
            std::max(most_gpus_of_leaf, static_cast<int>(gpus_of_leaf[l + 1] - gpus_of_leaf[l]));
    }
    friend bool operator==(const tables&, const tables&) = default;
  };

  static constexpr double largest = 1 << 28;

  static std::uint32_t u(int v) { return static_cast<std::uint32_t>(v); }
  static std::size_t size(int v) { return static_cast<std::size_t>(v); }

  /// The smallest regular shape that holds all of `found`.
  static leaf_spine_shape envelope(const layout& found) {
    leaf_spine_shape s{.leafs = static_cast<int>(found.leafs.size()),
                       .spines = static_cast<int>(found.spines.size()),
                       .links_per_pair = 1,
                       .servers_per_leaf = 1,
                       .gpus_per_server = 1,
                       .link_gbps = found.link_gbps,
                       .server_gbps = found.server_gbps};
    for (const leaf_layout& l : found.leafs) {
      if (l.links.size() != found.spines.size())
        throw input_error("layout, leaf " + l.name,
                          "links to " + std::to_string(found.spines.size()) + " spines",
                          std::to_string(l.links.size()));
      s.servers_per_leaf = std::max(s.servers_per_leaf, static_cast<int>(l.servers.size()));
      for (const server_layout& one : l.servers) {
        if (one.gpus < 0)
          throw input_error("layout, server " + one.name, "0 GPUs or more",
                            std::to_string(one.gpus));
        s.gpus_per_server = std::max(s.gpus_per_server, one.gpus);
      }
      for (int n : l.links) {
        if (n < 0)
          throw input_error("layout, leaf " + l.name, "0 links to a spine or more",
                            std::to_string(n));
        s.links_per_pair = std::max(s.links_per_pair, n);
      }
    }
    return s;
  }

  static void check(const leaf_spine_shape& shape, const optical_layer& optical) {
    at_least("leafs", shape.leafs, 1);
    at_least("spines", shape.spines, 1);
    at_least("links_per_pair", shape.links_per_pair, 1);
    at_least("servers_per_leaf", shape.servers_per_leaf, 1);
    at_least("gpus_per_server", shape.gpus_per_server, 1);
    at_least("switches", optical.switches, 0);
    at_least("leaf_fibres", optical.leaf_fibres, 1);
    at_least("spine_fibres", optical.spine_fibres, 1);
    positive("link_gbps", shape.link_gbps);
    positive("server_gbps", shape.server_gbps);
    if (!(optical.switching_ms >= 0 && optical.switching_ms < 1e12))
      throw input_error("leaf_spine.switching_ms", "a number of ms of at least 0",
                        std::to_string(optical.switching_ms));
    const double gpus = 1.0 * shape.leafs * shape.servers_per_leaf * shape.gpus_per_server;
    const double links = optical.switches > 0
                             ? 1.0 * optical.switches *
                                   std::max(1.0 * shape.leafs * optical.leaf_fibres,
                                            1.0 * shape.spines * optical.spine_fibres)
                             : 1.0 * shape.leafs * shape.spines * shape.links_per_pair;
    if (const double more = std::max(gpus, links); more > largest)
      throw input_error("leaf_spine", "at most 2^28 GPUs and links",
                        std::to_string(static_cast<long long>(std::min(more, 9e18))));
  }
  static void at_least(const char* field, int value, int least) {
    if (value < least)
      throw input_error(std::string("leaf_spine.") + field, "at least " + std::to_string(least),
                        std::to_string(value));
  }
  static void positive(const char* field, double value) {
    if (!(value > 0 && value < 1e12))
      throw input_error(std::string("leaf_spine.") + field, "a positive number of Gb/s",
                        std::to_string(value));
  }

  leaf_spine_shape shape_;
  optical_layer optical_;
  std::shared_ptr<const tables> tables_;
};

}  // namespace heddle::fabric
