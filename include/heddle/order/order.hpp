// In which order waiting jobs are considered.
//
//   order               who goes first                        when
//   fifo                who came first                        the usual default, fair by arrival
//   fewest_gpus         who wants fewest GPUs                 keeps a cluster full
//   shortest            the shortest run time (SJF)           least mean JCT if run times are known
//   shortest_remaining  the least run time left (SRTF)        the same, after preemption
//   shortest_service    the least GPU time (SSF), or expected  many small jobs beside few large ones; QSSF
//   deadline            the nearest deadline (EDF)            deadlines
//   least_attained      the least GPU time had (2D-LAS)       preemption, run times unknown
//   gittins             the best chance to end soon           preemption, their distribution known: gittins.hpp
//
// Beside them past_means.hpp and run_history.hpp: what jobs that have ended say of those that have not.
//
// An order of one's own is a function of two entries that is true if the first goes first, a lambda
// for example. Entries that it holds equal go by submission, then by id.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <limits>
#include <tuple>
#include <vector>

#include <heddle/core/job.hpp>

namespace heddle::order {

/// A waiting job as an order sees it.
struct entry {
  const job* spec = nullptr;
  double remaining_s = 0;     ///< run time left on the GPUs asked for
  double attained_gpu_s = 0;  ///< GPU time that it has had
  bool overdue = false;       ///< it has waited longer than the scheduler's patience
};

/// T is a strict weak order of entries that does not change while both wait.
template <class T>
concept OrderPolicy = requires(T& order, const entry& a, const entry& b) {
  { order(a, b) } -> std::convertible_to<bool>;
};

/// T's claims change while jobs run: one that runs on `gpus` GPUs keeps its claim for
/// `steady_for_s(entry, gpus)` seconds, infinite if for good. A wrapper forwards it.
template <class T>
concept AgeingOrder = OrderPolicy<T> && requires(const T& order, const entry& e, int gpus) {
  { order.steady_for_s(e, gpus) } -> std::convertible_to<double>;
};

struct fifo {
  bool operator()(const entry&, const entry&) const { return false; }
};
struct fewest_gpus {
  bool operator()(const entry& a, const entry& b) const { return a.spec->gpus < b.spec->gpus; }
};
struct shortest {
  bool operator()(const entry& a, const entry& b) const {
    return a.spec->duration_s < b.spec->duration_s;
  }
};
struct shortest_remaining {
  bool operator()(const entry& a, const entry& b) const { return a.remaining_s < b.remaining_s; }
};
/// What a job says itself, in s.
struct stated_duration {
  double operator()(const job& j) const { return j.duration_s; }
};
/// The least GPU time first: GPUs asked for × run time. With an estimate of the run time learned from jobs
/// that have ended (`order::past_means`) it is QSSF, quasi-shortest-service-first.
/// Reference: Hu et al., Characterization and Prediction of Deep Learning Workloads in Large-Scale GPU
/// Datacenters (Helios), SC 2021.
/// \tparam Expect  callable: job → run time in s, the same whenever it is asked
template <class Expect = stated_duration>
struct shortest_service {
  Expect expect = {};

  bool operator()(const entry& a, const entry& b) const {
    return a.spec->gpus * expect(*a.spec) < b.spec->gpus * expect(*b.spec);
  }
};
struct deadline {
  bool operator()(const entry& a, const entry& b) const {
    return a.spec->deadline_s < b.spec->deadline_s;
  }
};

/// Discretised two-dimensional least attained service: jobs that have had little GPU time first, in
/// levels; within a level by submission. Made for a scheduler that preempts and backfills greedily.
/// Reference: Gu et al., Tiresias: A GPU Cluster Manager for Distributed Deep Learning, NSDI 2019.
struct least_attained {
  /// GPU time in s at which a job falls to the next level, rising. The defaults are those that the simulator
  /// published with the paper comes to: it lists 18 000 too, but has three queues, and so two limits.
  std::vector<double> levels_gpu_s = {3250, 7200};

  [[nodiscard]] std::size_t level(double attained_gpu_s) const {
    constexpr double rounding = 1e-3;  // a job that is looked at when it is due to fall has fallen
    return static_cast<std::size_t>(
        std::upper_bound(levels_gpu_s.begin(), levels_gpu_s.end(), attained_gpu_s + rounding) -
        levels_gpu_s.begin());
  }
  bool operator()(const entry& a, const entry& b) const {
    return level(a.attained_gpu_s) < level(b.attained_gpu_s);
  }
  /// How long a job that runs on `gpus` GPUs keeps its level, in s.
  [[nodiscard]] double steady_for_s(const entry& e, int gpus) const {
    const std::size_t at = level(e.attained_gpu_s);
    return at < levels_gpu_s.size() ? (levels_gpu_s[at] - e.attained_gpu_s) / gpus
                                    : std::numeric_limits<double>::infinity();
  }
};

/// Whether `a` has a better claim than `b`, not only an earlier turn: a higher priority class, or
/// overdue where `b` is not, or first by `order`. Of two overdue jobs neither.
template <OrderPolicy Order>
[[nodiscard]] bool outranks(Order& order, const entry& a, const entry& b) {
  if (a.spec->priority != b.spec->priority) return a.spec->priority > b.spec->priority;
  if (a.overdue || b.overdue) return !b.overdue;
  return order(a, b);
}

/// Whether `a` goes before `b`: who outranks the other, then by submission and id. A strict total
/// order if ids differ.
template <OrderPolicy Order>
[[nodiscard]] bool before(Order& order, const entry& a, const entry& b) {
  if (outranks(order, a, b)) return true;
  if (outranks(order, b, a)) return false;
  return std::tie(a.spec->submit_s, a.spec->id) < std::tie(b.spec->submit_s, b.spec->id);
}

}  // namespace heddle::order
