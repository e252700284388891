// Quantiles of a long series in bounded memory.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/core/statistics.hpp>

namespace heddle::sim {

/// Keeps numbers ≥ 0 one by one as long as there are at most `exact_until` of them; then counts them
/// in buckets whose ends differ by a part in 1024, which are the leading bits of their floating-point
/// form. So a quantile is exact for short series and within 0.05 % of itself for long ones. Buckets stand in pages
/// of 1024, one for each power of two that there is a number in, made when the first comes. `add` is O(1).
class quantiles {
 public:
  static constexpr std::size_t exact_until = 65536;

  void add(double x) {
    ++count_;
    if (pages_.empty() && exact_.size() < exact_until) {
      exact_.push_back(x);
      return;
    }
    if (pages_.empty()) {
      pages_.resize(pages);
      for (double y : exact_) count(key(y));
      exact_ = {};
    }
    count(key(x));
  }

  [[nodiscard]] std::size_t count() const { return count_; }

  /// By the nearest-rank rule, as heddle::quantile; 0 for no numbers. O(count) at most.
  [[nodiscard]] double at(double q) {
    if (pages_.empty()) return quantile(exact_, q);
    const double rank = std::max(1.0, std::ceil(q * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    std::uint32_t last = 0;
    for (std::size_t page = 0; page < pages_.size(); ++page)
      for (std::size_t i = 0; i < pages_[page].size(); ++i) {
        if (pages_[page][i] == 0) continue;
        last = static_cast<std::uint32_t>(page * page_size + i);
        if (static_cast<double>(seen += pages_[page][i]) >= rank) return middle(last);
      }
    return middle(last);
  }

 private:
  static constexpr int dropped = 42;                            // bits; 10 of the mantissa stay
  static constexpr std::size_t page_size = 1024, pages = 2048;  // as there are exponents

  void count(std::uint32_t k) {
    std::vector<std::uint64_t>& page = pages_[k / page_size];
    if (page.empty()) page.resize(page_size, 0);
    ++page[k % page_size];
  }

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
  std::vector<std::vector<std::uint64_t>> pages_;  // by exponent; empty: none are needed
};

}  // namespace heddle::sim
