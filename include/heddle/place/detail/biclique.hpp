// Exact search for a biclique: m rows of a bit matrix that have n columns in common.
#pragma once

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <heddle/core/bits.hpp>

namespace heddle::place::detail {

/// Counts, for every column at once, how many of the added rows have it. The counts stand in bit
/// planes: adding a row is a ripple-carry addition on words, amortised two operations a word.
class column_counter {
 public:
  void reset(std::size_t words, std::size_t most_rows) {
    words_ = words;
    planes_ = static_cast<std::size_t>(std::bit_width(most_rows));
    bits_.assign(words_ * planes_, 0);
  }
  /// Adds row ∩ mask.
  void add(const_bit_row row, const_bit_row mask) {
    for (std::size_t k = 0; k < words_; ++k) {
      word carry = row[k] & mask[k];
      for (std::size_t p = 0; carry; ++p) {
        word& plane = bits_[p * words_ + k];
        const word next = plane & carry;
        plane ^= carry;
        carry = next;
      }
    }
  }
  /// The columns of word `k` whose count is at least `threshold` ≥ 1.
  [[nodiscard]] word at_least(std::size_t k, std::size_t threshold) const {
    if (threshold >> planes_) return 0;
    word greater = 0, equal = ~word{0};
    for (std::size_t p = planes_; p-- > 0;) {
      const word plane = bits_[p * words_ + k];
      if (threshold >> p & 1) {
        equal &= plane;
      } else {
        greater |= equal & plane;
        equal &= ~plane;
      }
    }
    return greater | equal;
  }
  [[nodiscard]] std::size_t count(std::size_t column) const {
    std::size_t n = 0;
    for (std::size_t p = 0; p < planes_; ++p)
      n |= (bits_[p * words_ + column / 64] >> (column % 64) & 1) << p;
    return n;
  }

 private:
  std::size_t words_ = 0, planes_ = 0;
  std::vector<word> bits_;
};

/// Sets of columns that a search has met at a node. Keeps its memory.
class column_sets {
 public:
  void clear() { all_.clear(); }
  /// False if it is there already. All have the same number of words, ≥ 1. O(sets · words).
  bool insert(const_bit_row columns) {
    for (std::size_t at = 0; at < all_.size(); at += columns.size())
      if (std::equal(columns.begin(), columns.end(),
                     all_.begin() + static_cast<std::ptrdiff_t>(at)))
        return false;
    all_.insert(all_.end(), columns.begin(), columns.end());
    return true;
  }

 private:
  std::vector<word> all_;
};

enum class search_status : unsigned char { found, none, gave_up };

/// Rows of a bit matrix, of which any number of columns is asked.
struct plain_rows {
  const bit_matrix* matrix = nullptr;
  std::size_t words = 0;  ///< of a row

  [[nodiscard]] const_bit_row operator[](std::size_t r) const { return (*matrix)[r]; }
  /// Whether a ∩ b has `n` columns.
  [[nodiscard]] bool meet(const_bit_row a, const_bit_row b, int n) const {
    return count_common(a, b) >= n;
  }
  /// Makes `row` hold all columns.
  void fill(std::vector<word>& row) const { row.assign(words, ~word{0}); }
};

/// Searches for m rows that have enough columns in common, by `Rows::meet`, and leave room for the rest
/// of a job, if it has one. Depth first over rows in the order given, so that the first are preferred. At
/// each node the rows and columns that cannot take part any more are peeled off until none is left to
/// peel: a row must meet the columns still alive, a column needs as many of the rows still alive as are
/// wanted. Of rows that meet the live columns in the same set only the first is tried: if that failed, so
/// will its twins. K_{m,n} in a bipartite graph is NP-hard in general; on the states of clusters most
/// searches never branch back.
///
/// Keeps its memory between calls.
/// \tparam Rows  `plain_rows`, or what has the same members
template <class Rows>
class row_search {
 public:
  /// \param order   the rows that may be used, preferred ones first; distinct
  /// \param budget  nodes that may be visited; lowered by those that were
  /// \param rest    callable: (columns in common, rows chosen) → whether the rest fits beside them; what
  ///                does not must not fit fewer columns, and rows that are twins are alike to it
  template <class Rest>
  search_status solve(const Rows& rows, std::span<const std::uint32_t> order, std::size_t m, int n,
                      std::int64_t& budget, Rest&& rest) {
    assert(m >= 1 && n >= 1);
    rows_ = rows;
    n_ = n;
    if (budget > 0 && take_first(order, m, rest)) {
      --budget;
      return search_status::found;
    }
    chosen_.clear();
    if (levels_.size() < m + 1) levels_.resize(m + 1);
    rows_.fill(levels_[0].alive);
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
    column_sets tried;                // that have failed
  };

