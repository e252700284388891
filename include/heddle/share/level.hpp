// Fair shares that raise one common level: max-min, makespan, finish-time fairness.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include <heddle/share/problem.hpp>
#include <heddle/share/workspace.hpp>

namespace heddle::share {

namespace detail {

/// L_i(s) = rate_i·s.
struct proportional_path {
  const std::vector<double>& rate;
  double most;
  [[nodiscard]] double top() const { return most; }
  void at(double s, double* level, double* slope) const {
    for (std::size_t i = 0; i < rate.size(); ++i) {
      level[i] = rate[i] * s;
      slope[i] = rate[i];
    }
  }
};

/// L_i(s) = steps_i / (isolated_i/s − elapsed_i): what job i needs to finish within 1/s times isolated_i.
struct finish_path {
  const problem& p;
  const equal_jobs& classes;
  double most;
  [[nodiscard]] double top() const { return most; }
  void at(double s, double* level, double* slope) const {
    for (std::size_t k = 0; k < classes.size(); ++k) {
      const std::size_t i = classes.first(k);
      if (p.steps[i] == 0) {
        level[k] = slope[k] = 0;
        continue;
      }
      const double left = p.isolated_s[i] - p.elapsed_of(i) * s;
      level[k] = p.steps[i] * s / left;
      slope[k] = p.steps[i] * p.isolated_s[i] / (left * left);
    }
  }
};

/// Equal jobs by throughput row, GPUs and what `rest(i, out)` adds (`more` numbers).
template <class Rest>
void group_jobs(const problem& p, equal_jobs& classes, std::size_t more, Rest rest) {
  classes.group(p.jobs(), p.types() + 1 + more, [&](std::size_t i, double* out) {
    std::copy_n(p.row(i), p.types(), out);
    out[p.types()] = p.gpus_of(i);
    rest(i, out + p.types() + 1);
  });
}

/// `lower`: the objective is minimised, so the bound lies below.
inline void seal(answer& out, const level_search& search, bool lower = false) {
  search.prices(out.price);
  out.passes = search.passes();
  // They may cross by rounding.
  if (lower)
    out.bound = std::min(out.bound, out.objective);
  else
    out.bound = std::max(out.bound, out.objective);
  const double gap = std::abs(out.objective - out.bound);
  out.status = gap <= closed * std::abs(out.bound) ? status::optimal : status::feasible;
}

/// min_i g_i·Σ_j T_ij·x_ij / (w_i·n_i) over the jobs with n_i > 0; 0 if there is none.
inline double lowest_level(const problem& p, const answer& a) {
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < p.jobs(); ++i) {
    const double fair = p.fair_throughput(i);
    if (fair > 0)
      least = std::min(least, p.gpus_of(i) * a.throughput(p, i) / (p.weight_of(i) * fair));
  }
  return least < std::numeric_limits<double>::infinity() ? least : 0;
}

inline void nothing(const problem& p, answer& out) {
  out.x.assign(p.jobs() * p.types(), 0);
  out.level.clear();
  out.price.assign(p.types(), 0);
  out.passes = 0;
}

/// Of a time to be minimised: whether it is known before any search, because no job asks for a level
/// (`top` infinite: the time is 0) or because one can reach none (`top` 0: infeasible).
inline bool decided(double top, answer& out) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (top != infinity && top != 0) return false;
  out.objective = out.bound = top == 0 ? infinity : 0;
  out.status = top == 0 ? status::infeasible : status::optimal;
  return true;
}

}  // namespace detail

/// Maximises the lowest normalised throughput (Gavel's heterogeneity-aware least attained service):
///
///     max min_i g_i·Σ_j T_ij·x_ij / (w_i·n_i)
///
/// A job that can run nowhere (n_i = 0) holds nobody down. What is left over the common level is not
/// given out: `max_min_lexicographic` does that.
///
/// Bound: the level affordable at the prices found. O(passes · jobs · types²), a few dozen passes over
/// classes of equal jobs. \throws input_error  from `check`
struct max_min {
  void operator()(const problem& p, workspace& w, answer& out) const {
    check(p);
    detail::nothing(p, out);
    detail::group_jobs(p, w.classes, 1,
                       [&](std::size_t i, double* rest) { *rest = p.weight_of(i); });
    w.levels.prepare(p, w.classes);
    w.rate.resize(w.classes.size());
    double top = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < w.classes.size(); ++k) {
      const std::size_t i = w.classes.first(k);
      w.rate[k] = p.weight_of(i) * p.fair_throughput(i) / p.gpus_of(i);
      if (w.rate[k] > 0) top = std::min(top, w.levels.cap(k) / w.rate[k]);
    }
    if (top == std::numeric_limits<double>::infinity()) top = 0;
    detail::proportional_path path{w.rate, top};
    out.bound = w.levels.maximise(path).level;
    w.levels.recover(path, out.x);
    out.objective = detail::lowest_level(p, out);
    detail::seal(out, w.levels);
  }

  [[nodiscard]] answer operator()(const problem& p) const { return detail::solved(*this, p); }
};

