// Shares by rule, without optimization: what clusters do today.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <heddle/share/level.hpp>
#include <heddle/share/problem.hpp>
#include <heddle/share/throughput.hpp>
#include <heddle/share/workspace.hpp>

namespace heddle::share {

namespace detail {

/// x_ij = part_i·C_j / g_i, a row over 1 scaled down to 1.
template <class Part>
void split(const problem& p, answer& out, Part part) {
  for (std::size_t i = 0; i < p.jobs(); ++i) {
    double* x = out.x.data() + i * p.types();
    double time = 0;
    for (std::size_t j = 0; j < p.types(); ++j)
      time += x[j] = part(i) * p.capacity[j] / p.gpus_of(i);
    if (time > 1)
      for (std::size_t j = 0; j < p.types(); ++j) x[j] /= time;
  }
}

/// Rules are measured by the lowest level, with the optimum of `max_min` as the bound.
inline void measure_level(const problem& p, workspace& w, answer& out) {
  w.kept.swap(out.x);
  max_min{}(p, w, out);
  out.x.swap(w.kept);
  out.objective = lowest_level(p, out);
  seal(out, w.levels);
}

}  // namespace detail

/// Every job has 1/N of each type to itself: x_ij = C_j / (N·g_i), a job's time cut to 1. What a job
/// cannot use is left idle. Objective and bound: those of `max_min`.
struct isolated {
  void operator()(const problem& p, workspace& w, answer& out) const {
    check(p);
    detail::nothing(p, out);
    const double part = 1 / std::max(1.0, static_cast<double>(p.jobs()));
    detail::split(p, out, [&](std::size_t) { return part; });
    detail::measure_level(p, w, out);
  }

  [[nodiscard]] answer operator()(const problem& p) const { return detail::solved(*this, p); }
};

/// Every job has a part of each type in proportion to its weight: x_ij = w_i·C_j / (Σ_k w_k·g_i), a
/// job's time cut to 1. Objective and bound: those of `max_min`.
struct proportional {
  void operator()(const problem& p, workspace& w, answer& out) const {
    check(p);
    detail::nothing(p, out);
    double all = 0;
    for (std::size_t i = 0; i < p.jobs(); ++i) all += p.weight_of(i);
    detail::split(p, out, [&](std::size_t i) { return p.weight_of(i) / all; });
    detail::measure_level(p, w, out);
  }

  [[nodiscard]] answer operator()(const problem& p) const { return detail::solved(*this, p); }
};

/// Jobs in their order, each alone on its fastest type that still has all its GPUs, until one finds
/// none: the rest wait. A job that could not run on the whole cluster alone, because it runs on no
/// type or needs more GPUs than there are of those types, is passed over: nobody waits for what can
/// never be. Objective and bound: those of `max_normalized_throughput`. O(jobs · types) and one price
/// search for the bound.
struct fifo {
  void operator()(const problem& p, workspace& w, answer& out) const {
    max_normalized_throughput{}(p, w, out);
    const double bound = out.bound;
    std::fill(out.x.begin(), out.x.end(), 0.0);
    out.objective = 0;
    std::vector<double>& free = w.cap;
    free.assign(p.capacity.begin(), p.capacity.end());
    for (std::size_t i = 0; i < p.jobs(); ++i) {
      const double* t = p.row(i);
      const double most = *std::max_element(t, t + p.types());
      std::size_t at = p.types();
      bool ever = false;
      for (std::size_t j = 0; j < p.types(); ++j) {
        if (!(t[j] > 0)) continue;
        ever = ever || p.capacity[j] >= p.gpus_of(i);
        if (free[j] >= p.gpus_of(i) && (at == p.types() || t[j] > t[at])) at = j;
      }
      if (!ever) continue;
      if (at == p.types()) break;
      free[at] -= p.gpus_of(i);
      out.x[i * p.types() + at] = 1;
      out.objective += t[at] / most;
    }
    out.bound = std::max(bound, out.objective);
    out.status = out.bound - out.objective <= detail::closed * out.bound ? status::optimal
                                                                         : status::feasible;
  }

  [[nodiscard]] answer operator()(const problem& p) const { return detail::solved(*this, p); }
};

}  // namespace heddle::share
