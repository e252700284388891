// Least squares with non-negative coefficients, for few columns.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

namespace heddle::model::detail {

/// argmin ‖A x − y‖ over x ≥ 0: the active-set method of Lawson and Hanson (Solving Least Squares
/// Problems, 1974, chapter 23) on the normal equations. O(columns) solves of at most columns³.
[[nodiscard]] inline Eigen::VectorXd nonnegative_least_squares(const Eigen::MatrixXd& a,
                                                               const Eigen::VectorXd& y) {
  const Eigen::Index n = a.cols();
  // Columns of one length each, so that a tolerance means the same for all.
  Eigen::VectorXd length = a.colwise().norm();
  for (Eigen::Index i = 0; i < n; ++i)
    if (!(length[i] > 0)) length[i] = 1;
  const Eigen::MatrixXd scaled = a * length.cwiseInverse().asDiagonal();
  const Eigen::MatrixXd normal = scaled.transpose() * scaled;
  const Eigen::VectorXd right = scaled.transpose() * y;
  Eigen::VectorXd x = Eigen::VectorXd::Zero(n);
  std::vector<bool> in(static_cast<std::size_t>(n), false);
  const double tolerance = 1e-12 * (1 + y.norm());

  const auto solve = [&] {
    std::vector<Eigen::Index> set;
    for (Eigen::Index i = 0; i < n; ++i)
      if (in[static_cast<std::size_t>(i)]) set.push_back(i);
    const auto size = static_cast<Eigen::Index>(set.size());
    Eigen::MatrixXd m(size, size);
    Eigen::VectorXd b(size);
    for (Eigen::Index i = 0; i < size; ++i) {
      b[i] = right[set[static_cast<std::size_t>(i)]];
      for (Eigen::Index j = 0; j < size; ++j)
        m(i, j) = normal(set[static_cast<std::size_t>(i)], set[static_cast<std::size_t>(j)]);
    }
    const Eigen::VectorXd part = m.ldlt().solve(b);
    Eigen::VectorXd z = Eigen::VectorXd::Zero(n);
    for (Eigen::Index i = 0; i < size; ++i) z[set[static_cast<std::size_t>(i)]] = part[i];
    return z;
  };

  for (Eigen::Index round = 0; round < 3 * n; ++round) {
    const Eigen::VectorXd gradient = right - normal * x;
    Eigen::Index enter = -1;
    for (Eigen::Index i = 0; i < n; ++i)
      if (!in[static_cast<std::size_t>(i)] && gradient[i] > tolerance &&
          (enter < 0 || gradient[i] > gradient[enter]))
        enter = i;
    if (enter < 0) break;
    in[static_cast<std::size_t>(enter)] = true;
    for (;;) {
      const Eigen::VectorXd z = solve();
      double step = 1;
      for (Eigen::Index i = 0; i < n; ++i)
        if (in[static_cast<std::size_t>(i)] && z[i] <= 0)
          step = std::min(step, x[i] / (x[i] - z[i]));
      if (!(step < 1)) {
        x = z;
        break;
      }
      x += step * (z - x);
      bool left = false;
      for (Eigen::Index i = 0; i < n; ++i)
        if (in[static_cast<std::size_t>(i)] && x[i] <= 1e-15)
          in[static_cast<std::size_t>(i)] = false, x[i] = 0, left = true;
      if (!left) break;
    }
  }
  return x.cwiseQuotient(length);
}

}  // namespace heddle::model::detail
