// A Clos network of leafs and spines with fixed links, its servers and GPUs; with cores, three tiers.
//
//   fabric           what                                                header
//   leaf_spine       fixed links between leafs and spines, any shape;    here
//                    rails, planes, NVLink domains, a tier of cores
//   leaf_spine_ocs   optical circuit switches between leafs and spines   leaf_spine_ocs.hpp
//   pods             leaf-spine pods, and an optical core to design      pods.hpp
//
// A fabric of one's own models the concept of fabric.hpp.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/equipment.hpp>
#include <heddle/fabric/hosts.hpp>
#include <heddle/fabric/layout.hpp>
#include <heddle/fabric/link_book.hpp>
#include <heddle/fabric/link_columns.hpp>
#include <heddle/fabric/links.hpp>
#include <heddle/fabric/pod_table.hpp>
#include <heddle/fabric/ports.hpp>

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

/// The parts of a network that the shapes do not say: rails, planes, tapered links, cores.
struct clos_parts {
  fabric::ports ports;
  tier_links up;              ///< leafs to spines
  tier_links core = {};       ///< spines to cores; none in two tiers
  double link_gbps = 100;     ///< each way, of a link and of a network card, > 0
  double server_gbps = 1000;  ///< each way, between the GPUs of one server, > 0
};

/// A Clos network as an immutable value; copies are cheap. GPU ids are consecutive by server, server
/// ids by unit (ports.hpp). Leafs may differ in their servers, GPUs and links. All queries are O(1) and
/// allocate nothing.
///
/// The ways up from a leaf are numbered: *lane* k of the links to spine s is uplink
/// s · links_per_pair + k; in three tiers, and with rails or planes, s is the spine's place among those
/// that links join to the leaf (link_columns.hpp). *Pods* are units whose leafs share spines.
class leaf_spine : ports {
 public:
  using book = link_book;

  /// \throws input_error  for a shape with a part missing or a speed that is not positive
  explicit leaf_spine(const leaf_spine_shape& shape)
      : leaf_spine{checked(shape),  // in braces: what is wrong is said here, before parts are made
                   ports{fabric::hosts{shape.leafs, shape.servers_per_leaf, shape.gpus_per_server}},
                   tier_links{shape.leafs, shape.spines, shape.links_per_pair},
                   {}} {}

  /// From its parts.
  /// \throws input_error  if the links are not those of so many leafs, or not of as many spines as
  ///                      there are links to cores, or a speed is not positive
  template <std::same_as<clos_parts> Parts>
  explicit leaf_spine(const Parts& p)
      : leaf_spine({.leafs = p.ports.leafs(),
                    .spines = p.up.upper(),
                    .links_per_pair = p.up.lanes(),
                    .servers_per_leaf = servers_per_unit(p.ports.hosts()),
                    .gpus_per_server = p.ports.gpus_per_server(),
                    .link_gbps = p.link_gbps,
                    .server_gbps = p.server_gbps},
                   p.ports, p.up, p.core) {}

  /// A network as it was found. `shape()` then has the largest leaf and server. (A template, so
  /// that braces alone mean a shape.)
  /// \throws input_error  if there is no leaf or GPU, leafs name another number of spines, or spines
  ///                      of cores, than there are, or a number is negative
  template <std::same_as<layout> Layout>
  explicit leaf_spine(const Layout& found)
      : leaf_spine{envelope(found), ports{hosts_of(found), found.cards}, links_of(found),
                   core_links_of(found)} {}

  /// Of an uneven network the largest parts.
  [[nodiscard]] const leaf_spine_shape& shape() const { return shape_; }

