// Fitting a power model to measured powers.
//
//   fit_power     samples, time_fit → power_fit: parameters, errors, what was pinned     < 1 ms
//   power_fit     predicts the power of all GPUs of a job
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
#include <heddle/model/detail/nnls.hpp>
#include <heddle/model/detail/ridge_search.hpp>
#include <heddle/model/estimate.hpp>
#include <heddle/model/fit_time.hpp>
#include <heddle/model/power.hpp>

namespace heddle::model {

/// Which power model is fitted where clocks are known.
enum class power_form : unsigned char { ridge, cubic };

/// Options of `fit_power`.
struct power_fit_options {
  power_form form = power_form::ridge;
  bool robust = true;                ///< Huber's loss
  double waiting_utilization = 0.3;  ///< ρ, in [0, 1], as in job_model
  bool batch_profile = true;         ///< allow a factor for each batch size
};

/// A fitted power model.
class power_fit {
 public:
  power_form form = power_form::ridge;
  bool by_limit = false;  ///< power over the limit instead of the clock
  ridge_power ridge;      ///< if form is ridge; clock 1 where none is known
  cubic_power cubic;      ///< if form is cubic
  /// If `by_limit`: W = Σ share·min(limit, level). Between phases that need more than the limit and
  /// phases that do not, the mean power is concave in the limit and bends at each phase's demand.
  std::vector<std::pair<double, double>> levels;  ///< (level in W, share)
  batch_profile profile;
  double waiting_utilization = 0.3;
  std::vector<parameter_estimate> parameters;
  double noise = 0;  ///< σ of ln W that the fit leaves
  fit_error error;

  /// Power of all GPUs. \param t  the job's time at `c`  \param clock  on the time fit's scale
  [[nodiscard]] double operator()(const configuration& c, const step_time& t, double clock,
                                  double limit_w = 0) const {
    double one = 0;
    if (by_limit) {
      for (const auto& [level, share] : levels) one += share * std::min(limit_w, level);
    } else {
      const double u = utilization(t);
      one = form == power_form::ridge ? ridge(clock, u) : cubic(clock, u);
    }
    return c.gpus * one * profile.factor(c.local_batch);
  }
  /// u = min(1, (compute + ρ·sync)/total).
  [[nodiscard]] double utilization(const step_time& t) const {
    return std::min(1.0, (t.compute_s + waiting_utilization * t.sync_s) / t.total_s);
  }
};

namespace detail {

/// Huber's weights of residuals ln(predicted/measured), and σ.
inline double reweigh(std::vector<power_row>& rows, const std::vector<double>& r, double parameters,
                      bool robust) {
  const double n = static_cast<double>(r.size());
  std::vector<double> sizes;
  for (double x : r) sizes.push_back(std::abs(x));
  const auto middle = sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() / 2);
  std::nth_element(sizes.begin(), middle, sizes.end());
  const double scale = std::max(1.4826 * *middle, 1e-12);
  double sum = 0;
  for (std::size_t i = 0; i < r.size(); ++i) {
    rows[i].weight = robust && std::abs(r[i]) > 1.345 * scale ? 1.345 * scale / std::abs(r[i]) : 1;
    sum += rows[i].weight * r[i] * r[i];
  }
  return std::sqrt(sum / std::max(1.0, n - parameters));
}

/// Non-negative coefficients of the columns `basis(row, k)`, by relative least squares.
template <class Basis>
[[nodiscard]] vector relative_nnls(const std::vector<power_row>& rows, std::size_t columns,
                                   Basis basis) {
  matrix a(rows.size(), columns);
  vector y(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double w = std::sqrt(rows[i].weight);
    y[i] = w;
    for (std::size_t k = 0; k < columns; ++k) a(i, k) = w * basis(rows[i], k) / rows[i].watts;
  }
  return nonnegative_least_squares(a, y);
}

/// Adds parameters with errors from the derivatives of ln W by each value, taken numerically.
template <class Predict>
void describe_power(power_fit& fit, const std::vector<power_row>& rows,
                    std::vector<std::pair<std::string, double>> values,
                    const std::vector<std::string>& why, Predict predict) {
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (why[i].empty() && values[i].second > 0) open.push_back(i);
  matrix j(rows.size(), open.size());
  for (std::size_t k = 0; k < open.size(); ++k) {
    double& v = values[open[k]].second;
    const double keep = v, h = 1e-5 * keep;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      v = keep + h;
      const double up = predict(values, rows[i]);
      v = keep - h;
      const double down = predict(values, rows[i]);
      v = keep;
      j(i, k) = std::sqrt(rows[i].weight) * (up - down) / (2 * h) / rows[i].watts;
    }
  }
  const double freedom =
      std::max(1.0, static_cast<double>(rows.size()) - static_cast<double>(open.size()));
  matrix normal = normal_of(j, 0, rows.size());
  vector scale(open.size());
  for (std::size_t i = 0; i < scale.size(); ++i)
    scale[i] = normal(i, i) > 0 ? std::sqrt(normal(i, i)) : 1;
  for (std::size_t k = 0; k < scale.size(); ++k) {
    for (std::size_t i = 0; i < scale.size(); ++i) normal(i, k) /= scale[i] * scale[k];
    normal(k, k) += 1e-12;
  }
  const matrix inverse = ldlt(std::move(normal)).inverse();
  for (std::size_t i = 0; i < values.size(); ++i) {
    parameter_estimate e;
    e.name = values[i].first;
    e.value = values[i].second;
    const auto at = std::find(open.begin(), open.end(), i);
    if (at != open.end()) {
      const auto k = static_cast<std::size_t>(at - open.begin());
      e.standard_error = fit.noise * std::sqrt(std::max(0.0, inverse(k, k))) / scale[k];
      const double t = student_t_95(freedom);
      e.low = std::max(0.0, e.value - t * e.standard_error);
      e.high = e.value + t * e.standard_error;
    } else if (!why[i].empty()) {
      e.state = parameter_state::pinned, e.why = why[i];
    } else {
      e.state = parameter_state::zero, e.why = "at its bound";
    }
    fit.parameters.push_back(std::move(e));
  }
}

