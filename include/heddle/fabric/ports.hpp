// On which leafs the network cards of a server hang: rails and planes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/hosts.hpp>

namespace heddle::fabric {

/// How servers are wired to leafs. 1 and 1: a server hangs whole under one leaf.
struct rail_shape {
  int rails = 1;             ///< R ≥ 1: GPU k of a server's g is on rail ⌊k·R/g⌋
  int planes = 1;            ///< Q ≥ 1: every card has a port in each plane
  int cards_per_server = 0;  ///< c: GPU k uses card ⌊k·c/g⌋; 0: a card a GPU

  friend bool operator==(const rail_shape&, const rail_shape&) = default;
};

/// Hosts, and on which leafs their cards hang. Every unit has R·Q leafs of its own, for R rails and Q
/// planes; leaf id = unit · R·Q + rail · Q + plane. A GPU has a leaf in each plane; where R > 1 the GPUs
/// of a server lie under different leafs, and those of a leaf are no range of ids.
///
/// An immutable value; copies are cheap. All queries are O(1) and allocate nothing.
class ports {
 public:
  /// \throws input_error  if a number is less than 1, or neither rails divide cards nor cards GPUs
  explicit ports(fabric::hosts hosts, const rail_shape& shape = {})
      : hosts_(std::move(hosts)), shape_(shape) {
    const int g = hosts_.gpus_per_server();
    const int c = shape.cards_per_server == 0 ? g : shape.cards_per_server;
    require(shape.rails >= 1, "rails", "at least 1", shape.rails);
    require(shape.planes >= 1, "planes", "at least 1", shape.planes);
    require(c >= 1, "cards_per_server", "at least 1, or 0 for a card a GPU", c);
    require(shape.rails == 1 || c % shape.rails == 0, "rails",
            "a divisor of the " + std::to_string(c) + " cards of a server", shape.rails);
    require(shape.rails == 1 || hosts_.even_servers(), "rails",
            "1, where servers have different numbers of GPUs", shape.rails);
    require(shape.cards_per_server == 0 || g % c == 0, "cards_per_server",
            "a divisor of the " + std::to_string(g) + " GPUs of a server", c);
    require(1.0 * hosts_.units() * shape.rails * shape.planes <= (1 << 28), "planes",
            "at most 2^28 leafs", shape.planes);
  }

  [[nodiscard]] const fabric::hosts& hosts() const { return hosts_; }
  [[nodiscard]] int gpus() const { return hosts_.gpus(); }
  [[nodiscard]] int servers() const { return hosts_.servers(); }
  [[nodiscard]] int units() const { return hosts_.units(); }
  [[nodiscard]] int gpus_per_server() const { return hosts_.gpus_per_server(); }
  [[nodiscard]] id_range<gpu_id> all_gpus() const { return hosts_.all_gpus(); }
  [[nodiscard]] id_range<server_id> all_servers() const { return hosts_.all_servers(); }
  [[nodiscard]] id_range<unit_id> all_units() const { return hosts_.all_units(); }
  [[nodiscard]] server_id server_of(gpu_id g) const { return hosts_.server_of(g); }
  [[nodiscard]] unit_id unit_of(gpu_id g) const { return hosts_.unit_of(g); }
  [[nodiscard]] unit_id unit_of(server_id s) const { return hosts_.unit_of(s); }
  [[nodiscard]] id_range<gpu_id> gpus_of(server_id s) const { return hosts_.gpus_of(s); }
  [[nodiscard]] id_range<gpu_id> gpus_of(unit_id x) const { return hosts_.gpus_of(x); }
  [[nodiscard]] id_range<server_id> servers_of(unit_id x) const { return hosts_.servers_of(x); }

  [[nodiscard]] int rails() const { return shape_.rails; }
  [[nodiscard]] int planes() const { return shape_.planes; }
  /// Network cards of the largest server.
  [[nodiscard]] int cards_per_server() const {
    return shape_.cards_per_server == 0 ? hosts_.gpus_per_server() : shape_.cards_per_server;
  }
  /// GPUs that share a card.
  [[nodiscard]] int gpus_per_card() const { return hosts_.gpus_per_server() / cards_per_server(); }
  /// Whether every server hangs whole under one leaf: then a unit and its leaf have the same number.
  [[nodiscard]] bool whole_servers() const { return leafs_per_unit() == 1; }

  [[nodiscard]] int leafs_per_unit() const { return shape_.rails * shape_.planes; }
  [[nodiscard]] int leafs() const { return hosts_.units() * leafs_per_unit(); }
  [[nodiscard]] id_range<leaf_id> all_leafs() const { return {0, u(leafs())}; }
  [[nodiscard]] id_range<leaf_id> leafs_of(unit_id x) const {
    return {x.value * u(leafs_per_unit()), (x.value + 1) * u(leafs_per_unit())};
  }
  [[nodiscard]] unit_id unit_of(leaf_id l) const { return unit_id{l.value / u(leafs_per_unit())}; }
  [[nodiscard]] int rail_of(leaf_id l) const {
    return static_cast<int>(l.value % u(leafs_per_unit()) / u(planes()));
  }
  [[nodiscard]] int plane_of(leaf_id l) const { return static_cast<int>(l.value % u(planes())); }

  [[nodiscard]] int rail_of(gpu_id g) const {
    if (rails() == 1) return 0;
    return hosts_.index_in_server(g) * rails() / hosts_.gpus_per_server();
  }
  /// The leaf of a GPU's card in one plane.
  [[nodiscard]] leaf_id leaf_of(gpu_id g, int plane = 0) const {
    const unit_id x = hosts_.unit_of(g);
    return leaf_id{x.value * u(leafs_per_unit()) + u(rail_of(g)) * u(planes()) + u(plane)};
  }
  /// Where `g` stands among the GPUs of its leaf, from 0: server by server.
  [[nodiscard]] int index_in_leaf(gpu_id g) const {
    const std::uint32_t in_unit = g.value - hosts_.gpus_of(hosts_.unit_of(g)).front().value;
    if (rails() == 1) return static_cast<int>(in_unit);
    const auto all = u(hosts_.gpus_per_server()), mine = all / u(rails());
    return static_cast<int>(in_unit / all * mine + in_unit % all % mine);
  }
  /// Of the largest leaf.
  [[nodiscard]] int gpus_per_leaf() const { return hosts_.gpus_per_unit() / rails(); }
  /// Calls `f(gpu)` for each GPU with a card on `l`, in order of their ids.
  template <class F>
  void for_each_gpu(leaf_id l, F&& f) const {
    for (gpu_id g : hosts_.gpus_of(unit_of(l)))
      if (rails() == 1 || rail_of(g) == rail_of(l)) f(g);
  }

  friend bool operator==(const ports&, const ports&) = default;

 protected:
  /// See `hosts::in_pods`.
  void stand_in_pods(const std::vector<std::uint32_t>& pod_of_unit) {
    hosts_ = hosts_.in_pods(pod_of_unit);
  }

 private:
  static std::uint32_t u(int v) { return static_cast<std::uint32_t>(v); }
  static void require(bool holds, const char* field, const std::string& expected, int got) {
    if (!holds) throw input_error(std::string("ports.") + field, expected, std::to_string(got));
  }

  fabric::hosts hosts_;
  rail_shape shape_;
};

}  // namespace heddle::fabric