  using ports::all_gpus, ports::all_leafs, ports::all_servers, ports::all_units,
      ports::for_each_gpu;
  using ports::cards_per_server, ports::gpus_per_card, ports::planes, ports::rail_of, ports::rails,
      ports::server_of, ports::servers;
  using ports::gpus, ports::gpus_of, ports::gpus_per_leaf, ports::gpus_per_server, ports::hosts;
  using ports::index_in_leaf, ports::leaf_of, ports::leafs, ports::leafs_of, ports::leafs_per_unit;
  using ports::servers_of, ports::unit_of, ports::units, ports::whole_servers;

  [[nodiscard]] int spines() const { return shape_.spines; }
  [[nodiscard]] id_range<spine_id> all_spines() const {
    return {0, static_cast<std::uint32_t>(spines())};
  }
  /// 2, or 3 with cores above the spines.
  [[nodiscard]] int tiers() const { return core_.upper() > 0 ? 3 : 2; }
  [[nodiscard]] int cores() const { return core_.upper(); }
  [[nodiscard]] id_range<core_id> all_cores() const {
    return {0, static_cast<std::uint32_t>(cores())};
  }
  /// Links from the spines to the cores.
  [[nodiscard]] const tier_links& core_links() const { return core_; }

  /// Lanes between a leaf and a spine, at most.
  [[nodiscard]] int links_per_pair() const { return up_.lanes(); }
  /// Numbers for links from one leaf to all its spines.
  [[nodiscard]] int uplinks() const { return up_columns_.places(up_.upper()) * up_.lanes(); }
  [[nodiscard]] const tier_links& up_links() const { return up_; }
  /// How the uplinks of leafs, and of spines, are numbered.
  [[nodiscard]] const link_columns& up_columns() const { return up_columns_; }
  [[nodiscard]] const link_columns& core_columns() const { return core_columns_; }
  /// Pods, in three tiers and with rails or planes; else null: all is one.
  [[nodiscard]] const pod_table* pods() const { return pods_.get(); }
  /// Whether all leafs have the same number of links to all spines.
  [[nodiscard]] bool is_regular() const { return up_.is_regular(); }
  /// Links from `l` to `s`.
  [[nodiscard]] int links(leaf_id l, spine_id s) const { return up_.between(l.index(), s.index()); }
  /// Leaf-spine links of the whole network.
  [[nodiscard]] int links() const { return up_.total(); }
  /// Leafs, spines and cores.
  [[nodiscard]] int switches() const { return leafs() + spines() + cores(); }
  [[nodiscard]] fabric::equipment equipment() const { return {.switches = switches()}; }
  [[nodiscard]] double link_gbps() const { return shape_.link_gbps; }
  [[nodiscard]] double server_gbps() const { return shape_.server_gbps; }

  friend bool operator==(const leaf_spine& a, const leaf_spine& b) {
    return static_cast<const ports&>(a) == b && a.shape_ == b.shape_ && a.up_ == b.up_ &&
           a.core_ == b.core_;  // the rest follows
  }

 private:
  leaf_spine(const leaf_spine_shape& shape, fabric::ports where, tier_links up, tier_links core)
      : ports(std::move(where)), shape_(shape), up_(std::move(up)), core_(std::move(core)) {
    positive("link_gbps", shape.link_gbps);
    positive("server_gbps", shape.server_gbps);
    if (up_.lower() != leafs())
      throw input_error("leaf_spine", "links of " + std::to_string(leafs()) + " leafs",
                        std::to_string(up_.lower()));
    if (core_.upper() > 0 && core_.lower() != spines())
      throw input_error("leaf_spine", "links to cores of " + std::to_string(spines()) + " spines",
                        std::to_string(core_.lower()));
    if (tiers() == 3 || leafs_per_unit() > 1) number_parts();
  }

  void number_parts() {
    up_columns_ = link_columns{up_};
    core_columns_ = link_columns{core_};
    pods_ = std::make_shared<const pod_table>(static_cast<const fabric::ports&>(*this), up_,
                                              up_columns_, core_columns_);
    if (tiers() < 3 || pods_->pods() < 2) return;
    std::vector<std::uint32_t> pod_of_unit;
    for (unit_id x : all_units()) pod_of_unit.push_back(static_cast<std::uint32_t>(pods_->of(x)));
    stand_in_pods(pod_of_unit);
  }

