// Shares for a makespan as a general solver by barriers finds them: from the middle of all that fit.
#pragma once

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <heddle/share/level.hpp>
#include <heddle/share/problem.hpp>
#include <heddle/share/workspace.hpp>

namespace heddle::test {

/// The time to be met is found by halving [100 s, 10⁶ s] until its ends are 5 % apart; the shares are the analytic
/// centre of { x ≥ 0, Σ_j x_ij ≤ 1, Σ_i g_i·x_ij ≤ C_j, Σ_j T_ij·x_ij ≥ steps_i / time }: they maximise the sum of
/// the logarithms of all slacks. By Newton's method from x that is strictly inside.
struct central_makespan {
  void operator()(const share::problem& p, share::workspace& space, share::answer& out) const {
    share::makespan{}(p, space, out);
    const double least_s = out.objective;
    double low = 100, high = 1e6;
    while (1.05 * low < high) {
      const double middle = (low + high) / 2;
      (middle >= least_s ? high : low) = middle;
    }
    const std::size_t n = p.jobs(), m = p.types();
    const auto at = [&](std::size_t i, std::size_t j) {
      return static_cast<Eigen::Index>(i * m + j);
    };
    // Inside: the best shares, which need least_s / high of what there is, and a little of everything.
    const double spare = 1 - least_s / high;
    Eigen::VectorXd x(static_cast<Eigen::Index>(n * m));
    double all = 0;
    for (std::size_t i = 0; i < n; ++i) all += p.gpus_of(i);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < m; ++j)
        x[at(i, j)] = out.x[i * m + j] * (1 - spare / 2) +
                      spare / 4 * std::min(p.capacity[j] / all, 1.0 / static_cast<double>(m));
    for (int pass = 0; pass < 60; ++pass) {
      Eigen::VectorXd slope = -x.cwiseInverse(), step;
      Eigen::MatrixXd curve = x.cwiseInverse().cwiseAbs2().asDiagonal();
      for (std::size_t j = 0; j < m; ++j) {
        double slack = p.capacity[j];
        for (std::size_t i = 0; i < n; ++i) slack -= p.gpus_of(i) * x[at(i, j)];
        for (std::size_t i = 0; i < n; ++i) {
          slope[at(i, j)] += p.gpus_of(i) / slack;
          for (std::size_t k = 0; k < n; ++k)
            curve(at(i, j), at(k, j)) += p.gpus_of(i) * p.gpus_of(k) / (slack * slack);
        }
      }
      for (std::size_t i = 0; i < n; ++i) {
        double idle = 1, more = -p.steps[i] / high;
        for (std::size_t j = 0; j < m; ++j) {
          idle -= x[at(i, j)];
          more += p.row(i)[j] * x[at(i, j)];
        }
        for (std::size_t j = 0; j < m; ++j) {
          slope[at(i, j)] += 1 / idle - p.row(i)[j] / more;
          for (std::size_t k = 0; k < m; ++k)
            curve(at(i, j), at(i, k)) +=
                1 / (idle * idle) + p.row(i)[j] * p.row(i)[k] / (more * more);
        }
      }
      step = -curve.llt().solve(slope);
      const double decrement = -slope.dot(step);
      // A step of this length stays inside (self-concordance).
      x += step / (1 + std::sqrt(std::max(decrement, 0.0)));
      if (decrement < 1e-9) break;
    }
    for (std::size_t k = 0; k < n * m; ++k)
      out.x[k] = std::clamp(x[static_cast<Eigen::Index>(k)], 0.0, 1.0);
  }
};

}  // namespace heddle::test
