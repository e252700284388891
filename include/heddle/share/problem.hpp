// A fair-share problem over GPU types and its answer, as plain data.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <heddle/core/error.hpp>

namespace heddle::share {

/// Jobs that share GPUs of several types by fractions of time.
///
/// x_ij ≥ 0 is the fraction of its time that job i spends on type j, with all its g_i GPUs:
///
///     Σ_j x_ij ≤ 1  for every job,    Σ_i g_i·x_ij ≤ C_j  for every type
///
/// Arrays have one entry a job unless said otherwise; those that may be empty have a default.
struct problem {
  std::vector<double> capacity;       ///< C_j: GPUs of each type, ≥ 0
  std::vector<double> throughput;     ///< T_ij of the whole job, jobs × types, row by row, ≥ 0
  std::vector<double> gpus;           ///< g_i > 0; empty: 1
  std::vector<double> weight;         ///< w_i > 0; empty: 1
  std::vector<double> steps;          ///< work left, ≥ 0, in the unit of throughput × s
  std::vector<double> elapsed_s;      ///< time since submission, ≥ 0; empty: 0
  std::vector<double> isolated_s;     ///< time that the job would take on its own share, > 0
  std::vector<std::uint32_t> entity;  ///< who owns the job, an index of `entity_weight`; empty: 0
  std::vector<double> entity_weight;  ///< one an entity, > 0; empty: 1 each

  [[nodiscard]] std::size_t types() const { return capacity.size(); }
  [[nodiscard]] std::size_t jobs() const {
    return capacity.empty() ? 0 : throughput.size() / capacity.size();
  }
  [[nodiscard]] const double* row(std::size_t i) const { return throughput.data() + i * types(); }
  [[nodiscard]] double gpus_of(std::size_t i) const { return gpus.empty() ? 1 : gpus[i]; }
  [[nodiscard]] double weight_of(std::size_t i) const { return weight.empty() ? 1 : weight[i]; }
  [[nodiscard]] double elapsed_of(std::size_t i) const {
    return elapsed_s.empty() ? 0 : elapsed_s[i];
  }
  [[nodiscard]] std::uint32_t entity_of(std::size_t i) const {
    return entity.empty() ? 0 : entity[i];
  }

  /// n_i = Σ_j T_ij·C_j / Σ_j C_j: the throughput of a job that spends its whole time on all types in
  /// proportion to their number; 0 if there is no GPU.
  [[nodiscard]] double fair_throughput(std::size_t i) const {
    double sum = 0, all = 0;
    for (std::size_t j = 0; j < types(); ++j) {
      sum += row(i)[j] * capacity[j];
      all += capacity[j];
    }
    return all > 0 ? sum / all : 0;
  }
};

/// What an answer is.
enum class status {
  optimal,     ///< objective and bound agree to 1e-8 relative; 1e-12 is common
  feasible,    ///< a valid allocation of which no more is claimed than its bound says
  infeasible,  ///< no allocation meets the demand (a job with steps left that can run nowhere)
};

/// An allocation with its proof.
struct answer {
  share::status status = status::infeasible;
  double objective = 0;   ///< of `x`, as the policy defines it
  double bound = 0;       ///< no allocation has a better objective
  std::vector<double> x;  ///< fractions of time, jobs × types, row by row
  std::vector<double>
      level;  ///< Σ_j T_ij·x_ij / n_i of each job, filled by the water-filling policies
  std::vector<double> price;  ///< dual value of one GPU of each type, of the last price search
  std::size_t passes = 0;     ///< passes over all jobs that the search took

  /// Throughput of job i under this answer.
  [[nodiscard]] double throughput(const problem& p, std::size_t i) const {
    double sum = 0;
    for (std::size_t j = 0; j < p.types(); ++j) sum += p.row(i)[j] * x[i * p.types() + j];
    return sum;
  }
};

namespace detail {

/// The relative gap below which an answer counts as optimal.
inline constexpr double closed = 1e-8;

inline void require(bool ok, const char* field, std::size_t i, const char* expected, double got) {
  if (ok) return;
  throw input_error(std::string{"share."} + field + "[" + std::to_string(i) + "]", expected,
                    std::to_string(got));
}

inline void require_size(const char* field, std::size_t got, std::size_t want, bool may_be_empty) {
  if (got == want || (may_be_empty && got == 0)) return;
  throw input_error(std::string{"share."} + field, std::to_string(want) + " entries",
                    std::to_string(got));
}

inline bool finite_from_zero(double v) {
  return v >= 0 && v < std::numeric_limits<double>::infinity();
}
inline bool finite_positive(double v) {
  return v > 0 && v < std::numeric_limits<double>::infinity();
}

}  // namespace detail

/// Which of the optional arrays a policy cannot do without.
struct needs {
  bool steps = false;
  bool isolated_s = false;
};

/// Checks sizes and ranges. O(jobs × types).
/// \throws input_error  that names the field and the index of the first bad entry
inline void check(const problem& p, needs wanted = {}) {
  using detail::require;
  if (p.capacity.empty()) throw input_error("share.capacity", "at least one type", "none");
  for (std::size_t j = 0; j < p.types(); ++j)
    require(detail::finite_from_zero(p.capacity[j]), "capacity", j, "a finite number of at least 0",
            p.capacity[j]);
  if (p.throughput.size() % p.types() != 0)
    throw input_error("share.throughput", "jobs × types entries",
                      std::to_string(p.throughput.size()));
  const std::size_t n = p.jobs();
  detail::require_size("gpus", p.gpus.size(), n, true);
  detail::require_size("weight", p.weight.size(), n, true);
  detail::require_size("steps", p.steps.size(), n, !wanted.steps);
  detail::require_size("elapsed_s", p.elapsed_s.size(), n, true);
  detail::require_size("isolated_s", p.isolated_s.size(), n, !wanted.isolated_s);
  detail::require_size("entity", p.entity.size(), n, true);
  for (std::size_t k = 0; k < p.throughput.size(); ++k)
    require(detail::finite_from_zero(p.throughput[k]), "throughput", k,
            "a finite number of at least 0", p.throughput[k]);
  const auto positive = [](const std::vector<double>& v, const char* field) {
    for (std::size_t i = 0; i < v.size(); ++i)
      require(detail::finite_positive(v[i]), field, i, "a positive finite number", v[i]);
  };
  const auto from_zero = [](const std::vector<double>& v, const char* field) {
    for (std::size_t i = 0; i < v.size(); ++i)
      require(detail::finite_from_zero(v[i]), field, i, "a finite number of at least 0", v[i]);
  };
  positive(p.gpus, "gpus");
  positive(p.weight, "weight");
  from_zero(p.steps, "steps");
  from_zero(p.elapsed_s, "elapsed_s");
  if (wanted.isolated_s) positive(p.isolated_s, "isolated_s");
  positive(p.entity_weight, "entity_weight");
  if (!p.entity_weight.empty())
    for (std::size_t i = 0; i < p.entity.size(); ++i)
      require(p.entity[i] < p.entity_weight.size(), "entity", i, "an index of entity_weight",
              static_cast<double>(p.entity[i]));
}

}  // namespace heddle::share
