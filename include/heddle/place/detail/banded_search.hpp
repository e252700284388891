// Finds the servers, or cards, and the links of a virtual Clos network on rails and planes.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/place/detail/banded_biclique.hpp>
#include <heddle/place/detail/card_items.hpp>
#include <heddle/place/detail/clos_search.hpp>
#include <heddle/place/detail/cover_search.hpp>

namespace heddle::place::detail {

/// `clos_search` where every rail of every plane is a network of its own over the units of a pod: a *band*
/// of the rows of free uplinks. A unit stands for a leaf there and an item (card_items.hpp) for a GPU.
/// Keeps its memory between states.
class banded_search {
 public:
  /// Looks at `free`, which must stay as it is until the next start.
  void start(const clos_ledger& free, std::int64_t nodes) {
    free_ = &free;
    nodes_ = budget_ = nodes;
    items_.start(free);
    find_planes();
  }
  [[nodiscard]] std::int64_t visited() const { return nodes_ - budget_; }
  void forget() { nodes_ = budget_ = 0; }
  [[nodiscard]] std::int64_t& budget() { return budget_; }
  [[nodiscard]] card_items& items() { return items_; }
  [[nodiscard]] const clos_ledger& free() const { return *free_; }
  [[nodiscard]] const banded_rows& rows() const { return rows_; }
  /// The bands in use, of those of a unit.
  [[nodiscard]] std::span<const band> bands() const { return bands_; }
  /// Items of the fullest unit of the pod that is looked at.
  [[nodiscard]] int widest() const { return by_count_.empty() ? 0 : by_count_.back().first; }

  /// Takes the items as they are counted now, each of which needs a column for every card. O(1).
  void begin() {
    begin([&](int rail) { return items_.cards_on(rail); });
  }
  /// The same with so many columns of each plane of a rail, `columns(rail)`; 0: that rail is done without.
  template <class Columns>
  void begin(Columns&& columns) {
    const fabric::leaf_spine& dc = free_->fabric();
    const bit_matrix& up = free_->network().free_uplinks();
    const auto each = static_cast<std::uint32_t>(up.words());
    bands_.clear();
    for (int b = 0; b < dc.leafs_per_unit(); ++b)
      if (const int n = columns(b / dc.planes());
          n > 0 && plane_works_[static_cast<std::size_t>(b % dc.planes())])
        bands_.push_back({static_cast<std::uint32_t>(b) * each, each, n});
    rows_ = {up.rows() == 0 ? nullptr : up[0].data(),
             each * static_cast<std::size_t>(dc.leafs_per_unit()), bands_};
  }
  /// Goes over to the units `all` of a pod. O(units log units).
  void enter(std::span<const std::uint32_t> all) {
    pod_ = all;
    by_count_.clear();
    for (std::uint32_t x : all)
      if (const int n = items_.count_of(x); n > 0) by_count_.emplace_back(n, x);
    std::sort(by_count_.begin(), by_count_.end());
    order_.clear();
    for (const auto& [n, x] : by_count_) order_.push_back(x);
  }
  /// Whether m units have n items and, with r > 0, one more has r.
  [[nodiscard]] bool has_room(int m, int n, int r) const {
    return has_uplinks(n) && units_with(n) >= m && (r == 0 || units_with(r) > m);
  }
  /// Whether leafs have links for `n` items at all.
  [[nodiscard]] bool has_uplinks(int n) const {
    return std::all_of(bands_.begin(), bands_.end(),
                       [&](const band& b) { return n * b.weight <= free_->fabric().uplinks(); });
  }

  /// Links of `n` items that all have their own.
  [[nodiscard]] std::size_t links_for(int n) const {
    std::size_t links = 0;
    for (const band& b : bands_) links += static_cast<std::size_t>(n * b.weight);
    return links;
  }

  /// Looks for m units with n items and n · weight common columns in each band and, with r > 0, one more
  /// with r items that shares r · weight of them. Precondition: has_room.
  search_status find(int m, int n, int r) {
    std::uint32_t rest_unit = 0;
    const auto others = r > 0 ? candidates(r) : std::span<const std::uint32_t>{};
    const auto rest = [&](const_bit_row columns, std::span<const std::uint32_t> chosen) {
      if (r == 0) return true;
      for (std::uint32_t t : others)
        if (rows_.meet(rows_[t], columns, r) &&
            std::find(chosen.begin(), chosen.end(), t) == chosen.end()) {
          rest_unit = t;
          return true;
        }
      return false;
    };
    const search_status s =
        search_.solve(rows_, candidates(n), static_cast<std::size_t>(m), n, budget_, rest);
    if (s != search_status::found) return s;
    parts_.clear();
    for (std::uint32_t x : search_.rows()) parts_.push_back({x, n, false});
    if (r > 0) parts_.push_back({rest_unit, r, true});
    choose_columns(search_.columns(), n, r, rest_unit);
    return s;
  }

