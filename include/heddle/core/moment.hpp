// Times that differ by rounding alone.
#pragma once

#include <cmath>

namespace heddle {

/// Times within this part of themselves are one moment: 0.1 + 290 and 290.1 are.
inline constexpr double same_moment = 1e-9;

/// Whether `a_s` is no later than `b_s`, or later by rounding alone.
[[nodiscard]] inline bool no_later(double a_s, double b_s) {
  return a_s <= b_s + same_moment * std::abs(b_s);
}

/// What sums of times in another order differ by: far less than two events that are not one.
inline constexpr double rounding_of_times = 1e-12;

}  // namespace heddle
