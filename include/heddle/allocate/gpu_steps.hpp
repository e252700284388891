// Starting jobs small and raising them count by count: what elastic policies that rank steps have in common.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/remaining.hpp>

namespace heddle::allocate {

/// Starts each job that `may_start` and has nothing on its smallest count, in order, at the fastest clock
/// that fits. O(jobs · points of a count).
template <class MayStart>
void start_smallest(std::span<const candidate> jobs, remaining& left, allocation& out,
                    MayStart may_start) {
  for (std::size_t i = 0; i < jobs.size() && left.gpus > 0; ++i) {
    if (out[i] || !can_run(jobs[i]) || !may_start(i)) continue;
    const int count = count_from(jobs[i], 1);
    const model::operating_point* p = count ? left.fastest(jobs[i], nullptr, count) : nullptr;
    if (p && left.move(jobs[i], nullptr, p)) out[i] = p;
  }
}

/// Starts jobs that `may_start` and that `out` leaves waiting though they fit into what it leaves: on their smallest
/// count, at the fastest clock that fits. What a policy does at last that chooses by worth, so that nobody waits
/// beside idle GPUs within the budget. With `classes` a higher priority is looked at before the lower ones have
/// what they have, and these go without what it takes. O(priorities · jobs · points of a count).
template <class MayStart>
void start_waiting(std::span<const candidate> jobs, const limits& l, allocation& out,
                   MayStart may_start, bool classes = false) {
  if (std::find(out.begin(), out.end(), nullptr) == out.end()) return;
  remaining left{l};
  bool started = false;
  for (long long above = std::numeric_limits<long long>::max();;) {
    long long now = std::numeric_limits<long long>::min();  // the next lower priority
    for (const candidate& j : jobs)
      if (const long long p = classes ? j.priority : 0; p < above) now = std::max(now, p);
    if (now == std::numeric_limits<long long>::min()) return;
    const auto turn = [&](std::size_t i) { return !classes || jobs[i].priority == now; };
    int waiting = 0;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      if (!turn(i)) continue;
      waiting += !out[i];
      if (!out[i]) continue;
      if (!started)
        left.book(jobs[i], *out[i]);
      else if (!left.move(jobs[i], nullptr, out[i]))
        out[i] = nullptr;
    }
    const int gpus = left.gpus;
    if (waiting > 0 && gpus > 0)
      start_smallest(jobs, left, out, [&](std::size_t i) { return turn(i) && may_start(i); });
    started = started || left.gpus < gpus;
    above = now;
  }
}

/// A step of a job to a larger count.
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
/// positive. A job whose step does not fit stays where it is. `heap` is work space. O(S·(log J + P)) for
/// S steps, J jobs and P points of a count.
template <class Rank>
void raise_counts(std::span<const candidate> jobs, remaining& left, allocation& out,
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

}  // namespace heddle::allocate
