// Fitting a throughput model to measured iterations.
//
//   fit_time        samples → time_fit: parameters, errors, what was pinned and why    ms
//   time_fit        predicts; knows how a prediction depends on each parameter
//
// For the online refinement of a fit see refine.hpp, for the sample to take next suggest.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/model/detail/batch_effects.hpp>
#include <heddle/model/detail/dense.hpp>
#include <heddle/model/detail/levenberg_marquardt.hpp>
#include <heddle/model/detail/time_pins.hpp>
#include <heddle/model/detail/time_problem.hpp>
#include <heddle/model/estimate.hpp>
#include <heddle/model/sample.hpp>

namespace heddle::model {

/// Options of `fit_time`.
struct time_fit_options {
  bool robust = true;         ///< Huber's loss: what is off by more than 1.35 σ counts linearly
  double prior_strength = 1;  ///< of the regularisers against σ; 0 leaves only pinning
  bool batch_profile = true;  ///< allow a factor for each batch size where samples prove one
  bool knee = true;           ///< look for a knee where at least 6 clocks were measured
  bool ring = true;           ///< allow growth across servers that is bounded as a ring's
};

/// A fitted throughput model. Plain data but for the shape of its parameters.
class time_fit {
 public:
  powerflow_throughput model;  ///< clocks are shares of the top clock if `by_limit`, 1 if unknown
  batch_profile profile;       ///< 1 unless the samples prove otherwise
  bool clock_known = false;    ///< samples had a clock
  bool by_limit = false;       ///< samples had power limits and no clock
  ridge_power limit_curve;     ///< if `by_limit`: power over the share of the top clock
  double noise = 0;            ///< σ of ln t that the fit leaves
  double freedom = 0;          ///< degrees of freedom of `noise`
  std::vector<parameter_estimate> parameters;
  fit_error error;

  /// The time of an iteration. \param limit_w  of each GPU, read only if `by_limit`
  [[nodiscard]] step_time operator()(const configuration& c, double limit_w = 0) const {
    configuration at = c;
    at.clock_ghz = clock(c.clock_ghz, limit_w);
    return profiled_throughput{model, profile}(at);
  }
  /// The clock on the model's scale.
  [[nodiscard]] double clock(double clock_ghz, double limit_w) const {
    return by_limit      ? std::max(1e-3, continuous_clock_at(limit_curve, limit_w, 1))
           : clock_known ? clock_ghz
                         : 1;
  }

  // For refinement and suggestion: the parameters without bounds, the inverse of their covariance
  // in units of 1/σ², and d ln T / dθ.
  detail::time_shape shape;
  detail::vector theta;
  detail::matrix information;

