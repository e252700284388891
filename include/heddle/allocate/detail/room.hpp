// What is left to hand out while points are handed out one by one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <heddle/allocate/allocation_policy.hpp>

namespace heddle::allocate::detail {

/// GPUs, power beyond idle and energy that are left. A limit that is not a number, or -∞, leaves nothing.
struct room {
  int gpus;
  double power_w, energy_j;
  double idle_w;

  explicit room(const limits& l)
      : gpus(l.gpus), power_w(some(l.power_w)), energy_j(some(l.energy_j)), idle_w(l.gpu_idle_w) {}

  /// Books a point that has been given, whether or not it fits.
  void book(const candidate& job, const model::operating_point& p) { give(job, p, -1); }
  /// Gives `job` the point `to` in the place of `from` (null: none) if that fits.
  bool move(const candidate& job, const model::operating_point* from,
            const model::operating_point* to) {
    room then = *this;
    if (from) then.give(job, *from, +1);
    if (to) then.give(job, *to, -1);
    const bool fits = then.gpus >= 0 && (then.power_w >= 0 || then.power_w >= power_w) &&
                      (then.energy_j >= 0 || then.energy_j >= energy_j);
    if (fits) *this = then;
    return fits;
  }
  /// The fastest point of a count that fits in the place of `from`, or null; it is not taken yet.
  [[nodiscard]] const model::operating_point*
  fastest(const candidate& job, const model::operating_point* from, int count) const {
    const auto points = job.curve->at(count);
    for (std::size_t k = points.size(); k-- > 0;)
      if (room then = *this; then.move(job, from, &points[k])) return &points[k];
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

/// The smallest count of a job's curve within its range and of at least `least`, or 0.
[[nodiscard]] inline int count_from(const candidate& j, int least) {
  const auto points = j.curve->points();
  const int low = std::max(least, j.min_gpus);
  const auto at = std::partition_point(points.begin(), points.end(),
                                       [&](const auto& p) { return p.config.gpus < low; });
  return at == points.end() || at->config.gpus > j.max_gpus ? 0 : at->config.gpus;
}

/// Starts each job that `may_start` and has nothing on its smallest count, in order, at the fastest clock
/// that fits.
template <class MayStart>
void start_smallest(std::span<const candidate> jobs, room& left, allocation& out,
                    MayStart may_start) {
  for (std::size_t i = 0; i < jobs.size() && left.gpus > 0; ++i) {
    if (out[i] || !can_run(jobs[i]) || !may_start(i)) continue;
    const int count = count_from(jobs[i], 1);
    const model::operating_point* p = count ? left.fastest(jobs[i], nullptr, count) : nullptr;
    if (p && left.move(jobs[i], nullptr, p)) out[i] = p;
  }
}

struct gpu_step {
  double rank = 0;
  std::uint32_t job = 0;
  const model::operating_point* to = nullptr;

  /// Heap order: the largest rank first, then the earlier job.
  friend bool operator<(const gpu_step& a, const gpu_step& b) {
    return a.rank != b.rank ? a.rank < b.rank : a.job > b.job;
  }
};

/// Raises running jobs count by count, the step of highest `rank(job, from, to)` first, while it is
/// positive. A job whose step does not fit stays where it is. O(S·(log J + P)) for S steps.
template <class Rank>
void raise_counts(std::span<const candidate> jobs, room& left, allocation& out,
                  std::vector<gpu_step>& heap, Rank rank) {
  heap.clear();
  const auto propose = [&](std::size_t i) {
    const int count = count_from(jobs[i], out[i]->config.gpus + 1);
    if (count == 0 || count - out[i]->config.gpus > left.gpus) return;
    const model::operating_point* to = left.fastest(jobs[i], out[i], count);
    if (!to) return;
    const double r = rank(i, *out[i], *to);
    if (r > 0) heap.push_back({r, static_cast<std::uint32_t>(i), to});
  };
  for (std::size_t i = 0; i < jobs.size(); ++i)
    if (out[i]) propose(i);
  std::make_heap(heap.begin(), heap.end());
  while (!heap.empty() && left.gpus > 0) {
    std::pop_heap(heap.begin(), heap.end());
    const gpu_step s = heap.back();
    heap.pop_back();
    if (left.move(jobs[s.job], out[s.job], s.to)) {
      out[s.job] = s.to;
    } else {
      // There is less power than when it was proposed: with a slower clock then, if that is worth it.
      const auto* slower = left.fastest(jobs[s.job], out[s.job], s.to->config.gpus);
      if (!slower || !(slower->throughput > out[s.job]->throughput)) continue;
      left.move(jobs[s.job], out[s.job], slower);
      out[s.job] = slower;
    }
    const std::size_t before = heap.size();
    propose(s.job);
    if (heap.size() > before) std::push_heap(heap.begin(), heap.end());
  }
}

}  // namespace heddle::allocate::detail
