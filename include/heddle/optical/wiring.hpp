// Which leaf is joined to which spine at which optical circuit switch.
//
//   wiring     the circuits of all OCS as a value               any change is O(1)
//   check      whether a wiring is one, seen from outside       O(ends)
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/optical/ports.hpp>

namespace heddle::optical {

using fabric::circuit;

/// The circuits of an optical layer: a matching between uplinks and spines' fibres within each OCS. A value; const members may run side by side.
class wiring {
 public:
  wiring() = default;
  /// All dark.
  explicit wiring(const ports& p) { reset(p); }

  /// All dark, in the memory that it has.
  void reset(const ports& p) {
    ports_ = p;
    leafs_.assign(n(p.leafs()) * n(p.uplinks()), dark);
    spines_.assign(n(p.spines()) * n(p.fibres()), dark);
    free_up_.reset(n(p.leafs()), n(p.switches()));
    free_down_.reset(n(p.spines()), n(p.switches()));
    circuits_ = 0;
    for (leaf_id l : p.all_leafs())
      for_each_bit(p.open(l), [&](std::size_t i) {
        set_bit(free_up_[l.index()], p.ocs_of_uplink(static_cast<std::uint32_t>(i)).index());
      });
    for (spine_id s : p.all_spines())
      for_each_bit(p.open(s), [&](std::size_t i) {
        set_bit(free_down_[s.index()], p.ocs_of_fibre(static_cast<std::uint32_t>(i)).index());
      });
  }
  /// Opens the first `count` ≥ 1 fibres of a spine to an OCS where it had none.
  void open(spine_id s, ocs_id o, int count) {
    ports_.open(s, o, count);
    set_bit(free_down_[s.index()], o.index());
  }

  [[nodiscard]] const ports& ends() const { return ports_; }

  /// The spine at the other end of an uplink, or none.
  [[nodiscard]] spine_id spine_at(leaf_id l, std::uint32_t uplink) const {
    const std::uint32_t f = leafs_[at(l, uplink)];
    return f == dark ? spine_id{} : spine_id{f / u(ports_.fibres())};
  }
  /// The circuit over a fibre of a spine, or none: then its leaf is invalid.
  [[nodiscard]] circuit circuit_at(spine_id s, std::uint32_t fibre) const {
    const std::uint32_t p = spines_[at(s, fibre)];
    if (p == dark) return {};
    return {leaf_id{p / u(ports_.uplinks())}, s, p % u(ports_.uplinks())};
  }
  /// The fibre of its spine that a circuit uses. Precondition: it is up.
  [[nodiscard]] std::uint32_t fibre_of(const circuit& k) const {
    return leafs_[at(k.leaf, k.uplink)] % u(ports_.fibres());
  }
  [[nodiscard]] bool has(const circuit& k) const { return spine_at(k.leaf, k.uplink) == k.spine; }

  /// The OCS to which a leaf, or a spine, has an open end without a circuit.
  [[nodiscard]] const_bit_row free_switches(leaf_id l) const { return free_up_[l.index()]; }
  [[nodiscard]] const_bit_row free_switches(spine_id s) const { return free_down_[s.index()]; }
  /// The lowest such uplink to `o`, the lowest such fibre. Precondition: there is one.
  [[nodiscard]] std::uint32_t free_uplink(leaf_id l, ocs_id o) const {
    std::uint32_t p = o.value * u(ports_.leaf_fibres());
    while (leafs_[at(l, p)] != dark || !test_bit(ports_.open(l), p)) ++p;
    assert(ports_.ocs_of_uplink(p) == o);
    return p;
  }
  [[nodiscard]] std::uint32_t free_fibre(spine_id s, ocs_id o) const {
    std::uint32_t q = o.value * u(ports_.spine_fibres());
    while (spines_[at(s, q)] != dark || !test_bit(ports_.open(s), q)) ++q;
    assert(ports_.ocs_of_fibre(q) == o);
    return q;
  }

  /// How many such ends a leaf, a spine has to one OCS.
  [[nodiscard]] int free_ends(leaf_id l, ocs_id o) const {
    return count_free(leafs_.data() + at(l, 0), ports_.open(l), o, u(ports_.leaf_fibres()));
  }
  [[nodiscard]] int free_ends(spine_id s, ocs_id o) const {
    return count_free(spines_.data() + at(s, 0), ports_.open(s), o, u(ports_.spine_fibres()));
  }

  /// Joins a leaf to a spine at an OCS where both have a free end.
  circuit connect(leaf_id l, spine_id s, ocs_id o) {
    const circuit k{l, s, free_uplink(l, o)};
    connect(k);
    return k;
  }
  /// Joins over a given uplink that is free. Precondition: the spine has a free fibre there.
  void connect(const circuit& k) {
    const ocs_id o = ports_.ocs_of_uplink(k.uplink);
    assert(leafs_[at(k.leaf, k.uplink)] == dark);
    const std::uint32_t q = free_fibre(k.spine, o);
    leafs_[at(k.leaf, k.uplink)] = static_cast<std::uint32_t>(at(k.spine, q));
    spines_[at(k.spine, q)] = static_cast<std::uint32_t>(at(k.leaf, k.uplink));
    refresh(k.leaf, k.spine, o);
    ++circuits_;
  }
  /// Takes a circuit down. Precondition: it is up.
  void disconnect(const circuit& k) {
    assert(has(k));
    std::uint32_t& end = leafs_[at(k.leaf, k.uplink)];
    spines_[end] = dark;
    end = dark;
    refresh(k.leaf, k.spine, ports_.ocs_of_uplink(k.uplink));
    --circuits_;
  }

