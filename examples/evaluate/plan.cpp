#include "plan.hpp"

#include <utility>

namespace heddle::evaluate {

namespace {

template <bool Elastic>
struct erased {
  static constexpr bool elastic = Elastic;
  any_allocation what;
  double round_s = what.round_s;

  void operator()(std::span<const allocate::candidate> jobs, const allocate::limits& l,
                  allocate::allocation& out) const {
    what.policy(jobs, l, out);
  }
};

template <bool Elastic>
schedule::any_scheduler made(examples::any_order order, any_allocation allocate,
                             examples::any_place place, examples::route_of route,
                             const schedule::scheduler_options& o) {
  return schedule::any_scheduler{schedule::scheduler{examples::order_of{std::move(order)},
                                                     erased<Elastic>{std::move(allocate)},
                                                     std::move(place), std::move(route), o}};
}

}  // namespace

schedule::any_scheduler plan(examples::any_order order, any_allocation allocate,
                             examples::any_place place, examples::route_of route,
                             const schedule::scheduler_options& o) {
  return (allocate.elastic ? made<true> : made<false>)(std::move(order), std::move(allocate),
                                                       std::move(place), std::move(route), o);
}

}  // namespace heddle::evaluate
