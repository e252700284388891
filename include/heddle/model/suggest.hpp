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
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <heddle/core/error.hpp>
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
  Eigen::VectorXd theta;
  Eigen::MatrixXd information;  ///< in units of 1/σ²
  double variance = 0;

  [[nodiscard]] Eigen::VectorXd sensitivity(const sample& s) const {
    std::array<double, natural_count> by_u{};
    (void)all.shape.log_time(all.shape.unpack(theta), s.config.gpus, s.config.servers,
                             s.config.local_batch, s.config.clock_ghz, s.power_limit_w.value_or(0),
                             by_u.data());
    Eigen::VectorXd j = Eigen::VectorXd::Zero(theta.size());
    for (std::size_t i = 0; i < natural_count; ++i)
      if (all.shape.links[i].index >= 0) j[all.shape.links[i].index] += by_u[i];
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
  wide.all = pin(nominal);
  wide.theta = Eigen::Map<Eigen::VectorXd>(wide.all.theta.data(), wide.all.shape.free);
  wide.variance = fitted ? std::max(fit.noise, 0.3 * noise) : noise;
  wide.variance *= wide.variance;
  if (fitted) {  // what was fitted replaces what is usual
    const auto known = fit.shape.unpack(fit.theta);
    for (std::size_t i = 0; i < natural_count; ++i) {
      const link& to = wide.all.shape.links[i];
      const link& from = fit.shape.links[i];
      if (to.index < 0 || to.offset != 0 || from.zero || !(known.v[i] > 0)) continue;
      wide.theta[to.index] = fit.shape.coordinate(fit.theta, i);
    }
  }
  const auto free = wide.theta.size();
  wide.information = 1e-9 * Eigen::MatrixXd::Identity(free, free);
  const time_problem problem(wide.all.shape, measured, wide.all.priors, 1, 1e300, 1);
  Eigen::MatrixXd j;
  problem.jacobian(wide.theta, j);
  const auto rows = static_cast<Eigen::Index>(measured.size());
  wide.information += j.topRows(rows).transpose() * j.topRows(rows);
  wide.information +=
      wide.variance * j.bottomRows(j.rows() - rows).transpose() * j.bottomRows(j.rows() - rows);
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
[[nodiscard]] inline std::vector<double> prediction_gains(const wide_fit& wide,
                                                          std::span<const sample> measured,
                                                          std::span<const sample> candidates,
                                                          const std::vector<Eigen::VectorXd>& j,
                                                          double noise) {
  const double discrepancy = 0.75 * noise * noise, alone = 0.25 * noise * noise;
  const auto p = wide.theta.size();
  // What is believed of θ before any sample; the samples come in through the process.
  Eigen::MatrixXd belief = 1e-6 * Eigen::MatrixXd::Identity(p, p);
  {
    const time_problem problem(wide.all.shape, {}, wide.all.priors, 1, 1e300, 1);
    Eigen::MatrixXd rows;
    problem.jacobian(wide.theta, rows);
    belief += rows.transpose() * rows;
  }
  const Eigen::MatrixXd root = belief.llt().matrixL().solve(Eigen::MatrixXd::Identity(p, p)).eval();
  const auto m = static_cast<Eigen::Index>(measured.size());
  std::vector<Eigen::VectorXd> z;  // sensitivities in units of what is believed
  for (const auto& v : j) z.push_back(root * v);
  std::vector<Eigen::VectorXd> zm;
  for (const sample& s : measured) zm.push_back(root * wide.sensitivity(s));
  Eigen::MatrixXd k(m, m);
  for (Eigen::Index a = 0; a < m; ++a)
    for (Eigen::Index b = 0; b < m; ++b) {
      const auto x = static_cast<std::size_t>(a), y = static_cast<std::size_t>(b);
      k(a, b) = zm[x].dot(zm[y]) + discrepancy * likeness(measured[x], measured[y]) +
                (a == b ? alone : 0);
    }
  const Eigen::LLT<Eigen::MatrixXd> factor(k);
  const auto n = candidates.size();
  Eigen::MatrixXd cross(m, static_cast<Eigen::Index>(n));
  for (std::size_t c = 0; c < n; ++c)
    for (Eigen::Index a = 0; a < m; ++a) {
      const auto x = static_cast<std::size_t>(a);
      cross(a, static_cast<Eigen::Index>(c)) =
          zm[x].dot(z[c]) + discrepancy * likeness(measured[x], candidates[c]);
    }
  if (m) factor.matrixL().solveInPlace(cross);
  // Up to 256 of the candidates, evenly taken, stand for all of them.
  const std::size_t step = (n + 255) / 256;
  std::vector<double> gains(n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    const auto column = cross.col(static_cast<Eigen::Index>(i));
    const double own = z[i].squaredNorm() + discrepancy - column.squaredNorm() + alone;
    for (std::size_t c = 0; c < n; c += step) {
      const double shared = z[i].dot(z[c]) + discrepancy * likeness(candidates[i], candidates[c]) -
                            column.dot(cross.col(static_cast<Eigen::Index>(c)));
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
  const auto p = wide.theta.size();
  const Eigen::MatrixXd inverse = wide.information.ldlt().solve(Eigen::MatrixXd::Identity(p, p));
  std::vector<Eigen::VectorXd> j;
  for (const sample& s : candidates) j.push_back(wide.sensitivity(s));
  std::vector<double> gains;
  if (options.about == information::predictions)
    gains = detail::prediction_gains(wide, measured, candidates, j, options.noise);
  else
    for (const auto& v : j) gains.push_back(v.dot(inverse * v));

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
  return {best, std::sqrt(wide.variance * j[best].dot(inverse * j[best]))};
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
