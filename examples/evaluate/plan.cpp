#include "plan.hpp"

#include <type_traits>
#include <utility>
#include <variant>

#include <heddle/core/error.hpp>
#include <heddle/route/crux.hpp>
#include <heddle/schedule/queue.hpp>

namespace heddle::evaluate {

any_plan plan(examples::any_order order, any_allocation allocate, const any_place& place,
              examples::route_of route, const extras& more) {
  if (allocate.elastic && (more.easy || more.greedy || more.preempt))
    throw input_error("a scheduler", "an allocation that is not elastic", "an elastic one");
  examples::admission_of admission = examples::admission_named(more.greedy ? "greedy"
                                                               : more.easy ? "easy"
                                                                           : "none",
                                                               schedule::whole_queue);
  if (more.waits_for)
    more.waits_for->on([&]<class Fabric>(const examples::place_function<Fabric>& p) {
      std::get<examples::admission_of::paying_on<Fabric>>(admission.paying).emplace(p);
    });
  return place.on([&]<class Fabric>(const examples::place_function<Fabric>& p) {
    return any_plan{examples::assemble<Fabric>({.order = {std::move(order)},
                                                .allocate = std::move(allocate),
                                                .place = p,
                                                .route = std::move(route),
                                                .admission = admission,
                                                .preempt = more.preempt,
                                                .joint = more.joint},
                                               more.options),
                    more.crux};
  });
}

sim::report any_plan::run(const two_networks& where, const model::workload& jobs,
                          const sim::options& o, const examples::watcher& watch) {
  return std::visit(
      [&]<class Fabric>(schedule::any_scheduler<Fabric>& p) {
        if constexpr (std::is_same_v<Fabric, fabric::leaf_spine>) {
          if (crux_)
            return examples::run_simulation(schedule::any_network{route::crux{where.fixed}},
                                            where.fixed, jobs, p, o, watch);
          return examples::run_simulation(where.fixed, jobs, p, o, watch);
        } else {
          return examples::run_simulation(where.optical, jobs, p, o, watch);
        }
      },
      which_);
}

}  // namespace heddle::evaluate
