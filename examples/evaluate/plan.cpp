#include "plan.hpp"

#include <utility>

#include <heddle/core/error.hpp>
#include <heddle/schedule/admit/easy.hpp>
#include <heddle/schedule/admit/elastic.hpp>
#include <heddle/schedule/means.hpp>
#include <heddle/schedule/means/other_count.hpp>
#include <heddle/schedule/means/preempt.hpp>
#include <heddle/schedule/scheduler.hpp>

namespace heddle::evaluate {

namespace {

template <bool Elastic>
struct erased {
  static constexpr bool elastic = Elastic;
  any_allocation what;

  [[nodiscard]] double round_length_s() const { return what.round_s; }
  void operator()(std::span<const allocate::candidate> jobs, const allocate::limits& l,
                  allocate::allocation& out) const {
    what.policy(jobs, l, out);
  }
};

}  // namespace

schedule::any_scheduler plan(examples::any_order order, any_allocation allocate,
                             examples::any_place place, examples::route_of route,
                             const extras& more) {
  const examples::order_of by{std::move(order)};
  if (allocate.elastic) {
    if (more.easy || more.preempt)
      throw input_error("a scheduler", "an allocation that is not elastic", "an elastic one");
    return schedule::any_scheduler{schedule::scheduler{
        by, erased<true>{std::move(allocate)}, std::move(place), std::move(route),
        admit::elastic{.ask_place = more.joint}, more.options}};
  }
  return schedule::any_scheduler{schedule::scheduler{
      by, erased<false>{std::move(allocate)}, std::move(place), std::move(route),
      examples::admission_named(more.easy ? "easy" : "none", admit::easy{}.depth),
      schedule::means{examples::if_asked<schedule::preempt>{more.preempt},
                      examples::if_asked<schedule::other_count>{more.joint}},
      more.options}};
}

}  // namespace heddle::evaluate
