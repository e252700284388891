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

enum class search_status : unsigned char { found, none, gave_up };

/// Depth-first search over rows in the order given, so that the first rows are preferred. At each
/// node the rows and columns that cannot take part any more are peeled off until none is left to
/// peel: a row needs n of the columns still alive, a column as many of the rows still alive as are
/// wanted. Of rows that meet the live columns in the same set only the first is tried: if that
/// failed, so will its twins. K_{m,n} in a bipartite graph is NP-hard in general; on leaf-spine
/// states most searches never branch back.
///
/// Optionally one more row, the *remainder*, that shares r ≤ n of the n columns. Twins stay
/// interchangeable then, because the remainder may be the twin's place too.
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
    assert(m >= 1 && n >= 1 && r <= n);
    rows_ = &rows;
    n_ = n;
    r_ = r;
    others_ = others;
    remainder_ = nobody;
    words_ = rows.words();
    if (budget > 0 && take_first(order, m)) {
      --budget;
      return search_status::found;
    }
    chosen_.clear();
    if (levels_.size() < m + 1) levels_.resize(m + 1);
    level& root = levels_[0];
    root.alive.assign(words_, ~word{0});
    root.rows.assign(order.begin(), order.end());
    budget_ = budget;
    const search_status s = descend(0, m);
    if (s == search_status::found)
      columns_.assign(levels_[m].alive.begin(), levels_[m].alive.end());
    budget = budget_;
    return s;
  }

  /// After `found`: the m rows, and the columns that they share (at least n).
  [[nodiscard]] std::span<const std::uint32_t> rows() const { return chosen_; }
  [[nodiscard]] const_bit_row columns() const { return columns_; }
  /// After `found` with r > 0: the row that shares r of the columns.
  [[nodiscard]] std::uint32_t remainder() const { return remainder_; }

 private:
  static constexpr std::uint32_t nobody = ~std::uint32_t{0};

  struct level {
    std::vector<word> alive;          // columns
    std::vector<std::uint32_t> rows;  // that may still be chosen
    std::vector<word> tried;          // sets of columns that have failed, words_ words each
  };

  /// Takes each row that leaves n columns in common with those taken before. If that gives m rows,
  /// they are what the search would find first: it would turn back nowhere. Most calls end here.
  bool take_first(std::span<const std::uint32_t> order, std::size_t m) {
    chosen_.clear();
    columns_.assign(words_, ~word{0});
    for (std::uint32_t row : order) {
      if (count_common((*rows_)[row], columns_) < n_) continue;
      intersect((*rows_)[row], columns_, columns_);
      chosen_.push_back(row);
      if (chosen_.size() == m) return r_ == 0 || find_remainder(columns_);
    }
    return false;
  }

  /// Chooses `wanted` more rows of levels_[depth].rows.
  search_status descend(std::size_t depth, std::size_t wanted) {
    if (r_ > 0 && !find_remainder(levels_[depth].alive)) return search_status::none;
    if (wanted == 0) return search_status::found;
    if (budget_-- <= 0) return search_status::gave_up;
    if (!peel(levels_[depth], wanted)) return search_status::none;

    levels_[depth].tried.clear();
    const std::size_t candidates = levels_[depth].rows.size();
    for (std::size_t i = 0; i + wanted <= candidates; ++i) {
      level& here = levels_[depth];
      level& next = levels_[depth + 1];
      next.alive.resize(words_);
      intersect((*rows_)[here.rows[i]], here.alive, next.alive);
      if (has_failed(here, next.alive)) continue;
      here.tried.insert(here.tried.end(), next.alive.begin(), next.alive.end());
      next.rows.assign(here.rows.begin() + static_cast<std::ptrdiff_t>(i) + 1, here.rows.end());
      chosen_.push_back(here.rows[i]);
      const search_status s = descend(depth + 1, wanted - 1);
      if (s != search_status::none) return s;
      chosen_.pop_back();
    }
    return search_status::none;
  }

  /// Notes the first row besides those chosen that has r of the columns.
  bool find_remainder(const std::vector<word>& columns) {
    for (std::uint32_t t : others_)
      if (count_common((*rows_)[t], columns) >= r_ &&
          std::find(chosen_.begin(), chosen_.end(), t) == chosen_.end()) {
        remainder_ = t;
        return true;
      }
    return false;
  }

  [[nodiscard]] bool has_failed(const level& l, const std::vector<word>& columns) const {
    for (std::size_t at = 0; at < l.tried.size(); at += words_)
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
        if (count_common((*rows_)[r], l.alive) >= n_) l.rows[kept++] = r;
      const bool rows_dropped = kept < l.rows.size();
      l.rows.resize(kept);
      if (kept < wanted) return false;

      counter_.reset(words_, kept);
      for (std::uint32_t r : l.rows) counter_.add((*rows_)[r], l.alive);
      bool columns_dropped = false;
      for (std::size_t k = 0; k < words_; ++k) {
        const word live = l.alive[k] & counter_.at_least(k, wanted);
        columns_dropped |= live != l.alive[k];
        l.alive[k] = live;
      }
      if (!rows_dropped && !columns_dropped) return true;
      if (count_bits(l.alive) < n_) return false;
      if (!columns_dropped) return true;
    }
  }

  const bit_matrix* rows_ = nullptr;
  int n_ = 0, r_ = 0;
  std::span<const std::uint32_t> others_;
  std::uint32_t remainder_ = nobody;
  std::size_t words_ = 0;
  std::int64_t budget_ = 0;
  std::vector<level> levels_;
  std::vector<std::uint32_t> chosen_;
  std::vector<word> columns_;
  column_counter counter_;
};

}  // namespace heddle::place::detail
