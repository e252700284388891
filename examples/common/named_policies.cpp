#include "common/named_policies.hpp"

#include <utility>

#include <heddle/allocate/marginals.hpp>
#include <heddle/allocate/max_min.hpp>
#include <heddle/allocate/optimal.hpp>
#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/requested.hpp>
#include <heddle/allocate/zeus.hpp>
#include <heddle/route/coloured.hpp>
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
  const auto with = [&](auto allocate) {
    return schedule::any_scheduler{schedule::scheduler{
        order_of{find_named(orders, "order", n.order)}, std::move(allocate),
        find_place(n.place, "--place").make({.seed = seed}), route_named(n.route, seed), o}};
  };
  if (n.allocate == "requested") return with(allocate::requested{});
  if (n.allocate == "powerflow") return with(allocate::powerflow{});
  if (n.allocate == "optimal") return with(allocate::optimal<>{});
  if (n.allocate == "throughput_marginal") return with(allocate::throughput_marginal{});
  if (n.allocate == "zeus") return with(allocate::zeus{});
  return with(allocate::max_min{});
}

}  // namespace heddle::examples
