// The problem at a node of a branch and bound: what is left of it, the job that it is divided by, and
// what its children are.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <heddle/choice/detail/scaled_problem.hpp>

namespace heddle::choice::detail {

/// Whether each job still has a point that is worth 0 (after the shift) and uses nothing.
inline bool can_pass(const scaled_problem& d) {
  for (std::size_t i = 0; i < d.jobs(); ++i) {
    bool some = false;
    for (std::size_t k = d.begin[i]; k < d.begin[i + 1] && !some; ++k) {
      some = d.value[k] == 0;
      for (std::size_t r = 0; r < d.resources() && some; ++r) some = d.row(k)[r] == 0;
    }
    if (!some) return false;
  }
  return true;
}

/// Writes to `to` the points of `from` that fit and whose reduced cost is at most `room`, and decides
/// the jobs that have one left, in `best.decided`. False if some job has none.
inline bool reduce(const scaled_problem& from, const std::vector<double>& reduced, double room,
                   scaled_problem& to, best_choice& best) {
  to.clear(from.resources());
  to.left = from.left;
  to.base = from.base;
  to.may_pass = from.may_pass;
  to.whole = from.whole;
  const double keep = room + 1e-12 * std::max(from.spread, 1e-300);
  for (std::size_t i = 0; i < from.jobs(); ++i) {
    const std::size_t first = to.points();
    std::size_t only = 0;
    for (std::size_t k = from.begin[i]; k < from.begin[i + 1]; ++k)
      if (reduced[k] <= keep && from.fits(from.row(k))) {
        to.copy_point(from, k);
        only = k;
      }
    const std::size_t count = to.points() - first;
    if (count == 0) return false;
    if (count > 1) {
      to.close(first, from.job[i]);
      continue;
    }
    to.value.resize(first);
    to.origin.resize(first);
    to.use.resize(first * from.resources());
    to.base += from.value[only];
    best.decided[from.job[i]] = from.origin[only];
    for (std::size_t r = 0; r < from.resources(); ++r) {
      to.left[r] -= from.row(only)[r];
      if (to.left[r] < -scaled_problem::slack) return false;
      to.left[r] = std::max(to.left[r], 0.0);
    }
  }
  if (to.may_pass) to.may_pass = can_pass(to);
  return true;
}

/// The job whose second best point costs least, weighed by how much the two differ in use: the one
/// that the relaxation would divide. Leaves in `cost` the reduced costs of all points.
inline std::size_t branching_job(const scaled_problem& d, const std::vector<double>& price,
                                 std::vector<double>& cost) {
  cost.resize(d.points());
  std::size_t best = 0;
  double most = -1;
  for (std::size_t i = 0; i < d.jobs(); ++i) {
    std::size_t top = d.begin[i];
    for (std::size_t k = d.begin[i]; k < d.begin[i + 1]; ++k) {
      double score = d.value[k];
      for (std::size_t r = 0; r < d.resources(); ++r) score -= price[r] * d.row(k)[r];
      cost[k] = score;
      if (score > cost[top]) top = k;
    }
    const double high = cost[top];
    double second = std::numeric_limits<double>::infinity(), paid = 0;
    for (std::size_t k = d.begin[i]; k < d.begin[i + 1]; ++k) {
      cost[k] = high - cost[k];
      if (k == top) continue;
      second = std::min(second, cost[k]);
    }
    for (std::size_t k = d.begin[i]; k < d.begin[i + 1]; ++k)
      for (std::size_t r = 0; r < d.resources(); ++r)
        paid = std::max(paid, price[r] * std::abs(d.row(k)[r] - d.row(top)[r]));
    const double rank = paid / (second + 1e-3 * paid + 1e-300);
    if (rank > most) {
      most = rank;
      best = i;
    }
  }
  return best;
}

/// Writes to `to` what is left of `from` after its job `job` took point `k`, and decides that job in
/// `best.decided`.
inline void descend(const scaled_problem& from, std::size_t job, std::size_t k, scaled_problem& to,
                    best_choice& best) {
  to.clear(from.resources());
  to.base = from.base + from.value[k];
  to.may_pass = from.may_pass;
  to.whole = from.whole;
  for (std::size_t r = 0; r < from.resources(); ++r)
    to.left[r] = std::max(from.left[r] - from.row(k)[r], 0.0);
  best.decided[from.job[job]] = from.origin[k];
  for (std::size_t i = 0; i < from.jobs(); ++i) {
    if (i == job) continue;
    const std::size_t first = to.points();
    for (std::size_t q = from.begin[i]; q < from.begin[i + 1]; ++q) to.copy_point(from, q);
    to.close(first, from.job[i]);
  }
}

}  // namespace heddle::choice::detail
