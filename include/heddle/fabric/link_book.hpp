// Who owns which fixed link, and which links are free.
#pragma once

#include <algorithm>
#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/detail/marks.hpp>
#include <heddle/fabric/links.hpp>
#include <heddle/fabric/placement.hpp>

namespace heddle::fabric {

/// The owners of the links between leafs and spines. Every link has at most one. What has failed, or
/// hangs on a switch that has, is not free.
///
/// Sets are rows of bits; links in consecutive lanes are booked by words. Read only; `ledger` is what
/// books. Const members may run side by side.
class link_book {
 public:
  /// A part of the network that can fail by itself; a leaf takes with it the cards that hang on it.
  template <class T>
  static constexpr bool knows =
      std::same_as<T, leaf_id> || std::same_as<T, spine_id> || std::same_as<T, link>;

  /// Of a fabric with `leafs()`, `spines()`, `links(leaf, spine)` and `links_per_pair()`.
  template <class Fabric>
  explicit link_book(const Fabric& dc)
      : leafs_(size(dc.leafs())), spines_(size(dc.spines())), lanes_(size(dc.links_per_pair())),
        is_regular_(dc.is_regular()), owner_(leafs_ * uplinks()), there_(leafs_, uplinks()),
        failed_(leafs_ + spines_ + leafs_ * uplinks()) {
    for (leaf_id l : dc.all_leafs())
      for (spine_id s : dc.all_spines())
        set_bits(there_[l.index()], column(s), column(s) + size(dc.links(l, s)));
    free_lanes_ = there_;
    if (counts_lanes()) free_uplinks_ = free_lanes_;
  }

  [[nodiscard]] bool is_free(const link& k) const {
    return test_bit(free_lanes_[k.leaf.index()], lane_of(k));
  }
  /// The owner, or an invalid id.
  [[nodiscard]] job_id owner(const link& k) const { return owner_[index(k)]; }

  /// The free links of a leaf as bits over spines × lanes in a thermometer code: of the bits
  /// [s·lanes, (s+1)·lanes) the lowest k are set when k links to spine s are free. So the number of
  /// common bits of several leafs is the number of virtual spines that they can share.
  [[nodiscard]] const_bit_row free_uplinks(leaf_id l) const { return free_uplinks()[l.index()]; }
  /// The free links of all leafs, a row each, as above.
  [[nodiscard]] const bit_matrix& free_uplinks() const {
    return counts_lanes() ? free_uplinks_ : free_lanes_;
  }
  /// The number of free links from `l` to `s`. O(1) up to 64 lanes.
  [[nodiscard]] int free_links(leaf_id l, spine_id s) const {
    return count_bits(free_lanes_[l.index()], column(s), column(s) + lanes_);
  }
  /// The lowest free lane from `l` to `s` that is at least `from`. Precondition: there is one.
  [[nodiscard]] std::uint32_t free_lane(leaf_id l, spine_id s, std::uint32_t from = 0) const {
    const std::size_t first = column(s);
    while (!test_bit(free_lanes_[l.index()], first + from)) ++from;
    assert(from < lanes_);
    return from;
  }

  /// Whether `part` itself has failed.
  template <class Part>
    requires(knows<Part>)
  [[nodiscard]] bool is_failed(const Part& part) const { return failed_.contains(mark_of(part)); }
  /// Whether nothing of the network has failed.
  [[nodiscard]] bool all_work() const { return failed_.empty(); }

  friend bool operator==(const link_book&, const link_book&) = default;

  // --- for the ledger ----------------------------------------------------------------------------

  /// Whether the links of `p` exist, sorted and each once, and `p` names no circuits.
  [[nodiscard]] bool knows_all(const placement& p) const {
    return !p.owns_circuits() && all_exist(p.links) && is_strictly_sorted(p.links);
  }
  /// Gives the links of `p` to `job` if all are free. Precondition: `knows_all`.
  [[nodiscard]] bool take(const placement& p, job_id job) {
    std::size_t done = 0;
    bool free = true;
    for_each_run(p.links, [&](leaf_id l, std::size_t first, std::size_t last) {
      free = free && all_set(free_lanes_[l.index()], first, last);
      if (!free) return;
      own(l, first, last, job);
      clear_bits(free_lanes_[l.index()], first, last);
      recount(l, first, last);
      done += last - first;
    });
    if (!free) give_back(std::span(p.links).first(done));
    return free;
  }
  void give_back(const placement& p) { give_back(std::span(p.links)); }

  /// Marks `part` and brings all that it carries up to date. Tells `cut(gpu, is_cut)` of the GPUs of a
  /// leaf and `hit(job)` of the owners of links.
  template <class Fabric, class Part, class Cut, class Hit>
  bool mark(const Fabric& dc, const Part& part, bool failed, Cut&& cut, Hit&& hit) {
    const bool changed = failed_.set(mark_of(part), failed);
    if constexpr (std::same_as<Part, leaf_id>)
      dc.for_each_gpu(part, [&](gpu_id g) { cut(g, is_cut_off(dc, g)); });
    for_each_uplink(part, [&](std::size_t i) {
      if (owner_[i].valid()) hit(owner_[i]);
      refresh(i);
    });
    return changed;
  }
  /// Takes over what has failed in a book of the same network.
  void adopt_failures(const link_book& other) {
    failed_ = other.failed_;
    for (std::size_t i = 0; i < owner_.size(); ++i) refresh(i);
  }

 private:
  static std::size_t size(int n) { return static_cast<std::size_t>(n); }
  static std::ptrdiff_t offset(std::size_t i) { return static_cast<std::ptrdiff_t>(i); }

