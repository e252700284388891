// Fair shares' opposite: the most throughput, whoever gets it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include <heddle/share/level.hpp>
#include <heddle/share/problem.hpp>
#include <heddle/share/workspace.hpp>

namespace heddle::share {

namespace detail {

/// Maximises Σ value(i, j)·x_ij; `value` may depend on a job's row and GPUs only.
template <class Value>
void most_value(const problem& p, workspace& w, answer& out, Value value) {
  nothing(p, out);
  group_jobs(p, w.classes, 0, [](std::size_t, double*) {});
  w.values.prepare(p, w.classes, value);
  out.bound = w.values.maximise();
  w.values.recover(out.x);
  out.objective = 0;
  for (std::size_t i = 0; i < p.jobs(); ++i)
    for (std::size_t j = 0; j < p.types(); ++j) {
      const double x = out.x[i * p.types() + j];
      if (x > 0) out.objective += value(i, j) * x;
    }
  // The sum over jobs may round above the mixture's.
  out.bound = std::max(out.bound, out.objective);
  w.values.prices(p, out.price);
  out.passes = w.values.passes();
  out.status =
      out.bound - out.objective <= detail::closed * out.bound ? status::optimal : status::feasible;
}

}  // namespace detail

/// Maximises Σ_i Σ_j T_ij·x_ij. O(passes · jobs · types), a few dozen passes over classes of equal jobs.
/// \throws input_error  from `check`
struct max_throughput {
  void operator()(const problem& p, workspace& w, answer& out) const {
    check(p);
    detail::most_value(p, w, out, [&](std::size_t i, std::size_t j) { return p.row(i)[j]; });
  }

  [[nodiscard]] answer operator()(const problem& p) const { return detail::solved(*this, p); }
};

/// Maximises Σ_i Σ_j T_ij·x_ij / max_j T_ij: each job's throughput in parts of its best.
/// A row of zeros counts 0. \throws input_error  from `check`
struct max_normalized_throughput {
  void operator()(const problem& p, workspace& w, answer& out) const {
    check(p);
    detail::most_value(p, w, out, [&](std::size_t i, std::size_t j) {
      const double most = *std::max_element(p.row(i), p.row(i) + p.types());
      return most > 0 ? p.row(i)[j] / most : 0;
    });
  }

  [[nodiscard]] answer operator()(const problem& p) const { return detail::solved(*this, p); }
};

/// Maximises throughput per money, Σ_i Σ_j T_ij·x_ij / (g_i·cost_j): time on a type counts by what one
/// unit of its price buys. \throws input_error  from `check`, and for costs that are not one a type, > 0
struct max_throughput_per_cost {
  std::vector<double> cost;  ///< of one GPU of each type for a unit of time

  void operator()(const problem& p, workspace& w, answer& out) const {
    check(p);
    detail::require_size("cost", cost.size(), p.types(), false);
    for (std::size_t j = 0; j < cost.size(); ++j)
      detail::require(detail::finite_positive(cost[j]), "cost", j, "a positive finite number",
                      cost[j]);
    detail::most_value(p, w, out, [&](std::size_t i, std::size_t j) {
      return p.row(i)[j] / (p.gpus_of(i) * cost[j]);
    });
  }

  [[nodiscard]] answer operator()(const problem& p) const { return detail::solved(*this, p); }
};

}  // namespace heddle::share
