// The most valuable use of shared GPU types, found in the space of prices.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <heddle/core/detail/packing_master.hpp>
#include <heddle/share/detail/equal_jobs.hpp>
#include <heddle/share/problem.hpp>

namespace heddle::share::detail {

/// Maximises Σ_i Σ_j c_ij·x_ij over the fractions of time of a `share::problem`.
///
/// Under prices π_j of whole capacities every job takes the one type where c_ij − g_i·π_j/C_j is
/// largest and positive, so the dual value is Σ_j π_j + Σ_i max(0, max_j (c_ij − g_i·π_j/C_j)), convex
/// and piecewise linear. Each price vector tried is a column of a master program with types + 1 rows;
/// its optimum is a mixture (the allocation, and a lower bound), its duals are the next prices.
///
/// One pass over the jobs is O(jobs × types). Derived: Dantzig–Wolfe decomposition with in–out prices.
class value_search {
 public:
  /// Reads a checked problem; `value(i, j)` is c_ij ≥ 0 of one member of class i. Keeps its memory.
  template <class Value>
  void prepare(const problem& p, const equal_jobs& classes, Value value) {
    classes_ = &classes;
    members_ = p.jobs();
    jobs_ = classes.size();
    all_types_ = p.types();
    kept_.clear();
    for (std::size_t j = 0; j < all_types_; ++j)
      if (p.capacity[j] > 0) kept_.push_back(j);
    types_ = kept_.size();
    value_.resize(jobs_ * types_);
    part_.resize(jobs_ * types_);
    for (std::size_t i = 0; i < jobs_; ++i)
      for (std::size_t j = 0; j < types_; ++j) {
        const std::size_t one = classes.first(i);
        value_[i * types_ + j] = value(one, kept_[j]) * classes.count(i);
        part_[i * types_ + j] = p.gpus_of(one) * classes.count(i) / p.capacity[kept_[j]];
      }
    usage_.resize(types_ + 1);
  }

  /// The bound proved; the mixture is ready for `recover`.
  double maximise() {
    column_price_.clear();
    passes_ = 0;
    ones_.assign(types_ + 1, 1);
    master_.reset(ones_);
    best_.assign(types_, 0);
    query_.assign(types_, 0);
    if (types_ == 0 || jobs_ == 0) return 0;
    double bound = pass();
    if (bound == 0) return 0;
    put();
    // Prices at which everything that all would take for nothing costs what it is worth.
    double wanted = 0;
    for (std::size_t j = 0; j < types_; ++j) wanted += usage_[j];
    const double guess =
        *std::max_element(usage_.begin(), usage_.end() - 1) > 1 ? gained_ / wanted : 0;
    master_.solve();
    double found = master_.objective();
    query_.assign(types_, guess);
    std::size_t idle = 0;
    double pull = 0.5;  // towards the best prices: they jump less, and near the end not at all
    for (std::size_t round = 0; round < round_limit && bound - found > tolerance * bound; ++round) {
      const double here = pass();
      const bool lower = here < bound;
      if (lower) {
        bound = here;
        best_ = query_;
      }
      const bool cuts = put();
      master_.solve();
      const double old = found;
      found = std::max(found, master_.objective());
      idle = found > old || lower ? 0 : idle + 1;
      if (idle > idle_limit || (!cuts && pull == 0 && !(found > old))) break;  // no more digits
      pull = cuts && bound - found > 1e-3 * bound ? 0.5 : 0;
      for (std::size_t j = 0; j < types_; ++j)
        query_[j] = pull * best_[j] + (1 - pull) * std::max(master_.dual(j), 0.0);
    }
    return bound;
  }

