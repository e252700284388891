// Fitting a throughput model to measured iterations.
//
//   fit_time        samples → time_fit: parameters, errors, what was pinned and why    ms
//   time_fit        predicts; knows how a prediction depends on each parameter
//
// For the online refinement of a fit see refine.hpp, for the sample to take next suggest.hpp, for what
// other jobs tell beforehand learn.hpp, and for types of GPUs that were hardly measured other_type.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/model/beliefs.hpp>
#include <heddle/model/detail/batch_effects.hpp>
#include <heddle/model/detail/dense.hpp>
#include <heddle/model/detail/levenberg_marquardt.hpp>
#include <heddle/model/detail/time_pins.hpp>
#include <heddle/model/detail/time_problem.hpp>
#include <heddle/model/detail/time_report.hpp>
#include <heddle/model/estimate.hpp>
#include <heddle/model/sample.hpp>

namespace heddle::model {

/// Options of `fit_time`.
struct time_fit_options {
  bool robust = true;         ///< Huber's loss: what is off by more than 1.35 σ counts linearly
  double prior_strength = 1;  ///< of the regularisers against σ; 0 leaves only pinning
  bool batch_profile = true;  ///< allow a factor for each batch size where samples prove one
  bool knee = true;           ///< look for a knee where at least 6 clocks were measured
  bool ring = true;  ///< growth as a ring's, a bend and stragglers unless a line is clearly better
  time_beliefs beliefs{};  ///< of the numbers that the samples do not tell; read if `ring`
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

