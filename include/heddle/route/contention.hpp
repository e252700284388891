// What a simulation asks of a model of contention.
//
//   model             slow-downs                                     header
//   steady            of the mean over time, first order             steady.hpp
//   flow_contention   of flows followed one by one, small clusters   flow_contention.hpp
//   crux              of the mean, paths chosen by intensity         crux.hpp
//   no_contention     none                                           here
//   sparing           of another model, which is not told of jobs    sparing.hpp
//                     that nobody can disturb
#pragma once

#include <concepts>
#include <span>

#include <heddle/core/ids.hpp>
#include <heddle/core/job.hpp>
#include <heddle/fabric/placement.hpp>

namespace heddle::route {

/// T knows by how much running jobs slow each other down on the network. A job is added with the
/// place where it runs when it starts, and removed when it stops or moves. `slowdown` is by how much
/// its communication is stretched, ≥ 1; `changed` names those whose slow-down the last `add` or
/// `remove` has changed, by id, that job itself among them. The promises that types cannot say are
/// checked by `broken_promises` of route/conformance.hpp.
template <class T>
concept Contention = requires(T& network, const T& now, const job& spec,
                              const fabric::placement& where, job_id owner) {
  network.add(spec, where);
  network.remove(owner);
  { now.slowdown(owner) } -> std::convertible_to<double>;
  { now.changed() } -> std::convertible_to<std::span<const job_id>>;
};

/// Nobody slows anybody down: a bound, and the network of a fabric of which no links are known.
struct no_contention {
  void add(const job&, const fabric::placement&) {}
  void remove(job_id) {}
  [[nodiscard]] double slowdown(job_id) const { return 1; }
  [[nodiscard]] std::span<const job_id> changed() const { return {}; }
};

}  // namespace heddle::route
