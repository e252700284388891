// Fair shares by general linear programs, the slow and obvious way: what the tests believe.
#pragma once

#ifdef HEDDLE_HAS_GLPK

#include <glpk.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include <heddle/share/problem.hpp>

namespace heddle::test {

/// Columns 1 … jobs·types are x_ij, one more is the level s; rows 1 … jobs are Σ_j x_ij ≤ 1, then the
/// capacities, then one a job that wants a throughput.
class share_program {
 public:
  explicit share_program(const share::problem& p)
      : p_(p), n_(static_cast<int>(p.jobs())), m_(static_cast<int>(p.types())),
        lp_(glp_create_prob()) {
    glp_term_out(GLP_OFF);
    glp_set_obj_dir(lp_, GLP_MAX);
    glp_add_cols(lp_, n_ * m_ + 1);
    for (int c = 1; c <= n_ * m_; ++c) glp_set_col_bnds(lp_, c, GLP_LO, 0, 0);
    glp_set_col_bnds(lp_, level(), GLP_LO, 0, 0);
    glp_add_rows(lp_, n_ + m_);
    std::vector<int> at(1);
    std::vector<double> value(1);
    for (int i = 0; i < n_; ++i) {
      at.assign(1, 0);
      value.assign(1, 0);
      for (int j = 0; j < m_; ++j) {
        at.push_back(x(i, j));
        value.push_back(1);
      }
      glp_set_row_bnds(lp_, i + 1, GLP_UP, 0, 1);
      glp_set_mat_row(lp_, i + 1, m_, at.data(), value.data());
    }
    for (int j = 0; j < m_; ++j) {
      at.assign(1, 0);
      value.assign(1, 0);
      for (int i = 0; i < n_; ++i) {
        at.push_back(x(i, j));
        value.push_back(p.gpus_of(static_cast<std::size_t>(i)));
      }
      glp_set_row_bnds(lp_, n_ + j + 1, GLP_UP, 0, p.capacity[static_cast<std::size_t>(j)]);
      glp_set_mat_row(lp_, n_ + j + 1, n_, at.data(), value.data());
    }
  }
  ~share_program() { glp_delete_prob(lp_); }
  share_program(const share_program&) = delete;
  share_program& operator=(const share_program&) = delete;

  /// Adds Σ_j T_ij·x_ij − slope·s ≥ base.
  void want(std::size_t i, double slope, double base) {
    std::vector<int> at{0};
    std::vector<double> value{0};
    for (int j = 0; j < m_; ++j) {
      at.push_back(x(static_cast<int>(i), j));
      value.push_back(p_.row(i)[j]);
    }
    at.push_back(level());
    value.push_back(-slope);
    const int row = glp_add_rows(lp_, 1);
    glp_set_row_bnds(lp_, row, GLP_LO, base, 0);
    glp_set_mat_row(lp_, row, static_cast<int>(at.size()) - 1, at.data(), value.data());
  }
  void cost(std::size_t i, std::size_t j, double v) {
    glp_set_obj_coef(lp_, x(static_cast<int>(i), static_cast<int>(j)), v);
  }
  void cost_of_level(double v) { glp_set_obj_coef(lp_, level(), v); }

  /// The optimum, nothing if infeasible or unbounded. Starts from scratch, as a caller would.
  std::optional<double> solve(bool dual_method = false) {
    glp_smcp options;
    glp_init_smcp(&options);
    options.msg_lev = GLP_MSG_OFF;
    options.tol_bnd = options.tol_dj = 1e-11;
    if (dual_method) options.meth = GLP_DUALP;
    glp_scale_prob(lp_, GLP_SF_AUTO);
    glp_adv_basis(lp_, 0);
    if (glp_simplex(lp_, &options) != 0 || glp_get_status(lp_) != GLP_OPT) return std::nullopt;
    return glp_get_obj_val(lp_);
  }
  [[nodiscard]] double throughput(std::size_t i) const {
    double sum = 0;
    for (int j = 0; j < m_; ++j)
      sum += p_.row(i)[j] * glp_get_col_prim(lp_, x(static_cast<int>(i), j));
    return sum;
  }
  [[nodiscard]] glp_prob* raw() const { return lp_; }