/// Minimises the time until the last job has done its steps: min max_i steps_i / Σ_j T_ij·x_ij, in s.
///
/// The same search as `max_min` with rates steps_i; exact, not by bisection. Infeasible if a job with
/// steps can run nowhere: objective and bound are then infinite and x is zero. Needs `steps`.
/// Complexity as `max_min`. \throws input_error  from `check`
struct makespan {
  void operator()(const problem& p, workspace& w, answer& out) const {
    check(p, {.steps = true});
    detail::nothing(p, out);
    detail::group_jobs(p, w.classes, 1, [&](std::size_t i, double* rest) { *rest = p.steps[i]; });
    w.levels.prepare(p, w.classes);
    w.rate.resize(w.classes.size());
    double top = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < w.classes.size(); ++k) {
      w.rate[k] = p.steps[w.classes.first(k)];
      if (w.rate[k] > 0) top = std::min(top, w.levels.cap(k) / w.rate[k]);
    }
    if (detail::decided(top, out)) return;  // nothing left to do, or a job that can run nowhere
    detail::proportional_path path{w.rate, top};
    out.bound = 1 / w.levels.maximise(path).level;
    w.levels.recover(path, out.x);
    out.objective = 0;
    for (std::size_t i = 0; i < p.jobs(); ++i)
      if (p.steps[i] > 0)
        out.objective = std::max(out.objective, p.steps[i] / out.throughput(p, i));
    detail::seal(out, w.levels, true);
  }

  [[nodiscard]] answer operator()(const problem& p) const { return detail::solved(*this, p); }
};

/// Minimises the largest finish-time fairness ρ_i (Themis): the time from submission to the end over the
/// time that the job would take on its own share,
///
///     min max_i (elapsed_i + steps_i / Σ_j T_ij·x_ij) / isolated_i
///
/// A job without steps left counts with its elapsed time. One search as `max_min`, on levels that are
/// rational in 1/ρ. Infeasible as `makespan`. Needs `steps` and `isolated_s`.
/// \throws input_error  from `check`
struct finish_time_fairness {
  void operator()(const problem& p, workspace& w, answer& out) const {
    check(p, {.steps = true, .isolated_s = true});
    detail::nothing(p, out);
    detail::group_jobs(p, w.classes, 3, [&](std::size_t i, double* rest) {
      rest[0] = p.steps[i];
      rest[1] = p.elapsed_of(i);
      rest[2] = p.isolated_s[i];
    });
    w.levels.prepare(p, w.classes);
    double top = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < w.classes.size(); ++k) {
      const std::size_t i = w.classes.first(k);
      if (p.steps[i] > 0) {
        const double cap = w.levels.cap(k);
        top = std::min(top, cap * p.isolated_s[i] / (p.steps[i] + cap * p.elapsed_of(i)));
      } else if (p.elapsed_of(i) > 0) {
        top = std::min(top, p.isolated_s[i] / p.elapsed_of(i));
      }
    }
    if (detail::decided(top, out)) return;  // the same, where nobody has waited either
    detail::finish_path path{p, w.classes, top};
    out.bound = 1 / w.levels.maximise(path).level;
    w.levels.recover(path, out.x);
    out.objective = 0;
    for (std::size_t i = 0; i < p.jobs(); ++i) {
      const double left = p.steps[i] > 0 ? p.steps[i] / out.throughput(p, i) : 0;
      out.objective = std::max(out.objective, (p.elapsed_of(i) + left) / p.isolated_s[i]);
    }
    detail::seal(out, w.levels, true);
  }

  [[nodiscard]] answer operator()(const problem& p) const { return detail::solved(*this, p); }
};

}  // namespace heddle::share
