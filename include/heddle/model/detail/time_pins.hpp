// Which parameters of a time model the samples can tell, what stands in for the others, and what is
// usual; and the report of all that.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <heddle/model/detail/dense.hpp>
#include <heddle/model/detail/time_problem.hpp>
#include <heddle/model/estimate.hpp>

namespace heddle::model::detail {

// What is usual, derived. A ring all-reduce moves 2(n−1)/n of the gradient through each link: from
// 2 to 8 GPUs of a server its time grows by 3/4, an eighth of α for each GPU more; from 2 to 64
// GPUs it doubles, α/62 for each. Links between servers are some times slower than those within.
inline constexpr double usual_beta_r = 1.0 / 8, usual_beta_n = 1.0 / 62, usual_alpha_ratio = 3;
inline constexpr double usual_gamma_u = -2.0794415;  // γ = 2, half way from 1/γ = 1 to 0
inline constexpr double usual_ridge_u = 1.0986123;   // the ridge at 75 % of the top clock
inline constexpr double usual_slope = 0.876;         // V100's, in shares of the top clock

/// The shape of a fit, where it starts and what is believed.
struct pinned_shape {
  time_shape shape;
  std::vector<double> theta;
  std::vector<prior> priors;
  std::array<std::string, natural_count> why;  ///< of parameters that are not free

