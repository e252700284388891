// What an order of ends comes to when it is followed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <heddle/allocate/detail/path_engine.hpp>

namespace heddle::allocate::detail {

/// Follows plans of few jobs to their ends.
class path_forward {
 public:
  /// Σ w·C + λ·energy of the jobs beyond `now` when the plan of this order is followed; where a job ends before
  /// its turn, the rest goes on by the plan for the order that is left. Infinite if nobody could run.
  /// \param work  by position in `order`  \param ends  if not null, when each ends, by position
  double cost(std::span<const path_job> order, std::span<const double> work,
              const path_tables& tables, const path_resource& r,
              std::vector<double>* ends = nullptr) {
    order_.assign(order.begin(), order.end());
    left_.assign(work.begin(), work.end());
    who_.clear();
    for (std::uint32_t i = 0; i < order.size(); ++i) who_.push_back(i);
    if (ends) ends->assign(order.size(), std::numeric_limits<double>::infinity());
    double total = 0, now = 0;
    while (!order_.empty()) {
      engine_.run(order_, tables, r);
      pick_exactly(engine_, order_.size(), level_);
      double step = std::numeric_limits<double>::infinity(), rate = 0;
      for (std::size_t i = 0; i < order_.size(); ++i) {
        rate += order_[i].weight;
        if (level_[i] < 0) continue;
        const std::uint32_t x = point(i);
        rate += r.energy_price * tables.points[x].watts;
        step = std::min(step, left_[i] / tables.points[x].speed);
      }
      if (step == std::numeric_limits<double>::infinity()) return step;
      total += rate * step;
      now += step;
      std::size_t kept = 0;
      for (std::size_t i = 0; i < order_.size(); ++i) {
        double after = left_[i];
        if (level_[i] >= 0) after -= tables.points[point(i)].speed * step;
        if (level_[i] >= 0 && after <= 1e-12 * work[who_[i]]) {
          if (ends) (*ends)[who_[i]] = now;
          continue;
        }
        order_[kept] = order_[i];
        who_[kept] = who_[i];
        left_[kept++] = after;
      }
      order_.resize(kept);
      who_.resize(kept);
      left_.resize(kept);
    }
    return total;
  }

 private:
  [[nodiscard]] std::uint32_t point(std::size_t i) const {
    return engine_.gains[static_cast<std::size_t>(level_[i])].point;
  }

  path_engine<path_knapsack> engine_;
  std::vector<path_job> order_;
  std::vector<double> left_;
  std::vector<std::uint32_t> who_;
  std::vector<std::int32_t> level_;
};

}  // namespace heddle::allocate::detail
