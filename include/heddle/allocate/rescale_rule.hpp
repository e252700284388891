// When a job is worth moving: hysteresis for elastic policies.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/remaining.hpp>

namespace heddle::allocate {

/// Keeps running jobs on their GPUs where a change would not pay for its pause.
///
/// A job that grows pauses for `limits::rescale(gpus)` seconds. Over H = min(interval, run time left) it does
/// throughput·H as it is and throughput'·(H − pause) after the change; it grows if the latter is more.
/// A job that shrinks makes room: it stays as it is where what it gives up is left over in the end.
/// Starts are never held back, changes of the clock alone cost nothing.
///
/// Derived.
struct rescale_rule {
  double interval_s = 0;  ///< how long a decision is expected to stand; 0: every change is made

  bool operator==(const rescale_rule&) const = default;

  /// Whether a running job gains by moving to `to`.
  [[nodiscard]] bool worth(const candidate& job, const model::operating_point& to,
                           const limits& l) const {
    const double horizon_s = std::min(interval_s, work_left(job) / job.current->throughput);
    return to.throughput * (horizon_s - l.rescale(to.config.gpus)) >
           job.current->throughput * horizon_s;
  }

  /// Takes back what is not worth it in `out`, which is within the limits and stays so. O(jobs).
  void apply(std::span<const candidate> jobs, const limits& l, allocation& out) const {
    if (!(interval_s > 0)) return;
    remaining left{l};
    for (std::size_t i = 0; i < jobs.size(); ++i)
      if (out[i]) left.book(jobs[i], *out[i]);
    const auto keep = [&](std::size_t i) {
      if (can_run(jobs[i]) && left.move(jobs[i], out[i], jobs[i].current)) out[i] = jobs[i].current;
    };
    for (std::size_t i = 0; i < jobs.size(); ++i)
      if (jobs[i].current && out[i] && out[i]->config.gpus > jobs[i].current->config.gpus &&
          !worth(jobs[i], *out[i], l))
        keep(i);
    for (std::size_t i = 0; i < jobs.size(); ++i)
      if (jobs[i].current && (!out[i] || out[i]->config.gpus < jobs[i].current->config.gpus))
        keep(i);
  }
};

}  // namespace heddle::allocate
