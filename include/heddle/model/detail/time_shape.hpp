// The parameters of a time model as a fit sees them: on scales without bounds, some tied to others.
#pragma once

#include <algorithm>
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
  zeta_r,
  lambda_r,
  lambda_n,
  two_servers,
  bend,
  straggle,
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

/// (x^p + y^p)^(1/p) and its derivatives by x, y and p.
struct bent_sum {
  double value = 0, by_x = 1, by_y = 1, by_p = 0;

  /// \param slopes  whether the derivatives are wanted
  bent_sum(double x, double y, double p, bool slopes) : value(x + y) {
    if (p == 1 || x <= 0 || y <= 0) return;
    const double large = std::max(x, y), log_q = std::log(std::min(x, y) / large);
    const double power = std::exp(p * log_q), log_sum = std::log1p(power);
    value = large * std::exp(log_sum / p);
    if (!slopes) return;
    const double by_large = std::exp((1 - p) * log_sum / p),
                 by_small = by_large * power / std::exp(log_q);
    by_x = x >= y ? by_large : by_small, by_y = x >= y ? by_small : by_large;
    by_p = value * (power * log_q / (p * (1 + power)) - log_sum / (p * p));
  }
};

/// Evaluates ln T and its derivatives. Scales: logarithms, except for γ = 1 + 9·σ(u), the bend
/// 1 + e^u, the static power 0.99·(least limit)·σ(u), the ridge σ(u) and the top power (largest
/// limit)·e^u.
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
      case bend:
        out.dv[i] = std::exp(u), out.v[i] = 1 + out.dv[i];
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
    for (natural i : {gamma, bend, two_servers})
      if (links[i].zero) out.v[i] = 1;
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
            .knee_slope = p.v[knee],
            .zeta_r_s = p.v[zeta_r],
            .lambda_r_s = p.v[lambda_r],
            .lambda_n_s = p.v[lambda_n],
            .two_servers = p.v[two_servers],
            .bend = p.v[bend],
            .straggle = p.v[straggle]};
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
    const auto gradient = [&](double per_ghz) {
      return bent_sum(p.v[a0] + p.v[a1] * per_ghz, (p.v[b0] + p.v[b1] * per_ghz) * batch, p.v[bend],
                      by_u != nullptr);
    };
    const bent_sum here = gradient(x);
    std::optional<bent_sum> at_knee;
    double compute = here.value, below = 0, knee_x = 0;
    if (!links[knee].zero && f < knee_ghz) {
      knee_x = 1 / knee_ghz;
      below = x / knee_x - 1;
      at_knee = gradient(knee_x);
      compute += p.v[knee] * below * at_knee->value;
    }
    const int m = gpus - 2;
    const double ring = gpus > 1 ? 1 - 2.0 / gpus : 0, doublings = gpus > 1 ? std::log2(gpus) : 0;
    const bool across = servers > 1;
    const natural alpha = across ? alpha_n : alpha_r, beta = across ? beta_n : beta_r,
                  zeta = across ? zeta_n : zeta_r, lambda = across ? lambda_n : lambda_r;
    const double pair = servers == 2 ? p.v[two_servers] : 1;
    double sync = 0;
    if (gpus > 1)
      sync = pair * (p.v[alpha] + p.v[beta] * m + p.v[zeta] * ring + p.v[lambda] * doublings);
    const double waiting = 1 + p.v[straggle] * doublings;
    const double busy = compute * factor * waiting, g = p.v[gamma];
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
      const double c = share / compute, extra = p.v[knee] * below;
      double by_fixed = here.by_x, by_fixed_cycles = here.by_x * x, by_batch = here.by_y,
             by_batch_cycles = here.by_y * x, by_bend = here.by_p;
      if (at_knee) {
        by_fixed += extra * at_knee->by_x, by_fixed_cycles += extra * at_knee->by_x * knee_x;
        by_batch += extra * at_knee->by_y, by_batch_cycles += extra * at_knee->by_y * knee_x;
        by_bend += extra * at_knee->by_p;
      }
      by_u[a0] = c * p.dv[a0] * by_fixed;
      by_u[a1] = c * p.dv[a1] * by_fixed_cycles;
      by_u[b0] = c * p.dv[b0] * batch * by_batch;
      by_u[b1] = c * p.dv[b1] * batch * by_batch_cycles;
      by_u[bend] = c * p.dv[bend] * by_bend;
      by_u[knee] = at_knee ? c * p.dv[knee] * below * at_knee->value : 0;
      by_u[straggle] = share * p.dv[straggle] * doublings / waiting;
      const double s = sync > 0 ? pair * (1 - share) / sync : 0;
      for (natural i : {alpha_r, beta_r, zeta_r, lambda_r, alpha_n, beta_n, zeta_n, lambda_n})
        by_u[i] = 0;
      by_u[alpha] = s * p.dv[alpha];
      by_u[beta] = s * p.dv[beta] * m;
      by_u[zeta] = s * p.dv[zeta] * ring;
      by_u[lambda] = s * p.dv[lambda] * doublings;
      by_u[two_servers] =
          servers == 2 && sync > 0 ? (1 - share) * p.dv[two_servers] / p.v[two_servers] : 0;
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
        by_u[i] = c * (p.v[a1] * here.by_x + p.v[b1] * batch * here.by_y) * (up - down) / 2e-6;
      }
    }
    return log_t;
  }
};

}  // namespace heddle::model::detail
