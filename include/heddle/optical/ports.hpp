// The fibres of an optical layer, and a wanted number of links between each leaf and spine.
#pragma once

#include <algorithm>
#include <cassert>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/circuit_book.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>

namespace heddle::optical {

/// So many links between a leaf and a spine.
struct pair_links {
  leaf_id leaf;
  spine_id spine;
  int links = 1;

  friend auto operator<=>(const pair_links&, const pair_links&) = default;
};

/// How many links each leaf is to have to each spine.
class link_matrix {
 public:
  link_matrix() = default;
  link_matrix(int leafs, int spines)
      : leafs_(leafs), spines_(spines),
        links_(static_cast<std::size_t>(leafs) * static_cast<std::size_t>(spines), 0) {}

  [[nodiscard]] int leafs() const { return leafs_; }
  [[nodiscard]] int spines() const { return spines_; }
  [[nodiscard]] int& operator()(leaf_id l, spine_id s) { return links_[place(l, s)]; }
  [[nodiscard]] int operator()(leaf_id l, spine_id s) const { return links_[place(l, s)]; }

  [[nodiscard]] long sum(leaf_id l) const {
    long n = 0;
    for (spine_id s : id_range<spine_id>{0, static_cast<std::uint32_t>(spines_)})
      n += (*this)(l, s);
    return n;
  }
  [[nodiscard]] long sum(spine_id s) const {
    long n = 0;
    for (leaf_id l : id_range<leaf_id>{0, static_cast<std::uint32_t>(leafs_)}) n += (*this)(l, s);
    return n;
  }

  friend bool operator==(const link_matrix&, const link_matrix&) = default;

 private:
  [[nodiscard]] std::size_t place(leaf_id l, spine_id s) const {
    assert(l.index() < static_cast<std::size_t>(leafs_));
    assert(s.index() < static_cast<std::size_t>(spines_));
    return l.index() * static_cast<std::size_t>(spines_) + s.index();
  }
  int leafs_ = 0, spines_ = 0;
  std::vector<int> links_;
};

/// The ends of an optical layer's fibres: *uplinks* at the leafs, `leaf_fibres` of them to each OCS,
/// and *fibres* at the spines, `spine_fibres` to each OCS. Uplink p of a leaf goes to OCS
/// p / leaf_fibres, fibre q of a spine to OCS q / spine_fibres. An end can be closed: it is out of
/// order, or not ours to use.
class ports {
 public:
  ports() = default;
  ports(int leafs, int spines, int switches, int leaf_fibres, int spine_fibres) {
    reset(leafs, spines, switches, leaf_fibres, spine_fibres);
    for (std::size_t l = 0; l < open_up_.rows(); ++l) fill_bits(open_up_[l], n(uplinks()));
    for (std::size_t s = 0; s < open_down_.rows(); ++s) fill_bits(open_down_[s], n(fibres()));
  }
  /// All of a fabric's.
  explicit ports(const fabric::leaf_spine_ocs& dc)
      : ports(dc.leafs(), dc.spines(), dc.optical().switches, dc.optical().leaf_fibres,
              dc.optical().spine_fibres) {}
  /// Those that are in order.
  ports(const fabric::leaf_spine_ocs& dc, const fabric::circuit_book& book) : ports(dc) {
    if (book.all_work()) return;
    for (leaf_id l : all_leafs())
      for (std::uint32_t p = 0; p < static_cast<std::uint32_t>(uplinks()); ++p)
        if (!book.works(l, p)) close(l, p);
    for (spine_id s : all_spines())
      for (ocs_id o : all_switches())
        if (!book.works(fabric::spine_fibre{s, o})) close(s, o);
  }

  /// All closed, in the memory that it has.
  void reset(int leafs, int spines, int switches, int leaf_fibres, int spine_fibres) {
    leafs_ = leafs;
    spines_ = spines;
    switches_ = switches;
    leaf_fibres_ = leaf_fibres;
    spine_fibres_ = spine_fibres;
    open_up_.reset(n(leafs), n(uplinks()));
    open_down_.reset(n(spines), n(fibres()));
  }

  [[nodiscard]] int leafs() const { return leafs_; }
  [[nodiscard]] int spines() const { return spines_; }
  [[nodiscard]] int switches() const { return switches_; }
  [[nodiscard]] int leaf_fibres() const { return leaf_fibres_; }
  [[nodiscard]] int spine_fibres() const { return spine_fibres_; }
  /// Of each leaf, of each spine, in order or not.
  [[nodiscard]] int uplinks() const { return switches_ * leaf_fibres_; }
  [[nodiscard]] int fibres() const { return switches_ * spine_fibres_; }
  [[nodiscard]] id_range<leaf_id> all_leafs() const { return {0, u(leafs())}; }
  [[nodiscard]] id_range<spine_id> all_spines() const { return {0, u(spines())}; }
  [[nodiscard]] id_range<ocs_id> all_switches() const { return {0, u(switches())}; }
  [[nodiscard]] ocs_id ocs_of_uplink(std::uint32_t p) const { return ocs_id{p / u(leaf_fibres_)}; }
  [[nodiscard]] ocs_id ocs_of_fibre(std::uint32_t q) const { return ocs_id{q / u(spine_fibres_)}; }