  /// Looks for two units that hold `n` items together, over as many common columns as the narrower needs.
  /// Fewest links first, then fewest items left free. O(pairs of units); 64 count as a node.
  search_status find_pair(int n) {
    has_pair_ = false;
    std::size_t pairs = 0;
    const int most = std::min(widest(), n - 1);
    for (int a = most; 2 * a >= n; --a) {
      if (!has_uplinks(n - a)) break;
      for (int left = 0; left <= 2 * a - n; ++left)
        for (const auto& [wide, i] : with_just(a))
          for (const auto& [narrow, k] : with_just(n - a + left)) {
            if (i == k) continue;
            has_pair_ = true;
            if (++pairs % 64 == 0 && --budget_ <= 0) return search_status::gave_up;
            if (!rows_.meet(rows_[i], rows_[k], n - a)) continue;
            common_.resize(rows_.words);
            intersect(rows_[i], rows_[k], common_);
            parts_.assign({{i, a, false}, {k, n - a, false}});
            choose_columns(common_, n - a, 0, 0);
            return search_status::found;
          }
    }
    return search_status::none;
  }
  [[nodiscard]] bool has_pair() const { return has_pair_; }

  /// The largest number of items in a unit that is looked at.
  [[nodiscard]] int largest_leaf() const { return widest(); }
  [[nodiscard]] bool has_free_links(std::uint32_t unit, int n) const {
    return rows_.meet(rows_[unit], rows_[unit], n);
  }
  /// Calls `f(unit, items)` for each with items.
  template <class F>
  void for_each_leaf(F&& f) const {
    for (const auto& [n, x] : by_count_) f(x, n);
  }
  /// Items that all units could give if none gave more than `most`. O(units).
  [[nodiscard]] int room_of(int most) const {
    int sum = 0;
    for (const auto& [n, x] : by_count_) sum += std::min(n, most);
    return sum;
  }
  /// The fewest units that hold `n` items together with at most `most` of each. O(units).
  /// Precondition: room_of(most) ≥ n.
  [[nodiscard]] int fewest_leafs(int n, int most) const {
    int units = 0;
    for (auto x = by_count_.rbegin(); n > 0; ++x, ++units) n -= std::min(x->first, most);
    return units;
  }

  /// Looks for units that hold `n` items together, with at most `most` in each, and have width · weight common
  /// columns in each band; the last one, if its items need fewer than `width` with `share` of them to a column, is
  /// linked to fewer. With `first` this unit is one of them and gives all that it has.
  search_status find_cover(int n, int width, int most, int share = 1,
                           std::optional<std::uint32_t> first = {}) {
    const auto room_of = [&](std::uint32_t x) { return items_.count_of(x); };
    list_cover(order_, room_of, most, first, cover_rows_);
    std::optional<cover_row> wide;
    if (first) wide = cover_row{*first, room_of(*first), 0};
    const search_status s = cover_.solve(rows_, cover_rows_, n, width, budget_, wide);
    if (s != search_status::found) return s;
    parts_.clear();
    for (const cover_row& x : cover_.rows()) parts_.push_back({x.row, x.holds, false});
    part& last = parts_.back();
    const int rest = (last.items + share - 1) / share;
    last.is_rest = rest < width;
    choose_columns(cover_.columns(), width, last.is_rest ? rest : 0, last.unit);
    return s;
  }

  /// The placement that was found last.
  [[nodiscard]] fabric::placement take() {
    std::sort(parts_.begin(), parts_.end(),
              [](const part& a, const part& b) { return a.unit < b.unit; });
    fabric::placement p;
    std::size_t items = 0, links = 0;
    for (const part& x : parts_) {
      items += static_cast<std::size_t>(x.items);
      links += x.is_rest ? rest_columns_.size() : columns_.size();
    }
    p.gpus.reserve(items * static_cast<std::size_t>(items_.gpus()));
    p.links.reserve(links);
    for (const part& x : parts_) {
      items_.take(unit_id{x.unit}, x.items, p.gpus);
      add_links(x.unit, x.is_rest ? rest_columns_ : columns_, p.links);
    }
    return p;
  }

  /// Appends links of a unit over `columns` of its row, ascending: any lanes that are free, lowest first.
  void add_links(std::uint32_t unit, std::span<const std::uint32_t> columns,
                 std::vector<fabric::link>& out) const {
    const fabric::leaf_spine& dc = free_->fabric();
    const std::uint32_t width =
        64 * static_cast<std::uint32_t>(free_->network().free_uplinks().words());
    const auto lanes = static_cast<std::uint32_t>(dc.links_per_pair());
    leaf_id leaf;
    spine_id spine;
    std::uint32_t lane = 0, joined = 0;
    for (std::uint32_t c : columns) {
      const leaf_id l{unit * static_cast<std::uint32_t>(dc.leafs_per_unit()) + c / width};
      if (l != leaf) {
        leaf = l;
        spine = {};
        joined = dc.up_columns().part_of_lower(l.index());
      }
      const spine_id s{dc.up_columns().upper(joined, c % width / lanes)};
      lane = free_->network().free_lane(l, s, s == spine ? lane + 1 : 0);
      spine = s;
      out.push_back({l, s, lane});
    }
  }

