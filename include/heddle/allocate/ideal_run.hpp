// What an allocation policy comes to where moves are free and every count can be placed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/path_bound.hpp>

namespace heddle::allocate {

struct ideal_run_answer {
  double weighted_time_s = 0;      ///< Σ weight · (end − arrival)
  double energy_j = 0;             ///< of the jobs' GPUs beyond idle
  std::vector<double> end_s;       ///< by job; infinite: it never ran
  std::vector<price_slot> prices;  ///< where the policy tells prices: between decisions
};

/// Asks `policy` at every arrival and end, and follows it to the last end: without placement, pauses or idle power, so
/// that it can be compared with `path_bound`. Jobs by arrival. O(events · a decision).
template <AllocationPolicy Policy>
[[nodiscard]] ideal_run_answer ideal_run(Policy& policy, std::span<const known_job> jobs,
                                         const limits& l) {
  ideal_run_answer a;
  a.end_s.assign(jobs.size(), std::numeric_limits<double>::infinity());
  std::vector<candidate> there;
  allocation out;
  std::size_t next = 0;
  double now = jobs.empty() ? 0 : jobs[0].arrival_s;
  while (next < jobs.size() || !there.empty()) {
    for (; next < jobs.size() && jobs[next].arrival_s <= now; ++next) {
      const known_job& j = jobs[next];
      there.push_back({.id = job_id{next},
                       .curve = j.curve,
                       .work = j.work,
                       .min_gpus = j.min_gpus,
                       .max_gpus = j.max_gpus,
                       .weight = j.weight});
    }
    limits here = l;
    here.now_s = now;
    policy(there, here, out);
    double step =
        next < jobs.size() ? jobs[next].arrival_s - now : std::numeric_limits<double>::infinity();
    double weight = 0, watts = 0;
    for (std::size_t i = 0; i < there.size(); ++i) {
      weight += there[i].weight;
      there[i].current = out[i];
      if (!out[i]) continue;
      watts += std::max(0.0, extra_power_w(*out[i], l));
      step = std::min(step, there[i].work / out[i]->throughput);
    }
    if (step == std::numeric_limits<double>::infinity()) return a;
    a.weighted_time_s += weight * step;
    a.energy_j += watts * step;
    if (step > 0) {
      price_slot slot{now, now + step, 0};
      if constexpr (requires { policy.last().gpu_price; }) slot.gpu_price = policy.last().gpu_price;
      if (!a.prices.empty()) slot.from_s = a.prices.back().to_s;
      if (slot.to_s > slot.from_s) a.prices.push_back(slot);
    }
    now += step;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < there.size(); ++i) {
      candidate j = there[i];
      if (out[i]) j.work -= out[i]->throughput * step;
      if (out[i] && j.work <= 1e-9 * jobs[j.id.index()].work)
        a.end_s[j.id.index()] = now;
      else
        there[kept++] = j;
    }
    there.resize(kept);
  }
  return a;
}

}  // namespace heddle::allocate
