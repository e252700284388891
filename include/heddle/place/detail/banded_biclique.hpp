// Exact search for rows of bits, cut into bands, that have enough columns of each band in common.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/place/detail/biclique.hpp>

namespace heddle::place::detail {

/// Some words of a row, and how many columns each item of a job needs of them.
struct band {
  std::uint32_t first = 0, words = 0;
  int weight = 1;
};

/// Rows of equal width that stand one after the other in memory.
struct banded_rows {
  const word* data = nullptr;
  std::size_t words = 0;  ///< of a row
  std::span<const band> bands = {};

  [[nodiscard]] const_bit_row operator[](std::size_t r) const { return {data + r * words, words}; }

  /// Whether a ∩ b has `n` · weight columns of each band.
  [[nodiscard]] bool meet(const_bit_row a, const_bit_row b, int n) const {
    for (const band& x : bands)
      if (count_common(a.subspan(x.first, x.words), b.subspan(x.first, x.words)) < n * x.weight)
        return false;
    return true;
  }
  /// Makes `row` hold all columns of all bands, and no others.
  void fill(std::vector<word>& row) const {
    row.assign(words, 0);
    for (const band& x : bands) std::fill_n(row.begin() + x.first, x.words, ~word{0});
  }
};

/// `biclique_search` with bands: m rows that have n · weight columns of every band in common and leave room
/// for the rest of a job, if it has one. Depth first over rows in the order given, so that the first are
/// preferred; rows and columns that cannot take part are peeled off at each node, and sets of columns
/// that have failed are not tried again. Keeps its memory between calls.
class banded_biclique {
 public:
  /// \param order   the rows that may be used, preferred ones first; distinct
  /// \param budget  nodes that may be visited; lowered by those that were
  /// \param rest    callable: (columns in common, rows chosen) → whether the rest fits beside them; what
  ///                does not must not fit fewer columns, and rows that are twins are alike to it
  template <class Rest>
  search_status solve(const banded_rows& rows, std::span<const std::uint32_t> order, std::size_t m,
                      int n, std::int64_t& budget, Rest&& rest) {
    assert(m >= 1 && n >= 1);
    rows_ = &rows;
    n_ = n;
    if (budget > 0 && take_first(order, m, rest)) {
      --budget;
      return search_status::found;
    }
    chosen_.clear();
    if (levels_.size() < m + 1) levels_.resize(m + 1);
    rows.fill(levels_[0].alive);
    levels_[0].rows.assign(order.begin(), order.end());
    budget_ = budget;
    const search_status s = descend(0, m, rest);
    if (s == search_status::found) columns_ = levels_[m].alive;
    budget = budget_;
    return s;
  }

  /// After `found`: the m rows, and the columns that they share.
  [[nodiscard]] std::span<const std::uint32_t> rows() const { return chosen_; }
  [[nodiscard]] const_bit_row columns() const { return columns_; }

 private:
  struct level {
    std::vector<word> alive;          // columns
    std::vector<std::uint32_t> rows;  // that may still be chosen
    std::vector<word> tried;          // sets of columns that have failed
  };

  /// What the search would find first if it turned back nowhere. Most calls end here.
  template <class Rest>
  bool take_first(std::span<const std::uint32_t> order, std::size_t m, Rest& rest) {
    chosen_.clear();
    rows_->fill(columns_);
    for (std::uint32_t row : order) {
      if (!rows_->meet((*rows_)[row], columns_, n_)) continue;
      intersect((*rows_)[row], columns_, columns_);
      chosen_.push_back(row);
      if (chosen_.size() == m)
        return rest(const_bit_row{columns_}, std::span<const std::uint32_t>{chosen_});
    }
    return false;
  }

  template <class Rest>
  search_status descend(std::size_t depth, std::size_t wanted, Rest& rest) {
    if (!rest(const_bit_row{levels_[depth].alive}, std::span<const std::uint32_t>{chosen_}))
      return search_status::none;
    if (wanted == 0) return search_status::found;
    if (budget_-- <= 0) return search_status::gave_up;
    if (!peel(levels_[depth], wanted)) return search_status::none;

    levels_[depth].tried.clear();
    const std::size_t candidates = levels_[depth].rows.size();
    for (std::size_t i = 0; i + wanted <= candidates; ++i) {
      level& here = levels_[depth];
      level& next = levels_[depth + 1];
      next.alive.resize(rows_->words);
      intersect((*rows_)[here.rows[i]], here.alive, next.alive);
      if (has_failed(here, next.alive)) continue;
      here.tried.insert(here.tried.end(), next.alive.begin(), next.alive.end());
      next.rows.assign(here.rows.begin() + static_cast<std::ptrdiff_t>(i) + 1, here.rows.end());
      chosen_.push_back(here.rows[i]);
      const search_status s = descend(depth + 1, wanted - 1, rest);
      if (s != search_status::none) return s;
      chosen_.pop_back();
    }
    return search_status::none;
  }

  [[nodiscard]] bool has_failed(const level& l, const std::vector<word>& columns) const {
    for (std::size_t at = 0; at < l.tried.size(); at += columns.size())
      if (std::equal(columns.begin(), columns.end(),
                     l.tried.begin() + static_cast<std::ptrdiff_t>(at)))
        return true;
    return false;
  }

  /// Drops rows and columns that no solution can use; false if too few are left.
  bool peel(level& l, std::size_t wanted) {
    for (;;) {
      std::size_t kept = 0;
      for (std::uint32_t r : l.rows)
        if (rows_->meet((*rows_)[r], l.alive, n_)) l.rows[kept++] = r;
      const bool rows_dropped = kept < l.rows.size();
      l.rows.resize(kept);
      if (kept < wanted) return false;

      counter_.reset(rows_->words, kept);
      for (std::uint32_t r : l.rows) counter_.add((*rows_)[r], l.alive);
      bool columns_dropped = false;
      for (std::size_t k = 0; k < rows_->words; ++k) {
        const word live = l.alive[k] & counter_.at_least(k, wanted);
        columns_dropped |= live != l.alive[k];
        l.alive[k] = live;
      }
      if (!rows_dropped && !columns_dropped) return true;
      if (!rows_->meet(l.alive, l.alive, n_)) return false;
      if (!columns_dropped) return true;
    }
  }

  const banded_rows* rows_ = nullptr;
  int n_ = 0;
  std::int64_t budget_ = 0;
  std::vector<level> levels_;
  std::vector<std::uint32_t> chosen_;
  std::vector<word> columns_;
  column_counter counter_;
};

}  // namespace heddle::place::detail
