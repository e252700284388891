// Prices of a large problem from a part of its jobs, and from the points alone that count near those prices.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/choice/detail/dual.hpp>
#include <heddle/choice/detail/scaled_problem.hpp>
#include <heddle/choice/problem.hpp>

namespace heddle::choice::detail {

/// Prices are found on a few hundred jobs with their part of the capacities. One pass over all points then keeps
/// those that may be a job's best within a box around these prices: inside the box the dual of what is kept is that of
/// the whole problem, and its minimum bounds every choice. Where the minimum lies outside, the box moves there; at
/// last the bound is the dual at its middle. Derived.
class near_search {
 public:
  struct result {
    bool usable = false;  ///< false: some job has no point that fits, or prices were not found
    double bound = 0;
    std::size_t passes = 0;
  };

  /// Fills `root` and `price`. Checks the points of `p` that it looks at, which are all if it is usable.
  /// \param warm  whether `price` is that of a problem like this one
  /// \throws input_error  from `check_points`
  result run(const problem& p, bool warm, double gap, dual_search& dual, std::vector<double>& price,
             scaled_problem& root) {
    result out;
    if (p.jobs() == 0) {
      std::fill(price.begin(), price.end(), 0.0);
      out.usable = keep(p, price, root);
      return out;
    }
    bool from_sample = false;
    const dual_goal goal{.gap = gap, .pass_limit = most_passes};
    for (std::size_t attempt = 0; attempt < attempts; ++attempt) {
      // Prices of another problem may be far off: a sample before a second box.
      if (!from_sample && (!warm || attempt > 0)) {
        if (!price_by_sample(p, dual, price)) return out;
        from_sample = true;
      }
      if (!keep(p, price, root)) return out;
      const auto found = dual.solve(root, box_, goal);
      out.passes += found.passes + 1;
      if (found.infeasible) return out;
      price = dual.best_price();
      out.bound = found.bound;
      if (within(price)) {
        out.usable = true;
        return out;
      }
    }
    if (!keep(p, price, root)) return out;
    ++out.passes;
    out.bound = root.base + dual.pass(root, price);
    out.usable = true;
    return out;
  }

  /// Appends the next job of a problem to the root of the last box; false as `scaled_problem::add_near`.
  bool add(const problem& p, std::size_t i, scaled_problem& root) const {
    return root.add_near(p, i, box_, width_);
  }

  /// Whether `price` lies in the last box.
  [[nodiscard]] bool within(const std::vector<double>& price) const {
    for (std::size_t r = 0; r < price.size(); ++r)
      if (!(std::abs(price[r] - box_[r]) <= width_[r])) return false;
    return true;
  }

 private:
  // The box around `price`, and the points that count in it.
  bool keep(const problem& p, const std::vector<double>& price, scaled_problem& root) {
    double all = 0;
    for (double v : price) all += v;
    box_ = price;
    width_.resize(price.size());
    for (std::size_t r = 0; r < price.size(); ++r) width_[r] = part * price[r] + part_of_all * all;
    root.start(p.capacity, p.require_one);
    for (std::size_t i = 0; i < p.jobs(); ++i)
      if (!add(p, i, root)) return false;
    return true;
  }

  static constexpr std::size_t sampled = 256, attempts = 3, most_passes = 60;
  static constexpr double sample_gap = 1e-3;
  static constexpr double part = 0.1, part_of_all = 0.01;  // of a price, of all prices: half a box

  bool price_by_sample(const problem& p, dual_search& dual, std::vector<double>& price) {
    sample_.start(p.capacity, p.require_one);
    const std::size_t jobs = p.jobs(), n = std::min(jobs, sampled), stride = jobs / n;
    std::fill(sample_.left.begin(), sample_.left.end(),
              static_cast<double>(n) / static_cast<double>(jobs));
    box_.assign(p.resources(), 0);
    width_.assign(p.resources(), everything);
    // One of each stride, in no step with an order that repeats itself.
    for (std::size_t k = 0; k < n; ++k) {
      const std::size_t i = k * stride + k * 7919 % stride;
      if (!sample_.add_near(p, i, box_, width_)) return false;
    }
    const auto found = dual.solve(sample_, box_, {.gap = sample_gap, .pass_limit = most_passes});
    if (!found.infeasible) price = dual.best_price();
    return !found.infeasible;
  }

  static constexpr double everything = 1e300;

  scaled_problem sample_;
  std::vector<double> box_, width_;
};

}  // namespace heddle::choice::detail
