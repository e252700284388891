// Exact search for rows of a bit matrix that hold enough together and have enough columns in common.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/place/detail/biclique.hpp>

namespace heddle::place::detail {

/// A row that may be chosen, and what it holds.
struct cover_row {
  std::uint32_t row = 0;
  int holds = 0;  ///< ≥ 1
  int room = 0;   ///< of rows that could be the last, the one with least room is
};

/// The order in which rows are tried: those first that can give most, of these the tightest.
/// \param by_room  the rows, by increasing room ≥ 1
/// \param most     what a row gives at most
/// \param without  a row that is not to be used
template <class RoomOf>
void list_cover(std::span<const std::uint32_t> by_room, RoomOf&& room_of, int most,
                std::optional<std::uint32_t> without, std::vector<cover_row>& out) {
  out.clear();
  const auto list = [&](std::uint32_t row) {
    const int room = room_of(row);
    if (row != without) out.push_back({row, std::min(room, most), room});
  };
  const auto wide = std::partition_point(by_room.begin(), by_room.end(),
                                         [&](std::uint32_t row) { return room_of(row) < most; }) -
                    by_room.begin();
  for (std::uint32_t row : by_room.subspan(static_cast<std::size_t>(wide))) list(row);
  for (auto i = static_cast<std::size_t>(wide); i-- > 0;) list(by_room[i]);
}

/// Searches for rows that hold `wanted` together and have enough columns in common, by `Rows::meet`. Depth
/// first, those that hold most first, so that they are few; the last one is the tightest that is enough. At each
/// node rows and columns that cannot take part are peeled off: a row must meet the columns still alive, a column
/// is needed in as many of the rows still alive as hold enough at best. Of rows that meet the live columns in
/// the same set only the first is tried: it holds most.
///
/// Every row chosen is needed: the last one, because the others hold too little, and no other holds less
/// than it gives. Keeps its memory between calls.
/// \tparam Rows  as of `row_search`
template <class Rows>
class cover_search {
 public:
  /// \param order   the rows that may be used, by decreasing `holds`; distinct
  /// \param wanted  ≥ 1
  /// \param n       columns in common, ≥ 1
  /// \param budget  nodes that may be visited; lowered by those that were
  /// \param first   a row that is chosen already, if any, and none of `order`; it holds less than wanted
  search_status solve(const Rows& rows, std::span<const cover_row> order, int wanted, int n,
                      std::int64_t& budget, std::optional<cover_row> first = {}) {
    assert(wanted >= 1 && n >= 1);
    rows_ = rows;
    n_ = n;
    budget_ = budget;
    chosen_.clear();
    if (levels_.size() < order.size() + 1) levels_.resize(order.size() + 1);
    level& all = levels_[0];
    rows_.fill(all.alive);
    if (first) {
      intersect(rows_[first->row], all.alive, all.alive);
      chosen_.push_back(*first);
      wanted -= first->holds;
    }
    all.items.assign(order.begin(), order.end());
    const search_status s = descend(0, wanted);
    budget = budget_;
    return s;
  }

  /// After `found`: the rows in the order in which they were chosen, and the columns that they share. The last
  /// one `holds` what is left for it.
  [[nodiscard]] std::span<const cover_row> rows() const { return chosen_; }
  [[nodiscard]] const_bit_row columns() const { return columns_; }

 private:
  struct level {
    std::vector<word> alive;       // columns
    std::vector<cover_row> items;  // that may still be chosen
    column_sets tried;             // that have failed
  };

  search_status descend(std::size_t depth, int wanted) {
    if (budget_-- <= 0) return search_status::gave_up;
    if (!peel(levels_[depth], wanted)) return search_status::none;
    if (take_last(levels_[depth], wanted)) return search_status::found;

    levels_[depth].tried.clear();
    int left = 0;
    for (const cover_row& x : levels_[depth].items) left += x.holds;
    for (std::size_t i = 0; left >= wanted; ++i) {
      level &here = levels_[depth], &next = levels_[depth + 1];
      const cover_row x = here.items[i];
      left -= x.holds;
      next.alive.resize(here.alive.size());
      intersect(rows_[x.row], here.alive, next.alive);
      if (!here.tried.insert(next.alive)) continue;
      next.items.assign(here.items.begin() + static_cast<std::ptrdiff_t>(i) + 1, here.items.end());
      chosen_.push_back(x);
      const search_status s = descend(depth + 1, wanted - x.holds);
      if (s != search_status::none) return s;
      chosen_.pop_back();
    }
    return search_status::none;
  }

  /// The tightest row that is enough by itself. After peeling each meets the live columns.
  bool take_last(const level& l, int wanted) {
    const cover_row* best = nullptr;
    for (const cover_row& x : l.items) {
      if (x.holds < wanted) break;
      if (!best || x.room < best->room) best = &x;
    }
    if (!best) return false;
    columns_.resize(l.alive.size());
    intersect(rows_[best->row], l.alive, columns_);
    chosen_.push_back({best->row, wanted, best->room});
    return true;
  }

  /// Drops rows and columns that no solution can use; false if too few are left.
  bool peel(level& l, int wanted) {
    for (;;) {
      std::size_t kept = 0, fewest = 0;  // rows that hold enough, if they are the best
      int sum = 0;
      for (const cover_row& x : l.items) {
        if (!rows_.meet(rows_[x.row], l.alive, n_)) continue;
        if (sum < wanted) ++fewest;
        sum += x.holds;
        l.items[kept++] = x;
      }
      l.items.resize(kept);
      if (sum < wanted) return false;
      if (fewest < 2) return true;  // every column has one row, or none that matters

      counter_.reset(l.alive.size(), kept);
      for (const cover_row& x : l.items) counter_.add(rows_[x.row], l.alive);
      bool dropped = false;
      for (std::size_t k = 0; k < l.alive.size(); ++k) {
        const word live = l.alive[k] & counter_.at_least(k, fewest);
        dropped |= live != l.alive[k];
        l.alive[k] = live;
      }
      if (!dropped) return true;
      if (!rows_.meet(l.alive, l.alive, n_)) return false;
    }
  }

  Rows rows_;
  int n_ = 0;
  std::int64_t budget_ = 0;
  std::vector<level> levels_;
  std::vector<cover_row> chosen_;
  std::vector<word> columns_;
  column_counter counter_;
};

}  // namespace heddle::place::detail
