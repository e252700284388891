// Finds the leafs and links of a virtual Clos network of a given shape.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/place/detail/biclique.hpp>
#include <heddle/place/detail/clos_shapes.hpp>
#include <heddle/place/detail/column_choice.hpp>
#include <heddle/place/detail/cover_search.hpp>
#include <heddle/place/pick.hpp>

namespace heddle::place::detail {

using clos_ledger = fabric::ledger<fabric::leaf_spine>;

/// Whether a fabric is one network of leafs and spines with a server whole under a leaf and a card a GPU.
[[nodiscard]] inline bool is_plain_clos(const fabric::leaf_spine& dc) {
  return dc.pods() == nullptr && dc.gpus_per_card() == 1;
}
/// Whether `clos_search` knows how servers are wired: leaf and unit have one number then.
[[nodiscard]] inline bool knows_wiring(const clos_ledger& free) {
  return is_plain_clos(free.fabric());
}
[[nodiscard]] inline unit_id unit_under(leaf_id l) { return unit_id{l.value}; }

/// Which of the leafs with enough free GPUs are preferred.
enum class leaf_order : unsigned char {
  best_fit,  ///< fewest free GPUs, then the lowest id
  by_id,
};

/// A search over one state for shapes, one after the other. Leafs are sorted by free GPUs once, by
/// counting, or as far as they are asked for where the book of GPUs has an index of them; whether a shape has room
/// by GPUs alone is O(1). Keeps its memory between states.
class clos_search {
 public:
  /// Looks at `free`, which must stay as it is until the next start. O(GPUs of a leaf), without an index
  /// O(leafs) more.
  void start(const clos_ledger& free, std::int64_t nodes, leaf_order order) {
    free_ = &free;
    nodes_ = budget_ = nodes;
    order_ = order;
    const fabric::leaf_spine& dc = free.fabric();
    const auto levels = static_cast<std::size_t>(dc.gpus_per_leaf()) + 1;
    sorted_from_ = levels;
    first_.assign(levels + 1, 0);
    if (const auto& index = free.gpus().rooms(); !index.empty())
      for (std::size_t k = 0; k < levels; ++k)
        first_[k + 1] = static_cast<std::uint32_t>(index.count_of_units_at(static_cast<int>(k)));
    else
      for (leaf_id l : dc.all_leafs()) ++first_[static_cast<std::size_t>(free_gpus(l)) + 1];
    for (std::size_t k = 1; k < first_.size(); ++k) first_[k] += first_[k - 1];
  }

  [[nodiscard]] std::int64_t visited() const { return nodes_ - budget_; }
  /// As if nothing had been visited.
  void forget() { nodes_ = budget_ = 0; }
  /// Free GPUs under a leaf.
  [[nodiscard]] int free_gpus(leaf_id l) const { return free_->free_gpus(unit_under(l)); }
  /// GPUs that one leaf can give to a virtual Clos, at most.
  [[nodiscard]] int widest() const {
    return std::min(free_->fabric().gpus_per_leaf(), free_->fabric().uplinks());
  }
  /// Leafs with at least `n` free GPUs.
  [[nodiscard]] int leafs_with(int n) const {
    const auto at = static_cast<std::size_t>(n);
    return at + 1 < first_.size() ? static_cast<int>(first_.back() - first_[at]) : 0;
  }
  /// Whether m leafs have n GPUs and, with r > 0, one more has r.
  [[nodiscard]] bool has_room(int m, int n, int r) const { return has_room(m, n, r, n); }
  /// The same for leafs with `links` links each.
  [[nodiscard]] bool has_room(int m, int n, int r, int links) const {
    return links <= free_->fabric().uplinks() && leafs_with(n) >= m &&
           (r == 0 || leafs_with(r) > m);
  }

  /// The preferred leaf with `n` free GPUs, or none.
  [[nodiscard]] leaf_id one_leaf(int n) {
    if (leafs_with(n) == 0) return {};
    if (order_ == leaf_order::best_fit) return leaf_id{free_->gpus().tightest_unit(n).value};
    for (leaf_id l : free_->fabric().all_leafs())
      if (free_gpus(l) >= n) return l;
    return {};
  }

  /// Looks for m leafs with n free GPUs and n common spines each and, with r > 0, one more that has r
  /// GPUs and shares r of the spines. Precondition: has_room.
  search_status find(int m, int n, int r) { return find(m, n, r, n); }
  /// The same over `links` common spines instead of n, r ≤ links ≤ n.
  search_status find(int m, int n, int r, int links) {
    const search_status s = search_.solve(
        free_->network().free_uplinks(), candidates(n, leafs_), static_cast<std::size_t>(m), links,
        budget_, r, r > 0 ? candidates(r, rests_) : std::span<const std::uint32_t>{});
    if (s != search_status::found) return s;
    parts_.clear();
    for (std::uint32_t l : search_.rows()) parts_.push_back({leaf_id{l}, n, false});
    columns_.choose(free_->network().free_uplinks(), free_->network().leafs_with(),
                    search_.columns(), links, r, search_.remainder());
    if (r > 0) parts_.push_back({leaf_id{search_.remainder()}, r, true});
    return s;
  }

