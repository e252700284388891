// Which configuration to measure next.
//
//   suggest_sample     the most informative of some candidates        O(candidates · parameters²)
//   suggest_samples    several at once, for a batch of profiling runs
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/model/detail/dense.hpp>
#include <heddle/model/fit_time.hpp>

namespace heddle::model {

/// What a sample shall be informative about.
enum class information : unsigned char {
  /// The mean variance of ln T over all candidates falls most (V-optimal). No model is exact: a
  /// smooth discrepancy is believed beside it, so that samples are taken amid the candidates.
  predictions,
  /// The confidence region of all parameters shrinks most (D-optimal). Right where the model is: it
  /// goes to the extremes.
  parameters,
};

/// Options of `suggest_sample`.
struct suggestion_options {
  information about = information::predictions;
  double noise = 0.07;  ///< σ of ln T about the model, > 0: measurement and discrepancy together
  bool repeat = false;  ///< candidates that were measured may be suggested again
};

/// A suggested sample.
struct suggestion {
  std::size_t candidate = 0;  ///< index among the candidates
  double deviation = 0;       ///< standard deviation of ln T there before it is measured
};

namespace detail {

/// A fit's parameters extended to all regimes that some candidates show, with what is believed.
struct wide_fit {
  pinned_shape all;
  vector theta;
  matrix information;  ///< in units of 1/σ²
  double variance = 0;

