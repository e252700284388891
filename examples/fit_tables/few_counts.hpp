// How near fits come from few counts of GPUs, and on types that were hardly measured: each model is
// left out of what judges it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_real_distribution.hpp>

#include <heddle/core/random.hpp>
#include <heddle/model/fit_time.hpp>
#include <heddle/model/learn.hpp>
#include <heddle/model/other_type.hpp>

#include "fit_tables/public_tables.hpp"

namespace heddle::examples {

using heddle::model::measured_table;
using heddle::model::sample;
using heddle::model::time_beliefs;

/// Tables with three counts of GPUs or more; names of jobs are a model and, after a blank, a type.
[[nodiscard]] inline std::vector<measured_table> tables_of(const std::vector<measured_job>& jobs,
                                                           const std::string& usual_type) {
  std::vector<measured_table> out;
  for (const measured_job& j : jobs) {
    std::set<int> counts;
    for (const sample& s : j.samples) counts.insert(s.config.gpus);
    if (counts.size() < 3) continue;
    const std::size_t at = j.name.rfind(' ');
    const bool typed = at != std::string::npos;
    out.push_back({typed ? j.name.substr(0, at) : j.name,
                   typed ? j.name.substr(at + 1) : usual_type, j.samples});
    // One GPU is one server, however it was named: the same row stands twice.
    auto& rows = out.back().samples;
    for (std::size_t i = 1; i < rows.size();)
      if (rows[i].config.gpus == 1 && std::find(rows.begin(), rows.begin() + std::ptrdiff_t(i),
                                                rows[i]) != rows.begin() + std::ptrdiff_t(i))
        rows.erase(rows.begin() + std::ptrdiff_t(i));
      else
        ++i;
  }
  return out;
}

/// Errors and coverage of predictions of what a fit did not see.
struct left_out_sum {
  heddle::model::fit_error_sum errors;
  double covered = 0, rows = 0;