inline void fit_ridge(power_fit& fit, std::vector<power_row>& rows, bool robust) {
  std::set<double> clocks;
  for (const power_row& row : rows) clocks.insert(row.clock);
  const double top = *clocks.rbegin();
  const std::string few = "too few clocks: the usual ridge, derived from V100's, is taken";
  const std::vector<std::string> why{"", "", clocks.size() > 3 ? "" : few,
                                     clocks.size() > 2 ? "" : few};
  const ridge_search search(rows, top, clocks.size() > 3, clocks.size() > 2);
  const double parameters = 2 + (clocks.size() > 3) + (clocks.size() > 2);
  std::vector<double> r(rows.size());
  double variance = 0.02 * 0.02;
  for (int round = 0; round < 3; ++round) {
    fit.ridge = search(variance);
    for (std::size_t i = 0; i < rows.size(); ++i)
      r[i] = std::log(fit.ridge(rows[i].clock, rows[i].utilization) / rows[i].watts);
    fit.noise = reweigh(rows, r, parameters, robust);
    variance = fit.noise * fit.noise + 1e-6;
  }
  if (static_cast<double>(rows.size()) > parameters) {  // without noise the regularisers go
    const ridge_power exact = search(0);
    double worst = 0;
    for (const power_row& row : rows)
      worst = std::max(worst, std::abs(exact(row.clock, row.utilization) / row.watts - 1));
    if (worst < 1e-6) fit.ridge = exact, fit.noise = worst;
  }
  describe_power(fit, rows,
                 {{"static_w", fit.ridge.static_w},
                  {"dynamic_w_per_ghz", fit.ridge.dynamic_w_per_ghz},
                  {"ridge_ghz", fit.ridge.ridge_ghz},
                  {"slope_per_ghz", fit.ridge.slope_per_ghz}},
                 why, [](const auto& v, const power_row& row) {
                   return ridge_power{v[0].second, v[1].second, v[2].second,
                                      v[3].second}(row.clock, row.utilization);
                 });
}

inline void fit_cubic(power_fit& fit, std::vector<power_row>& rows, bool robust) {
  std::set<double> clocks;
  for (const power_row& row : rows) clocks.insert(row.clock);
  const bool linear = clocks.size() > 2;
  std::vector<double> r(rows.size());
  for (int round = 0; round < 4; ++round) {
    const auto c = relative_nnls(rows, linear ? 3 : 2, [](const power_row& row, std::size_t k) {
      const double f = row.clock;
      return k == 0 ? 1 : (k == 1 ? f * f : 1) * f * row.utilization;
    });
    fit.cubic = {c[0], linear ? c[2] : 0, c[1]};
    for (std::size_t i = 0; i < rows.size(); ++i)
      r[i] = std::log(fit.cubic(rows[i].clock, rows[i].utilization) / rows[i].watts);
    fit.noise = reweigh(rows, r, linear ? 3 : 2, robust);
  }
  describe_power(
      fit, rows,
      {{"static_w", fit.cubic.static_w},
       {"linear_w_per_ghz", fit.cubic.linear_w_per_ghz},
       {"cubic_w_per_ghz3", fit.cubic.cubic_w_per_ghz3}},
      {"", linear ? "" : "too few clocks", ""}, [](const auto& v, const power_row& row) {
        return cubic_power{v[0].second, v[1].second, v[2].second}(row.clock, row.utilization);
      });
}

