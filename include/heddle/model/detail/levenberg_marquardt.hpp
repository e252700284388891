// Eigen's Levenberg–Marquardt behind one function.
#pragma once

#include <Eigen/Core>
#include <Eigen/QR>
#include <unsupported/Eigen/NonLinearOptimization>

namespace heddle::model::detail {

/// What Eigen's algorithm wants of a problem, forwarded to `Problem`:
/// inputs(), values(), residuals(x, r), jacobian(x, j).
template <class Problem>
struct lm_functor {
  const Problem& problem;
  [[nodiscard]] int inputs() const { return problem.inputs(); }
  [[nodiscard]] int values() const { return problem.values(); }
  int operator()(const Eigen::VectorXd& x, Eigen::VectorXd& r) const {
    problem.residuals(x, r);
    return 0;
  }
  int df(const Eigen::VectorXd& x, Eigen::MatrixXd& j) const {
    problem.jacobian(x, j);
    return 0;
  }
};

/// Minimises Σ residual² from `x` on, which ends at the solution. \pre values() ≥ inputs() ≥ 1
template <class Problem>
void minimise(const Problem& problem, Eigen::VectorXd& x, double tolerance, int evaluations) {
  lm_functor<Problem> functor{problem};
  Eigen::LevenbergMarquardt<lm_functor<Problem>> lm(functor);
  lm.parameters.ftol = lm.parameters.xtol = tolerance;
  lm.parameters.factor = 10;
  lm.parameters.maxfev = evaluations;
  lm.minimize(x);
}

}  // namespace heddle::model::detail
