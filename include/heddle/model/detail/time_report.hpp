// What a time fit says of its parameters.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <heddle/model/detail/dense.hpp>
#include <heddle/model/detail/time_pins.hpp>
#include <heddle/model/detail/time_problem.hpp>
#include <heddle/model/estimate.hpp>

namespace heddle::model::detail {

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
  const matrix data = normal_of(j, 0, rows), held = normal_of(j, rows, j.rows());

  const auto p = shape.unpack(theta);
  std::vector<double> r;
  for (const sample& s : samples) r.push_back(problem.misfit(p, s));
  constexpr double least =
      1e-12;  // of an exact fit, so that what no sample shows stays as believed
  const double n = static_cast<double>(r.size());
  double variance = least, freedom = std::max(1.0, n - shape.free);
  for (double x : r) variance += x * x / freedom;
  for (int round = 0; round < 4; ++round) {
    const double cut = robust ? 1.345 * std::sqrt(variance) : 1e300;
    double sum = 0;
    for (double x : r) sum += std::min(x * x, cut * cut);
    // Of the variance of a Gaussian 0.71 is left when it is cut at 1.345 σ.
    matrix total = data;
    const matrix part = ldlt(total.add(variance, held)).solve(data);
    double used = 0;
    for (std::size_t i = 0; i < part.rows(); ++i) used += part(i, i);
    freedom = std::max(1.0, n - used);
    variance = std::max(least, sum / freedom / (robust ? 0.7102 : 1.0));
  }
  fit.noise = std::sqrt(variance);
  fit.freedom = freedom;
  fit.information = data;
  fit.information.add(variance, held);
  const double efficiency = robust ? 1 / 0.95 : 1;
  matrix covariance = ldlt(fit.information).inverse();
  covariance *= efficiency * variance;
  const double t = student_t_95(freedom);

  static constexpr std::array<const char*, natural_count> names{
      "a0_s",        "a1_s_ghz",    "b0_s",       "b1_s_ghz", "alpha_r_s",  "beta_r_s",
      "alpha_n_s",   "beta_n_s",    "zeta_n_s",   "zeta_r_s", "lambda_r_s", "lambda_n_s",
      "two_servers", "bend",        "straggle",   "gamma",    "knee_slope", "limit_static_w",
      "limit_top_w", "limit_ridge", "limit_slope"};
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
    if (l.index >= 0 && e.state == parameter_state::free) {
      double felt = 0;
      const auto at = static_cast<std::size_t>(l.index);
      for (std::size_t row = 0; row < rows; ++row) felt = std::max(felt, std::abs(j(row, at)));
      if (felt < 1e-5 && i < gamma) {
        const bool unseen = start.grows == growth::ring && i > b1 && felt == 0;
        e.state = unseen ? parameter_state::pinned : parameter_state::zero;
        e.why = unseen ? "no sample shows it: what is usual is believed" : "no sample feels it";
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
