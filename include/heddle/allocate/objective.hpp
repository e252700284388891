// What an operating point is worth to a job: objectives of allocate::optimal.
//
//   objective         a point is worth                                     maximising it
//   jct               horizon − run time left there                        least Σ weight·JCT
//   completion_rate   jobs a second: throughput / work left                short jobs first, no horizon
//   root_rate         (run time left)^-1/2                                 GPUs that are handed on: a stand-in
//   energy            more, the less energy the rest of the job takes      least joules, all that fit run
//   energy_delay      − log(energy · time) of the rest                     least geometric mean of E·T
//   deadlines         1 if the job then meets its deadline, else little    most weight in time
//
// Waiting is worth 0, a point worth no more than that is never chosen. The job's weight multiplies what
// its points are worth. An objective of one's own is a function of a candidate and a point, a lambda for
// example; where it has a `prepare(span<const candidate>)`, what that returns is asked about the points of
// a decision in its stead. All are derived.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <limits>
#include <span>

#include <heddle/allocate/allocation_policy.hpp>

namespace heddle::allocate::objective {

/// T tells what a point of its curve is worth to a job, as a finite number; others are never chosen.
template <class T>
concept Objective = requires(T& worth, const candidate& job, const model::operating_point& p) {
  { worth(job, p) } -> std::convertible_to<double>;
};

/// Horizon less run time left, in s. A job that waits counts as one that takes the whole horizon: the
/// longer this is, the more it matters to run many jobs rather than to run some fast.
struct jct {
  double horizon_s = 0;  ///< 0: twice the longest best run time left of the candidates
  double pause_s = 0;    ///< what a running job loses when its GPU count changes

  bool operator==(const jct&) const = default;

  /// The objective with the horizon that these candidates need. O(points).
  [[nodiscard]] jct prepare(std::span<const candidate> jobs) const {
    jct ready = *this;
    if (horizon_s > 0) return ready;
    for (const candidate& j : jobs) {
      double best = 0;
      for (const model::operating_point& p : j.curve->points())
        if (p.config.gpus >= j.min_gpus && p.config.gpus <= j.max_gpus)
          best = std::max(best, p.throughput);
      if (best > 0 && j.work / best < std::numeric_limits<double>::infinity())
        ready.horizon_s = std::max(ready.horizon_s, 2 * j.work / best);
    }
    return ready;
  }
  double operator()(const candidate& j, const model::operating_point& p) const {
    const bool moves = j.current && j.current->config.gpus != p.config.gpus;
    return horizon_s - j.work / p.throughput - (moves ? pause_s : 0);
  }
};

/// Jobs finished in a second at this rate.
struct completion_rate {
  bool operator==(const completion_rate&) const = default;

  double operator()(const candidate& j, const model::operating_point& p) const {
    return p.throughput / j.work;
  }
};

/// (Run time left)^−½: between seconds saved, which favour long jobs, and jobs a second, which starve them. A
/// stand-in for what a plan that hands GPUs on would save; see `price_path` for the plan.
struct root_rate {
  bool operator==(const root_rate&) const = default;

  double operator()(const candidate& j, const model::operating_point& p) const {
    return std::sqrt(p.throughput / j.work);
  }
};

/// Twice the energy of the job's most wasteful point, less that of `p`, in J.
struct energy {
  bool operator==(const energy&) const = default;

  double operator()(const candidate& j, const model::operating_point& p) const {
    double worst = 0;
    for (const model::operating_point& q : j.curve->points())
      worst = std::max(worst, q.energy_per_sample_j());
    return j.work * (2 * worst - p.energy_per_sample_j());
  }
};

/// log(2 · worst E·T / E·T) of the rest of the job: a half is a half to jobs of any size.
struct energy_delay {
  bool operator==(const energy_delay&) const = default;

  double operator()(const candidate& j, const model::operating_point& p) const {
    const auto product = [](const model::operating_point& q) {
      return q.power_w / (q.throughput * q.throughput);
    };
    double worst = 0;
    for (const model::operating_point& q : j.curve->points()) worst = std::max(worst, product(q));
    return std::log(2 * worst / product(p));
  }
};

/// 1 for a point that meets the deadline; for others, so that late jobs go on where there is room, `late`
/// times the part of the deadline's rate that they reach, or of the curve's best where it has passed.
struct deadlines {
  double late = 0.01;

  bool operator==(const deadlines&) const = default;

  double operator()(const candidate& j, const model::operating_point& p) const {
    if (j.work <= p.throughput * j.time_left_s) return 1;
    double best = p.throughput;
    for (const model::operating_point& q : j.curve->points()) best = std::max(best, q.throughput);
    const double needed = j.time_left_s > 0 ? std::max(best, j.work / j.time_left_s) : best;
    return late * p.throughput / needed;
  }
};

/// What an objective is for these candidates: what its `prepare` returns, or itself.
template <Objective O>
[[nodiscard]] auto prepared(const O& objective, std::span<const candidate> jobs) {
  if constexpr (requires { objective.prepare(jobs); })
    return objective.prepare(jobs);
  else
    return objective;
}

}  // namespace heddle::allocate::objective
