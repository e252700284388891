// The parameters of a time model as a fit sees them: on scales without bounds, some tied to others.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>

#include <heddle/model/batch_profile.hpp>
#include <heddle/model/power_cap.hpp>
#include <heddle/model/throughput.hpp>

namespace heddle::model::detail {

enum natural : std::size_t {
  a0,
  a1,
  b0,
  b1,
  alpha_r,
  beta_r,
  alpha_n,
  beta_n,
  zeta_n,
  gamma,
  knee,
  limit_static,
  limit_top,
  limit_ridge,
  limit_slope,
  natural_count
};

/// Where a natural parameter comes from: θ[index] + offset on the scale without bounds, or the
/// constant `offset` (index −1), or 0.
struct link {
  int index = -1;
  double offset = 0;
  bool zero = true;
};

/// Evaluates ln T and its derivatives. Scales: logarithms, except for γ = 1 + 9·σ(u), the static
/// power 0.99·(least limit)·σ(u), the ridge σ(u) and the top power (largest limit)·e^u.
class time_shape {
 public:
  std::array<link, natural_count> links;
  int free = 0;           ///< length of θ
  bool by_limit = false;  ///< the clock is a function of the power limit
  double least_limit_w = 1, largest_limit_w = 1;
  double knee_ghz = 0;
  batch_profile profile;

  /// Natural values and their derivatives by u.
  struct values {
    std::array<double, natural_count> v{}, dv{};
  };

  template <class Vector>
  [[nodiscard]] values unpack(const Vector& theta) const {
    values out;
    for (std::size_t i = 0; i < natural_count; ++i) {
      if (links[i].zero) continue;
      const double u = coordinate(theta, i);
      const double s = 1 / (1 + std::exp(-u));
      switch (i) {
      case gamma:
        out.v[i] = 1 + 9 * s, out.dv[i] = 9 * s * (1 - s);
        break;
      case limit_static:
        out.v[i] = 0.99 * least_limit_w * s, out.dv[i] = out.v[i] * (1 - s);
        break;
      case limit_top:
        out.v[i] = out.dv[i] = largest_limit_w * std::exp(u);
        break;
      case limit_ridge:
        out.v[i] = s, out.dv[i] = s * (1 - s);
        break;
      default:
        out.v[i] = out.dv[i] = std::exp(u);
      }
    }
    if (links[gamma].zero) out.v[gamma] = 1;
    return out;
  }

  template <class Vector>
  [[nodiscard]] double coordinate(const Vector& theta, std::size_t i) const {
    return links[i].index < 0 ? links[i].offset
                              : theta[static_cast<std::size_t>(links[i].index)] + links[i].offset;
  }

  [[nodiscard]] powerflow_throughput model(const values& p) const {
    return {.a0_s = p.v[a0],
            .a1_s_ghz = p.v[a1],
            .b0_s = p.v[b0],
            .b1_s_ghz = p.v[b1],
            .alpha_r_s = p.v[alpha_r],
            .beta_r_s = p.v[beta_r],
            .alpha_n_s = p.v[alpha_n],
            .beta_n_s = p.v[beta_n],
            .gamma = p.v[gamma],
            .zeta_n_s = p.v[zeta_n],
            .knee_ghz = links[knee].zero ? 0 : knee_ghz,
            .knee_slope = p.v[knee]};
  }

  /// Power over the clock in shares of the top clock, where power limits stand for clocks.
  [[nodiscard]] ridge_power limit_curve(const values& p) const {
    const double top_voltage = 1 + p.v[limit_slope] * (1 - p.v[limit_ridge]);
    return {.static_w = p.v[limit_static],
            .dynamic_w_per_ghz = (p.v[limit_top] - p.v[limit_static]) / (top_voltage * top_voltage),
            .ridge_ghz = p.v[limit_ridge],
            .slope_per_ghz = p.v[limit_slope]};
  }

