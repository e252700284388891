// In which order waiting jobs are considered.
//
//   order               who goes first                        when
//   fifo                who came first                        the usual default, fair by arrival
//   fewest_gpus         who wants fewest GPUs                 keeps a cluster full
//   shortest            the shortest run time (SJF)           least mean JCT if run times are known
//   shortest_remaining  the least run time left (SRTF)        the same, after preemption
//   deadline            the nearest deadline (EDF)            deadlines
//
// An order of one's own is a function of two entries that is true if the first goes first, a lambda
// for example. Entries that it holds equal go by submission, then by id.
#pragma once

#include <concepts>
#include <tuple>

#include <heddle/core/job.hpp>

namespace heddle::order {

/// A waiting job as an order sees it.
struct entry {
  const job* spec = nullptr;
  double remaining_s = 0;     ///< run time left on the GPUs asked for
  double attained_gpu_s = 0;  ///< GPU time that it has had
};

/// T is a strict weak order of entries that does not change while both wait.
template <class T>
concept OrderPolicy = requires(T& order, const entry& a, const entry& b) {
  { order(a, b) } -> std::convertible_to<bool>;
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
struct deadline {
  bool operator()(const entry& a, const entry& b) const {
    return a.spec->deadline_s < b.spec->deadline_s;
  }
};

/// Whether `a` goes before `b`: a higher priority class first, then by `order`, then by submission
/// and id. A strict total order if ids differ.
template <OrderPolicy Order>
[[nodiscard]] bool before(Order& order, const entry& a, const entry& b) {
  if (a.spec->priority != b.spec->priority) return a.spec->priority > b.spec->priority;
  if (order(a, b)) return true;
  if (order(b, a)) return false;
  return std::tie(a.spec->submit_s, a.spec->id) < std::tie(b.spec->submit_s, b.spec->id);
}

}  // namespace heddle::order