  /// Writes the mixture into `x` (members × all types), scaled so that no type is overused.
  void recover(std::vector<double>& x) {
    x.assign(members_ * all_types_, 0);
    if (types_ == 0 || jobs_ == 0) return;
    mixed_.assign(jobs_ * types_, 0);
    master_.for_each_used([&](std::size_t k, double share) {
      for (std::size_t i = 0; i < jobs_; ++i) {
        const std::size_t j = choice(i, column_price_.data() + k * types_);
        if (j < types_) mixed_[i * types_ + j] += share;
      }
    });
    double over = 1;
    std::fill(usage_.begin(), usage_.end(), 0.0);
    for (std::size_t i = 0; i < jobs_; ++i) {
      double time = 0;
      for (std::size_t j = 0; j < types_; ++j) {
        usage_[j] += part_[i * types_ + j] * mixed_[i * types_ + j];
        time += mixed_[i * types_ + j];
      }
      over = std::max(over, time);
    }
    for (std::size_t j = 0; j < types_; ++j) over = std::max(over, usage_[j]);
    for (std::size_t m = 0; m < members_; ++m)
      for (std::size_t j = 0; j < types_; ++j)
        x[m * all_types_ + kept_[j]] = mixed_[classes_->of(m) * types_ + j] / over;
  }

  [[nodiscard]] std::size_t passes() const { return passes_; }
  /// The prices of the bound, per GPU, over all types.
  void prices(const problem& p, std::vector<double>& out) const {
    out.assign(all_types_, 0);
    for (std::size_t j = 0; j < types_; ++j) out[kept_[j]] = best_[j] / p.capacity[kept_[j]];
  }

 private:
  static constexpr double tolerance = 1e-12;
  static constexpr std::size_t round_limit = 2000, idle_limit = 30;

  // The type that job i takes at these prices, the number of types for none.
  [[nodiscard]] std::size_t choice(std::size_t i, const double* price) const {
    std::size_t at = types_;
    double most = 0;
    for (std::size_t j = 0; j < types_; ++j) {
      const double here = value_[i * types_ + j] - part_[i * types_ + j] * price[j];
      if (here > most) {
        most = here;
        at = j;
      }
    }
    return at;
  }

  // The dual value at query_; usage_ and gained_ are those of the jobs' choices.
  double pass() {
    switch (types_) {
    case 1:
      return pass_on<1>();
    case 2:
      return pass_on<2>();
    case 3:
      return pass_on<3>();
    case 4:
      return pass_on<4>();
    default:
      return pass_on<0>();
    }
  }

  template <std::size_t Types>
  double pass_on() {
    const std::size_t types = Types ? Types : types_;
    ++passes_;
    // No branch depends on a job's choice: who takes nothing adds nothing to the last entry.
    double few[Types + 1] = {}, price[Types + 1] = {};
    if constexpr (Types == 0) std::fill(usage_.begin(), usage_.end(), 0.0);
    double* const used = Types ? few : usage_.data();
    if constexpr (Types != 0) std::copy_n(query_.data(), types, price);
    const double* const ask = Types ? price : query_.data();
    gained_ = 0;
    double net = 0;
    const double* value = value_.data();
    const double* part = part_.data();
    for (std::size_t i = 0; i < jobs_; ++i, value += types, part += types) {
      std::size_t at = types;
      double most = 0, gain = 0, use = 0;
      for (std::size_t j = 0; j < types; ++j) {
        const double here = value[j] - part[j] * ask[j];
        const bool better = here > most;
        most = better ? here : most;
        gain = better ? value[j] : gain;
        use = better ? part[j] : use;
        at = better ? j : at;
      }
      net += most;
      gained_ += gain;
      used[at] += use;
    }
    if constexpr (Types != 0) std::copy_n(few, types, usage_.data());
    usage_[types] = 1;
    for (std::size_t j = 0; j < types; ++j) net += query_[j];
    return net;
  }

  bool put() {
    column_price_.insert(column_price_.end(), query_.begin(), query_.end());
    return master_.reduced(master_.add(usage_, gained_)) > 1e-13 * gained_;
  }

  const equal_jobs* classes_ = nullptr;
  std::size_t members_ = 0, jobs_ = 0, types_ = 0, all_types_ = 0, passes_ = 0;
  double gained_ = 0;
  std::vector<std::size_t> kept_;
  std::vector<double> value_, part_, usage_, best_, query_, ones_, mixed_, column_price_;
  heddle::detail::packing_master master_;
};

}  // namespace heddle::share::detail
