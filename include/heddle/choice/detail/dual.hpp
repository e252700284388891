// Prices of resources under which every job chooses for itself.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <heddle/choice/detail/scaled_problem.hpp>
#include <heddle/core/detail/packing_master.hpp>

namespace heddle::choice::detail {

/// When a search for prices has done enough.
struct dual_goal {
  double target = -std::numeric_limits<double>::infinity();  ///< a bound at or below it is enough
  double gap = 1e-10;                                        ///< of the dual itself, relative
  std::size_t pass_limit = 2000;
};

/// Minimises D(π) = base + Σ_r left_r·π_r + Σ_i max_k (value_k − π·use_k) over π ≥ 0.
///
/// Columns of the master are the passes' total value and use. Where every job must have a point, a
/// column has a bonus on top of its value that makes the mixture whole; if D falls below every possible
/// value, no choice fits.
class dual_search {
 public:
  struct result {
    double bound = 0;
    bool infeasible = false;
    std::size_t passes = 0;
  };

  result solve(const scaled_problem& d, const std::vector<double>& start, const dual_goal& goal) {
    const std::size_t resources = d.resources();
    result out;
    limits_.assign(resources + 1, 1);
    for (std::size_t r = 0; r < resources; ++r) limits_[r] = std::max(d.left[r], 1e-9);
    master_.reset(limits_);
    query_ = start;
    best_ = start;
    double bonus = d.may_pass ? 0 : 10 * d.spread + 1e-300;
    double least = std::numeric_limits<double>::infinity();
    double pull = 0.5;
    std::size_t idle = 0;
    while (out.passes < goal.pass_limit) {
      const double here = pass(d, query_);
      ++out.passes;
      const bool lower = here < least;
      if (lower) {
        least = here;
        best_ = query_;
        best_pick_ = pick_;
      }
      if (least < -1e-9 * d.spread - 1e-300) {
        out.infeasible = true;
        break;
      }
      if (d.base + least <= goal.target) break;
      if (!d.may_pass && out.passes > 1 && bonus < 1e12 * d.spread && master_whole() < 1 - 1e-9) {
        // The bonus was too small to make a mixture whole: raise it, start the master again.
        if (++raises_ > 12) {
          raises_ = 0;
          bonus *= 30;
          master_.reset(limits_);
        }
      } else {
        raises_ = 0;
      }
      const std::size_t k = master_.add(usage_, gain_ + bonus);
      const bool cuts = master_.reduced(k) > 1e-13 * (gain_ + bonus);
      master_.solve();
      const double inner = master_.objective() - bonus;
      const bool whole = d.may_pass || master_whole() > 1 - 1e-9;
      if (whole && least - inner <= goal.gap * std::max(std::abs(d.base + least), 1e-300)) break;
      idle = lower ? 0 : idle + 1;
      if (!cuts && pull == 0 && idle > 20) break;
      pull = cuts && (!whole || least - inner > 1e-3 * least) ? 0.5 : 0;
      for (std::size_t r = 0; r < resources; ++r)
        query_[r] = pull * best_[r] + (1 - pull) * std::max(master_.dual(r), 0.0);
    }
    out.bound = d.base + least;
    return out;
  }

  [[nodiscard]] const std::vector<double>& best_price() const { return best_; }
  /// Each job's point at the best prices.
  [[nodiscard]] const std::vector<std::uint32_t>& best_pick() const { return best_pick_; }

  /// Each job's point at `price`, the bound there less the base.
  double pass(const scaled_problem& d, const std::vector<double>& price) {
    pick_.resize(d.jobs());
    usage_.resize(d.resources() + 1);
    switch (d.resources()) {
    case 1:
      return pass_on<1>(d, price);
    case 2:
      return pass_on<2>(d, price);
    case 3:
      return pass_on<3>(d, price);
    case 4:
      return pass_on<4>(d, price);
    default:
      return pass_on<0>(d, price);
    }
  }
  [[nodiscard]] const std::vector<std::uint32_t>& pick() const { return pick_; }

 private:
  [[nodiscard]] double master_whole() const {
    double sum = 0;
    master_.for_each_used([&](std::size_t, double share) { sum += share; });
    return sum;
  }

  template <std::size_t Resources>
  double pass_on(const scaled_problem& d, const std::vector<double>& price) {
    const std::size_t resources = Resources ? Resources : d.resources();
    double few[Resources + 1] = {};
    if constexpr (Resources != 0) std::copy_n(price.data(), resources, few);
    const double* const ask = Resources ? few : price.data();
    std::fill(usage_.begin(), usage_.end(), 0.0);
    gain_ = 0;
    double net = 0;
    const std::size_t jobs = d.jobs();
    for (std::size_t i = 0; i < jobs; ++i) {
      std::size_t at = d.begin[i];
      double most = -std::numeric_limits<double>::infinity();
      const double* row = d.use.data() + at * resources;
      for (std::size_t k = at; k < d.begin[i + 1]; ++k, row += resources) {
        double here = d.value[k];
        for (std::size_t r = 0; r < resources; ++r) here -= ask[r] * row[r];
        const bool better = here > most;
        most = better ? here : most;
        at = better ? k : at;
      }
      pick_[i] = static_cast<std::uint32_t>(at);
      net += most;
      gain_ += d.value[at];
      const double* taken = d.use.data() + at * resources;
      for (std::size_t r = 0; r < resources; ++r) usage_[r] += taken[r];
    }
    for (std::size_t r = 0; r < resources; ++r) net += d.left[r] * ask[r];
    usage_[resources] = 1;
    return net;
  }

  double gain_ = 0;
  std::size_t raises_ = 0;
  std::vector<double> limits_, usage_, query_, best_;
  std::vector<std::uint32_t> pick_, best_pick_;
  heddle::detail::packing_master master_;
};

}  // namespace heddle::choice::detail
