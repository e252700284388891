// An allocation policy chosen at run time.
#pragma once

#include <functional>
#include <limits>
#include <span>
#include <utility>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/over_types.hpp>

namespace heddle::examples {

/// Erased once for each decision, so that one scheduler serves all allocations that are elastic, and one
/// all others.
struct any_allocation {
  /// Returns what is left of the round, of a policy that shares time.
  std::function<double(std::span<const allocate::candidate>, const allocate::limits&,
                       allocate::allocation&)>
      policy;
  bool elastic = false;

  template <class Policy>
  static any_allocation of(Policy p) {
    any_allocation a{.policy = {}, .elastic = allocate::ElasticPolicy<Policy>};
    a.policy = [p = std::move(p), by_type = allocate::over_types<Policy>{}](
                   std::span<const allocate::candidate> jobs, const allocate::limits& l,
                   allocate::allocation& out) mutable {
      by_type(p, jobs, l, out);
      if constexpr (allocate::TimeSharing<Policy>)
        return p.round_length_s();
      else
        return std::numeric_limits<double>::infinity();
    };
    return a;
  }
};

/// The same as a policy that says by its type whether it is elastic. Energy has been priced by then: by
/// the policy, or for it.
template <bool Elastic>
struct allocation_that {
  static constexpr bool elastic = Elastic;
  static constexpr bool prices_energy = true;
  static constexpr bool knows_types = true;
  any_allocation what;
  double round_s = std::numeric_limits<double>::infinity();

  [[nodiscard]] double round_length_s() const { return round_s; }
  void operator()(std::span<const allocate::candidate> jobs, const allocate::limits& l,
                  allocate::allocation& out) {
    round_s = what.policy(jobs, l, out);
  }
};

}  // namespace heddle::examples
