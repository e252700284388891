// Giving jobs what a plan says, and what is left of GPUs after that.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/detail/path_plan.hpp>
#include <heddle/allocate/detail/path_tables.hpp>
#include <heddle/allocate/remaining.hpp>

namespace heddle::allocate::detail {

/// For one class of jobs. Lives as long as one decision.
struct path_handout {
  path_plan& plan;
  const path_tables& tables;
  std::span<const candidate> jobs;
  remaining& left;
  allocation& out;

  /// What the plan gives, where only GPUs can run out.
  void planned_gpus() {
    for (std::size_t i = 0; i < plan.order.size(); ++i) {
      if (plan.level[i] < 0) continue;
      const path_gain& g = plan.gain(plan.level[i]);
      const auto gpus = static_cast<int>(g.size);
      if (gpus > left.gpus) {
        plan.level[i] = -1;
        continue;
      }
      left.gpus -= gpus;
      const std::uint32_t c = plan.order[i].candidate;
      out[c] = &point_of(jobs[c], g.point);
    }
  }
  void planned(std::vector<std::uint32_t>& turn) {
    turn.clear();
    for (std::uint32_t i = 0; i < plan.order.size(); ++i)
      if (plan.level[i] >= 0) turn.push_back(i);
    /// What is worth most for what it takes, first.
    std::sort(turn.begin(), turn.end(), [&](std::uint32_t a, std::uint32_t b) {
      const path_gain &ga = plan.gain(plan.level[a]), &gb = plan.gain(plan.level[b]);
      const double ra = ga.value * gb.size, rb = gb.value * ga.size;
      return ra != rb ? ra > rb : a < b;
    });
    for (std::uint32_t i : turn) {
      const std::uint32_t c = plan.order[i].candidate;
      const model::operating_point* p = &point_of(jobs[c], plan.gain(plan.level[i]).point);
      if (left.move(jobs[c], nullptr, p))
        out[c] = p;
      else
        plan.level[i] = -1;
    }
  }

  /// What is left goes to the steps that gain most, then to jobs that wait though they lose by it.
  void rest() {
    const bool whole = plan.in_gpus();  // else sizes are mixes
    for (bool starting = false;;) {
      double most = starting ? -infinite : 0;
      std::int32_t best = -1;
      std::size_t who = 0;
      for (std::size_t i = 0; i < plan.order.size(); ++i) {
        const std::int32_t level = plan.level[i];
        if (starting && level >= 0) continue;
        const double value = level < 0 ? 0 : plan.gain(level).value;
        const candidate& j = jobs[plan.order[i].candidate];
        const auto gains = plan.gains_of(i);
        const std::size_t from =
            level < 0 ? 0 : static_cast<std::size_t>(level) - plan.first_gain(i) + 1;
        const double most_size =
            whole ? left.gpus + (level < 0 ? 0 : plan.gain(level).size) : infinite;
        for (std::size_t k = from; k < gains.size() && gains[k].size <= most_size; ++k) {
          if (!(gains[k].value - value > most)) continue;
          remaining then = left;
          if (!then.move(j, out[plan.order[i].candidate], &point_of(j, gains[k].point))) continue;
          most = gains[k].value - value;
          best = static_cast<std::int32_t>(plan.first_gain(i) + k);
          who = i;
        }
      }
      if (best >= 0) {
        const std::uint32_t c = plan.order[who].candidate;
        const model::operating_point* p = &point_of(jobs[c], plan.gain(best).point);
        left.move(jobs[c], out[c], p);
        out[c] = p;
        plan.level[who] = best;
      } else if (starting) {
        return;
      } else {
        starting = true;
      }
      if (left.gpus <= 0) return;
    }
  }

 private:
  static constexpr double infinite = std::numeric_limits<double>::infinity();

  [[nodiscard]] const model::operating_point& point_of(const candidate& j,
                                                       std::uint32_t point) const {
    return j.curve->points()[tables.points[point].index];
  }
};

}  // namespace heddle::allocate::detail
