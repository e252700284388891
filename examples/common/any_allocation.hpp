// An allocation policy chosen at run time.
#pragma once

#include <functional>
#include <limits>
#include <span>
#include <utility>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/priced_clock.hpp>

namespace heddle::examples {

/// Erased once for each decision, so that one scheduler serves all allocations that are elastic, and one
/// all others.
struct any_allocation {
  std::function<void(std::span<const allocate::candidate>, const allocate::limits&,
                     allocate::allocation&)>
      policy;
  bool elastic = false;
  double round_s = std::numeric_limits<double>::infinity();  ///< of a policy that shares time

  template <class Policy>
  static any_allocation of(Policy p) {
    any_allocation a{.policy = {}, .elastic = allocate::ElasticPolicy<Policy>};
    if constexpr (allocate::TimeSharing<Policy>) a.round_s = p.round_length_s();
    a.policy = [p = std::move(p)](std::span<const allocate::candidate> jobs,
                                  const allocate::limits& l, allocate::allocation& out) mutable {
      p(jobs, l, out);
      if constexpr (!allocate::EnergyPricingPolicy<Policy>) allocate::slow_to_price(jobs, l, out);
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
  any_allocation what;

  [[nodiscard]] double round_length_s() const { return what.round_s; }
  void operator()(std::span<const allocate::candidate> jobs, const allocate::limits& l,
                  allocate::allocation& out) const {
    what.policy(jobs, l, out);
  }
};

}  // namespace heddle::examples