  /// What the search would find first if it turned back nowhere. Most calls end here.
  template <class Rest>
  bool take_first(std::span<const std::uint32_t> order, std::size_t m, Rest& rest) {
    chosen_.clear();
    rows_.fill(columns_);
    for (std::uint32_t row : order) {
      if (!rows_.meet(rows_[row], columns_, n_)) continue;
      intersect(rows_[row], columns_, columns_);
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
      next.alive.resize(rows_.words);
      intersect(rows_[here.rows[i]], here.alive, next.alive);
      if (!here.tried.insert(next.alive)) continue;
      next.rows.assign(here.rows.begin() + static_cast<std::ptrdiff_t>(i) + 1, here.rows.end());
      chosen_.push_back(here.rows[i]);
      const search_status s = descend(depth + 1, wanted - 1, rest);
      if (s != search_status::none) return s;
      chosen_.pop_back();
    }
    return search_status::none;
  }

  /// Drops rows and columns that no solution can use; false if too few are left.
  bool peel(level& l, std::size_t wanted) {
    for (;;) {
      std::size_t kept = 0;
      for (std::uint32_t r : l.rows)
        if (rows_.meet(rows_[r], l.alive, n_)) l.rows[kept++] = r;
      const bool rows_dropped = kept < l.rows.size();
      l.rows.resize(kept);
      if (kept < wanted) return false;

      counter_.reset(rows_.words, kept);
      for (std::uint32_t r : l.rows) counter_.add(rows_[r], l.alive);
      bool columns_dropped = false;
      for (std::size_t k = 0; k < rows_.words; ++k) {
        const word live = l.alive[k] & counter_.at_least(k, wanted);
        columns_dropped |= live != l.alive[k];
        l.alive[k] = live;
      }
      if (!rows_dropped && !columns_dropped) return true;
      if (!rows_.meet(l.alive, l.alive, n_)) return false;
      if (!columns_dropped) return true;
    }
  }

  Rows rows_;
  int n_ = 0;
  std::int64_t budget_ = 0;
  std::vector<level> levels_;
  std::vector<std::uint32_t> chosen_;
  std::vector<word> columns_;
  column_counter counter_;
};

/// m rows that have n columns in common. Optionally one more row, the *remainder*, that shares r ≤ n of
/// the n columns. Twins stay interchangeable then, because the remainder may be the twin's place too.
///
/// Keeps its memory between calls.
class biclique_search {
 public:
  /// \param rows    the matrix; every row has the same width
  /// \param order   the rows that may be used, preferred ones first; distinct
  /// \param budget  nodes that may be visited; lowered by those that were
  /// \param r       columns of the remainder, 0 for none
  /// \param others  rows that may be the remainder, preferred ones first; may have rows of `order`
  search_status solve(const bit_matrix& rows, std::span<const std::uint32_t> order, std::size_t m,
                      int n, std::int64_t& budget, int r = 0,
                      std::span<const std::uint32_t> others = {}) {
    assert(r <= n);
    remainder_ = nobody;
    const auto has_remainder = [&](const_bit_row columns, std::span<const std::uint32_t> chosen) {
      if (r == 0) return true;
      for (std::uint32_t t : others)
        if (count_common(rows[t], columns) >= r &&
            std::find(chosen.begin(), chosen.end(), t) == chosen.end()) {
          remainder_ = t;
          return true;
        }
      return false;
    };
    return search_.solve(plain_rows{&rows, rows.words()}, order, m, n, budget, has_remainder);
  }

  /// After `found`: the m rows, and the columns that they share (at least n).
  [[nodiscard]] std::span<const std::uint32_t> rows() const { return search_.rows(); }
  [[nodiscard]] const_bit_row columns() const { return search_.columns(); }
  /// After `found` with r > 0: the row that shares r of the columns.
  [[nodiscard]] std::uint32_t remainder() const { return remainder_; }

 private:
  static constexpr std::uint32_t nobody = ~std::uint32_t{0};

  row_search<plain_rows> search_;
  std::uint32_t remainder_ = nobody;
};

}  // namespace heddle::place::detail
