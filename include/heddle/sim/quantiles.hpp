// Quantiles of a long series in bounded memory.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include <heddle/core/statistics.hpp>

namespace heddle::sim {

/// Keeps numbers ≥ 0 one by one as long as there are at most `exact_until` of them; then counts them
/// in buckets whose ends differ by a part in 1024, which are the leading bits of their floating-point
/// form. So a quantile is exact for short series and within 0.05 % of itself for long ones, and the
/// memory is that of 65 536 numbers at most. `add` is O(1), then O(log buckets).
class quantiles {
 public:
  static constexpr std::size_t exact_until = 65536;

  void add(double x) {
    ++count_;
    if (buckets_.empty() && exact_.size() < exact_until) {
      exact_.push_back(x);
      return;
    }
    if (buckets_.empty()) {
      for (double y : exact_) ++buckets_[key(y)];
      exact_ = {};
    }
    ++buckets_[key(x)];
  }

  [[nodiscard]] std::size_t count() const { return count_; }

  /// By the nearest-rank rule, as heddle::quantile; 0 for no numbers. O(count) at most.
  [[nodiscard]] double at(double q) {
    if (buckets_.empty()) return quantile(exact_, q);
    const double rank = std::max(1.0, std::ceil(q * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (const auto& [k, n] : buckets_)
      if (static_cast<double>(seen += n) >= rank) return middle(k);
    return middle(buckets_.rbegin()->first);
  }

 private:
  static constexpr int dropped = 42;  // bits; 10 of the mantissa stay

  static std::uint32_t key(double x) {
    return static_cast<std::uint32_t>(std::bit_cast<std::uint64_t>(std::max(0.0, x) + 0.0) >>
                                      dropped);
  }
  static double middle(std::uint32_t k) {
    if (k == 0) return 0;
    const auto low = std::bit_cast<double>(std::uint64_t{k} << dropped);
    const auto high = std::bit_cast<double>(std::uint64_t{k + 1} << dropped);
    return low + (high - low) / 2;
  }

  std::size_t count_ = 0;
  std::vector<double> exact_;
  std::map<std::uint32_t, std::uint64_t> buckets_;
};

}  // namespace heddle::sim
