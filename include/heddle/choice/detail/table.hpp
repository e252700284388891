// Exact dynamic programming over one integer resource.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <heddle/choice/detail/scaled_problem.hpp>

namespace heddle::choice::detail {

/// best(c) over the first i jobs that use at most c; O(points · capacity) time, O(jobs · capacity) room.
class table_search {
 public:
  /// True if there is one resource, all uses are whole numbers of it, and the table is small enough.
  bool fits(const scaled_problem& root, double capacity, std::size_t limit) {
    if (root.resources() != 1) return false;
    const double whole = std::floor(capacity * (1 + scaled_problem::slack));
    if (!((whole + 1) * static_cast<double>(root.points()) <= static_cast<double>(limit)))
      return false;
    size_ = static_cast<std::size_t>(whole) + 1;
    use_.resize(root.points());
    for (std::size_t k = 0; k < root.points(); ++k) {
      const double use = root.use[k] * capacity;
      const double near = std::round(use);
      if (std::abs(use - near) > 1e-9 * std::max(1.0, near)) return false;
      use_[k] = static_cast<std::size_t>(near);
    }
    return true;
  }

  /// Offers an optimal choice to `best`; false if none fits.
  bool solve(const scaled_problem& root, best_choice& best) {
    const double none = -std::numeric_limits<double>::infinity();
    value_.assign(size_, 0);
    from_.resize(root.jobs() * size_);
    for (std::size_t i = 0; i < root.jobs(); ++i) {
      next_.assign(size_, none);
      std::uint32_t* from = from_.data() + i * size_;
      for (std::uint32_t k = root.begin[i]; k < root.begin[i + 1]; ++k) {
        const double v = root.value[k];
        for (std::size_t c = use_[k]; c < size_; ++c) {
          const double here = value_[c - use_[k]] + v;
          if (here > next_[c]) {
            next_[c] = here;
            from[c] = k;
          }
        }
      }
      value_.swap(next_);
    }
    if (!(value_[size_ - 1] > none)) return false;
    pick_.resize(root.jobs());
    std::size_t c = size_ - 1;
    for (std::size_t i = root.jobs(); i-- > 0;) {
      pick_[i] = from_[i * size_ + c];
      c -= use_[pick_[i]];
    }
    best.offer(root, pick_, root.base + value_[size_ - 1]);
    return true;
  }

 private:
  std::size_t size_ = 0;
  std::vector<std::size_t> use_;
  std::vector<double> value_, next_;
  std::vector<std::uint32_t> from_, pick_;
};

}  // namespace heddle::choice::detail