  [[nodiscard]] vector sensitivity(const sample& s) const {
    std::array<double, natural_count> by_u{};
    (void)all.shape.log_time(all.shape.unpack(theta), s.config.gpus, s.config.servers,
                             s.config.local_batch, s.config.clock_ghz, s.power_limit_w.value_or(0),
                             by_u.data());
    vector j(theta.size());
    for (std::size_t i = 0; i < natural_count; ++i)
      if (all.shape.links[i].index >= 0)
        j[static_cast<std::size_t>(all.shape.links[i].index)] += by_u[i];
    return j;
  }
};

[[nodiscard]] inline wide_fit widened(std::span<const sample> measured,
                                      std::span<const sample> candidates, double noise) {
  // The candidates with a nominal time each, so that regimes nobody measured have a scale too.
  std::vector<sample> nominal(candidates.begin(), candidates.end());
  nominal.insert(nominal.end(), measured.begin(), measured.end());
  double unit = 1;
  bool fitted = true;
  time_fit fit;
  try {
    fit = fit_time(measured, {.batch_profile = false, .knee = false});
  } catch (const input_error&) {
    fitted = false;
    if (!measured.empty()) unit = measured[0].iteration_s;
  }
  for (sample& s : nominal) {
    s.power_w.reset();
    s.iteration_s = fitted ? fit(s.config, s.power_limit_w.value_or(0)).total_s : unit;
  }
  wide_fit wide;
  wide.all = pin(nominal, growth::ring);
  wide.theta = wide.all.theta;
  wide.variance = fitted ? std::max(fit.noise, 0.3 * noise) : noise;
  wide.variance *= wide.variance;
  if (fitted) {  // what was fitted replaces what is usual
    const auto known = fit.shape.unpack(fit.theta);
    for (std::size_t i = 0; i < natural_count; ++i) {
      const link& to = wide.all.shape.links[i];
      const link& from = fit.shape.links[i];
      if (to.index < 0 || to.offset != 0 || from.zero || !(known.v[i] > 0)) continue;
      wide.theta[static_cast<std::size_t>(to.index)] = fit.shape.coordinate(fit.theta, i);
    }
  }
  wide.information = matrix::identity(wide.theta.size());
  wide.information *= 1e-9;
  const time_problem problem(wide.all.shape, measured, wide.all.priors, 1, 1e300, 1);
  matrix j;
  problem.jacobian(wide.theta, j);
  wide.information.add(1, normal_of(j, 0, measured.size()));
  wide.information.add(wide.variance, normal_of(j, measured.size(), j.rows()));
  return wide;
}

}  // namespace detail

namespace detail {

/// How alike the discrepancies of two configurations are: 1 for the same, e^(−1/2) where GPUs,
/// servers, batch, clock or limit differ by a factor of 2.
[[nodiscard]] inline double likeness(const sample& a, const sample& b) {
  const auto squared = [](double x, double y) {
    if (!(x > 0 && y > 0)) return x == y ? 0.0 : 1.0;
    const double d = std::log2(x / y);
    return d * d;
  };
  const double servers = squared(a.config.servers, b.config.servers);
  const double regime =
      (a.config.gpus > 1) != (b.config.gpus > 1) || (a.config.servers > 1) != (b.config.servers > 1)
          ? 1
          : 0;
  return std::exp(-0.5 * (squared(a.config.gpus, b.config.gpus) + servers + regime +
                          squared(a.config.local_batch, b.config.local_batch) +
                          squared(a.config.clock_ghz, b.config.clock_ghz) +
                          squared(a.power_limit_w.value_or(0), b.power_limit_w.value_or(0))));
}

/// For each candidate, by how much its measurement would lower the mean variance of predictions.
/// ln T = jᵀθ + discrepancy + noise is a Gaussian process; what the measured samples leave of its
/// covariance is projected away, then one candidate i lowers the variance at c by
/// cov(c, i)²/(cov(i, i) + σ²).
[[nodiscard]] inline std::vector<double>
prediction_gains(const wide_fit& wide, std::span<const sample> measured,
                 std::span<const sample> candidates, const std::vector<vector>& j, double noise) {
  const double discrepancy = 0.75 * noise * noise, alone = 0.25 * noise * noise;
  // What is believed of θ before any sample; the samples come in through the process.
  matrix belief = matrix::identity(wide.theta.size());
  belief *= 1e-6;
  {
    const time_problem problem(wide.all.shape, {}, wide.all.priors, 1, 1e300, 1);
    matrix rows;
    problem.jacobian(wide.theta, rows);
    belief.add(1, normal_of(rows, 0, rows.rows()));
  }
  const cholesky root(std::move(belief));
  const std::size_t m = measured.size(), n = candidates.size();
  std::vector<vector> z, zm;  // sensitivities in units of what is believed
  for (const vector& v : j) z.push_back(root.forward(v));
  for (const sample& s : measured) zm.push_back(root.forward(wide.sensitivity(s)));
  matrix k(m, m);
  for (std::size_t a = 0; a < m; ++a)
    for (std::size_t b = 0; b < m; ++b)
      k(a, b) = dot(zm[a], zm[b]) + discrepancy * likeness(measured[a], measured[b]) +
                (a == b ? alone : 0);
  const cholesky factor(std::move(k));
  std::vector<vector> cross;  // with the measured ones, of each candidate
  for (std::size_t c = 0; c < n; ++c) {
    vector with(m);
    for (std::size_t a = 0; a < m; ++a)
      with[a] = dot(zm[a], z[c]) + discrepancy * likeness(measured[a], candidates[c]);
    cross.push_back(factor.forward(std::move(with)));
  }
  // Up to 256 of the candidates, evenly taken, stand for all of them.
  const std::size_t step = (n + 255) / 256;
  std::vector<double> gains(n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    const double own = dot(z[i], z[i]) + discrepancy - dot(cross[i], cross[i]) + alone;
    for (std::size_t c = 0; c < n; c += step) {
      const double shared = dot(z[i], z[c]) + discrepancy * likeness(candidates[i], candidates[c]) -
                            dot(cross[i], cross[c]);
      gains[i] += shared * shared / own;
    }
  }
  return gains;
}

}  // namespace detail

/// The candidate whose measurement tells most, given what was measured. Works from no sample on:
/// until some tell otherwise, what is usual is believed.
///
/// D-optimal designs go back to Wald (1943), V-optimal ones and this way of adding one sample at a
/// time to Fedorov (Theory of Optimal Experiments, 1972). For one sample with sensitivity j, ln det
/// of the information grows by ln(1 + jᵀ M⁻¹ j).
///
/// \param measured    samples so far, may be empty
/// \param candidates  configurations (and power limits) to choose from; times are not read
/// \throws input_error  for no candidates, or if all were measured and may not be repeated
[[nodiscard]] inline suggestion suggest_sample(std::span<const sample> measured,
                                               std::span<const sample> candidates,
                                               const suggestion_options& options = {}) {
  if (candidates.empty()) throw input_error("suggest_sample", "at least one candidate", "none");
  const detail::wide_fit wide = detail::widened(measured, candidates, options.noise);
  const detail::matrix inverse = detail::ldlt(wide.information).inverse();
  const auto spread = [&](const detail::vector& v) { return detail::dot(v, inverse * v); };
  std::vector<detail::vector> j;
  for (const sample& s : candidates) j.push_back(wide.sensitivity(s));
  std::vector<double> gains;
  if (options.about == information::predictions)
    gains = detail::prediction_gains(wide, measured, candidates, j, options.noise);
  else
    for (const auto& v : j) gains.push_back(spread(v));

  std::size_t best = candidates.size();
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const sample& s = candidates[i];
    const bool seen = std::any_of(measured.begin(), measured.end(), [&](const sample& m) {
      return m.config == s.config && m.power_limit_w == s.power_limit_w;
    });
    if (seen && !options.repeat) continue;
    if (best == candidates.size() || gains[i] > gains[best] * (1 + 1e-12)) best = i;
  }
  if (best == candidates.size())
    throw input_error("suggest_sample", "a candidate that was not measured", "none");
  return {best, std::sqrt(wide.variance * spread(j[best]))};
}

/// `count` candidates to measure before the next fit, each chosen as if those before it had been
/// measured with the times that the model predicts.
[[nodiscard]] inline std::vector<std::size_t>
suggest_samples(std::span<const sample> measured, std::span<const sample> candidates,
                std::size_t count, const suggestion_options& options = {}) {
  std::vector<sample> all(measured.begin(), measured.end());
  std::vector<std::size_t> chosen;
  while (chosen.size() < count) {
    const suggestion next = suggest_sample(all, candidates, options);
    chosen.push_back(next.candidate);
    sample assumed = candidates[next.candidate];
    const detail::wide_fit wide = detail::widened(all, candidates, options.noise);
    assumed.power_w.reset();
    assumed.iteration_s = std::exp(wide.all.shape.log_time(
        wide.all.shape.unpack(wide.theta), assumed.config.gpus, assumed.config.servers,
        assumed.config.local_batch, assumed.config.clock_ghz, assumed.power_limit_w.value_or(0)));
    all.push_back(assumed);
  }
  return chosen;
}

}  // namespace heddle::model