  /// Takes an uplink of a leaf out of use; all to one OCS; a fibre of a spine; all to one OCS.
  void close(leaf_id l, std::uint32_t uplink) { clear_bit(open_up_[l.index()], uplink); }
  void close(leaf_id l, ocs_id o) {
    clear_bits(open_up_[l.index()], o.index() * n(leaf_fibres_), (o.index() + 1) * n(leaf_fibres_));
  }
  void close(spine_id s, std::uint32_t fibre) { clear_bit(open_down_[s.index()], fibre); }
  void close(spine_id s, ocs_id o) {
    clear_bits(open_down_[s.index()], o.index() * n(spine_fibres_),
               (o.index() + 1) * n(spine_fibres_));
  }
  /// Takes out a whole OCS.
  void close(ocs_id o) {
    for (leaf_id l : all_leafs()) close(l, o);
    for (spine_id s : all_spines()) close(s, o);
  }

  /// Opens the uplinks of a row; the first `count` fibres of a spine to an OCS.
  void open(leaf_id l, const_bit_row uplinks) {
    std::copy(uplinks.begin(), uplinks.end(), open_up_[l.index()].begin());
  }
  void open(spine_id s, ocs_id o, int count) {
    const std::size_t first = o.index() * n(spine_fibres_);
    set_bits(open_down_[s.index()], first, first + n(count));
  }

  /// The open ends.
  [[nodiscard]] const_bit_row open(leaf_id l) const { return open_up_[l.index()]; }
  [[nodiscard]] const_bit_row open(spine_id s) const { return open_down_[s.index()]; }
  /// How many of them go to one OCS.
  [[nodiscard]] int open(leaf_id l, ocs_id o) const {
    return count_bits(open(l), o.index() * n(leaf_fibres_), (o.index() + 1) * n(leaf_fibres_));
  }
  [[nodiscard]] int open(spine_id s, ocs_id o) const {
    return count_bits(open(s), o.index() * n(spine_fibres_), (o.index() + 1) * n(spine_fibres_));
  }

  /// Whether all OCS are alike: each leaf and each spine either has no open end at all, or as many as
  /// any other of its kind to each of the OCS that any has, and none to the rest. Then counting ports
  /// tells what can be wired. O(ends / 64).
  [[nodiscard]] bool is_uniform() const {
    return alike(open_up_, leaf_fibres_) && alike(open_down_, spine_fibres_) && same_switches();
  }

  friend bool operator==(const ports&, const ports&) = default;

 private:
  static std::size_t n(int v) { return static_cast<std::size_t>(v); }
  static std::uint32_t u(int v) { return static_cast<std::uint32_t>(v); }

  /// The first row with an open end; rows() if there is none.
  static std::size_t first_open(const bit_matrix& m) {
    std::size_t r = 0;
    while (r < m.rows() && count_bits(m[r]) == 0) ++r;
    return r;
  }
  [[nodiscard]] bool alike(const bit_matrix& m, int of_each) const {
    const std::size_t first = first_open(m);
    if (first == m.rows()) return true;
    for (std::size_t o = 0; o < n(switches_); ++o) {
      const int open = count_bits(m[first], o * n(of_each), (o + 1) * n(of_each));
      if (open != 0 && open != of_each) return false;
    }
    for (std::size_t r = first + 1; r < m.rows(); ++r)
      if (count_bits(m[r]) > 0 && !std::equal(m[r].begin(), m[r].end(), m[first].begin()))
        return false;
    return true;
  }
  [[nodiscard]] bool same_switches() const {
    const std::size_t l = first_open(open_up_), s = first_open(open_down_);
    if (l == open_up_.rows() || s == open_down_.rows()) return true;
    for (ocs_id o : all_switches())
      if ((open(leaf_id{l}, o) > 0) != (open(spine_id{s}, o) > 0)) return false;
    return true;
  }

  int leafs_ = 0, spines_ = 0, switches_ = 0, leaf_fibres_ = 1, spine_fibres_ = 1;
  bit_matrix open_up_, open_down_;  // a row per leaf, per spine
};

}  // namespace heddle::optical
