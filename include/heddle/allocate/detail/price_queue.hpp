// Steps by their prices, the cheapest first, where what has been taken is never put back in front.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace heddle::allocate::detail {

/// A numbered step and its price, > 0.
struct priced_step {
  double price;
  std::uint32_t step;

  /// Cheaper first; of steps alike the later, that of the job that ends sooner.
  friend bool operator<(const priced_step& a, const priced_step& b) {
    return a.price != b.price ? a.price < b.price : a.step > b.step;
  }
};

/// A calendar of prices: 32 days an octave, 32 octaves around the first price; what lies outside is on the first or the
/// last day, which is only slower. A day is sorted when its turn comes. O(1) a step, no heap. One writer.
class price_queue {
 public:
  void clear() {
    steps_.clear();
    full_.fill(0);
    taken_ = 0;
    base_ = 0;
  }
  /// Room for so many steps between two `clear`.
  void reserve(std::size_t steps) { steps_.reserve(steps); }
  /// Whether this price is of a day that has been taken: then it is for the taker to sort in.
  [[nodiscard]] bool taken(double price) const { return base_ != 0 && day(price) < taken_; }
  /// Precondition: not `taken`.
  void push(const priced_step& s) {
    if (base_ == 0) base_ = std::max<std::int64_t>(code(s.price) - days / 2, 1);
    const auto d = static_cast<std::size_t>(day(s.price));
    std::uint64_t& word = full_[d / 64];
    const std::uint64_t bit = std::uint64_t{1} << (d % 64);
    steps_.push_back({s, word & bit ? first_[d] : none});
    first_[d] = static_cast<std::uint32_t>(steps_.size() - 1);
    word |= bit;
  }
  /// Moves the steps of the next day to the end of `to`, in order. False if there are none.
  bool take_day(std::vector<priced_step>& to) {
    for (auto w = static_cast<std::size_t>(taken_) / 64; w < full_.size(); ++w) {
      if (full_[w] == 0) continue;
      const std::size_t d = 64 * w + static_cast<std::size_t>(std::countr_zero(full_[w]));
      full_[w] &= full_[w] - 1;
      taken_ = static_cast<std::int64_t>(d) + 1;
      const auto from = static_cast<std::ptrdiff_t>(to.size());
      for (std::uint32_t i = first_[d]; i != none; i = steps_[i].next) to.push_back(steps_[i].what);
      std::sort(to.begin() + from, to.end());
      return true;
    }
    return false;
  }

 private:
  static constexpr std::int64_t days = 1024;
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  static constexpr int kept = 47;  // bits of a double below those that name its day

  struct linked {
    priced_step what;
    std::uint32_t next;
  };

  static std::int64_t code(double price) {
    return static_cast<std::int64_t>(std::bit_cast<std::uint64_t>(price) >> kept);
  }
  [[nodiscard]] std::int64_t day(double price) const {
    return std::clamp<std::int64_t>(code(price) - base_, 0, days - 1);
  }

  std::vector<linked> steps_;
  std::array<std::uint32_t, days> first_{};
  std::array<std::uint64_t, days / 64> full_{};
  std::int64_t taken_ = 0;  // days before this one are
  std::int64_t base_ = 0;   // code of the first day; 0: none yet
};

}  // namespace heddle::allocate::detail