  [[nodiscard]] int circuits() const { return circuits_; }
  /// Appends all circuits by leaf and uplink.
  void list(std::vector<circuit>& out) const {
    for (leaf_id l : ports_.all_leafs())
      for (std::uint32_t p = 0; p < u(ports_.uplinks()); ++p)
        if (const spine_id s = spine_at(l, p); s.valid()) out.push_back({l, s, p});
  }
  /// How many circuits join each leaf to each spine.
  [[nodiscard]] link_matrix links() const {
    link_matrix m{ports_.leafs(), ports_.spines()};
    for (leaf_id l : ports_.all_leafs())
      for (std::uint32_t p = 0; p < u(ports_.uplinks()); ++p)
        if (const spine_id s = spine_at(l, p); s.valid()) ++m(l, s);
    return m;
  }

  /// Whether the same uplinks lead to the same spines.
  friend bool operator==(const wiring& a, const wiring& b) {
    if (a.ports_ != b.ports_) return false;
    for (leaf_id l : a.ports_.all_leafs())
      for (std::uint32_t p = 0; p < u(a.ports_.uplinks()); ++p)
        if (a.spine_at(l, p) != b.spine_at(l, p)) return false;
    return true;
  }

 private:
  static constexpr std::uint32_t dark = ~std::uint32_t{0};

  static std::size_t n(int v) { return static_cast<std::size_t>(v); }
  static std::uint32_t u(int v) { return static_cast<std::uint32_t>(v); }
  [[nodiscard]] std::size_t at(leaf_id l, std::uint32_t uplink) const {
    return l.index() * n(ports_.uplinks()) + uplink;
  }
  [[nodiscard]] std::size_t at(spine_id s, std::uint32_t fibre) const {
    return s.index() * n(ports_.fibres()) + fibre;
  }

  void refresh(leaf_id l, spine_id s, ocs_id o) {
    const auto one = [](bit_row row, std::size_t i, bool on) {
      on ? set_bit(row, i) : clear_bit(row, i);
    };
    one(free_up_[l.index()], o.index(), free_ends(l, o) > 0);
    one(free_down_[s.index()], o.index(), free_ends(s, o) > 0);
  }
  static int count_free(const std::uint32_t* ends, const_bit_row open, ocs_id o,
                        std::uint32_t of_each) {
    int n = 0;
    for (std::uint32_t i = o.value * of_each; i < (o.value + 1) * of_each; ++i)
      n += ends[i] == dark && test_bit(open, i);
    return n;
  }

  ports ports_;
  std::vector<std::uint32_t> leafs_;   // the fibre, among all, that each uplink is joined to
  std::vector<std::uint32_t> spines_;  // the uplink, among all, that each fibre is joined to
  bit_matrix free_up_, free_down_;     // over OCS
  int circuits_ = 0;
};

/// Looks at a list of circuits as somebody who has only the fibres before him: every circuit lies on
/// an open uplink, no uplink has two, and no OCS joins a spine more often than it has open fibres there.
/// \returns  what is wrong first, or nothing
[[nodiscard]] inline std::optional<std::string> check(const ports& ends,
                                                      std::span<const circuit> circuits) {
  std::vector<int> up(
      static_cast<std::size_t>(ends.leafs()) * static_cast<std::size_t>(ends.uplinks()), 0);
  std::vector<int> down(
      static_cast<std::size_t>(ends.spines()) * static_cast<std::size_t>(ends.switches()), 0);
  for (const circuit& k : circuits) {
    const std::string what = "circuit of leaf " + std::to_string(k.leaf.value) + ", spine " +
                             std::to_string(k.spine.value) + ", uplink " + std::to_string(k.uplink);
    if (k.leaf.index() >= static_cast<std::size_t>(ends.leafs()) ||
        k.spine.index() >= static_cast<std::size_t>(ends.spines()) ||
        k.uplink >= static_cast<std::uint32_t>(ends.uplinks()))
      return what + ": there is no such part";
    if (!test_bit(ends.open(k.leaf), k.uplink)) return what + ": the uplink is closed";
    if (up[k.leaf.index() * static_cast<std::size_t>(ends.uplinks()) + k.uplink]++)
      return what + ": the uplink has a circuit already";
    const ocs_id o = ends.ocs_of_uplink(k.uplink);
    int& used = down[k.spine.index() * static_cast<std::size_t>(ends.switches()) + o.index()];
    if (++used > ends.open(k.spine, o)) return what + ": the spine has no fibre left at that OCS";
  }
  return std::nullopt;
}

}  // namespace heddle::optical
