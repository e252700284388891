// Least squares with non-negative coefficients, for few columns.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include <heddle/model/detail/dense.hpp>

namespace heddle::model::detail {

/// argmin ‖A x − y‖ over x ≥ 0: the active-set method of Lawson and Hanson (Solving Least Squares
/// Problems, 1974, chapter 23) on the normal equations. O(columns) solves of at most columns³.
[[nodiscard]] inline vector nonnegative_least_squares(const matrix& a, const vector& y) {
  const std::size_t n = a.columns();
  // Columns of one length each, so that a tolerance means the same for all.
  vector length(n), right(n), x(n);
  matrix scaled = a;
  for (std::size_t k = 0; k < n; ++k) {
    length[k] = norm(a.column(k));
    if (!(length[k] > 0)) length[k] = 1;
    for (std::size_t i = 0; i < a.rows(); ++i) scaled(i, k) *= 1 / length[k];
    right[k] = dot(scaled.column(k), y);
  }
  const matrix normal = normal_of(scaled, 0, a.rows());
  std::vector<bool> in(n, false);
  const double tolerance = 1e-12 * (1 + norm(y));

  const auto solve = [&] {
    std::vector<std::size_t> set;
    for (std::size_t i = 0; i < n; ++i)
      if (in[i]) set.push_back(i);
    matrix m(set.size(), set.size());
    vector b(set.size()), z(n);
    for (std::size_t i = 0; i < set.size(); ++i) {
      b[i] = right[set[i]];
      for (std::size_t j = 0; j < set.size(); ++j) m(i, j) = normal(set[i], set[j]);
    }
    const vector part = ldlt(std::move(m)).solve(b);
    for (std::size_t i = 0; i < set.size(); ++i) z[set[i]] = part[i];
    return z;
  };

  for (std::size_t round = 0; round < 3 * n; ++round) {
    const vector explained = normal * x;
    const auto gradient = [&](std::size_t i) { return right[i] - explained[i]; };
    std::size_t enter = n;
    for (std::size_t i = 0; i < n; ++i)
      if (!in[i] && gradient(i) > tolerance && (enter == n || gradient(i) > gradient(enter)))
        enter = i;
    if (enter == n) break;
    in[enter] = true;
    for (;;) {
      const vector z = solve();
      double step = 1;
      for (std::size_t i = 0; i < n; ++i)
        if (in[i] && z[i] <= 0) step = std::min(step, x[i] / (x[i] - z[i]));
      if (!(step < 1)) {
        x = z;
        break;
      }
      bool left = false;
      for (std::size_t i = 0; i < n; ++i) {
        x[i] += step * (z[i] - x[i]);
        if (in[i] && x[i] <= 1e-15) in[i] = false, x[i] = 0, left = true;
      }
      if (!left) break;
    }
  }
  for (std::size_t k = 0; k < n; ++k) x[k] /= length[k];
  return x;
}

}  // namespace heddle::model::detail
