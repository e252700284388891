// Keeping a fit up to date while the job runs.
//
//   online_fit   one new sample at a time in O(parameters²); says when the job has changed
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>

#include <heddle/core/error.hpp>
#include <heddle/model/detail/dense.hpp>
#include <heddle/model/fit_time.hpp>

namespace heddle::model {

/// Options of `online_fit`.
struct refinement_options {
  double forgetting = 1;     ///< in (0, 1]: weight of an old sample for each one that follows
  double drift_slack = 0.5;  ///< in σ: shifts of less than twice this go unnoticed, ≥ 0
  double drift_limit = 8;    ///< in σ: how much shift adds up before it is reported, > 0
};

/// What one sample did.
struct refinement {
  double predicted_s = 0;  ///< before the sample was seen
  double surprise = 0;     ///< (ln measured − ln predicted)/its standard deviation
  bool drifted = false;    ///< from here on the job differs from what was fitted
};

/// A time fit that learns from one sample after another: Gauss–Newton in recursive form (Ljung,
/// System Identification, 1999, chapter 11) on the fit's own scales, with Huber's damping, and a
/// two-sided cumulative sum of surprises (Page, Biometrika 41, 1954) that tells drift from noise:
///
///     S⁺ = max(0, S⁺ + z − slack),  S⁻ = max(0, S⁻ − z − slack);  drift: max(S⁺, S⁻) > limit
///
/// Without drift a false alarm comes about once in some thousand samples; a shift of 2σ is noticed
/// within about six. What was pinned stays pinned: fit anew for regimes that were not seen.
/// `refine` allocates nothing. One writer at a time.
class online_fit {
 public:
  /// \throws input_error  for options out of their range
  explicit online_fit(time_fit fit, const refinement_options& options = {})
      : fit_(std::move(fit)), options_(options) {
    if (!(options_.forgetting > 0 && options_.forgetting <= 1))
      throw input_error("online_fit.forgetting", "a number in (0, 1]",
                        std::to_string(options_.forgetting));
    if (!(options_.drift_slack >= 0 && options_.drift_limit > 0))
      throw input_error("online_fit", "a drift slack ≥ 0 and limit > 0", "others");
    covariance_ = detail::ldlt(fit_.information).inverse();
    noise_ = std::max(fit_.noise, 1e-3);  // no clock measures better than 0.1 %
    covariance_ *= noise_ * noise_;
    j_.resize(fit_.theta.size());
    gain_.resize(fit_.theta.size());
  }

  /// Learns from one sample. O(parameters²). \pre the sample passes `check_samples`
  refinement refine(const sample& s) {
    std::array<double, detail::natural_count> by_u{};
    const double log_t = fit_.shape.log_time(
        fit_.shape.unpack(fit_.theta), s.config.gpus, s.config.servers, s.config.local_batch,
        s.config.clock_ghz, s.power_limit_w.value_or(0), by_u.data());
    const std::size_t n = j_.size();
    std::fill(j_.begin(), j_.end(), 0.0);
    for (std::size_t i = 0; i < detail::natural_count; ++i)
      if (const int k = fit_.shape.links[i].index; k >= 0)
        j_[static_cast<std::size_t>(k)] += by_u[i];

    std::fill(gain_.begin(), gain_.end(), 0.0);
    for (std::size_t c = 0; c < n; ++c)
      for (std::size_t r = 0; r < n; ++r) gain_[r] += covariance_(r, c) * j_[c];
    const double variance = detail::dot(j_, gain_) + noise_ * noise_;
    const double innovation = std::log(s.iteration_s) - log_t;
    refinement out{.predicted_s = std::exp(log_t), .surprise = innovation / std::sqrt(variance)};

    above_ = std::max(0.0, above_ + out.surprise - options_.drift_slack);
    below_ = std::max(0.0, below_ - out.surprise - options_.drift_slack);
    if (std::max(above_, below_) > options_.drift_limit) drifted_ = true;
    out.drifted = drifted_;

    const double size = std::abs(out.surprise);
    const double weight = size > cut ? cut / size : 1;  // an outlier moves no more than 1.345 σ
    const double scale = weight / variance;
    for (std::size_t c = 0; c < n; ++c) {
      fit_.theta[c] += scale * innovation * gain_[c];
      for (std::size_t r = 0; r < n; ++r) covariance_(r, c) -= scale * gain_[r] * gain_[c];
    }
    if (options_.forgetting < 1) covariance_ *= 1 / options_.forgetting;
    const auto values = fit_.shape.unpack(fit_.theta);
    fit_.model = fit_.shape.model(values);
    if (fit_.by_limit) fit_.limit_curve = fit_.shape.limit_curve(values);
    return out;
  }

  /// Starts to look for drift afresh, and believes what is known as if it were `share` of the
  /// samples: after a drift, new samples then count more. \pre 0 < share ≤ 1
  void accept_drift(double share = 0.1) {
    above_ = below_ = 0;
    drifted_ = false;
    covariance_ *= 1 / share;
  }

  /// The model as of now; its `parameters` and `error` are those of the first fit.
  [[nodiscard]] const time_fit& fit() const { return fit_; }
  [[nodiscard]] bool drifted() const { return drifted_; }
  /// Standard deviation of ln T predicted at a configuration, measurement noise left out.
  [[nodiscard]] double deviation(const configuration& c, double limit_w = 0) const {
    const detail::vector j = fit_.sensitivity(c, limit_w);
    return std::sqrt(std::max(0.0, detail::dot(j, covariance_ * j)));
  }

 private:
  static constexpr double cut = 1.345;

  time_fit fit_;
  refinement_options options_;
  detail::matrix covariance_;
  detail::vector j_, gain_;
  double noise_ = 0, above_ = 0, below_ = 0;
  bool drifted_ = false;
};

}  // namespace heddle::model
