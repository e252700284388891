// What is left to hand out while points are handed out one by one: the base of a policy of one's own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>

#include <heddle/allocate/allocation_policy.hpp>

namespace heddle::allocate {

/// GPUs, power beyond idle and energy that are left of the limits: what a policy counts with that gives
/// points to one job after the other. It never gives more than there is, and takes power and energy as
/// all policies do. A limit that is not a number, or -∞, leaves nothing.
///
///     allocate::remaining left{l};
///     for (std::size_t i = 0; i < jobs.size(); ++i) {
///       const auto* p = left.fastest(jobs[i], nullptr, jobs[i].requested_gpus);
///       if (p && left.move(jobs[i], nullptr, p)) out[i] = p;
///     }
struct remaining {
  int gpus;         ///< not given yet
  double power_w;   ///< beyond what the GPUs would draw idle
  double energy_j;  ///< of the work left
  double idle_w;    ///< of a GPU

  explicit remaining(const limits& l)
      : gpus(l.gpus), power_w(some(l.power_w)), energy_j(some(l.energy_j)), idle_w(l.gpu_idle_w) {}

  /// Books a point that has been given, whether or not it fits.
  void book(const candidate& job, const model::operating_point& p) { give(job, p, -1); }
  /// Gives `job` the point `to` instead of `from` (null: none) if that fits, and tells whether it did. O(1).
  bool move(const candidate& job, const model::operating_point* from,
            const model::operating_point* to) {
    remaining then = *this;
    if (from) then.give(job, *from, +1);
    if (to) then.give(job, *to, -1);
    const bool fits = then.gpus >= 0 && (then.power_w >= 0 || then.power_w >= power_w) &&
                      (then.energy_j >= 0 || then.energy_j >= energy_j);
    if (fits) *this = then;
    return fits;
  }
  /// The fastest point of a count that fits instead of `from`, or null; it is not taken yet. O(points of
  /// the count).
  [[nodiscard]] const model::operating_point*
  fastest(const candidate& job, const model::operating_point* from, int count) const {
    const auto points = job.curve->at(count);
    for (std::size_t k = points.size(); k-- > 0;)
      if (remaining then = *this; then.move(job, from, &points[k])) return &points[k];
    return nullptr;
  }

 private:
  static double some(double limit) {
    return limit > -std::numeric_limits<double>::infinity()
               ? limit
               : std::numeric_limits<double>::quiet_NaN();
  }
  void give(const candidate& job, const model::operating_point& p, int sign) {
    gpus += sign * p.config.gpus;
    power_w += sign * (p.power_w - p.config.gpus * idle_w);
    energy_j += sign * work_left(job) * p.energy_per_sample_j();
  }
};

/// Whether a job can be given anything at all.
[[nodiscard]] inline bool can_run(const candidate& j) { return work_left(j) > 0; }

/// The smallest count of a job's curve within its range and of at least `least`, or 0. O(log points).
[[nodiscard]] inline int count_from(const candidate& j, int least) {
  const auto points = j.curve->points();
  const int low = std::max(least, j.min_gpus);
  const auto at = std::partition_point(points.begin(), points.end(),
                                       [&](const auto& p) { return p.config.gpus < low; });
  return at == points.end() || at->config.gpus > j.max_gpus ? 0 : at->config.gpus;
}

}  // namespace heddle::allocate