  [[nodiscard]] static int servers_per_unit(const fabric::hosts& h) {
    int most = 0;
    for (unit_id x : h.all_units()) most = std::max(most, static_cast<int>(h.servers_of(x).size()));
    return most;
  }

  /// The smallest regular shape that holds all of `found`.
  static leaf_spine_shape envelope(const layout& found) {
    leaf_spine_shape s{.leafs = static_cast<int>(found.leafs.size()),
                       .spines = static_cast<int>(found.spines.size()),
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
  static fabric::hosts hosts_of(const layout& found) {
    const int each = found.cards.rails < 1 || found.cards.planes < 1
                         ? 1  // said by the ports
                         : found.cards.rails * found.cards.planes;
    const auto per_unit = static_cast<std::size_t>(each);
    if (found.leafs.size() % per_unit != 0)
      throw input_error("layout", "units of " + std::to_string(each) + " leafs",
                        std::to_string(found.leafs.size()) + " leafs");
    std::vector<std::vector<host>> units(found.leafs.size() / per_unit);
    bool any = false;
    for (std::size_t l = 0; l < found.leafs.size(); ++l) {
      for (const server_layout& s : found.leafs[l].servers) {
        if (l % per_unit != 0)
          throw input_error("layout, leaf " + found.leafs[l].name,
                            "servers named by the first leaf of the unit", s.name);
        units[l / per_unit].push_back({.gpus = s.gpus, .joins = s.joins, .type = s.type});
        any |= s.gpus > 0;
      }
    }
    if (!any) throw input_error("layout", "a GPU", "none");
    return fabric::hosts{units};
  }
  static tier_links links_of(const layout& found) {
    std::vector<int> counts;
    for (const leaf_layout& l : found.leafs)
      counts.insert(counts.end(), l.links.begin(), l.links.end());
    return {static_cast<int>(found.leafs.size()), static_cast<int>(found.spines.size()),
            std::move(counts)};
  }
  static tier_links core_links_of(const layout& found) {
    if (found.cores.empty() && found.core_links.empty()) return {};
    if (found.core_links.size() != found.spines.size())
      throw input_error("layout",
                        "links to cores of " + std::to_string(found.spines.size()) + " spines",
                        std::to_string(found.core_links.size()));
    std::vector<int> counts;
    for (const std::vector<int>& row : found.core_links) {
      if (row.size() != found.cores.size())
        throw input_error("layout", "links to " + std::to_string(found.cores.size()) + " cores",
                          std::to_string(row.size()));
      counts.insert(counts.end(), row.begin(), row.end());
    }
    return {static_cast<int>(found.spines.size()), static_cast<int>(found.cores.size()),
            std::move(counts)};
  }

  static const leaf_spine_shape& checked(const leaf_spine_shape& shape) {
    at_least_one("leafs", shape.leafs);
    at_least_one("spines", shape.spines);
    at_least_one("links_per_pair", shape.links_per_pair);
    at_least_one("servers_per_leaf", shape.servers_per_leaf);
    at_least_one("gpus_per_server", shape.gpus_per_server);
    const double gpus = 1.0 * shape.leafs * shape.servers_per_leaf * shape.gpus_per_server;
    const double links = 1.0 * shape.leafs * shape.spines * shape.links_per_pair;
    if (const double more = std::max(gpus, links); more > 1 << 28)
      throw input_error("leaf_spine", "at most 2^28 GPUs and links",
                        std::to_string(static_cast<long long>(std::min(more, 9e18))));
    return shape;
  }
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
  tier_links up_, core_;
  link_columns up_columns_, core_columns_;
  std::shared_ptr<const pod_table> pods_;
};

}  // namespace heddle::fabric