  [[nodiscard]] std::size_t uplinks() const { return spines_ * lanes_; }
  /// Whether the thermometer code differs from the free lanes themselves.
  [[nodiscard]] bool counts_lanes() const { return lanes_ > 1; }
  [[nodiscard]] std::size_t column(spine_id s) const { return s.index() * lanes_; }
  /// Which of its leaf's uplinks a link is, and which of all.
  [[nodiscard]] std::size_t lane_of(const link& k) const { return column(k.spine) + k.lane; }
  [[nodiscard]] std::size_t index(const link& k) const {
    return k.leaf.index() * uplinks() + lane_of(k);
  }
  [[nodiscard]] std::size_t mark_of(leaf_id l) const { return l.index(); }
  [[nodiscard]] std::size_t mark_of(spine_id s) const { return leafs_ + s.index(); }
  [[nodiscard]] std::size_t mark_of(const link& k) const { return leafs_ + spines_ + index(k); }

  /// A GPU is cut off when its leafs in all planes have failed.
  template <class Fabric>
  [[nodiscard]] bool is_cut_off(const Fabric& dc, gpu_id g) const {
    for (int plane = 0; plane < dc.planes(); ++plane)
      if (!is_failed(dc.leaf_of(g, plane))) return false;
    return true;
  }

  [[nodiscard]] bool all_exist(std::span<const link> links) const {
    const auto leafs = static_cast<std::uint32_t>(leafs_);
    const auto spines = static_cast<std::uint32_t>(spines_);
    const auto most = static_cast<std::uint32_t>(lanes_);
    bool wrong = false;
    for (const link& k : links)
      wrong |= (k.leaf.value >= leafs) | (k.spine.value >= spines) | (k.lane >= most);
    if (wrong || is_regular_) return !wrong;
    return std::all_of(links.begin(), links.end(),
                       [&](const link& k) { return test_bit(there_[k.leaf.index()], lane_of(k)); });
  }
  /// Precondition: they exist. Consecutive uplinks ascend by themselves.
  [[nodiscard]] bool is_strictly_sorted(std::span<const link> links) const {
    bool sorted = true;
    leaf_id leaf{0};
    std::size_t end = 0;
    for_each_run(links, [&](leaf_id l, std::size_t first, std::size_t last) {
      sorted &= l > leaf || (l == leaf && first >= end);
      leaf = l;
      end = last;
    });
    return sorted;
  }

  /// Calls `f(leaf, first, last)` for each longest run of consecutive uplinks of a leaf.
  template <class F>
  void for_each_run(std::span<const link> links, F&& f) const {
    const auto lanes = static_cast<std::uint32_t>(lanes_);
    const auto lane = [&](const link& k) { return k.spine.value * lanes + k.lane; };
    for (std::size_t i = 0; i < links.size();) {
      const leaf_id leaf = links[i].leaf;
      const std::uint32_t first = lane(links[i]);
      std::uint32_t last = first + 1;
      for (++i; i < links.size() && links[i].leaf == leaf && lane(links[i]) == last; ++i) ++last;
      f(leaf, std::size_t{first}, std::size_t{last});
    }
  }

  void own(leaf_id l, std::size_t first, std::size_t last, job_id job) {
    const auto row = owner_.begin() + offset(l.index() * uplinks());
    std::fill(row + offset(first), row + offset(last), job);
  }
  void give_back(std::span<const link> links) {
    for_each_run(links, [&](leaf_id l, std::size_t first, std::size_t last) {
      own(l, first, last, job_id{});
      if (failed_.empty()) {
        set_bits(free_lanes_[l.index()], first, last);
        recount(l, first, last);
      } else {
        for (std::size_t k = first; k < last; ++k) refresh(l.index() * uplinks() + k);
      }
    });
  }

  /// Brings the thermometer code of the spines whose lanes lie in [first, last) up to date.
  void recount(leaf_id l, std::size_t first, std::size_t last) {
    if (!counts_lanes()) return;
    for (std::size_t s = first / lanes_; s * lanes_ < last; ++s) {
      const std::size_t begin = s * lanes_;
      const auto n = size(count_bits(free_lanes_[l.index()], begin, begin + lanes_));
      set_bits(free_uplinks_[l.index()], begin, begin + n);
      clear_bits(free_uplinks_[l.index()], begin + n, begin + lanes_);
    }
  }
  /// Makes the bit of one uplink, by its index among all, say whether it is free.
  void refresh(std::size_t i) {
    const leaf_id l{i / uplinks()};
    const std::size_t lane = i % uplinks();
    const bool free = test_bit(there_[l.index()], lane) && !owner_[i].valid() && !is_failed(l) &&
                      !is_failed(spine_id{lane / lanes_}) &&
                      !failed_.contains(leafs_ + spines_ + i);
    if (free)
      set_bit(free_lanes_[l.index()], lane);
    else
      clear_bit(free_lanes_[l.index()], lane);
    recount(l, lane, lane + 1);
  }

  template <class F>
  void for_each_uplink(leaf_id l, F&& f) const {
    for (std::size_t k = 0; k < uplinks(); ++k) f(l.index() * uplinks() + k);
  }
  template <class F>
  void for_each_uplink(spine_id s, F&& f) const {
    for (std::size_t l = 0; l < leafs_; ++l)
      for (std::size_t k = 0; k < lanes_; ++k) f(l * uplinks() + column(s) + k);
  }
  template <class F>
  void for_each_uplink(const link& k, F&& f) const {
    f(index(k));
  }

  std::size_t leafs_, spines_, lanes_;
  bool is_regular_;
  std::vector<job_id> owner_;  // leaf-major, then uplink
  bit_matrix there_;           // a row per leaf: uplinks that exist
  bit_matrix free_lanes_;      // likewise, those that are free
  bit_matrix free_uplinks_;    // the same in thermometer code, if that differs
  detail::marks failed_;
};

}  // namespace heddle::fabric
