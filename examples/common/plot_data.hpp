// What plots show of many numbers: distributions, and time in equal parts.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "common/svg_plot.hpp"

namespace heddle::examples::svg {

/// The share of `sorted` that is at most each of `steps` + 1 values spread evenly over the axis: as
/// fine as the plot can show, however many numbers there are.
[[nodiscard]] inline std::vector<point> cumulated(const std::vector<double>& sorted,
                                                  const axis& over, int steps = 400) {
  std::vector<point> out;
  for (int i = 0; i <= steps; ++i) {
    const double part = static_cast<double>(i) / steps;
    const double x = over.logarithmic ? over.low * std::pow(over.high / over.low, part)
                                      : over.low + (over.high - over.low) * part;
    const auto below = std::upper_bound(sorted.begin(), sorted.end(), x) - sorted.begin();
    out.push_back({x, static_cast<double>(below) / static_cast<double>(sorted.size())});
  }
  return out;
}

/// An axis of shares from the round number below `low` to 100 %.
[[nodiscard]] inline axis share_axis(std::string label, double low) {
  axis a{std::move(label), std::floor(low * 20) / 20, 1};
  if (a.low >= 1) a.low = 0.95;
  a.ticks = linear_ticks(a.low, a.high, 6, 0.01);
  for (tick& t : a.ticks) t.label += " %";
  return a;
}

/// Sums of `N` quantities over equal parts of a time whose end is not known beforehand: where the
/// parts run out, they are joined in pairs. So it holds `most` / 2 to `most` parts of any time but a
/// very short one, and adding costs O(1) on average.
template <std::size_t N>
class time_parts {
 public:
  using amounts = std::array<double, N>;
  static constexpr std::size_t most = 320;
  static_assert(most % 2 == 0);

  /// Spreads `what` evenly from the last time until `now_s`. The first call sets the beginning.
  void until(double now_s, const amounts& what) {
    if (parts_.empty()) {
      from_s_ = at_s_ = now_s;
      parts_.emplace_back();
    }
    const double whole = now_s - at_s_;
    while (at_s_ < now_s) {
      const auto part = static_cast<std::size_t>((at_s_ - from_s_) / width_s_);
      if (part >= most) {
        join();
        continue;
      }
      double end = from_s_ + static_cast<double>(part + 1) * width_s_;
      if (!(end > at_s_)) end = at_s_ + width_s_;  // a rounded edge
      end = std::min(end, now_s);
      while (parts_.size() <= part) parts_.emplace_back();
      for (std::size_t i = 0; i < N; ++i) parts_[part][i] += what[i] * ((end - at_s_) / whole);
      at_s_ = end;
    }
    if (whole <= 0)
      for (std::size_t i = 0; i < N; ++i) parts_.back()[i] += what[i];
  }

  [[nodiscard]] double from_s() const { return from_s_; }
  [[nodiscard]] double length_s() const { return at_s_ - from_s_; }
  [[nodiscard]] double width_s() const { return width_s_; }
  [[nodiscard]] const std::vector<amounts>& parts() const { return parts_; }

  /// `number` of each part over its length, at the middle of the part in `unit_s` from the beginning.
  template <class Number>
  [[nodiscard]] std::vector<point> means(double unit_s, Number&& number) const {
    std::vector<point> out;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const double low = static_cast<double>(i) * width_s_;
      const double high = std::min(low + width_s_, length_s());
      if (high > low) out.push_back({(low + high) / 2 / unit_s, number(parts_[i]) / (high - low)});
    }
    return out;
  }

 private:
  void join() {
    for (std::size_t i = 0; i < parts_.size() / 2; ++i)
      for (std::size_t k = 0; k < N; ++k) parts_[i][k] = parts_[2 * i][k] + parts_[2 * i + 1][k];
    parts_.resize(parts_.size() / 2);
    width_s_ *= 2;
  }

  double from_s_ = 0, at_s_ = 0, width_s_ = 1.0 / 64;
  std::vector<amounts> parts_;
};

}  // namespace heddle::examples::svg
