// The small linear program behind a search for prices: few rows, columns that arrive one by one.
#pragma once

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace heddle::detail {

/// Maximises Σ_k v_k·λ_k subject to Σ_k a_k·λ_k ≤ b, λ ≥ 0, with b > 0 and m rows.
///
/// A primal simplex on an explicit m × m inverse: it starts from the slacks and goes on from the last
/// basis when a column is added, so that a column costs few pivots. The inverse is computed afresh every few
/// pivots: columns of neighbouring prices are nearly parallel, and updates drift. Columns are kept for ever: those
/// of a price search are a few dozen. The program must be bounded.
///
/// Derived; the method is Dantzig–Wolfe's master, whose duals are the next prices.
class packing_master {
 public:
  /// Forgets all columns; rows are `limits`, each > 0. Keeps its memory.
  void reset(std::span<const double> limits) {
    rows_ = limits.size();
    limits_.assign(limits.begin(), limits.end());
    column_.clear();
    value_.clear();
    basis_.resize(rows_);
    for (std::size_t r = 0; r < rows_; ++r) basis_[r] = slack(r);
    inverse_.assign(rows_ * rows_, 0);
    for (std::size_t r = 0; r < rows_; ++r) inverse_[r * rows_ + r] = 1;
    solution_.assign(limits.begin(), limits.end());
    dual_.assign(rows_, 0);
    entering_.resize(rows_);
    since_ = 0;
  }

  [[nodiscard]] std::size_t columns() const { return value_.size(); }

  /// Adds a column and returns its index.
  std::size_t add(std::span<const double> a, double value) {
    assert(a.size() == rows_);
    column_.insert(column_.end(), a.begin(), a.end());
    value_.push_back(static_cast<real>(value));
    return value_.size() - 1;
  }

  /// v_k − y·a_k under the current duals.
  [[nodiscard]] double reduced(std::size_t k) const {
    real d = value_[k];
    for (std::size_t r = 0; r < rows_; ++r) d -= dual_[r] * column_[k * rows_ + r];
    return static_cast<double>(d);
  }

  /// Pivots until no column improves. O(pivots · (columns + rows) · rows).
  void solve() {
    for (std::size_t step = 0; step < limit; ++step) {
      // Dantzig's rule, and Bland's when it has gone on suspiciously long.
      const bool bland = step > limit / 2;
      std::size_t in = none;
      double best = 0;
      for (std::size_t k = 0; k < value_.size(); ++k) {
        const double d = reduced(k);
        const double tiny = static_cast<double>(1e-15L * (std::abs(value_[k]) + 1e-300L));
        if (d > tiny && d > best) {
          in = k;
          best = d;
          if (bland) break;
        }
      }
      if (in == none) {
        double most = 0;
        for (std::size_t r = 0; r < rows_; ++r)
          if (dual_[r]<-1e-16L * scale_&& static_cast<double>(-dual_[r])> most) {
            in = slack(r);
            most = static_cast<double>(-dual_[r]);
            if (bland) break;
          }
      }
      if (in == none) return;
      if (pivot(in)) continue;
      if (in >= first_slack) return;
      banned(in);
    }
  }

  /// y ≥ 0, one a row.
  [[nodiscard]] double dual(std::size_t r) const { return static_cast<double>(dual_[r]); }
  [[nodiscard]] double objective() const {
    real sum = 0;
    for (std::size_t r = 0; r < rows_; ++r) sum += value_of(basis_[r]) * solution_[r];
    return static_cast<double>(sum);
  }

  /// Calls `visit(column, λ)` for each column in the basis with λ > 0, in the order of the rows.
  template <class Visit>
  void for_each_used(Visit visit) const {
    for (std::size_t r = 0; r < rows_; ++r)
      if (basis_[r] < slack(0) && solution_[r] > 0)
        visit(basis_[r], static_cast<double>(solution_[r]));
  }

 private:
  // Neighbouring prices give nearly parallel columns; the program is small, so digits cost nothing.
  using real = long double;

  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  static constexpr std::size_t limit = 400, fresh_every = 6;
  static constexpr std::size_t first_slack = none / 2;
  [[nodiscard]] static std::size_t slack(std::size_t r) { return first_slack + r; }
  [[nodiscard]] real value_of(std::size_t k) const { return k < first_slack ? value_[k] : real{0}; }

  // A column that rounding keeps out of the basis is worth nothing.
  void banned(std::size_t k) { value_[k] = 0; }

  bool pivot(std::size_t in) {
    for (std::size_t r = 0; r < rows_; ++r) {
      real sum = 0;
      if (in < first_slack) {
        for (std::size_t c = 0; c < rows_; ++c)
          sum += inverse_[r * rows_ + c] * column_[in * rows_ + c];
      } else {
        sum = inverse_[r * rows_ + (in - first_slack)];
      }
      entering_[r] = sum;
    }
    // Of the rows that leave first, to rounding, the one with the largest pivot.
    real largest = 0, ratio = std::numeric_limits<real>::infinity();
    for (std::size_t r = 0; r < rows_; ++r) largest = std::max(largest, entering_[r]);
    const real least = 1e-13L * largest;
    for (std::size_t r = 0; r < rows_; ++r)
      if (entering_[r] > least)
        ratio = std::min(ratio, (solution_[r] + 1e-17L * limits_[r]) / entering_[r]);
    std::size_t out = none;
    for (std::size_t r = 0; r < rows_; ++r)
      if (entering_[r] > least && solution_[r] / entering_[r] <= ratio &&
          (out == none || entering_[r] > entering_[out]))
        out = r;
    if (out == none) return false;
    const std::size_t left = basis_[out];
    basis_[out] = in;
    if (++since_ < fresh_every) {
      const real by = 1 / entering_[out];
      for (std::size_t c = 0; c < rows_; ++c) inverse_[out * rows_ + c] *= by;
      for (std::size_t r = 0; r < rows_; ++r) {
        const real f = entering_[r];
        if (r == out || f == 0) continue;
        for (std::size_t c = 0; c < rows_; ++c)
          inverse_[r * rows_ + c] -= f * inverse_[out * rows_ + c];
      }
    } else if (!refactor()) {  // singular to rounding: the old basis stays
      basis_[out] = left;
      refactor();
      recompute();
      return false;
    }
    recompute();
    return true;
  }

  void recompute() {
    scale_ = 0;
    for (std::size_t r = 0; r < rows_; ++r) {
      real sum = 0;
      for (std::size_t c = 0; c < rows_; ++c) sum += inverse_[r * rows_ + c] * limits_[c];
      solution_[r] = std::max(sum, real{0});
    }
    for (std::size_t c = 0; c < rows_; ++c) {
      real sum = 0;
      for (std::size_t r = 0; r < rows_; ++r) sum += value_of(basis_[r]) * inverse_[r * rows_ + c];
      dual_[c] = sum;
      scale_ = std::max(scale_, std::abs(sum));
    }
  }

  // The inverse from the basis' own columns, by Gauss–Jordan with row exchanges.
  bool refactor() {
    since_ = 0;
    work_.assign(rows_ * rows_, 0);
    for (std::size_t k = 0; k < rows_; ++k)
      for (std::size_t r = 0; r < rows_; ++r)
        work_[r * rows_ + k] = basis_[k] < first_slack
                                   ? column_[basis_[k] * rows_ + r]
                                   : static_cast<real>(basis_[k] - first_slack == r);
    inverse_.assign(rows_ * rows_, 0);
    for (std::size_t r = 0; r < rows_; ++r) inverse_[r * rows_ + r] = 1;
    for (std::size_t k = 0; k < rows_; ++k) {
      std::size_t top = k;
      for (std::size_t r = k + 1; r < rows_; ++r)
        if (std::abs(work_[r * rows_ + k]) > std::abs(work_[top * rows_ + k])) top = r;
      if (std::abs(work_[top * rows_ + k]) < 1e-200L) return false;
      for (std::size_t c = 0; c < rows_; ++c) {
        std::swap(work_[k * rows_ + c], work_[top * rows_ + c]);
        std::swap(inverse_[k * rows_ + c], inverse_[top * rows_ + c]);
      }
      const real by = 1 / work_[k * rows_ + k];
      for (std::size_t c = 0; c < rows_; ++c) {
        work_[k * rows_ + c] *= by;
        inverse_[k * rows_ + c] *= by;
      }
      for (std::size_t r = 0; r < rows_; ++r) {
        const real f = work_[r * rows_ + k];
        if (r == k || f == 0) continue;
        for (std::size_t c = 0; c < rows_; ++c) {
          work_[r * rows_ + c] -= f * work_[k * rows_ + c];
          inverse_[r * rows_ + c] -= f * inverse_[k * rows_ + c];
        }
      }
    }
    return true;
  }

  std::size_t rows_ = 0, since_ = 0;
  real scale_ = 0;
  std::vector<real> limits_, column_, value_, inverse_, solution_, dual_, entering_, work_;
  std::vector<std::size_t> basis_;
};

}  // namespace heddle::detail
