// The ridge model that explains measured powers best.
#pragma once

#include <cmath>
#include <utility>
#include <vector>

#include <heddle/model/detail/time_pins.hpp>
#include <heddle/model/power.hpp>

namespace heddle::model::detail {

/// One measured power of one GPU.
struct power_row {
  double watts = 0, clock = 1, utilization = 1, limit = 0, weight = 1;
};

/// Searches the ridge clock and the slope, with static and dynamic power solved for inside.
class ridge_search {
 public:
  ridge_search(const std::vector<power_row>& rows, double top, bool ridge_free, bool slope_free)
      : rows_(rows), top_(top), ridge_free_(ridge_free), slope_free_(slope_free) {}

  /// \param belief  variance that multiplies the regularisers: 0 leaves them out
  [[nodiscard]] ridge_power operator()(double belief) const {
    ridge_power best = at(0.75, usual_slope);
    double least = loss(best, belief);
    const auto consider = [&](double ridge, double slope) {
      const ridge_power p = at(ridge, slope);
      const double l = loss(p, belief);
      if (!(l < least)) return false;
      least = l, best = p;
      return true;
    };
    const int ridges = ridge_free_ ? 16 : 0, slopes = slope_free_ ? 12 : 0;
    for (int i = 0; i <= ridges; ++i)
      for (int k = 0; k <= slopes; ++k)
        consider(ridge_free_ ? 0.2 + 0.8 * i / 16.0 : 0.75,
                 slope_free_ ? 0.05 * std::pow(1.55, k) : usual_slope);
    // Pattern search, along the axes and the diagonals, down to the last digits.
    double by_ridge = ridge_free_ ? 0.04 : 0, by_slope = slope_free_ ? 0.3 : 0;
    for (int round = 0; round < 400 && by_ridge + by_slope > 1e-11; ++round) {
      const double ridge = best.ridge_ghz / top_, slope = best.slope_per_ghz * top_;
      bool moved = false;
      for (const auto& [i, k] :
           {std::pair{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, 1}, {-1, -1}, {1, -1}, {-1, 1}}) {
        if ((i && !ridge_free_) || (k && !slope_free_)) continue;
        const double r = ridge + i * by_ridge, s = slope * std::exp(k * by_slope);
        if (r > 0.05 && r <= 1) moved |= consider(r, s);
      }
      if (!moved) by_ridge *= 0.5, by_slope *= 0.5;
    }
    return best;
  }

  /// Static and dynamic power for a ridge and a slope, both in shares of the top clock.
  [[nodiscard]] ridge_power at(double ridge, double slope) const {
    ridge_power p{0, 1, ridge * top_, slope / top_};
    // Normal equations of two columns: 1/W and f·V²·u/W against 1.
    double aa = 0, ab = 0, bb = 0, a1 = 0, b1 = 0;
    for (const power_row& row : rows_) {
      const double a = 1 / row.watts, b = p(row.clock, row.utilization) / row.watts;
      aa += row.weight * a * a, ab += row.weight * a * b, bb += row.weight * b * b;
      a1 += row.weight * a, b1 += row.weight * b;
    }
    const double det = aa * bb - ab * ab;
    double fixed = (a1 * bb - b1 * ab) / det, dynamic = (b1 * aa - a1 * ab) / det;
    if (!(det > 1e-14 * aa * bb)) fixed = 0, dynamic = b1 / bb;
    if (fixed < 0) fixed = 0, dynamic = b1 / bb;
    if (dynamic < 0) dynamic = 0, fixed = a1 / aa;
    p.static_w = fixed, p.dynamic_w_per_ghz = dynamic;
    return p;
  }

 private:
  [[nodiscard]] double loss(const ridge_power& p, double belief) const {
    double sum = 0;
    for (const power_row& row : rows_) {
      const double r = p(row.clock, row.utilization) / row.watts - 1;
      sum += row.weight * r * r;
    }
    const double a = (p.ridge_ghz / top_ - 0.75) / 0.15;
    const double b = std::log(p.slope_per_ghz * top_ / usual_slope);
    return sum + belief * (a * a + b * b);
  }

  const std::vector<power_row>& rows_;
  double top_;
  bool ridge_free_, slope_free_;
};

}  // namespace heddle::model::detail
