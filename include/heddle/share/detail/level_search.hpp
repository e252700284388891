// The largest common level that jobs on shared GPU types can reach, found in the space of prices.
#pragma once

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <heddle/core/detail/packing_master.hpp>
#include <heddle/share/detail/cheapest_way.hpp>
#include <heddle/share/detail/equal_jobs.hpp>
#include <heddle/share/problem.hpp>

namespace heddle::share::detail {

/// A *path* says what throughput each job must have when the common level is s:
///
///     double top() const                                   no allocation reaches more than this
///     void at(double s, double* level, double* slope)      L_i(s), non-decreasing in s, and dL_i/ds
///
/// A level s is feasible iff for all prices π ≥ 0 the jobs can pay for it: the cheapest ways to L_i(s)
/// cost no more than all capacity is worth. So the largest s is the minimum over π of the level that is
/// affordable at π, a quasi-convex function in as many dimensions as there are types. The search keeps
/// the usage of each price vector that it tried as a column of a matrix game (jobs' side: mix the
/// columns; prices' side: find the type that is overused); its duals are the next prices, drawn towards
/// the best ones so far. When a mixture overuses nothing, it is the allocation and the last s is proved.
///
/// One pass over the jobs is O(jobs × types) for jobs that need one type, at most O(jobs × types²).
/// Derived: Dantzig–Wolfe decomposition, with Newton's method on the level.
class level_search {
 public:
  /// What `maximise` found.
  struct result {
    double level = 0;   ///< no allocation reaches more
    double excess = 1;  ///< the mixture uses at most this many times the capacity: 1 to rounding
  };

  /// Reads a checked problem whose jobs are `classes` of equal ones; types without GPUs are left out.
  /// Below, "job" means a class: its GPUs count as often as it has members. Keeps its memory.
  void prepare(const problem& p, const equal_jobs& classes) {
    classes_ = &classes;
    members_ = p.jobs();
    jobs_ = classes.size();
    all_types_ = p.types();
    kept_.clear();
    for (std::size_t j = 0; j < all_types_; ++j)
      if (p.capacity[j] > 0) kept_.push_back(j);
    types_ = kept_.size();
    capacity_.resize(types_);
    for (std::size_t j = 0; j < types_; ++j) capacity_[j] = p.capacity[kept_[j]];
    throughput_.resize(jobs_ * types_);
    gpus_.resize(jobs_);
    cap_.resize(jobs_);
    for (std::size_t i = 0; i < jobs_; ++i) {
      const std::size_t one = classes.first(i);
      gpus_[i] = p.gpus_of(one) * classes.count(i);
      cap_[i] = 0;
      for (std::size_t j = 0; j < types_; ++j) {
        const double t = p.row(one)[kept_[j]];
        throughput_[i * types_ + j] = t;
        cap_[i] = std::max(cap_[i], t);
      }
    }
    level_.resize(jobs_);
    slope_.resize(jobs_);
    price_.resize(types_);
    usage_.resize(types_);
    scaled_.resize(types_);
    passes_ = 0;
    best_.assign(types_, types_ ? 1 / static_cast<double>(types_) : 0);
  }

  /// The throughput of job i on its fastest type.
  [[nodiscard]] double cap(std::size_t i) const { return cap_[i]; }
  [[nodiscard]] std::size_t passes() const { return passes_; }
  /// Prices of the bound, as shares of the worth of all capacity (Σ 1), one a kept type.
  [[nodiscard]] const std::vector<double>& best_prices() const { return best_; }