  void set_free(natural i, double start) {
    shape.links[i] = {shape.free++, 0, false};
    theta.push_back(start);
  }
  /// i = factor · other
  void tie(natural i, natural other, double factor, const std::string& reason) {
    shape.links[i] = shape.links[other];
    shape.links[i].offset += std::log(factor);
    why[i] = reason;
  }
  void set_constant(natural i, double u, const std::string& reason) {
    shape.links[i] = {-1, u, false};
    why[i] = reason;
  }
  void set_zero(natural i, const std::string& reason) {
    shape.links[i] = {};
    why[i] = reason;
  }
  void believe(natural i, double mean, double deviation) {
    priors.push_back({i, natural_count, mean, deviation});
  }
  /// i/other is about `ratio`
  void believe_ratio(natural i, natural other, double ratio, double deviation) {
    priors.push_back({i, other, std::log(ratio), deviation});
  }
};

/// What the samples show.
struct coverage {
  std::set<double> batches, clocks, limits;
  std::set<int> within, across;  ///< GPU counts ≥ 2
  std::size_t parallel = 0;      ///< configurations with several GPUs
  double single_s = 0;           ///< a usual time on one GPU, or the shortest of all
  double batch = 1, clock = 1;   ///< geometric means
};

[[nodiscard]] inline coverage seen_in(std::span<const sample> samples) {
  coverage seen;
  std::vector<double> single;
  double log_batch = 0, log_clock = 0, batches = 0,
         shortest = std::numeric_limits<double>::infinity();
  std::set<std::array<double, 5>> parallel;
  for (const sample& s : samples) {
    const configuration& c = s.config;
    seen.batches.insert(c.local_batch);
    seen.clocks.insert(c.clock_ghz);
    if (s.power_limit_w) seen.limits.insert(*s.power_limit_w);
    if (c.local_batch > 0) log_batch += std::log(c.local_batch), ++batches;
    if (c.clock_ghz > 0) log_clock += std::log(c.clock_ghz);
    shortest = std::min(shortest, s.iteration_s);
    if (c.gpus == 1) {
      single.push_back(s.iteration_s);
      continue;
    }
    (c.servers > 1 ? seen.across : seen.within).insert(c.gpus);
    parallel.insert({static_cast<double>(c.gpus), static_cast<double>(c.servers), c.local_batch,
                     c.clock_ghz, s.power_limit_w.value_or(0)});
  }
  seen.parallel = parallel.size();
  seen.single_s = shortest;
  if (!single.empty()) {
    std::sort(single.begin(), single.end());
    seen.single_s = single[single.size() / 2];
  }
  if (batches > 0) seen.batch = std::exp(log_batch / batches);
  if (samples[0].config.clock_ghz > 0)
    seen.clock = std::exp(log_clock / static_cast<double>(samples.size()));
  return seen;
}

inline void pin_gradient_time(pinned_shape& p, const coverage& seen, bool clock_known) {
  const bool varies_b = seen.batches.size() > 1;
  const bool no_batch = seen.batches.size() == 1 && *seen.batches.begin() == 0;
  const bool limits = p.shape.by_limit;
  const bool varies_f = limits ? seen.limits.size() > 1 : seen.clocks.size() > 1;
  const bool no_clock = !clock_known && !limits;
  const double parts = (no_clock ? 1 : 2) * (no_batch ? 1 : 2), part = seen.single_s / parts;
  const std::string one_clock = std::string("one ") + (limits ? "power limit" : "clock") +
                                " only: half of the gradient time is taken to be core-bound";
  const std::string one_batch =
      "one batch size only: half of the gradient time is taken to grow with it";
  const std::string unknown_clock = "no clock was given";

  p.set_free(a0, std::log(part));
  if (no_clock)
    p.set_zero(a1, unknown_clock);
  else if (varies_f)
    p.set_free(a1, std::log(part * seen.clock));
  else
    p.tie(a1, a0, seen.clock, one_clock);

  if (no_batch) {
    for (natural i : {b0, b1}) p.set_zero(i, "the batch size is 0");
  } else if (varies_b) {
    p.set_free(b0, std::log(part / seen.batch));
    if (no_clock)
      p.set_zero(b1, unknown_clock);
    else if (varies_f)
      p.set_free(b1, std::log(part / seen.batch * seen.clock));
    else
      p.tie(b1, b0, seen.clock, one_clock);
  } else {
    p.tie(b0, a0, 1 / seen.batch, one_batch);
    if (no_clock)
      p.set_zero(b1, unknown_clock);
    else
      p.tie(b1, a1, 1 / seen.batch, varies_f ? one_batch : one_clock);
  }
  if (varies_b && !no_batch) p.believe_ratio(b0, a0, 1 / seen.batch, 1);
  if (varies_f) p.believe_ratio(a1, a0, seen.clock, 1);
  if (varies_b && varies_f) {
    p.believe_ratio(b1, b0, seen.clock, 1);
    p.believe_ratio(b1, a1, 1 / seen.batch, 1);
  }
}

inline void pin_synchronisation(pinned_shape& p, const coverage& seen) {
  const bool within = !seen.within.empty(), across = !seen.across.empty();
  if (!within && !across) {
    for (natural i : {alpha_r, beta_r, alpha_n, beta_n, zeta_n, gamma})
      p.set_zero(i, "no sample with several GPUs: synchronisation is taken to be free");
    return;
  }
  const std::string one_server = "no sample across servers: derived from those within one";
  const std::string no_server =
      "no sample with several GPUs in one server: derived from those across";
  const std::string one_count = "one GPU count only: the growth of a ring all-reduce is taken";
  const double unit = seen.single_s;
  if (within) {
    p.set_free(alpha_r, std::log(0.2 * unit));
    p.believe(alpha_r, std::log(0.2 * unit), 1.5);
    if (seen.within.size() > 1) {
      p.set_free(beta_r, std::log(0.2 * unit * usual_beta_r));
      p.believe_ratio(beta_r, alpha_r, usual_beta_r, 0.75);
    } else {
      p.tie(beta_r, alpha_r, usual_beta_r, one_count);
    }
  }
  if (across) {
    p.set_free(alpha_n, std::log(0.6 * unit));
    if (within)
      p.believe_ratio(alpha_n, alpha_r, usual_alpha_ratio, 0.75);
    else
      p.believe(alpha_n, std::log(0.6 * unit), 1.5);
    if (seen.across.size() > 1) {
      p.set_free(beta_n, std::log(0.6 * unit * usual_beta_n));
      p.believe_ratio(beta_n, alpha_n, usual_beta_n, 0.75);
    } else {
      p.tie(beta_n, alpha_n, usual_beta_n, one_count);
    }
  } else {
    p.tie(alpha_n, alpha_r, usual_alpha_ratio, one_server);
    p.tie(beta_n, alpha_r, usual_alpha_ratio * usual_beta_n, one_server);
  }
  if (!within) {
    p.tie(alpha_r, alpha_n, 1 / usual_alpha_ratio, no_server);
    p.tie(beta_r, alpha_n, usual_beta_r / usual_alpha_ratio, no_server);
  }
  p.set_zero(zeta_n, "not needed to explain the samples");
  if (seen.parallel >= 3 &&
      (seen.batches.size() > 1 || seen.clocks.size() > 1 || seen.limits.size() > 1)) {
    p.set_free(gamma, usual_gamma_u);
    p.believe(gamma, usual_gamma_u, 1.2);
  } else {
    p.set_constant(gamma, usual_gamma_u,
                   "too few samples with several GPUs and different gradient times: half overlap");
  }
}

inline void pin_limits(pinned_shape& p, const coverage& seen) {
  p.shape.least_limit_w = *seen.limits.begin();
  p.shape.largest_limit_w = *seen.limits.rbegin();
  const std::size_t levels = seen.limits.size();
  const std::string few = "too few power limits: the usual ridge is taken";
  const auto set = [&](natural i, double start, double deviation, std::size_t needed) {
    if (levels < needed) return p.set_constant(i, start, few);
    p.set_free(i, start);
    p.believe(i, start, deviation);
  };
  set(limit_static, 0, 1, 3);
  set(limit_top, 0, 0.2, 4);
  set(limit_ridge, usual_ridge_u, 0.7, 5);
  set(limit_slope, std::log(usual_slope), 0.7, 5);
}

[[nodiscard]] inline pinned_shape pin(std::span<const sample> samples) {
  pinned_shape p;
  const bool clock_known = samples[0].config.clock_ghz > 0;
  const coverage seen = seen_in(samples);
  p.shape.by_limit = !clock_known && samples[0].power_limit_w.has_value();
  pin_gradient_time(p, seen, clock_known);
  pin_synchronisation(p, seen);
  p.set_zero(knee, "not needed to explain the samples");
  if (p.shape.by_limit) pin_limits(p, seen);
  return p;
}

/// Fills in the noise, the parameters with their intervals and the information of a fit.
/// σ² is Huber's proposal: the dampened residuals, corrected for how many of them were dampened.
template <class Fit>
void describe(Fit& fit, std::span<const sample> samples, const time_shape& shape,
              const vector& theta, const pinned_shape& start, double strength, bool robust) {
  const time_problem problem(shape, samples, start.priors, 1,
                             std::numeric_limits<double>::infinity(), strength);
  matrix j;
  problem.jacobian(theta, j);
  const std::size_t rows = samples.size();
  const matrix data = normal_of(j, 0, rows), belief = normal_of(j, rows, j.rows());

  const auto p = shape.unpack(theta);
  std::vector<double> r;
  for (const sample& s : samples) r.push_back(problem.misfit(p, s));
  const double n = static_cast<double>(r.size());
  double variance = 1e-30, freedom = std::max(1.0, n - shape.free);
  for (double x : r) variance += x * x / freedom;
  for (int round = 0; round < 4; ++round) {
    const double cut = robust ? 1.345 * std::sqrt(variance) : 1e300;
    double sum = 0;
    for (double x : r) sum += std::min(x * x, cut * cut);
    // Of the variance of a Gaussian 0.71 is left when it is cut at 1.345 σ.
    matrix total = data;
    const matrix part = ldlt(total.add(variance, belief)).solve(data);
    double used = 0;
    for (std::size_t i = 0; i < part.rows(); ++i) used += part(i, i);
    freedom = std::max(1.0, n - used);
    variance = std::max(1e-30, sum / freedom / (robust ? 0.7102 : 1.0));
  }
  fit.noise = std::sqrt(variance);
  fit.freedom = freedom;
  fit.information = data;
  fit.information.add(variance, belief);
  const double efficiency = robust ? 1 / 0.95 : 1;
  matrix covariance = ldlt(fit.information).inverse();
  covariance *= efficiency * variance;
  const double t = student_t_95(freedom);

  static constexpr std::array<const char*, natural_count> names{
      "a0_s",       "a1_s_ghz",       "b0_s",        "b1_s_ghz",    "alpha_r_s",
      "beta_r_s",   "alpha_n_s",      "beta_n_s",    "zeta_n_s",    "gamma",
      "knee_slope", "limit_static_w", "limit_top_w", "limit_ridge", "limit_slope"};
  for (std::size_t i = 0; i < natural_count; ++i) {
    if (i >= limit_static && !shape.by_limit) break;
    if (i == knee && shape.links[i].zero && shape.by_limit) continue;
    parameter_estimate e;
    e.name = names[i];
    e.value = p.v[i];
    const link& l = shape.links[i];
    if (l.index < 0 || !start.why[i].empty()) {
      e.state = parameter_state::pinned;
      e.why = start.why[i];
    }
    if (l.index >= 0 && (e.state == parameter_state::free || shape.links[i].offset == 0)) {
      // zeta_n and knee_slope become free once the samples ask for them.
      e.state = parameter_state::free;
      double felt = 0;
      const auto at = static_cast<std::size_t>(l.index);
      for (std::size_t row = 0; row < rows; ++row) felt = std::max(felt, std::abs(j(row, at)));
      if (felt < 1e-5 && i < gamma) {
        e.state = parameter_state::zero;
        e.why = "no sample feels it";
      } else {
        const double se = std::sqrt(covariance(at, at));
        e.standard_error = se * p.dv[i];
        vector low = theta, high = theta;
        low[at] = theta[at] - t * se, high[at] = theta[at] + t * se;
        e.low = shape.unpack(low).v[i], e.high = shape.unpack(high).v[i];
        e.why.clear();
      }
    }
    fit.parameters.push_back(std::move(e));
  }
  if (!shape.links[knee].zero)
    fit.parameters.push_back({.name = "knee_ghz",
                              .value = shape.knee_ghz,
                              .state = parameter_state::pinned,
                              .why = "the best of the clocks and their middles"});
}

}  // namespace heddle::model::detail
