// Points in the form that the solver walks over.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace heddle::choice::detail {

/// Jobs of which each takes exactly one of its points; uses are parts of the capacities, which are 1 at
/// the root and what is left further down. "None" is a point like others.
class scaled_problem {
 public:
  std::vector<std::uint32_t> begin;   ///< jobs + 1 offsets
  std::vector<double> value;          ///< ≥ 0: less the job's least, which is in `base`
  std::vector<double> use;            ///< points × resources
  std::vector<std::uint32_t> origin;  ///< of each point: its index in the root
  std::vector<std::uint32_t> job;     ///< of each job: its index in the root
  std::vector<double> left;           ///< capacities
  double base = 0;                    ///< value of what is decided
  double spread = 0;                  ///< Σ over jobs of the largest value
  bool may_pass = false;              ///< every job has a point that is worth 0 and uses nothing
  bool whole = false;                 ///< all values are whole numbers, so that bounds may be too

  [[nodiscard]] std::size_t jobs() const { return begin.empty() ? 0 : begin.size() - 1; }
  [[nodiscard]] std::size_t points() const { return value.size(); }
  [[nodiscard]] std::size_t resources() const { return left.size(); }
  [[nodiscard]] const double* row(std::size_t k) const { return use.data() + k * left.size(); }

  /// Capacities may be passed by rounding alone.
  static constexpr double slack = 1e-12;

  [[nodiscard]] bool fits(const double* row) const {
    for (std::size_t r = 0; r < left.size(); ++r)
      if (row[r] > left[r] + slack) return false;
    return true;
  }

  /// Reads a problem; false if a job that must have a point has none that fits.
  bool build(const std::vector<double>& capacity, const std::vector<std::uint32_t>& offsets,
             const std::vector<double>& values, const std::vector<double>& uses,
             const std::vector<double>& weight, bool require_one) {
    const std::size_t resources = capacity.size();
    clear(resources);
    left.assign(resources, 1);
    may_pass = !require_one;
    whole = true;
    source_.clear();
    scale_.resize(resources);
    for (std::size_t r = 0; r < resources; ++r) scale_[r] = capacity[r] > 0 ? 1 / capacity[r] : 0;
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
      const std::size_t first = value.size();
      const double w = weight.empty() ? 1 : weight[i];
      if (!require_one) put(0, -1);
      for (std::size_t k = offsets[i]; k < offsets[i + 1]; ++k) {
        const double v = w * values[k];
        if (!require_one && !(v > 0)) continue;
        const double* u = uses.data() + k * resources;
        bool possible = true;
        for (std::size_t r = 0; r < resources; ++r)
          possible = possible && u[r] <= capacity[r] * (1 + slack);
        if (!possible) continue;
        whole = whole && v == std::floor(v) && std::abs(v) < 1e9;
        put(v, static_cast<std::int64_t>(k - offsets[i]));
        double* mine = use.data() + (value.size() - 1) * resources;
        for (std::size_t r = 0; r < resources; ++r) mine[r] = u[r] * scale_[r];
      }
      if (value.size() == first) return false;
      close(first, static_cast<std::uint32_t>(i));
    }
    return true;
  }

  /// A bound on the value of a choice, rounded down where values are whole.
  [[nodiscard]] double rounded(double bound) const {
    return whole ? std::floor(bound + 1e-6) : bound;
  }

  /// The index of a root's point among its job's own, −1 for none.
  [[nodiscard]] std::int64_t source(std::size_t k) const { return source_[k]; }

  /// Forgets everything but the memory.
  void clear(std::size_t resources) {
    begin.assign(1, 0);
    value.clear();
    use.clear();
    origin.clear();
    job.clear();
    left.resize(resources);
    base = spread = 0;
  }

  /// Appends point k of `from` to the job that is being written.
  void copy_point(const scaled_problem& from, std::size_t k) {
    value.push_back(from.value[k]);
    origin.push_back(from.origin[k]);
    use.insert(use.end(), from.row(k), from.row(k) + left.size());
  }

  /// Ends the job whose points begin at `first`.
  void close(std::size_t first, std::uint32_t root_job) {
    double least = value[first], most = value[first];
    for (std::size_t k = first; k < value.size(); ++k) {
      least = std::min(least, value[k]);
      most = std::max(most, value[k]);
    }
    if (least != 0)
      for (std::size_t k = first; k < value.size(); ++k) value[k] -= least;
    base += least;
    spread += most - least;
    begin.push_back(static_cast<std::uint32_t>(value.size()));
    job.push_back(root_job);
  }

 private:
  void put(double v, std::int64_t from) {
    origin.push_back(static_cast<std::uint32_t>(value.size()));
    value.push_back(v);
    source_.push_back(from);
    use.resize(use.size() + left.size(), 0);
  }

  std::vector<std::int64_t> source_;
  std::vector<double> scale_;
};

/// The best choice so far, by points of the root.
struct best_choice {
  bool found = false;
  double value = -std::numeric_limits<double>::infinity();
  std::vector<std::uint32_t> point;    ///< one a job of the root
  std::vector<std::uint32_t> decided;  ///< scratch of the search: what is decided above a node

  void reset(std::size_t jobs) {
    found = false;
    value = -std::numeric_limits<double>::infinity();
    point.assign(jobs, 0);
    decided.assign(jobs, 0);
  }

  /// Takes the choice `pick` (points of `d`) over what is decided, if it is better.
  void offer(const scaled_problem& d, const std::vector<std::uint32_t>& pick, double total) {
    if (found && !(total > value)) return;
    found = true;
    value = total;
    point = decided;
    for (std::size_t i = 0; i < d.jobs(); ++i) point[d.job[i]] = d.origin[pick[i]];
  }
};

}  // namespace heddle::choice::detail
