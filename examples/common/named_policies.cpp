#include "common/named_policies.hpp"

#include <type_traits>
#include <utility>
#include <variant>

#include <heddle/allocate/marginals.hpp>
#include <heddle/allocate/max_min.hpp>
#include <heddle/allocate/optimal.hpp>
#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/price_path.hpp>
#include <heddle/allocate/requested.hpp>
#include <heddle/allocate/zeus.hpp>
#include <heddle/core/error.hpp>
#include <heddle/schedule/admit/elastic.hpp>
#include <heddle/schedule/means/migrate.hpp>
#include <heddle/schedule/means/other_count.hpp>
#include <heddle/schedule/means/preempt.hpp>
#include <heddle/schedule/scheduler.hpp>

namespace heddle::examples {

namespace {

const auto allocations = table_of(
    named{"requested", "the GPUs that a job asked for, at the fastest clock that power allows",
          allocate::requested{}},
    named{"powerflow", "elastic: small steps, the most time saved for the energy first",
          allocate::powerflow{}},
    named{"optimal", "elastic: the best points for all jobs together, proved",
          allocate::optimal<>{}},
    named{"throughput_marginal", "elastic: GPUs to whom they save the largest part of its time",
          allocate::throughput_marginal{}},
    named{"zeus", "the GPUs that a job asked for, at its best trade of energy for time",
          allocate::zeus{}},
    named{"price_path", "elastic: all jobs' ends planned ahead, with one price of energy",
          allocate::price_path{}},
    named{"max_min", "elastic: time shared equally by weight, in rounds", allocate::max_min{}});
using any_allocation = value_in<decltype(allocations)>;

bool is_elastic(const any_allocation& policy) {
  return std::visit([]<class Policy>(const Policy&) { return allocate::ElasticPolicy<Policy>; },
                    policy);
}

const auto& allocation_named(std::string_view name) {
  return find_named(allocations, "--allocate", name).value;
}

/// \throws input_error  for options of which one would be passed over
void check_together(const scheduler_names& n) {
  const auto refuse = [](std::string option, std::string expected, std::string other) {
    throw input_error(std::move(option), std::move(expected), std::move(other));
  };
  const std::string backfill = "--backfill " + n.backfill;
  const std::string moves = "--move-gpus " + std::to_string(n.move_gpus);
  if (is_elastic(allocation_named(n.allocate))) {
    const auto is_rigid = [](const auto& row) { return !is_elastic(row.value); };
    const std::string what = "--allocate " + either(lines_of(allocations, is_rigid)) +
                             ", since an elastic allocation gives and takes GPUs itself";
    const std::string allocation = "--allocate " + n.allocate;
    if (n.backfill != "none") refuse(backfill, what, allocation);
    if (n.preempt) refuse("--preempt", what, allocation);
    if (n.move_gpus > 0) refuse(moves, what, allocation);
  } else if (n.backfill == "conservative") {
    const std::string what = "another --backfill, since nobody makes room for a job under this one";
    if (n.preempt) refuse("--preempt", what, backfill);
    if (n.joint) refuse("--joint", what, backfill);
    if (n.move_gpus > 0) refuse(moves, what, backfill);
  }
  if (n.move_gpus > 0 && find_place(n.place, "--place").optical())
    refuse(moves, "a --place on fixed links, since jobs on circuits do not migrate",
           "--place " + n.place);
}

/// A scheduler whose jobs share links under another routing than its own.
template <class Fabric, class Route>
struct rerouted {
  schedule::any_scheduler<Fabric> plan;
  Route routing;

  [[nodiscard]] const Route& route() const { return routing; }
  [[nodiscard]] const schedule::scheduler_options& options() const { return plan.options(); }
  schedule::decision decide(schedule::state<Fabric>& s, double now_s) {
    return plan.decide(s, now_s);
  }
  [[nodiscard]] bool carry_out(schedule::state<Fabric>& s, double now_s,
                               const schedule::decision& d) {
    return plan.carry_out(s, now_s, d);
  }
};

/// The means of making room that were asked for.
template <class Fabric>
auto means_of(const scheduler_names& n) {
  const if_asked<schedule::preempt> stop{n.preempt};
  const if_asked<schedule::other_count> resize{n.joint};
  if constexpr (std::is_same_v<Fabric, fabric::leaf_spine_ocs>)  // jobs on circuits do not migrate
    return schedule::means{stop, resize};
  else
    return schedule::means{
        stop, if_asked<schedule::migrate>{n.move_gpus > 0, {.most_gpus = n.move_gpus}}, resize};
}

}  // namespace

std::vector<name_kind> policy_kinds() {
  return {{"--order", "which waiting job goes first", lines_of(orders)},
          {"--allocate", "GPUs and clock of each job", lines_of(allocations)},
          {"--place", "which GPUs and links a job gets", place_names()},
          {"--route", "paths of jobs that own no links", lines_of(routes)},
          {"--backfill", "who may pass a job that cannot start", lines_of(backfills)}};
}

void check_scheduler(const scheduler_names& n) {
  (void)allocation_named(n.allocate);
  (void)find_named(routes, "--route", n.route);
  (void)find_named(orders, "--order", n.order);
  (void)admission_named(n.backfill, n.depth);
  (void)find_place(n.place, "--place");
  check_together(n);
}

template <class Fabric>
schedule::any_scheduler<Fabric>
make_scheduler(const scheduler_names& n, const schedule::scheduler_options& o, std::uint64_t seed) {
  using any = schedule::any_scheduler<Fabric>;
  check_scheduler(n);
  const order_of by{find_named(orders, "--order", n.order).value};
  admission_of admission = admission_named(n.backfill, n.depth);
  const place_function<Fabric> place =
      find_place(n.place, "--place").template make<Fabric>({.seed = seed});
  const auto under = [&](const route_of& routing) {
    return std::visit(
        [&]<class Allocate>(const Allocate& allocate) {
          if constexpr (allocate::ElasticPolicy<Allocate>)
            return any{schedule::scheduler{by, allocate, place, routing,
                                           admit::elastic{.ask_place = n.joint}, o}};
          else
            return any{schedule::scheduler{by, allocate, place, routing, admission,
                                           means_of<Fabric>(n), o}};
        },
        allocation_named(n.allocate));
  };
  return with_route(n.route, seed, [&]<class Route>(const Route& routing) {
    if constexpr (std::is_same_v<Route, route_of>)
      return under(routing);
    else  // of phases: which links others share is not the scheduler's to know
      return any{rerouted<Fabric, Route>{under({route::source{}}), routing}};
  });
}

template schedule::any_scheduler<fabric::leaf_spine>
make_scheduler(const scheduler_names&, const schedule::scheduler_options&, std::uint64_t);
template schedule::any_scheduler<fabric::leaf_spine_ocs>
make_scheduler(const scheduler_names&, const schedule::scheduler_options&, std::uint64_t);

}  // namespace heddle::examples
