// A scheduler of any parts, compiled once for all experiments.
#pragma once

#include <functional>
#include <limits>
#include <span>
#include <utility>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/schedule/any_scheduler.hpp>
#include <heddle/schedule/options.hpp>
#include <heddle/schedule/scheduler.hpp>

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
    any_allocation a{.policy = p, .elastic = schedule::is_elastic<Policy>};
    if constexpr (requires { p.round_s; }) a.round_s = p.round_s;
    return a;
  }
};

[[nodiscard]] schedule::any_scheduler plan(examples::any_order order, any_allocation allocate,
                                           examples::any_place place, examples::route_of route,
                                           const schedule::scheduler_options& o = {});

/// `last` behind one server and one leaf, as vClos has it.
template <class Last>
examples::any_place chain(Last last) {
  return place::first_of{place::one_server{}, place::one_leaf{}, std::move(last)};
}

}  // namespace heddle::evaluate
