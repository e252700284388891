#include "common/named_policies.hpp"

#include <type_traits>
#include <utility>

#include <heddle/allocate/by_rounds.hpp>
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
#include <heddle/share/by_share.hpp>
#include <heddle/share/rate_by_time_left.hpp>
#include <heddle/share/relative_goodput.hpp>
#include <heddle/share/remembered.hpp>
#include <heddle/share/share.hpp>

namespace heddle::examples {

namespace {

/// Types are numbered as the cluster's file names them, not the best first.
constexpr share::by_share_options one_queue{.one_queue = true};

const named<any_allocation> allocations[] = {
    {"requested", "the GPUs that a job asked for, at the fastest clock that power allows",
     any_allocation::of(allocate::requested{})},
    {"powerflow", "elastic: small steps, the most time saved for the energy first",
     any_allocation::of(allocate::powerflow{})},
    {"optimal", "elastic: the best points for all jobs together, proved",
     any_allocation::of(allocate::optimal<>{})},
    {"throughput_marginal", "elastic: GPUs to whom they save the largest part of its time",
     any_allocation::of(allocate::throughput_marginal{})},
    {"zeus", "the GPUs that a job asked for, at its best trade of energy for time",
     any_allocation::of(allocate::zeus{})},
    {"price_path", "elastic: all jobs' ends planned ahead, with one price of energy",
     any_allocation::of(allocate::price_path{})},
    {"max_min", "elastic: time shared equally by weight, in rounds",
     any_allocation::of(allocate::max_min{})},
    {"rounds_max_min", "elastic: rounds on GPU types, the lowest levels highest (Gavel)",
     any_allocation::of(
         allocate::by_rounds{share::by_share{share::max_min_lexicographic{}, one_queue}})},
    {"rounds_finish_time", "elastic: rounds on GPU types, the worst delay least (Gavel)",
     any_allocation::of(
         allocate::by_rounds{share::by_share{share::finish_time_fairness_so_far{}, one_queue}})},
    {"rounds_makespan", "elastic: rounds on GPU types, the last job done soonest (Gavel)",
     any_allocation::of(allocate::by_rounds{share::by_share{share::makespan{}, one_queue}})},
    {"rounds_goodput", "elastic: rounds on GPU types, goodput and numbers of GPUs (Sia)",
     any_allocation::of(allocate::by_rounds{share::relative_goodput{}})},
    {"rounds_by_time_left", "elastic: rounds on GPU types, jobs that end soon",
     any_allocation::of(allocate::by_rounds{share::rate_by_time_left{}})},
};

const any_allocation& allocation_named(std::string_view name) {
  return find_named(allocations, "--allocate", name).value;
}

/// Where jobs start that do not wait for links of their own.
constexpr std::string_view thinner = "relaxed";

[[nodiscard]] bool waits_only_if_it_pays(const scheduler_names& n) {
  return find_named(isolations, "--isolation", n.isolation).value;
}

/// \throws input_error  for options of which one would be passed over
void check_together(const scheduler_names& n) {
  const auto refuse = [](std::string option, std::string expected, std::string other) {
    throw input_error(std::move(option), std::move(expected), std::move(other));
  };
  const std::string backfill = "--backfill " + n.backfill;
  const std::string moves = "--move-gpus " + std::to_string(n.move_gpus);
  if (allocation_named(n.allocate).elastic) {
    const auto is_rigid = [](const auto& row) { return !row.value.elastic; };
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
  if (waits_only_if_it_pays(n)) {
    const std::string pays = "--isolation pays";
    if (n.place != "vclos" && n.place != "ocs_vclos")
      refuse(pays, "vclos or ocs_vclos, which have links to wait for", "--place " + n.place);
    if (allocation_named(n.allocate).elastic)
      refuse(pays, "an allocation of the GPUs that jobs ask for", "--allocate " + n.allocate);
    const std::string alone = "no other way to pass a job or to make room";
    if (n.backfill != "none") refuse(pays, alone, backfill);
    if (n.preempt) refuse(pays, alone, "--preempt");
    if (n.joint) refuse(pays, alone, "--joint");
    if (n.move_gpus > 0) refuse(pays, alone, moves);
  }
  if (const named_place& place = find_place(n.place, "--place");
      n.move_gpus > 0 && !place.for_links)
    refuse(moves,
           place.optical() ? "a --place on fixed links, since jobs on circuits do not migrate"
                           : "a --place on leafs and spines, since meshes do not migrate",
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

}  // namespace

name_lines route_lines() {
  name_lines out = lines_of(routes);
  out.push_back(dimension_order);
  return out;
}

std::vector<name_kind> policy_kinds() {
  return {{"--order", "which waiting job goes first", lines_of(orders)},
          {"--allocate", "GPUs and clock of each job", lines_of(allocations)},
          {"--place", "which GPUs and links a job gets", place_names()},
          {"--guarantee", "what a job's own links are enough for", lines_of(guarantees)},
          {"--isolation", "whether a job waits for links of its own", lines_of(isolations)},
          {"--route", "paths of jobs that own no links", route_lines()},
          {"--backfill", "who may pass a job that cannot start", lines_of(backfills)}};
}

void check_scheduler(const scheduler_names& n) {
  (void)allocation_named(n.allocate);
  if (n.route != dimension_order.name) (void)find_named(routes, "--route", n.route);
  (void)find_named(orders, "--order", n.order);
  (void)admission_named(n.backfill, n.depth);
  (void)find_place(n.place, "--place");
  check_together(n);
}

template <class Fabric>
schedule::any_scheduler<Fabric> assemble(scheduler_parts<Fabric> p,
                                         const schedule::scheduler_options& o) {
  using any = schedule::any_scheduler<Fabric>;
  if (p.allocate.elastic)
    return any{schedule::scheduler{p.order, allocation_that<true>{std::move(p.allocate)},
                                   std::move(p.place), p.route,
                                   admit::elastic{.ask_place = p.joint}, o}};
  const if_asked<schedule::preempt> stop{p.preempt};
  const if_asked<schedule::other_count> resize{p.joint};
  const auto with = [&](auto means) {
    return any{schedule::scheduler{p.order, allocation_that<false>{std::move(p.allocate)},
                                   std::move(p.place), p.route, p.admission, std::move(means), o}};
  };
  if constexpr (std::is_same_v<Fabric, fabric::leaf_spine>)
    return with(schedule::means{
        stop, if_asked<schedule::migrate>{p.move_gpus > 0, {.most_gpus = p.move_gpus}}, resize});
  else  // jobs on circuits and meshes do not migrate
    return with(schedule::means{stop, resize});
}

template <class Fabric>
schedule::any_scheduler<Fabric>
make_scheduler(const scheduler_names& n, const schedule::scheduler_options& o, std::uint64_t seed) {
  check_scheduler(n);
  place_options placing = n.placing;
  placing.seed = seed;
  const auto under = [&](const route_of& routing) {
    admission_of admission = admission_named(n.backfill, n.depth);
    std::string_view place = n.place;
    place_options at_once = placing;
    if constexpr (route::LeafSpineFabric<Fabric>)
      if (waits_only_if_it_pays(n)) {
        std::get<admission_of::paying_on<Fabric>>(admission.paying)
            .emplace(find_place(place, "--place").template make<Fabric>(placing));
        if (place == "vclos") place = thinner;
        at_once.may_be_thinnest = true;
      }
    return assemble<Fabric>({{find_named(orders, "--order", n.order).value},
                             allocation_named(n.allocate),
                             find_place(place, "--place").template make<Fabric>(at_once),
                             routing,
                             std::move(admission),
                             n.preempt,
                             n.joint,
                             n.move_gpus},
                            o);
  };
  if constexpr (!route::LeafSpineFabric<Fabric>)
    return under({route::source{}});  // flows go by dimension order, which is no choice
  else
    return with_route(n.route, seed, [&]<class Route>(const Route& routing) {
      if constexpr (std::is_same_v<Route, route_of>)
        return under(routing);
      else  // of phases: which links others share is not the scheduler's to know
        return schedule::any_scheduler<Fabric>{
            rerouted<Fabric, Route>{under({route::source{}}), routing}};
    });
}

#define HEDDLE_ON(fabric)                                                                \
  template schedule::any_scheduler<fabric> assemble(scheduler_parts<fabric>,             \
                                                    const schedule::scheduler_options&); \
  template schedule::any_scheduler<fabric> make_scheduler(                               \
      const scheduler_names&, const schedule::scheduler_options&, std::uint64_t);
HEDDLE_ON(fabric::leaf_spine)
HEDDLE_ON(fabric::leaf_spine_ocs)
HEDDLE_ON(fabric::torus)
HEDDLE_ON(fabric::cubes)
#undef HEDDLE_ON

}  // namespace heddle::examples
