// What drives a cluster: a simulation or a live one calls no more of a scheduler.
#pragma once

#include <concepts>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/schedule/decision.hpp>
#include <heddle/schedule/options.hpp>
#include <heddle/schedule/state.hpp>

namespace heddle::schedule {

/// T decides what to do with a state at a time, and books it there; books a decision that was made before,
/// or says that it does not fit; and says by what it is bounded. A simulation asks it besides for `route()`,
/// the routing of jobs that share links, or for `make_network(dc, options)`, a model of contention.
template <class T, class Fabric = fabric::leaf_spine>
concept Scheduler = requires(T& plan, const T& asked, state<Fabric>& s, double now_s,
                             const decision& d) {
  { plan.decide(s, now_s) } -> std::same_as<decision>;
  { plan.carry_out(s, now_s, d) } -> std::same_as<bool>;
  { asked.options() } -> std::convertible_to<const scheduler_options&>;
};

}  // namespace heddle::schedule