inline void fit_levels(power_fit& fit, std::vector<power_row>& rows, bool robust) {
  std::set<double> all;
  for (const power_row& row : rows) all.insert(row.limit);
  std::vector<double> levels(all.begin(), all.end());
  if (levels.size() > 12) {  // enough bends for any trace
    std::vector<double> few;
    for (std::size_t k = 0; k < 12; ++k) few.push_back(levels[k * (levels.size() - 1) / 11]);
    levels = std::move(few);
  }
  std::vector<double> r(rows.size());
  for (int round = 0; round < 4; ++round) {
    const auto share = relative_nnls(rows, levels.size(), [&](const power_row& row, std::size_t k) {
      return std::min(row.limit, levels[k]);
    });
    fit.levels.clear();
    for (std::size_t k = 0; k < levels.size(); ++k)
      if (share[k] > 0) fit.levels.emplace_back(levels[k], share[k]);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      double p = 0;
      for (const auto& [level, s] : fit.levels) p += s * std::min(rows[i].limit, level);
      r[i] = std::log(p / rows[i].watts);
    }
    fit.noise = reweigh(rows, r, static_cast<double>(fit.levels.size()), robust);
  }
  std::vector<std::pair<std::string, double>> values;
  for (const auto& [level, share] : fit.levels)
    values.emplace_back("share_to_" + std::to_string(static_cast<int>(std::lround(level))) + "_w",
                        share);
  describe_power(fit, rows, values, std::vector<std::string>(values.size()),
                 [levels = fit.levels](const auto& v, const power_row& row) {
                   double p = 0;
                   for (std::size_t k = 0; k < v.size(); ++k)
                     p += v[k].second * std::min(row.limit, levels[k].first);
                   return p;
                 });
}

}  // namespace detail

/// Fits a power model to those samples that have a power, by least squares on relative errors with
/// Huber's weights.
///
/// - Clocks known: `ridge_power`, by a search over ridge and slope with non-negative static and
///   dynamic power solved for inside, or `cubic_power` by non-negative least squares. The usual
///   ridge is believed with the weight of one sample each.
/// - Power limits and no clocks: mean power as a concave function of the limit.
/// - Neither: one power, split into static and dynamic as far as utilizations differ.
///
/// \param time  the fit of the same job's time: it says how busy a GPU is
/// \throws input_error  for bad samples and where no sample has a power
[[nodiscard]] inline power_fit fit_power(std::span<const sample> samples, const time_fit& time,
                                         const power_fit_options& options = {}) {
  check_samples(samples);
  power_fit fit;
  fit.form = options.form;
  fit.by_limit = time.by_limit;
  fit.waiting_utilization = options.waiting_utilization;
  std::vector<detail::power_row> rows;
  std::vector<sample> measured;
  for (const sample& s : samples) {
    if (!s.power_w) continue;
    const double limit = s.power_limit_w.value_or(0);
    rows.push_back({.watts = *s.power_w / s.config.gpus,
                    .clock = time.clock(s.config.clock_ghz, limit),
                    .utilization = fit.utilization(time(s.config, limit)),
                    .limit = limit,
                    .weight = 1});
    measured.push_back(s);
  }
  if (rows.empty()) throw input_error("fit_power", "a sample with its power", "none");

  const auto run = [&] {
    fit.parameters.clear();
    if (fit.by_limit)
      detail::fit_levels(fit, rows, options.robust);
    else if (fit.form == power_form::ridge)
      detail::fit_ridge(fit, rows, options.robust);
    else
      detail::fit_cubic(fit, rows, options.robust);
  };
  const auto predicted = [&](const sample& s) {
    const double limit = s.power_limit_w.value_or(0);
    return fit(s.config, time(s.config, limit), time.clock(s.config.clock_ghz, limit), limit);
  };
  run();
  const std::vector<double> ones(rows.size(), 1);
  for (int round = 0; options.batch_profile && round < 4; ++round) {
    std::vector<double> r;
    for (const sample& s : measured) r.push_back(std::log(predicted(s) / *s.power_w));
    if (!detail::add_batch_effects(fit.profile, measured, r, ones,
                                   static_cast<int>(fit.parameters.size())))
      break;
    for (std::size_t i = 0; i < rows.size(); ++i)
      rows[i].watts = *measured[i].power_w / measured[i].config.gpus /
                      fit.profile.factor(measured[i].config.local_batch);
    run();
  }
  fit_error_sum errors;
  for (const sample& s : measured) errors.add(predicted(s), *s.power_w);
  fit.error = errors.result();
  return fit;
}

}  // namespace heddle::model
