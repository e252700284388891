// A power cap seen as a clock.
//
//   clock_at_cap           highest clock of a ladder whose power is at most the cap    O(ladder)
//   continuous_clock_at    the same on all clocks up to a top, for a ridge             O(1)
#pragma once

#include <algorithm>
#include <optional>
#include <span>

#include <heddle/model/power.hpp>

namespace heddle::model {

/// f(cap) = max { f on the ladder : P(f, u) ≤ cap }; nothing if even the lowest draws more.
/// \param ladder_ghz  clocks in GHz in any order
template <PowerModel P>
[[nodiscard]] std::optional<double> clock_at_cap(const P& power, std::span<const double> ladder_ghz,
                                                 double cap_w, double utilization = 1) {
  std::optional<double> best;
  for (double f : ladder_ghz)
    if (power(f, utilization) <= cap_w && (!best || f > *best)) best = f;
  return best;
}

/// The f in (0, top] at which a ridge draws `cap_w`; `top_ghz` where it never does; 0 where its
/// static part alone draws more. f·V² is convex above the ridge, so that Newton's method from the
/// top falls to the solution without ever passing it.
[[nodiscard]] inline double continuous_clock_at(const ridge_power& power, double cap_w,
                                                double top_ghz, double utilization = 1) {
  const double dynamic = power.dynamic_w_per_ghz * utilization;
  if (power(top_ghz, utilization) <= cap_w) return top_ghz;
  const double wanted = (cap_w - power.static_w) / dynamic;  // f·V² in GHz
  if (!(wanted > 0)) return 0;
  if (wanted <= power.ridge_ghz) return std::min(wanted, top_ghz);
  double f = top_ghz;
  for (int step = 0; step < 60; ++step) {
    const double v = 1 + power.slope_per_ghz * std::max(0.0, f - power.ridge_ghz);
    const double next = f - (f * v * v - wanted) / (v * v + 2 * f * v * power.slope_per_ghz);
    if (!(next < f)) break;
    f = next;
  }
  return std::max(f, std::min(wanted, power.ridge_ghz));
}

}  // namespace heddle::model