  /// The time of a measured iteration, with a 95 % interval: what is not known of the parameters, and
  /// the scatter of measurements about the model. O(parameters³).
  [[nodiscard]] prediction predict(const configuration& c, double limit_w = 0) const {
    prediction p{.iteration_s = (*this)(c, limit_w).total_s};
    const detail::vector j = sensitivity(c, limit_w);
    const double unknown =
        together * detail::dot(j, detail::ldlt(information).solve(j)) * noise * noise;
    p.deviation = stretch * std::sqrt(std::max(0.0, unknown) + scatter * scatter);
    p.low_s = p.iteration_s * std::exp(-normal_95 * p.deviation);
    p.high_s = p.iteration_s * std::exp(normal_95 * p.deviation);
    return p;
  }
  double scatter = 0;  ///< σ of ln t that is expected of measurements about the model
  double stretch = 1;  ///< of intervals, as `time_beliefs` has it
  double together =
      1;  ///< samples that tell as much as one, since a run is slow or fast as a whole

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
inline void fit_theta(const pinned_shape& start, std::span<const sample> samples,
                      const time_fit_options& options, vector& theta, double& sigma) {
  const time_shape& shape = start.shape;
  const double huber = options.robust ? 1.345 : std::numeric_limits<double>::infinity();
  std::vector<double> r;
  constexpr int rounds = 8;
  for (int round = 0; round < rounds; ++round) {
    const double before = sigma;
    const time_problem problem(shape, samples, start.priors, std::max(sigma, 1e-9), huber,
                               options.prior_strength);
    minimise(problem, theta, 1e-4, 25);
    misfits(problem, shape, theta, samples, r);
    sigma = noise_of(r, sigma, shape.free - start.believed);
    if (std::abs(sigma - before) < 0.03 * before) break;
  }
  const time_problem problem(shape, samples, start.priors, std::max(sigma, 1e-9), huber,
                             options.prior_strength);
  minimise(problem, theta, 1e-8, 60);
}

/// Whether the samples have no noise at all: then the regularisers are left out and θ is exact.
inline bool fit_exactly(const pinned_shape& start, std::span<const sample> samples, vector& theta) {
  const time_shape& shape = start.shape;
  if (static_cast<int>(samples.size()) <= shape.free) return false;
  vector exact = theta;
  const time_problem problem(shape, samples, start.priors, 1,
                             std::numeric_limits<double>::infinity(), 1e-9);
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
inline bool improve_profile(pinned_shape& start, std::span<const sample> samples,
                            const vector& theta) {
  time_shape& shape = start.shape;
  std::vector<double> r, share;
  misfits(time_problem(shape, samples, {}, 1, 1, 0), shape, theta, samples, r, &share);
  return add_batch_effects(shape.profile, samples, r, share, shape.free - start.believed);
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

/// How many samples tell as much as one: the design effect 1 + (m − 1)ρ of samples in groups of m, ρ the
/// correlation within one by an analysis of variance (Kish, Survey Sampling, 1965). Samples on the same
/// GPUs and servers are a group: they were measured in one run, on a network that was as it was.
[[nodiscard]] inline double design_effect(std::span<const sample> samples,
                                          const std::vector<double>& r) {
  std::vector<std::size_t> order(samples.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto key = [&](std::size_t i) {
    return std::pair(samples[i].config.gpus, samples[i].config.servers);
  };
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(key(a), a) < std::pair(key(b), b);
  });
  const double n = static_cast<double>(samples.size());
  double k = 0, mean = 0, within = 0, between = 0, squares = 0;
  for (double x : r) mean += x / n;
  for (std::size_t i = 0; i < order.size();) {
    double count = 0, sum = 0, square = 0;
    for (const auto same = key(order[i]); i < order.size() && key(order[i]) == same; ++i)
      ++count, sum += r[order[i]], square += r[order[i]] * r[order[i]];
    ++k, squares += count * count;
    within += square - sum * sum / count;
    between += count * (sum / count - mean) * (sum / count - mean);
  }
  if (k < 2 || n <= k) return 1;
  const double usual = (n - squares / n) / (k - 1);  // samples of a group
  const double inside = within / (n - k), outside = between / (k - 1);
  const double share = outside > inside ? (outside - inside) / (outside + (usual - 1) * inside) : 0;
  return 1 + (squares / n - 1) * share;
}

/// A shape with its most probable θ.
struct found_shape {
  pinned_shape start;
  vector theta;
  double sigma = 0.07;
  bool exact = false;

  found_shape(pinned_shape s, std::span<const sample> samples, const time_fit_options& options)
      : start(std::move(s)), theta(start.theta) {
    fit_theta(start, samples, options, theta, sigma);
    exact = sigma < 0.05 && fit_exactly(start, samples, theta);
  }
  /// How many parameters the samples had to pay for: one that is held by what is believed of it costs
  /// little.
  [[nodiscard]] double paid(std::span<const sample> samples, double strength) const {
    const time_problem problem(start.shape, samples, start.priors, 1,
                               std::numeric_limits<double>::infinity(), strength);
    matrix j;
    problem.jacobian(theta, j);
    const matrix data = normal_of(j, 0, samples.size());
    matrix total = data;
    total.add(sigma * sigma, normal_of(j, samples.size(), j.rows()));
    const matrix part = ldlt(std::move(total)).solve(data);
    double sum = 0;
    for (std::size_t i = 0; i < part.rows(); ++i) sum += part(i, i);
    return sum;
  }
};

/// Growth along a line or as a ring's: the line if it is exact, or clearly better by Akaike's criterion
/// for the parameters that the samples pay for; else the ring, which does not run away with more GPUs.
/// Fewer than three counts of a kind cannot tell one growth from the other.
[[nodiscard]] inline found_shape find_growth(std::span<const sample> samples,
                                             const time_fit_options& options) {
  const coverage seen = seen_in(samples);
  const bool several = !seen.within.empty() || !seen.across.empty();
  const bool told = !several || seen.within.size() >= 3 || seen.across.size() >= 3;
  const auto along = [&](growth grows) {
    return found_shape(pin(samples, grows, options.beliefs), samples, options);
  };
  if (!options.ring) return along(growth::line);
  if (!told) return along(growth::ring);
  found_shape line = along(growth::line);
  if (line.exact) return line;
  found_shape ring = along(growth::ring);
  if (ring.exact) return ring;
  const double n = static_cast<double>(samples.size()), sigma = std::max(line.sigma, ring.sigma);
  const double off_line = square_sum(line.start.shape, samples, line.theta, sigma),
               off_ring = square_sum(ring.start.shape, samples, ring.theta, sigma);
  const double better =
      n * std::log(off_ring / std::max(off_line, 1e-300)) +
      2 * (ring.paid(samples, options.prior_strength) - line.paid(samples, options.prior_strength));
  constexpr double clearly = 4;
  return better > clearly ? line : ring;
}

/// Tries a knee at each clock and between each two; keeps the best if it explains clearly more.
inline void find_knee(found_shape& found, std::span<const sample> samples,
                      const time_fit_options& options) {
  std::set<double> clocks;
  for (const sample& s : samples) clocks.insert(s.config.clock_ghz);
  if (clocks.size() < 6) return;
  const std::vector<double> ladder(clocks.begin(), clocks.end());
  const double plain = square_sum(found.start.shape, samples, found.theta, found.sigma);
  found_shape best = found;
  pinned_shape bent = found.start;
  bent.priors.push_back({knee, natural_count, std::log(0.3), 2});
  bent.shape.links[knee] = {bent.shape.free++, 0, false};
  bent.why[knee].clear();
  // A few steps at each candidate, at the lower noise that a knee would leave, tell which one to fit in full.
  const double huber = options.robust ? 1.345 : std::numeric_limits<double>::infinity();
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 1; i + 2 < ladder.size(); ++i)
    for (double part : {0.0, 0.5}) {
      bent.shape.knee_ghz = ladder[i] + part * (ladder[i + 1] - ladder[i]);
      vector at = found.theta;
      at.push_back(std::log(0.2));
      minimise(time_problem(bent.shape, samples, bent.priors, std::max(found.sigma / 4, 1e-9),
                            huber, options.prior_strength),
               at, 1e-3, 10);
      if (const double left = square_sum(bent.shape, samples, at, found.sigma); left < least)
        least = left, best.start = bent, best.theta = at;
    }
  if (!std::isfinite(least)) return;
  fit_theta(best.start, samples, options, best.theta, best.sigma);
  least = square_sum(best.start.shape, samples, best.theta, found.sigma);
  if (pays(plain, least, static_cast<double>(samples.size()), found.start.shape.free, 2))
    found = std::move(best);
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

  detail::found_shape found = detail::find_growth(samples, options);
  detail::time_shape& shape = found.start.shape;
  if (!found.exact && options.knee && !shape.by_limit && samples[0].config.clock_ghz > 0) {
    detail::find_knee(found, samples, options);
    if (!shape.links[detail::knee].zero)
      found.exact = detail::fit_exactly(found.start, samples, found.theta);
  }
  if (!found.exact && options.batch_profile)
    for (int round = 0; round < 6 && detail::improve_profile(found.start, samples, found.theta);
         ++round)
      detail::fit_theta(found.start, samples, options, found.theta, found.sigma);

  time_fit fit;
  fit.clock_known = samples[0].config.clock_ghz > 0;
  fit.by_limit = shape.by_limit;
  const auto values = shape.unpack(found.theta);
  fit.model = shape.model(values);
  fit.profile = shape.profile;
  if (fit.by_limit) fit.limit_curve = shape.limit_curve(values);
  detail::describe(fit, samples, shape, found.theta, found.start, options.prior_strength,
                   options.robust && !found.exact);
  if (!found.exact) {  // what is believed of the noise counts as much as 8 samples
    const double n = static_cast<double>(samples.size()), seen = fit.noise,
                 usual = options.beliefs.noise.usual;
    fit.scatter = std::sqrt((n * seen * seen + 8 * usual * usual) / (n + 8));
    fit.stretch = options.beliefs.stretch;
    std::vector<double> r;
    detail::misfits(detail::time_problem(shape, samples, {}, 1, 1, 0), shape, found.theta, samples,
                    r);
    fit.together = detail::design_effect(samples, r);
  }
  fit_error_sum errors;
  for (const sample& s : samples)
    errors.add(fit(s.config, s.power_limit_w.value_or(0)).total_s, s.iteration_s);
  fit.error = errors.result();
  fit.shape = std::move(shape);
  fit.theta = std::move(found.theta);
  return fit;
}

}  // namespace heddle::model