  /// \param known  a level that is feasible, 0 if none is known
  template <class Path>
  result maximise(Path& path, double known = 0) {
    result out;
    out.level = path.top();
    column_price_.clear();
    column_level_.clear();
    ones_.assign(types_, 1);
    master_.reset(ones_);
    if (types_ == 0 || jobs_ == 0) return out;
    double s = out.level;
    path.at(s, level_.data(), slope_.data());
    query_ = best_;
    out.excess = std::numeric_limits<double>::infinity();
    bool cuts = true;
    std::size_t idle = 0;
    double pull = 0.5;  // towards the best prices: they jump less, and near the end not at all
    for (std::size_t round = 0; round < round_limit; ++round) {
      const double old = s;
      const bill asked = spend(query_);
      if (asked.cost > 1 + exact) {
        const double loose = std::isfinite(out.excess) ? 0.01 * (out.excess - 1) : 0.01;
        lower(path, query_, asked, known, s, std::max(loose, exact));
        best_ = query_;
      }
      if (std::all_of(usage_.begin(), usage_.end(), [](double u) { return u == 0; })) {
        out.excess = 0;  // nobody asks for anything
        break;
      }
      if (s < old) refresh(s);
      cuts = put(s, query_) || s < old;
      master_.solve();
      const double excess = 1 / master_.objective();
      const bool better = excess < out.excess * (1 - 1e-14);
      out.excess = std::min(out.excess, excess);
      if (excess <= 1 + tolerance) break;
      idle = better || s < old ? 0 : idle + 1;
      if (idle > idle_limit || (!cuts && pull == 0 && !better)) break;  // no more digits
      pull = cuts && excess > 1.001 ? 0.5 : 0;
      double worth = 0;
      for (std::size_t j = 0; j < types_; ++j) {
        query_[j] = pull * best_[j] + (1 - pull) * std::max(master_.dual(j) * excess, 0.0);
        worth += query_[j];
      }
      for (double& v : query_) v /= worth;  // 1 but for rounding, and the bound needs it exact
    }
    out.level = s;
    return out;
  }

  /// Writes the mixture of the last `maximise` into `x` (members × all types), scaled so that no type
  /// is overused.
  template <class Path>
  void recover(Path& path, std::vector<double>& x) {
    x.assign(members_ * all_types_, 0);
    if (types_ == 0 || column_level_.empty()) return;
    mixed_.assign(jobs_ * types_, 0);
    double sum = 0;
    master_.for_each_used([&](std::size_t, double share) { sum += share; });
    master_.for_each_used([&](std::size_t k, double share) {
      path.at(column_level_[k], level_.data(), slope_.data());
      scale(column_price_.data() + k * types_);
      for (std::size_t i = 0; i < jobs_; ++i) {
        const way w = cheapest(i, level_[i]);
        mixed_[i * types_ + w.low] += share / sum * w.low_time;
        mixed_[i * types_ + w.high] += share / sum * w.high_time;
      }
    });
    std::fill(usage_.begin(), usage_.end(), 0.0);
    double over = 1;
    for (std::size_t i = 0; i < jobs_; ++i) {
      double time = 0;
      for (std::size_t j = 0; j < types_; ++j) {
        usage_[j] += gpus_[i] * mixed_[i * types_ + j];
        time += mixed_[i * types_ + j];
      }
      over = std::max(over, time);
    }
    for (std::size_t j = 0; j < types_; ++j) over = std::max(over, usage_[j] / capacity_[j]);
    for (std::size_t m = 0; m < members_; ++m)
      for (std::size_t j = 0; j < types_; ++j)
        x[m * all_types_ + kept_[j]] = mixed_[classes_->of(m) * types_ + j] / over;
  }

  /// True if job i pays for more than it has at `level` under the prices of the bound, where a price
  /// below 1e-8 of all counts as none.
  [[nodiscard]] bool pays(std::size_t i, double level) {
    return cheapest(i, std::min(level * (1 + 1e-9), cap_[i])).marginal > 0;
  }
  /// Readies `pays`.
  void price_marginals() {
    price_ = best_;
    for (double& v : price_)
      if (v < 1e-8) v = 0;
    scale(price_.data());
  }

  /// The best prices per GPU over all types, in units of the total worth.
  void prices(std::vector<double>& out) const {
    out.assign(all_types_, 0);
    for (std::size_t j = 0; j < types_; ++j) out[kept_[j]] = best_[j] / capacity_[j];
  }

 private:
  static constexpr double exact = 1e-14, tolerance = 1e-12;
  static constexpr std::size_t round_limit = 2000, idle_limit = 30;

  struct bill {
    double cost = 0, slope = 0;
  };

