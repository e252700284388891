// Points in the form that the solver walks over.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <heddle/choice/problem.hpp>

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
    start(capacity, require_one);
    whole = true;
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

  /// Forgets everything and begins a root without jobs.
  void start(const std::vector<double>& capacity, bool require_one) {
    clear(capacity.size());
    left.assign(capacity.size(), 1);
    may_pass = !require_one;
    whole = false;
    source_.clear();
    scale_.resize(capacity.size());
    for (std::size_t r = 0; r < capacity.size(); ++r)
      scale_[r] = capacity[r] > 0 ? 1 / capacity[r] : 0;
  }

  /// Appends the next job of a problem to a root, with the points alone of which a job may have the best under prices
  /// within `width` of `price`: those whose reduced cost at `price` is at most Σ_r width_r·|use_r − use_r of the best|.
  /// Prices are of all capacity, ≥ 0. False if a job that must have a point has none that fits.
  /// \throws input_error  from `check_points`
  bool add_near(const problem& p, std::size_t i, const std::vector<double>& price,
                const std::vector<double>& width) {
    switch (left.size()) {
    case 1:
      return add_near_on<1>(p, i, price, width);
    case 2:
      return add_near_on<2>(p, i, price, width);
    case 3:
      return add_near_on<3>(p, i, price, width);
    case 4:
      return add_near_on<4>(p, i, price, width);
    default:
      return add_near_on<0>(p, i, price, width);
    }
  }

  /// A bound on the value of a choice, rounded down where values are whole.
  [[nodiscard]] double rounded(double bound) const {
    return whole ? std::floor(bound + 1e-6) : bound;
  }

  /// Appends job i of another root, of the same capacities, as the job `as`.
  void adopt(const scaled_problem& from, std::size_t i, std::uint32_t as) {
    const std::size_t first = value.size();
    for (std::size_t k = from.begin[i]; k < from.begin[i + 1]; ++k) {
      put(from.value[k], from.source_[k]);
      std::copy_n(from.row(k), left.size(), use.data() + (value.size() - 1) * left.size());
    }
    close(first, as);
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
  template <std::size_t Resources>
  bool add_near_on(const problem& p, std::size_t i, const std::vector<double>& price,
                   const std::vector<double>& width) {
    constexpr double none = -std::numeric_limits<double>::infinity();
    const std::size_t resources = Resources ? Resources : left.size(), first = value.size();
    const std::size_t from = p.begin[i], count = p.begin[i + 1] - from;
    const double w = p.weight_of(i);
    const double* const uses = p.use.data() + from * resources;
    score_.resize(count);
    asked_.resize(resources);
    most_use_.resize(resources);
    double few_asked[Resources + 1] = {}, few_most[Resources + 1] = {};
    double* const ask = Resources ? few_asked : asked_.data();
    double* const most_use = Resources ? few_most : most_use_.data();
    double widest = 0;  // what any point may gain inside the box
    for (std::size_t r = 0; r < resources; ++r) {
      ask[r] = price[r] * scale_[r];
      most_use[r] = p.capacity[r] * (1 + slack);
      widest += width[r];
    }
    double most = may_pass ? 0 : none;
    std::size_t best = count;
    bool good = true;
    const double* const values = p.value.data() + from;
    const double* u = uses;
    for (std::size_t k = 0; k < count; ++k, u += resources) {
      good &= finite(values[k]);
      const double worth = w * values[k];
      bool possible = !may_pass | (worth > 0);
      double paid = 0;
      for (std::size_t r = 0; r < resources; ++r) {
        good &= finite_from_zero(u[r]);
        paid += ask[r] * u[r];
        possible &= u[r] <= most_use[r];
      }
      const double score = possible ? worth - paid : none;
      score_[k] = score;
      best = score > most ? k : best;
      most = score > most ? score : most;
    }
    if (!good) check_points(p, from, from + count);
    if (best == count && !may_pass) return false;
    if (may_pass) put(0, -1);
    for (std::size_t k = 0; k < count; ++k) {
      if (!(most - score_[k] <= widest)) continue;
      u = uses + k * resources;
      double may_gain = 0;
      for (std::size_t r = 0; r < resources; ++r) {
        const double of_best = best < count ? uses[best * resources + r] : 0;
        may_gain += width[r] * std::abs(u[r] - of_best) * scale_[r];
      }
      if (most - score_[k] > may_gain) continue;
      put(w * values[k], static_cast<std::int64_t>(k));
      double* const mine = use.data() + (value.size() - 1) * resources;
      for (std::size_t r = 0; r < resources; ++r) mine[r] = u[r] * scale_[r];
    }
    close(first, static_cast<std::uint32_t>(i));
    return true;
  }

  void put(double v, std::int64_t from) {
    origin.push_back(static_cast<std::uint32_t>(value.size()));
    value.push_back(v);
    source_.push_back(from);
    use.resize(use.size() + left.size(), 0);
  }

  std::vector<std::int64_t> source_;
  std::vector<double> scale_, score_, asked_, most_use_;
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