  /// The clock of a configuration: measured, or what the power limit makes of it.
  [[nodiscard]] double clock(const values& p, double clock_ghz, double limit_w) const {
    if (!by_limit) return clock_ghz > 0 ? clock_ghz : 1;
    return std::max(1e-3, continuous_clock_at(limit_curve(p), limit_w, 1));
  }

  /// ln T; `by_u`, if given, receives d ln T / d u for each natural parameter, `compute_share` the
  /// derivative of ln T by the logarithm of the gradient time.
  [[nodiscard]] double log_time(const values& p, int gpus, int servers, double batch,
                                double clock_ghz, double limit_w, double* by_u = nullptr,
                                double* compute_share = nullptr) const {
    const double f = clock(p, clock_ghz, limit_w), x = 1 / f;
    const double factor = profile.factor(batch);
    const double fixed = p.v[a0] + p.v[b0] * batch, cycles = p.v[a1] + p.v[b1] * batch;
    double compute = fixed + cycles * x, below = 0, knee_x = 0;
    if (!links[knee].zero && f < knee_ghz) {
      knee_x = 1 / knee_ghz;
      below = x / knee_x - 1;
      compute += p.v[knee] * below * (fixed + cycles * knee_x);
    }
    const double extra = p.v[knee] * below;
    const int m = gpus - 2;
    const double ring = gpus > 1 ? 1 - 2.0 / gpus : 0;
    const bool across = servers > 1;
    double sync = 0;
    if (gpus > 1)
      sync = across ? p.v[alpha_n] + p.v[beta_n] * m + p.v[zeta_n] * ring
                    : p.v[alpha_r] + p.v[beta_r] * m;
    const double busy = compute * factor, g = p.v[gamma];
    double log_t = std::log(busy), share = 1, by_gamma = 0;
    if (sync > 0) {
      const double log_q = std::log(sync) - log_t;  // of sync against compute
      const double low = -std::abs(log_q), power = std::exp(g * low), log_sum = std::log1p(power);
      if (log_q > 0) log_t += log_q;
      log_t += log_sum / g;
      const double smaller = power / (1 + power);
      share = log_q > 0 ? smaller : 1 - smaller;
      by_gamma = smaller * low / g - log_sum / (g * g);
    }
    if (compute_share) *compute_share = share;
    if (by_u) {
      const double c = share / compute;
      by_u[a0] = c * p.dv[a0] * (1 + extra);
      by_u[b0] = c * p.dv[b0] * batch * (1 + extra);
      const double x_all = x + extra * knee_x;
      by_u[a1] = c * p.dv[a1] * x_all;
      by_u[b1] = c * p.dv[b1] * batch * x_all;
      by_u[knee] = c * p.dv[knee] * below * (fixed + cycles * knee_x);
      const double s = sync > 0 ? (1 - share) / sync : 0;
      by_u[alpha_r] = across ? 0 : s * p.dv[alpha_r];
      by_u[beta_r] = across ? 0 : s * p.dv[beta_r] * m;
      by_u[alpha_n] = across ? s * p.dv[alpha_n] : 0;
      by_u[beta_n] = across ? s * p.dv[beta_n] * m : 0;
      by_u[zeta_n] = across ? s * p.dv[zeta_n] * ring : 0;
      by_u[gamma] = by_gamma * p.dv[gamma];
      for (std::size_t i : {limit_static, limit_top, limit_ridge, limit_slope}) {
        by_u[i] = 0;
        if (!by_limit || links[i].zero || p.dv[i] == 0) continue;
        values moved = p;
        const double h = 1e-6 * p.dv[i];
        moved.v[i] = p.v[i] + h;
        const double up = 1 / clock(moved, clock_ghz, limit_w);
        moved.v[i] = p.v[i] - h;
        const double down = 1 / clock(moved, clock_ghz, limit_w);
        by_u[i] = c * cycles * (up - down) / 2e-6;
      }
    }
    return log_t;
  }
};

}  // namespace heddle::model::detail
