// Models of the power that one GPU draws.
//
//   model          what                                                    cost of a call
//   ridge_power    voltage flat up to a ridge clock, then rising linearly   O(1)
//   cubic_power    static + linear + cubic in the clock                      O(1)
//   table_power    measured points, interpolated (table.hpp)                 O(log points)
//
// A power cap seen as a clock is in power_cap.hpp, a server's share in server_share.hpp.
// A model of one's own is a function of (clock_ghz, utilization) that returns W.
#pragma once

#include <algorithm>
#include <concepts>

namespace heddle::model {

/// T is a function from core clock (GHz) and utilization (0 to 1) to the power of one GPU in W.
template <class T>
concept PowerModel = requires(const T& model, double clock_ghz, double utilization) {
  { model(clock_ghz, utilization) } -> std::convertible_to<double>;
};

/// Power over the core clock with the voltage curve of a real part, derived:
///
///     V(f)/V0 = 1 up to f_r, 1 + κ (f − f_r) above
///     P       = static + c·f·(V/V0)²·utilization
///
/// Mean error below 2 % over the clocks of V100 and RTX 8000; a cubic in f has 2.3 % and more.
struct ridge_power {
  double static_w = 0;           ///< drawn at any clock, ≥ 0
  double dynamic_w_per_ghz = 0;  ///< c, ≥ 0
  double ridge_ghz = 1;          ///< f_r, from here on a higher clock needs a higher voltage
  double slope_per_ghz = 0;      ///< κ, ≥ 0

  [[nodiscard]] double operator()(double clock_ghz, double utilization) const {
    const double voltage = 1 + slope_per_ghz * std::max(0.0, clock_ghz - ridge_ghz);
    return static_w + dynamic_w_per_ghz * clock_ghz * voltage * voltage * utilization;
  }
};

/// The textbook form: P = static + (c1·f + c3·f³)·utilization. Coarser than `ridge_power`, with a
/// closed form of the energy-optimal clock (efficient_clock.hpp).
struct cubic_power {
  double static_w = 0;          ///< p0 ≥ 0
  double linear_w_per_ghz = 0;  ///< c1 ≥ 0
  double cubic_w_per_ghz3 = 0;  ///< c3 ≥ 0

  [[nodiscard]] double operator()(double clock_ghz, double utilization) const {
    const double f = clock_ghz;
    return static_w + (linear_w_per_ghz + cubic_w_per_ghz3 * f * f) * f * utilization;
  }
};

}  // namespace heddle::model
