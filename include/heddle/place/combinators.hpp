// Policies made of policies.
//
//   combinator   what                                  cost
//   first_of     the answer of the first that places   sum of those asked
#pragma once

#include <concepts>
#include <tuple>
#include <utility>

#include <heddle/place/placement_policy.hpp>

namespace heddle::place {

/// Asks its policies one after the other and takes the first placement. If none places, the last
/// one's reason stands, unless an earlier one gave up its search.
template <PlacementPolicy... Policies>
  requires(sizeof...(Policies) > 0)
class first_of {
 public:
  first_of()
    requires(std::default_initializable<Policies> && ...)
  = default;
  explicit first_of(Policies... policies) : policies_(std::move(policies)...) {}

  answer operator()(const fabric::ledger& free, const request& job) {
    answer result = wait_reason::gpus;
    bool gave_up = false;
    const auto try_next = [&](auto& policy) {
      result = ask(policy, free, job);
      gave_up |= result.why == wait_reason::search_limit;
      return static_cast<bool>(result);
    };
    const bool placed =
        std::apply([&](auto&... policy) { return (try_next(policy) || ...); }, policies_);
    if (!placed && gave_up) return {wait_reason::search_limit, false};
    return result;
  }

 private:
  std::tuple<Policies...> policies_;
};

}  // namespace heddle::place
