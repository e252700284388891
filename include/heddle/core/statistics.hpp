// What reports say about many numbers.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace heddle {

/// Count, sum, mean, variance and extremes of a series in O(1) memory (Welford's recurrence).
class running_statistics {
 public:
  void add(double x) {
    ++count_;
    const double delta = x - mean_;
    mean_ += delta / static_cast<double>(count_);
    m2_ += delta * (x - mean_);
    min_ = std::min(min_, x);
    max_ = std::max(max_, x);
  }

  [[nodiscard]] std::size_t count() const { return count_; }
  /// 0 for an empty series, as reports want it.
  [[nodiscard]] double mean() const { return mean_; }
  /// Unbiased; 0 for fewer than two numbers.
  [[nodiscard]] double variance() const {
    return count_ < 2 ? 0 : m2_ / static_cast<double>(count_ - 1);
  }
  [[nodiscard]] double stddev() const { return std::sqrt(variance()); }
  [[nodiscard]] double min() const { return count_ ? min_ : 0; }
  [[nodiscard]] double max() const { return count_ ? max_ : 0; }

 private:
  std::size_t count_ = 0;
  double mean_ = 0, m2_ = 0;
  double min_ = std::numeric_limits<double>::infinity();
  double max_ = -std::numeric_limits<double>::infinity();
};

/// The arithmetic mean, summed in the given order; 0 for no numbers.
[[nodiscard]] inline double mean(std::span<const double> xs) {
  double sum = 0;
  for (double x : xs) sum += x;
  return xs.empty() ? 0 : sum / static_cast<double>(xs.size());
}

/// The q-quantile (0 ≤ q ≤ 1) by the nearest-rank rule: the smallest number that at least a share q
/// of the series does not exceed; 0 for no numbers. Reorders `xs`. O(n).
[[nodiscard]] inline double quantile(std::span<double> xs, double q) {
  if (xs.empty()) return 0;
  const double rank = std::ceil(q * static_cast<double>(xs.size()));
  const std::size_t k = rank < 1 ? 0 : std::min(xs.size() - 1, static_cast<std::size_t>(rank) - 1);
  const auto nth = xs.begin() + static_cast<std::ptrdiff_t>(k);
  std::nth_element(xs.begin(), nth, xs.end());
  return *nth;
}

}  // namespace heddle
