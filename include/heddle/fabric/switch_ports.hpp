// Which port of a switch leads where: what forwarding tables are written for.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>

namespace heddle::fabric {

/// A port of a switch. Port 0 is the switch itself; no switch: nothing that is known.
struct port_end {
  std::uint32_t at = none;
  std::uint8_t port = 0;

  static constexpr std::uint32_t none = ~std::uint32_t{0};
  [[nodiscard]] bool valid() const { return at != none; }
  friend bool operator==(const port_end&, const port_end&) = default;
};

/// The switches of a network and the cables between them, port by port. Switches are numbered: leafs,
/// then spines, then cores by their ids, then others that hold no GPU. *Lane* k of a leaf and a spine is
/// the k-th of the leaf's ports that lead to it, cut ones counted, so that lanes mean the same before and
/// after a cable is lost.
class switch_ports {
 public:
  static constexpr std::size_t ports = 256;  ///< places of a switch, more than any has

  /// \param others  switches that are neither leafs nor spines nor cores: their tier is that of leafs
  switch_ports(int leafs, int spines, int cores, int others = 0)
      : leafs_(u(leafs)), spines_(u(spines)), cores_(u(cores)),
        peers_((leafs_ + spines_ + cores_ + u(others)) * ports), alive_(peers_.size(), 0),
        cables_(peers_.size() / ports, 0), up_(cables_.size()), island_(cables_.size()) {
    for (std::uint32_t s = 0; s < size(); ++s) island_[s] = s;
  }

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(up_.size()); }
  [[nodiscard]] std::uint32_t of(leaf_id l) const { return l.value; }
  [[nodiscard]] std::uint32_t of(spine_id s) const { return leafs_ + s.value; }
  [[nodiscard]] std::uint32_t of(core_id c) const { return leafs_ + spines_ + c.value; }
  [[nodiscard]] std::uint32_t leafs() const { return leafs_; }
  /// 0 for leafs and others, 1 for spines, 2 for cores.
  [[nodiscard]] int tier(std::uint32_t s) const {
    return s < leafs_ ? 0 : s < leafs_ + spines_ ? 1 : s < leafs_ + spines_ + cores_ ? 2 : 0;
  }

  /// Joins two ports by a cable.
  /// \throws input_error  if a port is 0 or 255 or leads elsewhere already
  void join(port_end a, port_end b) {
    assert(a.at < size() && b.at < size());
    for (const port_end& e : {a, b})
      if (e.port == 0 || e.port == 255 || peers_[place(e)].valid())
        throw input_error("switch " + std::to_string(e.at), "a free port from 1 to 254",
                          std::to_string(e.port));
    peers_[place(a)] = b;
    peers_[place(b)] = a;
    alive_[place(a)] = alive_[place(b)] = 1;
    ++cables_[a.at];
    ++cables_[b.at];
    if (const std::uint32_t x = island_[a.at], y = island_[b.at]; x != y)
      std::replace(island_.begin(), island_.end(), std::max(x, y), std::min(x, y));
    if (tier(a.at) > tier(b.at)) std::swap(a, b);
    std::vector<link>& up = up_[a.at];
    const link k{b.at, a.port, b.port};
    up.insert(std::lower_bound(up.begin(), up.end(), k,
                               [](const link& x, const link& y) {
                                 return std::tie(x.upper, x.port) < std::tie(y.upper, y.port);
                               }),
              k);
  }
  /// Takes a cable out of service, both ways; nothing if there is none.
  void cut(port_end a) {
    const port_end b = peers_[place(a)];
    if (!b.valid() || !is_alive(a)) return;
    alive_[place(a)] = alive_[place(b)] = 0;
    --cables_[a.at];
    --cables_[b.at];
    find_islands();
  }

  /// The place of a port among size() · ports.
  [[nodiscard]] static std::size_t place(port_end e) { return std::size_t{e.at} * ports + e.port; }
  /// What a port is joined to, in service or not.
  [[nodiscard]] port_end peer(port_end a) const { return peers_[place(a)]; }
  [[nodiscard]] bool is_alive(port_end a) const { return alive_[place(a)] != 0; }

  /// Which switches cables in service join, of one switch or several: the lowest of them.
  [[nodiscard]] std::uint32_t island(std::uint32_t s) const { return island_[s]; }
  /// Whether cables led to other switches, and none of them is in service. A switch all by itself is not.
  [[nodiscard]] bool is_cut_off(std::uint32_t s) const {
    if (cables_[s] > 0) return false;
    const auto first = peers_.begin() + static_cast<std::ptrdiff_t>(s * ports);
    return std::any_of(first, first + static_cast<std::ptrdiff_t>(ports),
                       [](const port_end& e) { return e.valid(); });
  }