  void add(const heddle::model::prediction& p, const sample& s) {
    errors.add(p.iteration_s, s.iteration_s);
    covered += p.low_s <= s.iteration_s && s.iteration_s <= p.high_s, ++rows;
  }
  [[nodiscard]] double mape() const { return 100 * errors.result().mape; }
  [[nodiscard]] double cover() const { return 100 * covered / rows; }
};

/// How far the median of other runs of the same GPUs, servers and batch is off, in %.
[[nodiscard]] inline double measured_again(const std::vector<sample>& rows) {
  std::map<std::tuple<int, int, double>, std::vector<double>> same;
  for (const sample& s : rows)
    same[{s.config.gpus, s.config.servers, s.config.local_batch}].push_back(s.iteration_s);
  heddle::model::fit_error_sum sum;
  for (const auto& [key, times] : same)
    for (std::size_t i = 0; times.size() >= 3 && i < times.size(); ++i) {
      std::vector<double> others;
      for (std::size_t k = 0; k < times.size(); ++k)
        if (k != i) others.push_back(times[k]);
      std::sort(others.begin(), others.end());
      sum.add((others[others.size() / 2] + others[(others.size() - 1) / 2]) / 2, times[i]);
    }
  return 100 * sum.result().mape;
}

/// Each table from its rows on `counts`: along a line, as shipped, and with what its other models tell.
inline void print_few_counts(const char* title, const std::vector<measured_table>& tables,
                             const std::vector<int>& counts) {
  std::printf(
      "\n%s: MAPE of rows on other counts in %%, and how many are in the interval of 95 %%\n",
      title);
  std::printf("%-18s %5s | %6s | %6s %6s | %12s %6s | %6s %6s\n", "model", "rows", "line", "fit",
              "inside", "others' belief", "inside", "whole", "again");
  left_out_sum all;
  for (const measured_table& t : tables) {
    std::vector<measured_table> others;
    for (const measured_table& o : tables)
      if (o.model != t.model) others.push_back(o);
    std::vector<sample> few, rest;
    for (const sample& s : t.samples)
      (std::find(counts.begin(), counts.end(), s.config.gpus) != counts.end() ? few : rest)
          .push_back(s);
    const auto learnt =
        learn_beliefs(others, {.before = heddle::model::ring_beliefs, .counts = counts});
    const auto line = heddle::model::fit_time(few, {.ring = false}),
               shipped = heddle::model::fit_time(few),
               told = heddle::model::fit_time(few, {.beliefs = learnt}),
               whole = heddle::model::fit_time(t.samples);
    left_out_sum by_line, by_shipped, by_others, by_whole;
    for (const sample& s : rest) {
      by_line.add(line.predict(s.config), s);
      by_shipped.add(shipped.predict(s.config), s);
      by_others.add(told.predict(s.config), s);
      by_whole.add(whole.predict(s.config), s);
      all.add(told.predict(s.config), s);
    }
    std::printf("%-18s %5zu | %6.1f | %6.1f %6.1f | %14.1f %6.1f | %6.1f %6.1f\n",
                (t.model + " " + t.gpu_type).c_str(), rest.size(), by_line.mape(),
                by_shipped.mape(), by_shipped.cover(), by_others.mape(), by_others.cover(),
                by_whole.mape(), measured_again(rest));
  }
  std::printf("with the others' belief %.1f %% of all rows are inside\n", all.cover());
}

/// Jobs whose truth is known, a global batch cut over ever more GPUs of servers of eight.
inline void print_made_jobs() {
  using boost::random::uniform_real_distribution;
  constexpr int jobs = 40;
  std::printf(
      "\nMade jobs from 1, 4 and 16 GPUs, 1.5 %% noise: mean MAPE in %% (worst), rows inside\n");
  std::printf("%-44s | %-13s | %-13s %s\n", "growth", "line", "fit", "inside");
  const char* const kinds[] = {"a ring's", "a ring's and doublings, bend, stragglers", "none",
                               "a line"};
  for (std::uint64_t kind = 0; kind < 4; ++kind) {
    double by_line = 0, by_fit = 0, worst_line = 0, worst_fit = 0, inside = 0;
    for (std::uint64_t k = 0; k < jobs; ++k) {
      stream random(5, 100 * kind + k, "made");
      boost::random::normal_distribution<double> normal;
      const auto draw = [&](double low, double high) {
        return low * std::pow(high / low, uniform_real_distribution<double>(0, 1)(random));
      };
      heddle::model::powerflow_throughput t;
      t.a0_s = draw(0.01, 0.05), t.b0_s = draw(0.0005, 0.005);
      t.alpha_r_s = draw(0.01, 0.06), t.alpha_n_s = t.alpha_r_s * draw(1.5, 5);
      t.gamma = draw(1, 3);
      if (kind < 2) t.zeta_r_s = t.alpha_r_s, t.zeta_n_s = t.alpha_n_s;
      if (kind == 1) {
        t.lambda_r_s = t.alpha_r_s * draw(0.03, 0.3), t.lambda_n_s = t.alpha_n_s * draw(0.03, 0.3);
        t.bend = draw(1.05, 2), t.straggle = draw(0.005, 0.03);
      }
      if (kind == 3) t.beta_r_s = t.alpha_r_s / 8, t.beta_n_s = t.alpha_n_s / 62;
      std::vector<sample> few, rest;
      for (double global : {64.0, 128.0, 256.0, 512.0})
        for (int n : {1, 2, 4, 8, 16, 32, 64}) {
          sample s;
          s.config = {n, (n + 7) / 8, global / n, 1};
          if (global / n < 2 || global / n > 256) continue;
          s.iteration_s = t(s.config).total_s * std::exp(0.015 * normal(random));
          s.config.clock_ghz = 0;
          (n == 1 || n == 4 || n == 16 ? few : rest).push_back(s);
        }
      const auto line = heddle::model::fit_time(few, {.ring = false}),
                 fit = heddle::model::fit_time(few);
      left_out_sum of_line, of_fit;
      for (const sample& s : rest)
        of_line.add(line.predict(s.config), s), of_fit.add(fit.predict(s.config), s);
      by_line += of_line.mape() / jobs, by_fit += of_fit.mape() / jobs;
      worst_line = std::max(worst_line, of_line.mape());
      worst_fit = std::max(worst_fit, of_fit.mape());
      inside += of_fit.cover() / jobs;
    }
    std::printf("%-44s | %5.1f (%5.1f) | %5.1f (%5.1f) %5.1f\n", kinds[kind], by_line, worst_line,
                by_fit, worst_fit, inside);
  }
}

/// What is usual of each type by whole tables, and over the types: the beliefs that come with heddle.
inline void print_beliefs(const std::vector<measured_table>& tables) {
  std::printf("\nWhat is usual (and the spread of its logarithm), by whole tables\n");
  static constexpr const char* names[] = {
      "per_sample",  "within", "across",   "doubling_within", "doubling_across",
      "two_servers", "bend",   "straggle", "overlap",         "noise"};
  std::vector<std::string> types;
  for (const measured_table& t : tables)
    if (std::find(types.begin(), types.end(), t.gpu_type) == types.end())
      types.push_back(t.gpu_type);
  std::vector<time_beliefs> by_type;
  std::printf("%-16s", "");
  for (const std::string& type : types) {
    std::vector<measured_table> of;
    std::set<int> counts;
    for (const measured_table& t : tables)
      if (t.gpu_type == type) of.push_back(t);
    for (const sample& s : of.front().samples) counts.insert(s.config.gpus);
    by_type.push_back(learn_beliefs(
        of, {.before = heddle::model::ring_beliefs,
             .counts = counts.contains(16) ? std::vector{1, 4, 16} : std::vector{1, 4}}));
    std::printf(" %12s", type.c_str());
  }
  std::printf(" %12s\n", "all types");
  const double n = static_cast<double>(types.size());
  for (std::size_t i = 0; i < heddle::model::detail::shape_beliefs.size(); ++i) {
    const auto which = heddle::model::detail::shape_beliefs[i];
    double mean = 0, inside = 0, between = 0;
    std::printf("%-16s", names[i]);
    for (const time_beliefs& b : by_type) {
      const auto& x = b.*which;
      mean += std::log(x.usual) / n, inside += x.spread * x.spread / n;
      std::printf(" %6.3g (%.2f)", x.usual, x.spread);
    }
    for (const time_beliefs& b : by_type)
      between += std::pow(std::log((b.*which).usual) - mean, 2) / (n - 1);
    std::printf(" %6.3g (%.2f)\n", std::exp(mean), std::sqrt(inside + between));
  }
  double stretch = 1;
  std::printf("%-16s", "stretch");
  for (const time_beliefs& b : by_type)
    std::printf(" %12.2f", b.stretch), stretch *= std::pow(b.stretch, 1 / n);
  std::printf(" %12.2f\n", stretch);
}

/// Each job on each type from its table on another: nothing measured there, one, three of what is
/// suggested for its GPUs.
inline void print_other_types(const std::vector<measured_table>& tables) {
  using heddle::model::typed_candidate, heddle::model::typed_fit;
  std::printf(
      "\nFrom one type to another, what others take on both known: MAPE in %% (and inside)\n");
  std::printf("%-12s %-14s | %12s %12s %12s\n", "model", "types", "none there", "one", "three");
  left_out_sum all[3];
  std::vector<double> errors[3];
  for (const measured_table& a : tables)
    for (const measured_table& b : tables) {
      if (a.model != b.model || a.gpu_type == b.gpu_type) continue;
      std::vector<measured_table> others;
      for (const measured_table& t : tables)
        if (t.model != a.model) others.push_back(t);
      const auto ratio = learn_ratio(others, a.gpu_type, b.gpu_type);
      const auto fit = heddle::model::fit_time(a.samples);
      std::vector<typed_candidate> there;
      for (const sample& s : b.samples)
        there.push_back({b.gpu_type, s.config, 1.0 * s.config.gpus});
      std::printf("%-12s %-14s |", a.model.c_str(), (a.gpu_type + " to " + b.gpu_type).c_str());
      std::vector<sample> seen;
      const std::size_t measured[] = {0, 1, 3};
      for (std::size_t k = 0; k < 3; ++k) {
        while (seen.size() < measured[k]) {
          typed_fit job(a.gpu_type, fit);
          job.add_type(b.gpu_type, ratio, seen);
          seen.push_back(b.samples[job.suggest(there).candidate]);
        }
        typed_fit job(a.gpu_type, fit);
        job.add_type(b.gpu_type, ratio, seen);
        left_out_sum sum;
        for (const sample& s : b.samples) {
          const auto p = job.predict(b.gpu_type, s.config);
          sum.add(p, s), all[k].add(p, s);
        }
        errors[k].push_back(sum.mape());
        std::printf(" %6.1f (%3.0f)", sum.mape(), sum.cover());
      }
      std::printf("\n");
    }
  std::printf("%-27s |", "median (all rows inside)");
  for (std::size_t k = 0; k < 3; ++k) {
    std::sort(errors[k].begin(), errors[k].end());
    std::printf(" %6.1f (%3.0f)", errors[k][errors[k].size() / 2], all[k].cover());
  }
  std::printf("\n");
}

}  // namespace heddle::examples
