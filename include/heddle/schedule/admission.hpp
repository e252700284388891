// Which waiting jobs start now.
//
//   policy               behind a job that cannot start                   that job waits            a decision
//   admit::in_order      nobody starts                                    for those that run        O(starts)
//   admit::greedy        all start that fit                               for ever, maybe           O(depth)
//   admit::easy          those start that do not delay it                 for those that run        O(depth + running)
//   admit::conservative  those start that delay no job before them        for those before it       O(depth · steps)
//   admit::paying        those start that end before it can, while it     for links of its own,     a forecast
//                        waits for links                                  if that ends sooner
//   admit::elastic       all jobs, running ones too, are given their      until allocation gives    one allocation
//                        GPUs together                                    it something
//
// All but `elastic` ask allocation for one job at a time, in the order's order, and are for allocations
// that are not elastic; `elastic` is for those that are, and there is no other for them. `depth` bounds
// the jobs that are looked at, the whole queue unless it is said. A policy of one's own is a function of a desk:
//
//     struct three_at_a_time {  // for a file server that is slow to start from
//       template <class Desk>
//       void operator()(Desk& d) const {
//         for (std::size_t i = 0; i < d.queued() && d.decided().starts.size() < 3; ++i)
//           if (!d.admit(d.waiting(i))) return;
//       }
//     };
#pragma once

#include <concepts>
#include <type_traits>

#include <heddle/schedule/desk.hpp>

namespace heddle::schedule {

/// T decides at a desk which of the waiting jobs start: it calls `admit`, `try_start` or `start` for
/// those that do, and `wait` for those of which it is to be known why they do not.
template <class T, class Desk>
concept AdmissionPolicy = requires(T& policy, Desk& d) {
  { policy(d) } -> std::same_as<void>;
};

/// T asks an elastic allocation for all jobs together: it says
/// `static constexpr bool for_elastic_allocations = true`.
template <class T>
concept ElasticAdmission = requires {
  requires static_cast<bool>(T::for_elastic_allocations);
};

/// T starts no job by the means of making room: it says `static constexpr bool makes_no_room = true`.
template <class T>
concept AdmissionWithoutMeans = requires {
  requires static_cast<bool>(T::makes_no_room);
};

}  // namespace heddle::schedule