  /// Looks for two leafs that hold `gpus` together, over a common spine for every `share` GPUs of the
  /// narrower. All free GPUs of the wider are taken, so that few links are needed. Notes in `has_pair`
  /// whether there are such leafs by GPUs alone. O(pairs of leafs); 64 count as a node.
  search_status find_pair(int gpus, pair_order order, int share = 1) {
    has_pair_ = false;
    share_ = share;
    int most = gpus_per_leaf();
    while (most > 0 && leafs_with(most) == 0) --most;
    most = std::min(most, gpus - 1);
    pairs_ = 0;
    const auto try_pair = [&](int a, int left) {
      return try_leafs_with(a, gpus - a + left, gpus - a);
    };
    const auto status = [&](bool found) {
      if (found) return search_status::found;
      return budget_ <= 0 ? search_status::gave_up : search_status::none;
    };
    // `a` free GPUs under the wider leaf, gpus − a + left ≤ a under the other.
    if (order == pair_order::best_fit) {
      for (int left = 0; left <= 2 * most - gpus; ++left)
        for (int a = most; 2 * a >= gpus + left; --a)
          if (try_pair(a, left) || budget_ <= 0) return status(has_found_);
    } else {
      for (int a = most; 2 * a >= gpus; --a)
        for (int left = 0; left <= 2 * a - gpus; ++left)
          if (try_pair(a, left) || budget_ <= 0) return status(has_found_);
    }
    return search_status::none;
  }
  [[nodiscard]] bool has_pair() const { return has_pair_; }

  /// GPUs of the largest leaf, free or not.
  [[nodiscard]] int largest_leaf() const { return free_->fabric().gpus_per_leaf(); }
  [[nodiscard]] bool has_uplinks(int n) const { return n <= free_->fabric().uplinks(); }
  [[nodiscard]] bool has_free_links(std::uint32_t leaf, int n) const {
    return count_bits(free_->network().free_uplinks()[leaf]) >= n;
  }
  /// Calls `f(leaf, free GPUs)`.
  template <class F>
  void for_each_leaf(F&& f) const {
    for (leaf_id l : free_->fabric().all_leafs()) f(l.value, free_gpus(l));
  }
  /// GPUs that all leafs could give if none gave more than `most`. O(most).
  [[nodiscard]] int room_of(int most) const {
    int sum = 0;
    for (int k = 1; k <= most; ++k) sum += leafs_with(k);
    return sum;
  }
  /// The fewest leafs that hold `gpus` together with at most `most` under each. O(most).
  /// Precondition: room_of(most) ≥ gpus.
  [[nodiscard]] int fewest_leafs(int gpus, int most) const {
    int leafs = 0;
    for (int k = most; gpus > 0; --k) {
      const int here = leafs_with(k) - leafs;  // those that give just k
      const int taken = std::min(here, (gpus + k - 1) / k);
      leafs += taken;
      gpus -= taken * k;
    }
    return leafs;
  }

  /// Looks for leafs that hold `gpus` together, with at most `most` under each, and have `links` common
  /// spines; the last one, if it has fewer than share · links, is linked to fewer of them. With `first` this
  /// leaf is one of them and gives all that it has.
  search_status find_cover(int gpus, int links, int most, int share = 1,
                           std::optional<std::uint32_t> first = {}) {
    const bit_matrix& rows = free_->network().free_uplinks();
    const auto room_of = [&](std::uint32_t l) { return free_gpus(leaf_id{l}); };
    sort(1);
    list_cover(std::span<const std::uint32_t>{by_free_}.subspan(first_[1]), room_of, most, first,
               cover_rows_);
    std::optional<cover_row> wide;
    if (first) wide = cover_row{*first, room_of(*first), 0};
    const search_status s =
        cover_.solve({&rows, rows.words()}, cover_rows_, gpus, links, budget_, wide);
    if (s != search_status::found) return s;
    parts_.clear();
    for (const cover_row& x : cover_.rows()) parts_.push_back({leaf_id{x.row}, x.holds, false});
    part& last = parts_.back();
    const int rest = (last.gpus + share - 1) / share;
    last.is_rest = rest < links;
    columns_.choose(rows, free_->network().leafs_with(), cover_.columns(), links,
                    last.is_rest ? rest : 0, last.leaf.value);
    return s;
  }

  /// The placement that was found last.
  [[nodiscard]] fabric::placement take() {
    std::sort(parts_.begin(), parts_.end(),
              [](const part& a, const part& b) { return a.leaf < b.leaf; });
    fabric::placement p;
    std::size_t gpus = 0, links = 0;
    for (const part& x : parts_) {
      gpus += static_cast<std::size_t>(x.gpus);
      links += columns_.of(x.is_rest).size();
    }
    p.gpus.reserve(gpus);
    p.links.reserve(links);
    for (const part& x : parts_) {
      pick(*free_, unit_under(x.leaf), x.gpus, p.gpus);
      add_links(x.leaf, columns_.of(x.is_rest), p.links);
    }
    return p;
  }

