#include "plan.hpp"

#include <type_traits>
#include <utility>
#include <variant>

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

template <class Fabric>
schedule::any_scheduler<Fabric> scheduler_of(examples::order_of by, any_allocation allocate,
                                             examples::place_function<Fabric> place,
                                             examples::route_of route, const extras& more) {
  using any = schedule::any_scheduler<Fabric>;
  if (allocate.elastic) {
    if (more.easy || more.greedy || more.preempt)
      throw input_error("a scheduler", "an allocation that is not elastic", "an elastic one");
    return any{schedule::scheduler{std::move(by), erased<true>{std::move(allocate)},
                                   std::move(place), std::move(route),
                                   admit::elastic{.ask_place = more.joint}, more.options}};
  }
  return any{schedule::scheduler{
      std::move(by), erased<false>{std::move(allocate)}, std::move(place), std::move(route),
      examples::admission_named(more.greedy ? "greedy"
                                : more.easy ? "easy"
                                            : "none",
                                schedule::whole_queue),
      schedule::means{examples::if_asked<schedule::preempt>{more.preempt},
                      examples::if_asked<schedule::other_count>{more.joint}},
      more.options}};
}

}  // namespace

any_plan plan(examples::any_order order, any_allocation allocate, const any_place& place,
              examples::route_of route, const extras& more) {
  return place.on([&]<class Fabric>(const examples::place_function<Fabric>& p) {
    return any_plan{
        scheduler_of<Fabric>({std::move(order)}, std::move(allocate), p, std::move(route), more)};
  });
}

sim::report any_plan::run(const two_networks& where, const model::workload& jobs,
                          const sim::options& o, const examples::watcher& watch) {
  return std::visit(
      [&]<class Fabric>(schedule::any_scheduler<Fabric>& p) {
        if constexpr (std::is_same_v<Fabric, fabric::leaf_spine>)
          return examples::run_simulation(where.fixed, jobs, p, o, watch);
        else
          return examples::run_simulation(where.optical, jobs, p, o, watch);
      },
      which_);
}

}  // namespace heddle::evaluate