 private:
  [[nodiscard]] int x(int i, int j) const { return 1 + i * m_ + j; }
  [[nodiscard]] int level() const { return n_ * m_ + 1; }

  const share::problem& p_;
  int n_, m_;
  glp_prob* lp_;
};

/// max s: job i has at least rate_i·s.
inline double lp_level(const share::problem& p, const std::vector<double>& rate) {
  share_program lp(p);
  for (std::size_t i = 0; i < p.jobs(); ++i)
    if (rate[i] > 0) lp.want(i, rate[i], 0);
  lp.cost_of_level(1);
  return lp.solve().value_or(-1);
}

template <class Value>
double lp_value(const share::problem& p, Value value) {
  share_program lp(p);
  for (std::size_t i = 0; i < p.jobs(); ++i)
    for (std::size_t j = 0; j < p.types(); ++j) lp.cost(i, j, value(i, j));
  return lp.solve().value_or(-1);
}

/// Whether every job can have at least its `floor`.
inline bool lp_feasible(const share::problem& p, const std::vector<double>& floor) {
  share_program lp(p);
  for (std::size_t i = 0; i < p.jobs(); ++i)
    if (floor[i] > 0) lp.want(i, 0, floor[i]);
  return lp.solve().has_value();
}

/// Finish-time fairness by bisection on ρ, as it is commonly done.
inline double lp_finish_time_fairness(const share::problem& p, double low, double high,
                                      double tolerance) {
  std::vector<double> floor(p.jobs());
  while (high - low > tolerance * high) {
    const double rho = 0.5 * (low + high);
    bool possible = true;
    for (std::size_t i = 0; i < p.jobs(); ++i) {
      const double left = rho * p.isolated_s[i] - p.elapsed_of(i);
      if (p.steps[i] == 0) {
        floor[i] = 0;
        possible = possible && left >= 0;
        continue;
      }
      possible = possible && left > 0;
      floor[i] = p.steps[i] / left;
    }
    (possible && lp_feasible(p, floor) ? high : low) = rho;
  }
  return high;
}

/// Water filling by repeated programs: raise all rates together, then ask of each job alone whether it
/// can have more while nobody has less; hold those that cannot. `rates(held)` gives the rates of the
/// next round. Throughputs of all jobs at the end.
template <class Rates>
std::vector<double> lp_water_filling(const share::problem& p, Rates rates) {
  const std::size_t n = p.jobs();
  std::vector<double> base(n, 0);
  std::vector<char> held(n, 0);
  for (std::size_t round = 0; round < 2 * n + 2; ++round) {
    const std::vector<double> rate = rates(held);
    if (std::all_of(rate.begin(), rate.end(), [](double r) { return r == 0; })) break;
    share_program lp(p);
    for (std::size_t i = 0; i < n; ++i) lp.want(i, rate[i], base[i] * (1 - 1e-10));
    lp.cost_of_level(1);
    const double step = std::max(lp.solve().value_or(0), 0.0);
    for (std::size_t i = 0; i < n; ++i) base[i] += rate[i] * step;
    for (std::size_t k = 0; k < n; ++k) {
      if (held[k]) continue;
      share_program more(p);
      for (std::size_t i = 0; i < n; ++i) more.want(i, 0, base[i] * (1 - 1e-9));
      for (std::size_t j = 0; j < p.types(); ++j) more.cost(k, j, p.row(k)[j]);
      const double most = more.solve().value_or(base[k]);
      if (!(most > base[k] * (1 + 1e-6) + 1e-300)) held[k] = 1;
    }
  }
  return base;
}

}  // namespace heddle::test

#endif