  [[nodiscard]] detail::vector sensitivity(const configuration& c, double limit_w = 0) const {
    std::array<double, detail::natural_count> by_u{};
    (void)shape.log_time(shape.unpack(theta), c.gpus, c.servers, c.local_batch, c.clock_ghz,
                         limit_w, by_u.data());
    detail::vector j(theta.size());
    for (std::size_t i = 0; i < detail::natural_count; ++i)
      if (shape.links[i].index >= 0) j[static_cast<std::size_t>(shape.links[i].index)] += by_u[i];
    return j;
  }
};

namespace detail {

/// Residuals of all samples at θ, with the share of the gradient time in each.
inline void misfits(const time_problem& problem, const time_shape& shape, const vector& theta,
                    std::span<const sample> samples, std::vector<double>& r,
                    std::vector<double>* share = nullptr) {
  const auto p = shape.unpack(theta);
  r.resize(samples.size());
  if (share) share->resize(samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i)
    r[i] = problem.misfit(p, samples[i], nullptr, share ? &(*share)[i] : nullptr);
}

/// σ from residuals, outliers clipped at 3σ. Where samples are few for their parameters, up to two
/// samples' worth of 5 % noise is believed beforehand, so that a fit through all points does not
/// pass for one without noise. A regularised parameter costs less than a degree of freedom.
[[nodiscard]] inline double noise_of(const std::vector<double>& r, double sigma, int parameters) {
  constexpr double believed = 0.05, cost = 0.6;
  const double n = static_cast<double>(r.size());
  const double weight = 2 * std::clamp(1.5 - n / (2 * parameters), 0.0, 1.0);
  double sum = weight * believed * believed;
  for (double x : r) sum += std::min(x * x, 9 * sigma * sigma);
  return std::sqrt(sum / (std::max(1.0, n - cost * parameters) + weight));
}

/// The most probable θ, with σ estimated on the way.
inline void fit_theta(const time_shape& shape, std::span<const sample> samples,
                      const std::vector<prior>& priors, const time_fit_options& options,
                      vector& theta, double& sigma) {
  const double huber = options.robust ? 1.345 : std::numeric_limits<double>::infinity();
  std::vector<double> r;
  constexpr int rounds = 8;
  for (int round = 0; round < rounds; ++round) {
    const double before = sigma;
    const time_problem problem(shape, samples, priors, std::max(sigma, 1e-9), huber,
                               options.prior_strength);
    minimise(problem, theta, 1e-4, 25);
    misfits(problem, shape, theta, samples, r);
    sigma = noise_of(r, sigma, shape.free);
    if (std::abs(sigma - before) < 0.03 * before) break;
  }
  const time_problem problem(shape, samples, priors, std::max(sigma, 1e-9), huber,
                             options.prior_strength);
  minimise(problem, theta, 1e-8, 60);
}

/// Whether the samples have no noise at all: then the regularisers are left out and θ is exact.
inline bool fit_exactly(const time_shape& shape, std::span<const sample> samples,
                        const std::vector<prior>& priors, vector& theta) {
  if (static_cast<int>(samples.size()) <= shape.free) return false;
  vector exact = theta;
  const time_problem problem(shape, samples, priors, 1, std::numeric_limits<double>::infinity(),
                             1e-9);
  minimise(problem, exact, 1e-15, 60);
  std::vector<double> r;
  misfits(problem, shape, exact, samples, r);
  const auto worst = std::abs(*std::max_element(
      r.begin(), r.end(), [](double a, double b) { return std::abs(a) < std::abs(b); }));
  if (!(worst < 1e-7)) return false;
  theta = exact;
  return true;
}

/// A factor on the gradient time for each batch size, if the residuals prove one; returns whether
/// anything changed.
inline bool improve_profile(time_shape& shape, std::span<const sample> samples,
                            const vector& theta) {
  std::vector<double> r, share;
  misfits(time_problem(shape, samples, {}, 1, 1, 0), shape, theta, samples, r, &share);
  return add_batch_effects(shape.profile, samples, r, share, shape.free);
}

/// Residuals' sum of squares at θ, each at most 9σ².
[[nodiscard]] inline double square_sum(const time_shape& shape, std::span<const sample> samples,
                                       const vector& theta, double sigma) {
  std::vector<double> r;
  misfits(time_problem(shape, samples, {}, 1, 1, 0), shape, theta, samples, r);
  double sum = 0;
  for (double x : r) sum += std::min(x * x, 9 * sigma * sigma);
  return sum;
}

/// Whether `more` parameters pay: Akaike's criterion for small samples and a clear margin, so that
/// noise alone asks for a term in about one fit of a thousand.
[[nodiscard]] inline bool pays(double before, double after, double n, int parameters, int more) {
  const double few = n - parameters - more - 1;
  if (few < 1 || !(after < before) || before < 1e-14 * n) return false;
  const double gain = n * std::log(before / std::max(after, 1e-300));
  return gain > 2 * more * (1 + (parameters + more) / few) + 8;
}

/// The growth of synchronisation across servers. Where samples that scatter show it over a short
/// range of GPU counts, half of it is taken to be a ring's, which is bounded, so that it does not run
/// away with more GPUs; where they show it over a long one, they decide.
inline void find_ring(pinned_shape& start, std::span<const sample> samples,
                      const time_fit_options& options, vector& theta, double& sigma) {
  time_shape& shape = start.shape;
  const std::set<int> across = seen_in(samples).across;
  if (across.empty() || !start.why[beta_n].empty()) return;
  if (*across.rbegin() < 8 * *across.begin() && sigma > 0.06) {
    start.tie(zeta_n, beta_n, 1 / usual_beta_n, "GPU counts too close: half of the growth");
    for (prior& q : start.priors)
      if (q.first == beta_n) q.mean -= std::log(2.0);
    theta[static_cast<std::size_t>(shape.links[beta_n].index)] -= std::log(2.0);
    fit_theta(shape, samples, start.priors, options, theta, sigma);
    return;
  }
  if (across.size() < 4) return;
  time_shape ring = shape;
  ring.links[zeta_n] = {ring.free++, 0, false};
  std::vector<prior> priors = start.priors;
  priors.push_back({zeta_n, alpha_n, std::log(0.3), 0.75});
  vector at = theta;
  at.push_back(ring.coordinate(theta, alpha_n) + std::log(0.1));
  double s = sigma;
  fit_theta(ring, samples, priors, options, at, s);
  if (!pays(square_sum(shape, samples, theta, sigma), square_sum(ring, samples, at, sigma),
            static_cast<double>(samples.size()), shape.free, 1))
    return;
  shape = ring, theta = at, sigma = s;
  start.priors = std::move(priors);
  start.why[zeta_n].clear();
}

/// Tries a knee at each clock and between each two; keeps the best if it explains clearly more.
inline void find_knee(pinned_shape& start, std::span<const sample> samples,
                      const time_fit_options& options, vector& theta, double& sigma) {
  std::set<double> clocks;
  for (const sample& s : samples) clocks.insert(s.config.clock_ghz);
  if (clocks.size() < 6) return;
  const std::vector<double> ladder(clocks.begin(), clocks.end());
  const double plain = square_sum(start.shape, samples, theta, sigma);
  std::vector<prior> priors = start.priors;
  priors.push_back({knee, natural_count, std::log(0.3), 2});
  // A few steps at each candidate, at the lower noise that a knee would leave, tell which one to fit in full.
  const double huber = options.robust ? 1.345 : std::numeric_limits<double>::infinity();
  double best = std::numeric_limits<double>::infinity();
  time_shape best_shape;
  vector best_theta;
  for (std::size_t i = 1; i + 2 < ladder.size(); ++i)
    for (double part : {0.0, 0.5}) {
      time_shape bent = start.shape;
      bent.knee_ghz = ladder[i] + part * (ladder[i + 1] - ladder[i]);
      bent.links[knee] = {bent.free++, 0, false};
      vector at = theta;
      at.push_back(std::log(0.2));
      minimise(time_problem(bent, samples, priors, std::max(sigma / 4, 1e-9), huber,
                            options.prior_strength),
               at, 1e-3, 10);
      if (const double left = square_sum(bent, samples, at, sigma); left < best)
        best = left, best_shape = bent, best_theta = at;
    }
  if (!std::isfinite(best)) return;
  double best_sigma = sigma;
  fit_theta(best_shape, samples, priors, options, best_theta, best_sigma);
  best = square_sum(best_shape, samples, best_theta, sigma);
  if (!pays(plain, best, static_cast<double>(samples.size()), start.shape.free, 2)) return;
  start.shape = best_shape, theta = best_theta, sigma = best_sigma;
  start.priors = std::move(priors);
  start.why[knee].clear();
}

}  // namespace detail

/// Fits the PowerFlow form to measured iterations by weighted least squares on ln T, so that every
/// sample counts by its relative error.
///
/// Parameters are sought on logarithmic scales with Levenberg–Marquardt; parameters of regimes that
/// no sample shows are pinned. Derived regularisers say what is usual (a ring all-reduce doubles
/// from two GPUs to many; half of an iteration is bound by the clock; …) with the weight of one
/// sample each, measured in the noise that the samples themselves show: where the samples identify a
/// parameter they do not matter, and samples without noise are recovered exactly.
///
/// Samples with a power limit and no clock are fitted jointly with the ridge that turns the limit
/// into a share of the top clock.
///
/// \param samples  at least 2 different configurations
/// \throws input_error  for bad samples (`check_samples`) and for fewer than 2 configurations
/// O(samples · parameters²) an iteration, 10–50 iterations.
[[nodiscard]] inline time_fit fit_time(std::span<const sample> samples,
                                       const time_fit_options& options = {}) {
  check_samples(samples);
  std::set<std::array<double, 5>> different;
  for (const sample& s : samples)
    different.insert({static_cast<double>(s.config.gpus), static_cast<double>(s.config.servers),
                      s.config.local_batch, s.config.clock_ghz, s.power_limit_w.value_or(0)});
  if (different.size() < 2)
    throw input_error("fit_time", "samples of at least 2 different configurations",
                      std::to_string(different.size()));

  detail::pinned_shape start = detail::pin(samples);
  detail::time_shape& shape = start.shape;
  detail::vector theta = start.theta;
  double sigma = 0.07;
  detail::fit_theta(shape, samples, start.priors, options, theta, sigma);
  bool exact = sigma < 0.05 && detail::fit_exactly(shape, samples, start.priors, theta);
  if (!exact) {
    if (options.ring) detail::find_ring(start, samples, options, theta, sigma);
    if (options.knee && !shape.by_limit && samples[0].config.clock_ghz > 0)
      detail::find_knee(start, samples, options, theta, sigma);
    if (!shape.links[detail::knee].zero || !shape.links[detail::zeta_n].zero)
      exact = detail::fit_exactly(shape, samples, start.priors, theta);
  }
  if (!exact && options.batch_profile)
    for (int round = 0; round < 6 && detail::improve_profile(shape, samples, theta); ++round)
      detail::fit_theta(shape, samples, start.priors, options, theta, sigma);

  time_fit fit;
  fit.clock_known = samples[0].config.clock_ghz > 0;
  fit.by_limit = shape.by_limit;
  const auto values = shape.unpack(theta);
  fit.model = shape.model(values);
  fit.profile = shape.profile;
  if (fit.by_limit) fit.limit_curve = shape.limit_curve(values);
  detail::describe(fit, samples, shape, theta, start, exact ? 0 : options.prior_strength,
                   options.robust && !exact);
  fit_error_sum errors;
  for (const sample& s : samples)
    errors.add(fit(s.config, s.power_limit_w.value_or(0)).total_s, s.iteration_s);
  fit.error = errors.result();
  fit.shape = std::move(shape);
  fit.theta = std::move(theta);
  return fit;
}

}  // namespace heddle::model
