// A scheduler of any parts, compiled once for all experiments.
#pragma once

#include <functional>
#include <limits>
#include <span>
#include <utility>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/any_scheduler.hpp>
#include <heddle/schedule/options.hpp>

#include "common/named_policies.hpp"

namespace heddle::evaluate {

/// An allocation policy chosen at run time.
struct any_allocation {
  std::function<void(std::span<const allocate::candidate>, const allocate::limits&,
                     allocate::allocation&)>
      policy;
  bool elastic = false;
  double round_s = std::numeric_limits<double>::infinity();  ///< of a policy that shares time

  template <class Policy>
  static any_allocation of(Policy p) {
    any_allocation a{.policy = p, .elastic = allocate::ElasticPolicy<Policy>};
    if constexpr (allocate::TimeSharing<Policy>) a.round_s = p.round_length_s();
    return a;
  }
};

/// What a scheduler may do besides.
struct extras {
  schedule::scheduler_options options = {};
  bool easy = false;     ///< jobs pass a blocked one; for allocations that are not elastic
  bool preempt = false;  ///< the same
  bool joint = false;    ///< allocation asks placement what is possible
};

/// \throws input_error  for what does not go with an elastic allocation
[[nodiscard]] schedule::any_scheduler plan(examples::any_order order, any_allocation allocate,
                                           examples::any_place place, examples::route_of route,
                                           const extras& more = {});

/// `last` behind one server and one leaf, as vClos has it.
template <class Last>
examples::any_place chain(Last last) {
  return place::first_of{place::one_server{}, place::one_leaf{}, std::move(last)};
}

}  // namespace heddle::evaluate