 private:
  struct part {
    std::uint32_t unit = 0;
    int items = 0;
    bool is_rest = false;  ///< has the columns of the remainder
  };

  /// A plane of which no leaf works, or no spine, is done without, if there is another.
  void find_planes() {
    const fabric::leaf_spine& dc = free_->fabric();
    plane_works_.assign(static_cast<std::size_t>(dc.planes()), 1);
    if (dc.planes() == 1 || free_->network().all_work()) return;
    std::fill(plane_works_.begin(), plane_works_.end(), 0);
    for (leaf_id l : dc.all_leafs()) {
      char& works = plane_works_[l.index() % plane_works_.size()];
      if (works || free_->network().is_failed(l)) continue;
      for (spine_id s : dc.all_spines())
        if (dc.links(l, s) > 0 && !free_->network().is_failed(s)) {
          works = 1;
          break;
        }
    }
    if (std::count(plane_works_.begin(), plane_works_.end(), 1) == 0)
      std::fill(plane_works_.begin(), plane_works_.end(), 1);
  }

  [[nodiscard]] int units_with(int n) const {
    return static_cast<int>(by_count_.end() - first_with(n));
  }
  [[nodiscard]] std::vector<std::pair<int, std::uint32_t>>::const_iterator first_with(int n) const {
    return std::lower_bound(by_count_.begin(), by_count_.end(), std::pair{n, std::uint32_t{0}});
  }
  [[nodiscard]] std::span<const std::uint32_t> candidates(int n) const {
    return std::span{order_}.subspan(static_cast<std::size_t>(first_with(n) - by_count_.begin()));
  }
  [[nodiscard]] std::span<const std::pair<int, std::uint32_t>> with_just(int n) const {
    return {first_with(n), first_with(n + 1)};
  }

  /// Of the columns in common, puts into `columns_` those for n items in each band that fewest units of the
  /// pod could use, of equal ones the lowest; and of these into `rest_columns_` those for the r of `rest`.
  void choose_columns(const_bit_row common, int n, int r, std::uint32_t rest) {
    columns_.clear();
    rest_columns_.clear();
    bool demand_known = false;
    for (const band& b : bands_) {
      const auto wanted = static_cast<std::size_t>(n * b.weight);
      const auto of_rest = static_cast<std::ptrdiff_t>(r * b.weight);
      const auto base = static_cast<std::uint32_t>(b.first * 64);
      found_.clear();
      for_each_bit(common.subspan(b.first, b.words),
                   [&](std::size_t c) { found_.push_back(base + static_cast<std::uint32_t>(c)); });
      assert(found_.size() >= wanted);
      if (found_.size() > wanted || r > 0) {
        if (!std::exchange(demand_known, true)) {
          demand_.reset(rows_.words, pod_.size());
          for (std::uint32_t x : pod_) demand_.add(rows_[x], common);
        }
        const auto sort_from = [&](auto first, auto&& comes_last) {
          std::sort(first, found_.end(), [&](std::uint32_t x, std::uint32_t y) {
            return std::tuple{comes_last(x), demand_.count(x), x} <
                   std::tuple{comes_last(y), demand_.count(y), y};
          });
        };
        if (r > 0) {
          const const_bit_row row = rows_[rest];
          sort_from(found_.begin(), [&](std::uint32_t c) { return !test_bit(row, c); });
          rest_columns_.insert(rest_columns_.end(), found_.begin(), found_.begin() + of_rest);
        }
        sort_from(found_.begin() + of_rest, [](std::uint32_t) { return false; });
        found_.resize(wanted);
      }
      columns_.insert(columns_.end(), found_.begin(), found_.end());
    }
    std::sort(columns_.begin(), columns_.end());
    std::sort(rest_columns_.begin(), rest_columns_.end());
  }

  const clos_ledger* free_ = nullptr;
  std::int64_t nodes_ = 0, budget_ = 0;
  bool has_pair_ = false;
  card_items items_;
  std::vector<char> plane_works_;
  std::vector<band> bands_;
  banded_rows rows_;
  std::span<const std::uint32_t> pod_;
  std::vector<std::pair<int, std::uint32_t>> by_count_;  // units with items, by these
  std::vector<std::uint32_t> order_;                     // the same units
  banded_biclique search_;
  cover_search<banded_rows> cover_;
  std::vector<cover_row> cover_rows_;
  column_counter demand_;
  std::vector<word> common_;
  std::vector<std::uint32_t> columns_, rest_columns_, found_;
  std::vector<part> parts_;
};

}  // namespace heddle::place::detail
