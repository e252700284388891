// The clock at which an iteration costs least energy, in closed form.
#pragma once

#include <cmath>

#include <heddle/core/error.hpp>

namespace heddle::model {

/// The f > 0 that minimises energy P·T for T = t0 + D/f and P = p0 + c·f³, derived: setting the
/// derivative to 0 leaves
///
///     3·c·t0·f⁴ + 2·c·D·f³ = p0·D
///
/// whose left side rises from 0, so that there is exactly one solution. t0 = 0 gives
/// f* = (p0/2c)^(1/3), and any t0 > 0 lowers it. Solved by Newton's method from that bound: the left
/// side is convex, so the iterates fall to the solution.
///
/// \param fixed_s      t0 ≥ 0, time that no clock shortens
/// \param core_s_ghz   D > 0, core-bound time times GHz
/// \param static_w     p0 > 0
/// \param cubic_w_per_ghz3  c > 0
/// \returns GHz. \throws input_error  for a number out of its range
[[nodiscard]] inline double energy_optimal_clock(double fixed_s, double core_s_ghz, double static_w,
                                                 double cubic_w_per_ghz3) {
  if (!(fixed_s >= 0 && core_s_ghz > 0 && static_w > 0 && cubic_w_per_ghz3 > 0) ||
      !std::isfinite(fixed_s + core_s_ghz + static_w + cubic_w_per_ghz3))
    throw input_error("energy_optimal_clock", "t0 ≥ 0 and D, p0, c > 0, finite", "others");
  double f = std::cbrt(static_w / (2 * cubic_w_per_ghz3));
  const double wanted = static_w * core_s_ghz / cubic_w_per_ghz3;
  for (int step = 0; step < 100; ++step) {
    const double cube = f * f * f;
    const double value = 3 * fixed_s * cube * f + 2 * core_s_ghz * cube - wanted;
    const double next = f - value / (12 * fixed_s * cube + 6 * core_s_ghz * f * f);
    if (!(next < f)) break;
    f = next;
  }
  return f;
}

}  // namespace heddle::model
