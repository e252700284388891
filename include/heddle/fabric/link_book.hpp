// Who owns which fixed link, and which links are free.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/detail/tier_book.hpp>
#include <heddle/fabric/placement.hpp>

namespace heddle::fabric {

/// The owners of the links between leafs and spines, and in three tiers between spines and cores. Every
/// link has at most one. What has failed, or hangs on a switch that has, is not free.
///
/// Sets are rows of bits; links in consecutive lanes are booked by words. Read only; `ledger` is what
/// books. Const members may run side by side.
class link_book {
 public:
  /// A part of the network that can fail by itself; a leaf takes with it the cards that hang on it.
  template <class T>
  static constexpr bool knows =
      std::same_as<T, leaf_id> || std::same_as<T, spine_id> || std::same_as<T, core_id> ||
      std::same_as<T, link> || std::same_as<T, core_link>;

  /// Of a fabric with `up_links()`, `core_links()`, and their `up_columns()` and `core_columns()`.
  template <class Fabric>
  explicit link_book(const Fabric& dc)
      : up_(dc.up_links(), dc.up_columns()), core_(dc.core_links(), dc.core_columns()) {}

  [[nodiscard]] bool is_free(const link& k) const { return up_.is_free(k); }
  [[nodiscard]] bool is_free(const core_link& k) const { return core_.is_free(k); }
  /// The owner, or an invalid id.
  [[nodiscard]] job_id owner(const link& k) const { return up_.owner(k); }
  [[nodiscard]] job_id owner(const core_link& k) const { return core_.owner(k); }

  /// The free links of a leaf as bits over spines × lanes in a thermometer code: of the bits
  /// [s·lanes, (s+1)·lanes) the lowest k are set when k links to spine s (by its place: link_columns.hpp)
  /// are free. So the number of common bits of several leafs is the number of virtual spines that they
  /// can share.
  [[nodiscard]] const_bit_row free_uplinks(leaf_id l) const { return free_uplinks()[l.index()]; }
  /// The free links of all leafs, a row each, as above.
  [[nodiscard]] const bit_matrix& free_uplinks() const { return up_.free_uplinks(); }
  /// How many leafs have each bit of these rows.
  [[nodiscard]] std::span<const int> leafs_with() const { return up_.lowers_with(); }
  /// Likewise of all spines to cores.
  [[nodiscard]] const bit_matrix& free_core_links() const { return core_.free_uplinks(); }
  /// The number of free links from `l` to `s`. O(1) up to 64 lanes.
  [[nodiscard]] int free_links(leaf_id l, spine_id s) const { return up_.free_links(l, s); }
  [[nodiscard]] int free_links(spine_id s, core_id c) const { return core_.free_links(s, c); }
  /// The lowest free lane from `l` to `s` that is at least `from`. Precondition: there is one.
  [[nodiscard]] std::uint32_t free_lane(leaf_id l, spine_id s, std::uint32_t from = 0) const {
    return up_.free_lane(l, s, from);
  }
  [[nodiscard]] std::uint32_t free_lane(spine_id s, core_id c, std::uint32_t from = 0) const {
    return core_.free_lane(s, c, from);
  }

  /// Whether `part` itself has failed.
  template <class Part>
    requires(knows<Part>)
  [[nodiscard]] bool is_failed(const Part& part) const {
    if constexpr (std::same_as<Part, core_id> || std::same_as<Part, core_link>)
      return core_.is_failed(part);
    else
      return up_.is_failed(part);
  }
  /// Whether nothing of the network has failed.
  [[nodiscard]] bool all_work() const { return up_.all_work() && core_.all_work(); }

  friend bool operator==(const link_book&, const link_book&) = default;

  // --- for the ledger ----------------------------------------------------------------------------

  /// Whether the links of `p` exist, sorted and each once, and `p` names no circuits.
  [[nodiscard]] bool knows_all(const placement& p) const {
    return !p.owns_circuits() && up_.knows_all(p.links) && core_.knows_all(p.core_links);
  }
  /// Gives the links of `p` to `job` if all are free. Precondition: `knows_all`.
  [[nodiscard]] bool take(const placement& p, job_id job) {
    if (!up_.take(p.links, job)) return false;
    if (core_.take(p.core_links, job)) return true;
    up_.give_back(p.links);
    return false;
  }
  void give_back(const placement& p) {
    up_.give_back(p.links);
    core_.give_back(p.core_links);
  }

  /// Marks `part` and brings all that it carries up to date. Tells `cut(gpu, is_cut)` of the GPUs of a
  /// leaf and `hit(job)` of the owners of links.
  template <class Fabric, class Part, class Cut, class Hit>
  bool mark(const Fabric& dc, const Part& part, bool failed, Cut&& cut, Hit&& hit) {
    if constexpr (std::same_as<Part, core_id> || std::same_as<Part, core_link>) {
      return core_.mark(part, failed, hit);
    } else {
      const bool changed = up_.mark(part, failed, hit);
      if constexpr (std::same_as<Part, leaf_id>)
        dc.for_each_gpu(part, [&](gpu_id g) { cut(g, is_cut_off(dc, g)); });
      if constexpr (std::same_as<Part, spine_id>)
        if (dc.cores() > 0) core_.mark(part, failed, hit);
      return changed;
    }
  }
  /// Takes over what has failed in a book of the same network.
  void adopt_failures(const link_book& other) {
    up_.adopt_failures(other.up_);
    core_.adopt_failures(other.core_);
  }

 private:
  /// A GPU is cut off when its leafs in all planes have failed.
  template <class Fabric>
  [[nodiscard]] bool is_cut_off(const Fabric& dc, gpu_id g) const {
    for (int plane = 0; plane < dc.planes(); ++plane)
      if (!is_failed(dc.leaf_of(g, plane))) return false;
    return true;
  }

  detail::tier_book<link> up_;
  detail::tier_book<core_link> core_;
};

}  // namespace heddle::fabric
