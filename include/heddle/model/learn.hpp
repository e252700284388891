// What jobs that were measured tell about the next one.
//
//   learn_beliefs    tables of other jobs → what fit_time believes of a job that few samples are of
//
// The prior that judges a job must not have seen it: leave its own tables out.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/model/beliefs.hpp>
#include <heddle/model/fit_time.hpp>
#include <heddle/model/sample.hpp>

namespace heddle::model {

/// All that was measured of one job on one type of GPU.
struct measured_table {
  std::string model, gpu_type;
  std::vector<sample> samples;
};

/// Options of `learn_beliefs`.
struct learning_options {
  time_beliefs before{};  ///< counts as much as one and a half tables
  std::vector<int> counts{
      1, 4, 16};  ///< GPUs that new jobs will be measured on; intervals are set by them
};

namespace detail {

/// ln of each number of `time_beliefs`, as far as the table shows it.
using shape_values = std::array<std::optional<double>, shape_beliefs.size()>;

[[nodiscard]] inline shape_values shape_of(std::span<const sample> samples,
                                           const time_beliefs& before) {
  const time_fit_options options{.beliefs = before};
  const found_shape found(pin(samples, growth::ring, before), samples, options);
  const coverage seen = seen_in(samples);
  const auto u = [&](natural i) { return found.start.shape.coordinate(found.theta, i); };
  const bool within = !seen.within.empty(), across = !seen.across.empty();
  const bool batches = seen.batches.size() > 2 && *seen.batches.begin() > 0;
  std::set<bool> pairs;
  for (const sample& s : samples)
    if (s.config.servers > 1) pairs.insert(s.config.servers == 2);
  shape_values v;
  if (batches) v[0] = u(b0) - u(a0) + std::log(seen.batch), v[6] = u(bend);
  if (within) v[1] = u(alpha_r) - std::log(seen.single_s);
  if (within && across) v[2] = u(alpha_n) - u(alpha_r);
  if (seen.within.size() > 1) v[3] = u(lambda_r) - u(alpha_r);
  if (seen.across.size() > 1) v[4] = u(lambda_n) - u(alpha_n);
  if (pairs.size() > 1) v[5] = u(two_servers);
  if (within || across) v[7] = u(straggle);
  if (found.start.shape.links[gamma].index >= 0) v[8] = u(gamma) + std::log(9.0);
  v[9] = std::log(std::max(found.sigma, 1e-4));
  return v;
}

/// Mean and spread of what some tables show, with what was believed before as one and a half of them;
/// the spread is that of the next table, whose mean is not known exactly either.
[[nodiscard]] inline time_beliefs pooled(std::span<const shape_values* const> tables,
                                         const time_beliefs& before) {
  constexpr double worth = 1.5;
  time_beliefs out = before;
  for (std::size_t i = 0; i < shape_beliefs.size(); ++i) {
    double count = 0, mean = 0, square = 0;
    for (const shape_values* t : tables)
      if ((*t)[i]) ++count, mean += *(*t)[i];
    if (count == 0) continue;
    mean /= count;
    for (const shape_values* t : tables)
      if ((*t)[i]) square += (*(*t)[i] - mean) * (*(*t)[i] - mean);
    const belief& old = before.*shape_beliefs[i];
    const double share = count / (count + worth);
    const double variance =
        share * square / std::max(1.0, count - 1) + (1 - share) * old.spread * old.spread;
    out.*shape_beliefs[i] = {.usual = std::exp(share * mean + (1 - share) * std::log(old.usual)),
                             .spread = std::sqrt(variance * (1 + 1 / count))};
  }
  return out;
}

/// A factor that brings the interval of 95 % of what was left out of a fit over the measurement: every
/// table counts as much as any other.
[[nodiscard]] inline double stretch_for(std::vector<std::vector<double>> surprises) {
  std::vector<std::pair<double, double>> all;  // |z|, weight
  double total = 0;
  for (const auto& table : surprises)
    for (double z : table) all.push_back({z, 1.0 / static_cast<double>(table.size())});
  std::sort(all.begin(), all.end());
  for (const auto& [z, weight] : all) total += weight;
  double below = 0;
  for (const auto& [z, weight] : all)
    if ((below += weight) >= 0.95 * total) return z / normal_95;
  return 1;
}

}  // namespace detail

/// What jobs that were measured tell about the next one (empirical Bayes; Efron, Large-Scale Inference,
/// 2010, chapter 1): of each number the mean over the tables and how far they scatter, and how far
/// intervals have to be stretched so that they cover 95 % of what was left out where each table in turn
/// is predicted from its own rows at `counts` and from the other models. Tables without rows at other
/// counts say nothing of that; where there are none the stretch stays.
///
/// \param tables  whole tables; those of one model are left out together
/// \throws input_error  for bad samples and for tables with fewer than 2 configurations
/// O(tables) fits.
[[nodiscard]] inline time_beliefs learn_beliefs(std::span<const measured_table> tables,
                                                const learning_options& options = {}) {
  std::vector<detail::shape_values> values;
  for (const measured_table& t : tables) {
    check_samples(t.samples);
    values.push_back(detail::shape_of(t.samples, options.before));
  }
  const auto believed_without = [&](const std::string* model) {
    std::vector<const detail::shape_values*> others;
    for (std::size_t i = 0; i < tables.size(); ++i)
      if (!model || tables[i].model != *model) others.push_back(&values[i]);
    return detail::pooled(others, options.before);
  };
  std::vector<std::vector<double>> surprises;
  for (const measured_table& t : tables) {
    std::vector<sample> few, rest;
    std::set<int> seen;
    for (const sample& s : t.samples) {
      const bool chosen = std::find(options.counts.begin(), options.counts.end(), s.config.gpus) !=
                          options.counts.end();
      (chosen ? few : rest).push_back(s);
      if (chosen) seen.insert(s.config.gpus);
    }
    if (rest.empty() || seen.size() < 2) continue;
    time_fit_options fitting{.beliefs = believed_without(&t.model)};
    fitting.beliefs.stretch = 1;
    const time_fit fit = fit_time(few, fitting);
    std::vector<double>& z = surprises.emplace_back();
    for (const sample& s : rest) {
      const prediction p = fit.predict(s.config, s.power_limit_w.value_or(0));
      if (p.deviation > 0)
        z.push_back(std::abs(std::log(s.iteration_s / p.iteration_s)) / p.deviation);
    }
    if (z.empty()) surprises.pop_back();
  }
  time_beliefs out = believed_without(nullptr);
  if (!surprises.empty()) {
    const double count = static_cast<double>(surprises.size()), share = count / (count + 1.5);
    out.stretch = std::max(1.0, std::pow(detail::stretch_for(std::move(surprises)), share) *
                                    std::pow(options.before.stretch, 1 - share));
  }
  return out;
}

}  // namespace heddle::model
