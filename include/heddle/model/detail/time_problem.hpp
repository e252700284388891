// The least-squares problem of a time fit.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <heddle/model/detail/dense.hpp>
#include <heddle/model/detail/time_shape.hpp>
#include <heddle/model/sample.hpp>

namespace heddle::model::detail {

/// What is believed of θ before any sample: (Σ weight·u − mean)/deviation ~ N(0, 1).
struct prior {
  std::size_t first = natural_count, second = natural_count;  ///< u[first] − u[second]
  double mean = 0, deviation = 1;
};

/// Residuals ln(T/t)/σ, dampened as Huber's loss wants it, and under them the priors.
class time_problem {
 public:
  time_problem(const time_shape& shape, std::span<const sample> samples,
               const std::vector<prior>& priors, double sigma, double huber, double strength)
      : shape_(shape), samples_(samples), priors_(priors), sigma_(sigma), huber_(huber),
        strength_(strength) {}

  [[nodiscard]] int values() const {
    return static_cast<int>(samples_.size() + priors_.size()) + shape_.free;
  }

  void residuals(const vector& x, vector& r) const {
    const auto p = shape_.unpack(x);
    std::size_t row = 0;
    for (const sample& s : samples_) r[row++] = dampened(misfit(p, s) / sigma_, huber_).first;
    for (const prior& q : priors_) r[row++] = strength_ * dampened(pull(x, q), belief_cut).first;
    // A hair of damping: directions in which nothing pulls stay where they are.
    for (int k = 0; k < shape_.free; ++k) r[row++] = 1e-9 * x[static_cast<std::size_t>(k)];
  }

  void jacobian(const vector& x, matrix& j) const {
    const auto p = shape_.unpack(x);
    std::array<double, natural_count> by_u{};
    j = matrix(static_cast<std::size_t>(values()), static_cast<std::size_t>(shape_.free));
    const auto at = [&](std::size_t i) { return static_cast<std::size_t>(shape_.links[i].index); };
    std::size_t row = 0;
    for (const sample& s : samples_) {
      const double slope = dampened(misfit(p, s, by_u.data()) / sigma_, huber_).second / sigma_;
      for (std::size_t i = 0; i < natural_count; ++i)
        if (shape_.links[i].index >= 0) j(row, at(i)) += slope * by_u[i];
      ++row;
    }
    for (const prior& q : priors_) {
      const double w = strength_ * dampened(pull(x, q), belief_cut).second / q.deviation;
      if (shape_.links[q.first].index >= 0) j(row, at(q.first)) += w;
      if (q.second < natural_count && shape_.links[q.second].index >= 0) j(row, at(q.second)) -= w;
      ++row;
    }
    for (std::size_t k = 0; k < j.columns(); ++k) j(row++, k) = 1e-9;
  }

  /// ln(T/t) of one sample.
  [[nodiscard]] double misfit(const time_shape::values& p, const sample& s, double* by_u = nullptr,
                              double* compute_share = nullptr) const {
    return shape_.log_time(p, s.config.gpus, s.config.servers, s.config.local_batch,
                           s.config.clock_ghz, s.power_limit_w.value_or(0), by_u, compute_share) -
           std::log(s.iteration_s);
  }

 private:
  [[nodiscard]] double pull(const vector& x, const prior& q) const {
    double u = shape_.coordinate(x, q.first);
    if (q.second < natural_count) u -= shape_.coordinate(x, q.second);
    return (u - q.mean) / q.deviation;
  }

  /// A residual whose square is Huber's loss, and its derivative.
  [[nodiscard]] static std::pair<double, double> dampened(double r, double cut) {
    const double size = std::abs(r);
    if (size <= cut) return {r, 1};
    const double root = std::sqrt(2 * cut * size - cut * cut);
    return {r < 0 ? -root : root, cut / root};
  }

  /// Beyond this many deviations a regulariser pulls no harder: an unusual job is no outlier.
  static constexpr double belief_cut = 1;

  const time_shape& shape_;
  std::span<const sample> samples_;
  const std::vector<prior>& priors_;
  double sigma_, huber_, strength_;
};

}  // namespace heddle::model::detail