  /// The port out of `lower` that is lane k to `upper`; nothing if there are fewer.
  [[nodiscard]] std::optional<port_end> up(std::uint32_t lower, std::uint32_t upper,
                                           std::uint32_t lane) const {
    const link* k = find(lower, upper, lane);
    return k ? std::optional{port_end{lower, k->port}} : std::nullopt;
  }
  /// The port out of `upper` that is the other end of it.
  [[nodiscard]] std::optional<port_end> down(std::uint32_t upper, std::uint32_t lower,
                                             std::uint32_t lane) const {
    const link* k = find(lower, upper, lane);
    return k ? std::optional{port_end{upper, k->upper_port}} : std::nullopt;
  }
  /// Calls `f(port, upper switch)` for each cable up that is in service, by switch and port.
  template <class F>
  void for_each_up(std::uint32_t lower, F&& f) const {
    for (const link& k : up_[lower])
      if (alive_[lower * ports + k.port]) f(k.port, k.upper);
  }

 private:
  struct link {
    std::uint32_t upper = 0;
    std::uint8_t port = 0, upper_port = 0;
  };
  void find_islands() {
    std::vector<std::uint32_t> todo;
    std::fill(island_.begin(), island_.end(), port_end::none);
    for (std::uint32_t first = 0; first < size(); ++first) {
      if (island_[first] != port_end::none) continue;
      island_[first] = first;
      todo.assign(1, first);
      while (!todo.empty()) {
        const std::uint32_t s = todo.back();
        todo.pop_back();
        for (std::size_t p = s * ports; p < (s + 1) * ports; ++p) {
          if (alive_[p] == 0 || island_[peers_[p].at] != port_end::none) continue;
          island_[peers_[p].at] = first;
          todo.push_back(peers_[p].at);
        }
      }
    }
  }
  static std::uint32_t u(int n) { return static_cast<std::uint32_t>(n); }
  [[nodiscard]] const link* find(std::uint32_t lower, std::uint32_t upper,
                                 std::uint32_t lane) const {
    const std::vector<link>& up = up_[lower];
    auto at =
        std::lower_bound(up.begin(), up.end(), upper,
                         [](const link& k, std::uint32_t wanted) { return k.upper < wanted; });
    if (static_cast<std::size_t>(up.end() - at) <= lane) return nullptr;
    at += static_cast<std::ptrdiff_t>(lane);
    return at->upper == upper ? &*at : nullptr;
  }

  std::uint32_t leafs_, spines_, cores_;
  std::vector<port_end> peers_;
  std::vector<std::uint8_t> alive_;  // not of bool: it is asked in inner loops
  std::vector<int> cables_;          // in service, by switch
  std::vector<std::vector<link>> up_;
  std::vector<std::uint32_t> island_;
};

/// Ports as machine rooms have them: those of a leaf lead to its `hosts` cards from 1, then to spines in
/// order, lane by lane; those of a spine to leafs in order, then to cores.
/// \throws input_error  if a switch needs more than 254 ports
[[nodiscard]] inline switch_ports ports_in_order(const leaf_spine& dc, int hosts) {
  switch_ports out{dc.leafs(), dc.spines(), dc.cores()};
  std::vector<int> next(out.size(), 1);
  const auto take = [&](std::uint32_t s) {
    if (next[s] > 254)
      throw input_error("switch " + std::to_string(s), "at most 254 ports", "more");
    return port_end{s, static_cast<std::uint8_t>(next[s]++)};
  };
  for (leaf_id l : dc.all_leafs()) {
    next[out.of(l)] = hosts + 1;
    for (spine_id s : dc.all_spines())
      for (int k = 0; k < dc.links(l, s); ++k) {
        const port_end a = take(out.of(l));
        out.join(a, take(out.of(s)));
      }
  }
  for (spine_id s : dc.all_spines())
    for (int c = 0; c < dc.cores(); ++c)
      for (int k = 0; k < dc.core_links().between(s.index(), static_cast<std::size_t>(c)); ++k) {
        const port_end a = take(out.of(s));
        out.join(a, take(out.of(core_id{c})));
      }
  return out;
}

}  // namespace heddle::fabric