  void scale(const double* share) {
    for (std::size_t j = 0; j < types_; ++j) scaled_[j] = share[j] / capacity_[j];
  }

  [[nodiscard]] way cheapest(std::size_t i, double level) const {
    return cheapest_way(throughput_.data() + i * types_, scaled_.data(), types_, gpus_[i], level);
  }

  // Usage of all jobs at level_ under the prices, as parts of each capacity, in usage_.
  bill spend(const std::vector<double>& share) {
    switch (types_) {
    case 1:
      return spend_on<1>(share);
    case 2:
      return spend_on<2>(share);
    case 3:
      return spend_on<3>(share);
    case 4:
      return spend_on<4>(share);
    default:
      return spend_on<0>(share);
    }
  }

  template <std::size_t Types>
  bill spend_on(const std::vector<double>& share) {
    const std::size_t types = Types ? Types : types_;
    ++passes_;
    scale(share.data());
    std::fill(usage_.begin(), usage_.end(), 0.0);
    bill out;
    for (std::size_t i = 0; i < jobs_; ++i) {
      const way w =
          cheapest_way(throughput_.data() + i * types, scaled_.data(), types, gpus_[i], level_[i]);
      usage_[w.low] += gpus_[i] * w.low_time;
      usage_[w.high] += gpus_[i] * w.high_time;
      if (slope_[i] > 0) out.slope += w.marginal * slope_[i];
    }
    for (std::size_t j = 0; j < types; ++j) {
      usage_[j] /= capacity_[j];
      out.cost += share[j] * usage_[j];
    }
    return out;
  }

  // Adds the usage in usage_ as a column; true if it improves the master.
  bool put(double s, const std::vector<double>& share) {
    column_level_.push_back(s);
    column_price_.insert(column_price_.end(), share.begin(), share.end());
    const std::size_t k = master_.add(usage_, 1);
    return k == 0 || master_.reduced(k) > 1e-13;
  }

  // Adds columns at level s (that of level_) for the prices in the basis.
  void refresh(double s) {
    used_.clear();
    master_.for_each_used([&](std::size_t k, double) {
      if (column_level_[k] > s) used_.push_back(k);
    });
    saved_ = usage_;
    for (std::size_t k : used_) {
      price_.assign(column_price_.begin() + static_cast<std::ptrdiff_t>(k * types_),
                    column_price_.begin() + static_cast<std::ptrdiff_t>((k + 1) * types_));
      spend(price_);
      put(s, price_);
    }
    usage_ = saved_;
  }

  // Lowers s to what is affordable at these prices, from above but not below `low`: the cost there is within `slack` over 1.
  // Newton's method inside a bracket. Leaves level_ and usage_ at the new s; usage_ is at the old one.
  template <class Path>
  void lower(Path& path, const std::vector<double>& share, bill now, double low, double& s,
             double slack) {
    double high = s, at = s;
    for (std::size_t step = 0; step < 100; ++step) {
      if (now.cost >= 1) {
        high = at;
        if (now.cost <= 1 + slack) break;
      } else {
        low = at;
      }
      double next = at - (now.cost - 1) / now.slope;
      if (!(next > low && next < high)) {
        // Too close to move, or a kink ahead.
        if (high - low <= 1e-15 * high || (now.cost >= 1 && now.cost - 1 < 1e-12)) break;
        next = 0.5 * (low + high);
      }
      at = next;
      path.at(at, level_.data(), slope_.data());
      now = spend(share);
    }
    s = high;
    if (at == high) return;
    path.at(high, level_.data(), slope_.data());
    spend(share);
  }

  const equal_jobs* classes_ = nullptr;
  std::size_t members_ = 0, jobs_ = 0, types_ = 0, all_types_ = 0, passes_ = 0;
  std::vector<std::size_t> kept_;
  std::vector<double> capacity_, throughput_, gpus_, cap_, level_, slope_;
  std::vector<double> price_, usage_, scaled_, best_, query_, ones_, saved_, mixed_;
  std::vector<double> column_price_, column_level_;  // what each column of the master was made at
  std::vector<std::size_t> used_;
  heddle::detail::packing_master master_;
};

}  // namespace heddle::share::detail