 private:
  struct part {
    leaf_id leaf;
    int gpus = 0;
    bool is_rest = false;  ///< has the columns of the remainder
  };

  [[nodiscard]] int gpus_per_leaf() const { return static_cast<int>(first_.size()) - 2; }

  /// The leafs with at least `n` free GPUs by (free GPUs, id), where those with as many belong among all.
  void sort(int n) {
    const auto wanted = static_cast<std::size_t>(n);
    if (sorted_from_ <= wanted) return;
    by_free_.resize(static_cast<std::size_t>(free_->fabric().leafs()));
    if (const auto& index = free_->gpus().rooms(); !index.empty()) {
      while (sorted_from_ > wanted) {
        std::size_t at = first_[--sorted_from_];
        if (at == first_[sorted_from_ + 1]) continue;
        for_each_bit(index.units_at(static_cast<int>(sorted_from_)),
                     [&](std::size_t x) { by_free_[at++] = static_cast<std::uint32_t>(x); });
      }
      return;
    }
    sorted_from_ = 0;
    cursor_.assign(first_.begin(), first_.end());
    for (leaf_id l : free_->fabric().all_leafs())
      by_free_[cursor_[static_cast<std::size_t>(free_gpus(l))]++] = l.value;
  }
  /// Those with exactly `n` free GPUs, by id.
  [[nodiscard]] std::span<const std::uint32_t> leafs_with_just(int n) {
    sort(n);
    const auto at = static_cast<std::size_t>(n);
    return {by_free_.data() + first_[at], by_free_.data() + first_[at + 1]};
  }
  /// Those with at least `n`, preferred ones first.
  std::span<const std::uint32_t> candidates(int n, std::vector<std::uint32_t>& room) {
    if (order_ == leaf_order::best_fit) {
      sort(n);
      return std::span(by_free_).subspan(first_[static_cast<std::size_t>(n)]);
    }
    room.clear();
    for (leaf_id l : free_->fabric().all_leafs())
      if (free_gpus(l) >= n) room.push_back(l.value);
    return room;
  }

  /// The first pair of leafs with just so many free GPUs of which the second gives `gpus`.
  bool try_leafs_with(int wide, int narrow, int gpus) {
    const int links = (gpus + share_ - 1) / share_;
    const bit_matrix& rows = free_->network().free_uplinks();
    // Both before either, for sorting further adds at the front of what is sorted only.
    const auto wides = leafs_with_just(wide), narrows = leafs_with_just(narrow);
    for (std::uint32_t i : wides)
      for (std::uint32_t j : narrows) {
        if (i == j) continue;
        has_pair_ = true;
        if (++pairs_ % 64 == 0 && --budget_ <= 0) return false;
        if (count_common(rows[i], rows[j]) < links) continue;
        common_.resize(rows.words());
        intersect(rows[i], rows[j], common_);
        parts_.clear();
        parts_.push_back({leaf_id{i}, wide, false});
        parts_.push_back({leaf_id{j}, gpus, false});
        columns_.choose(rows, free_->network().leafs_with(), common_, links);
        return has_found_ = true;
      }
    return has_found_ = false;
  }

  /// Columns of one spine are any of its lanes that are free at this leaf, the lowest first.
  void add_links(leaf_id leaf, std::span<const std::uint32_t> columns,
                 std::vector<fabric::link>& out) const {
    const auto lanes = static_cast<std::uint32_t>(free_->fabric().links_per_pair());
    spine_id spine;
    std::uint32_t lane = 0;
    for (std::uint32_t c : columns) {
      const spine_id s{c / lanes};
      lane = free_->network().free_lane(leaf, s, s == spine ? lane + 1 : 0);
      spine = s;
      out.push_back({leaf, s, lane});
    }
  }

  const clos_ledger* free_ = nullptr;
  std::int64_t nodes_ = 0, budget_ = 0;
  leaf_order order_ = leaf_order::best_fit;
  bool has_pair_ = false, has_found_ = false;
  std::size_t sorted_from_ = 0;  // free GPUs of leafs from which on `by_free_` holds them
  int share_ = 1;
  std::size_t pairs_ = 0;
  std::vector<std::uint32_t> first_;    // of k: leafs with fewer than k free GPUs
  std::vector<std::uint32_t> by_free_;  // leafs by free GPUs, as far as they were asked for
  std::vector<std::uint32_t> cursor_, leafs_, rests_;
  biclique_search search_;
  cover_search<plain_rows> cover_;
  std::vector<cover_row> cover_rows_;
  column_choice columns_;
  std::vector<word> common_;  // columns that two leafs share
  std::vector<part> parts_;
};

}  // namespace heddle::place::detail
