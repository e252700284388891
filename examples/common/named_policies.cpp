#include "common/named_policies.hpp"

#include <utility>

#include <heddle/allocate/marginals.hpp>
#include <heddle/allocate/max_min.hpp>
#include <heddle/allocate/optimal.hpp>
#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/requested.hpp>
#include <heddle/allocate/zeus.hpp>
#include <heddle/route/coloured.hpp>
#include <heddle/schedule/admit/elastic.hpp>
#include <heddle/schedule/means/migrate.hpp>
#include <heddle/schedule/means/other_count.hpp>
#include <heddle/schedule/means/preempt.hpp>
#include <heddle/schedule/scheduler.hpp>

namespace heddle::examples {

namespace {

/// \throws input_error  with all of `names`, if `name` is none of them
template <class Names>
void check_name(const Names& names, const std::string& option, std::string_view name) {
  std::string known;
  for (std::string_view n : names) {
    if (n == name) return;
    known += (known.empty() ? "" : ", ") + std::string(n);
  }
  throw input_error(option, "one of " + known, "\"" + std::string(name) + "\"");
}

bool is_elastic(std::string_view allocation) {
  return allocation != "requested" && allocation != "zeus";
}

/// \throws input_error  for options of which one would be passed over
void check_together(const scheduler_names& n) {
  const auto refuse = [](std::string option, std::string expected, std::string other) {
    throw input_error(std::move(option), std::move(expected), std::move(other));
  };
  const std::string backfill = "--backfill " + n.backfill;
  const std::string moves = "--move-gpus " + std::to_string(n.move_gpus);
  if (is_elastic(n.allocate)) {
    const std::string what = "--allocate requested or zeus, since an elastic allocation gives and "
                             "takes GPUs itself";
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
  if (n.move_gpus > 0 && find_place(n.place, "--place").optical)
    refuse(moves, "a --place on fixed links, since jobs on circuits do not migrate",
           "--place " + n.place);
}

/// A scheduler whose jobs share links under another routing than its own.
template <class Route>
struct rerouted {
  schedule::any_scheduler plan;
  Route routing;

  [[nodiscard]] const Route& route() const { return routing; }
  [[nodiscard]] const schedule::scheduler_options& options() const { return plan.options(); }
  schedule::decision decide(schedule::state& s, double now_s) { return plan.decide(s, now_s); }
  [[nodiscard]] bool carry_out(schedule::state& s, double now_s, const schedule::decision& d) {
    return plan.carry_out(s, now_s, d);
  }
};

}  // namespace

schedule::any_scheduler make_scheduler(const scheduler_names& n,
                                       const schedule::scheduler_options& o, std::uint64_t seed) {
  check_name(allocations, "--allocate", n.allocate);
  check_name(routings, "--route", n.route);
  if (n.route == "coloured") {  // of a phase at once, where the others route flow by flow
    scheduler_names inner = n;
    inner.route = "source";
    return schedule::any_scheduler{rerouted<route::coloured>{make_scheduler(inner, o, seed), {}}};
  }
  const order_of by{find_named(orders, "order", n.order)};
  admission_of admission = admission_named(n.backfill, n.depth);
  const place_function place = find_place(n.place, "--place").make({.seed = seed});
  const route_of routing = route_named(n.route, seed);
  check_together(n);
  const auto rigid = [&](auto allocate) {
    return schedule::any_scheduler{schedule::scheduler{
        by, std::move(allocate), place, routing, std::move(admission),
        schedule::means{if_asked<schedule::preempt>{n.preempt},
                        if_asked<schedule::migrate>{n.move_gpus > 0, {.most_gpus = n.move_gpus}},
                        if_asked<schedule::other_count>{n.joint}},
        o}};
  };
  const auto elastic = [&](auto allocate) {
    return schedule::any_scheduler{schedule::scheduler{by, std::move(allocate), place, routing,
                                                       admit::elastic{.ask_place = n.joint}, o}};
  };
  if (n.allocate == "requested") return rigid(allocate::requested{});
  if (n.allocate == "zeus") return rigid(allocate::zeus{});
  if (n.allocate == "powerflow") return elastic(allocate::powerflow{});
  if (n.allocate == "optimal") return elastic(allocate::optimal<>{});
  if (n.allocate == "throughput_marginal") return elastic(allocate::throughput_marginal{});
  return elastic(allocate::max_min{});
}

}  // namespace heddle::examples
