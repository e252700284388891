// Policies by name, for programs that are told on the command line what to do.
//
// `make_scheduler` puts them together behind one type. One scheduler serves all combinations of a rigid
// allocation, and one those of an elastic one: an order, an admission and a path are chosen by a variant,
// an allocation and a placement once for each decision. All of that is compiled once, in named_policies.cpp. A policy gets a name by a row of its
// table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

#include <heddle/order/order.hpp>
#include <heddle/route/coloured.hpp>
#include <heddle/route/least_loaded.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/schedule/admit/conservative.hpp>
#include <heddle/schedule/admit/easy.hpp>
#include <heddle/schedule/admit/greedy.hpp>
#include <heddle/schedule/admit/in_order.hpp>
#include <heddle/schedule/admit/paying.hpp>
#include <heddle/schedule/any_scheduler.hpp>
#include <heddle/schedule/means.hpp>
#include <heddle/schedule/options.hpp>

#include "common/any_allocation.hpp"
#include "common/named_places.hpp"
#include "common/names.hpp"

namespace heddle::examples {

inline const auto orders =
    table_of(named{"fifo", "who came first", order::fifo{}},
             named{"fewest_gpus", "who wants fewest GPUs", order::fewest_gpus{}},
             named{"shortest", "the shortest run time", order::shortest{}},
             named{"shortest_remaining", "the least run time left", order::shortest_remaining{}},
             named{"shortest_service", "the least GPU time asked for", order::shortest_service<>{}},
             named{"deadline", "the nearest deadline", order::deadline{}},
             named{"least_attained", "the least GPU time had, in levels", order::least_attained{}});
using any_order = value_in<decltype(orders)>;

/// An order chosen at run time.
struct order_of {
  any_order order;
  bool operator()(const order::entry& a, const order::entry& b) const {
    return std::visit([&](const auto& o) -> bool { return o(a, b); }, order);
  }
  [[nodiscard]] double steady_for_s(const order::entry& e, int gpus) const {
    const auto* levels = std::get_if<order::least_attained>(&order);
    return levels ? levels->steady_for_s(e, gpus) : std::numeric_limits<double>::infinity();
  }
};

inline const auto routes = table_of(
    named{"ecmp", "a hash of the two ends", route::ecmp{}},
    named{"balanced", "of five hashes the least loaded up-link", route::balanced{}},
    named{"crux", "the least loaded path, who computes most for what it sends first",
          route::least_loaded{}},
    named{"source", "by the source's place under its leaf", route::source{}},
    named{"coloured", "a phase at once, no two flows on a link if it can be", route::coloured{}},
    named{"ideal", "links between leafs never contend: the bound", route::ideal{}});
using any_route = value_in<decltype(routes)>;

/// How flows go on a torus, and nowhere else.
inline constexpr name_line dimension_order{"dimension_order",
                                           "on a torus: one dimension after the other"};

/// A policy that routes flow by flow, chosen at run time.
struct route_of {
  any_route route;
  [[nodiscard]] bool uses_links() const { return !std::holds_alternative<route::ideal>(route); }
  template <class View>
  route::path operator()(const View& v, const traffic::flow& f) {
    return std::visit(
        [&]<class Policy>(Policy& r) -> route::path {
          if constexpr (route::FlowRouting<Policy>)
            return r(v, f);
          else
            return {};  // `with_route` hands such a policy out as what it is
        },
        route);
  }
};

/// The same policy, which hashes by `seed` if it hashes at all.
template <class Policy>
[[nodiscard]] Policy seeded(Policy policy, std::uint64_t seed) {
  if constexpr (requires { policy.seed; }) policy.seed = seed;
  return policy;
}
[[nodiscard]] inline route_of seeded(const route_of& policy, std::uint64_t seed) {
  return std::visit([&](const auto& r) { return route_of{seeded(r, seed)}; }, policy.route);
}

/// The routing policy of that name; those that hash use `seed`. For what routes flow by flow.
/// \throws input_error  if there is none
[[nodiscard]] inline route_of route_named(std::string_view name, std::uint64_t seed) {
  return seeded(route_of{find_named(routes, "--route", name).value}, seed);
}

/// Calls `f` with the routing policy of that name: a `route_of`, or itself one that routes phases.
/// \throws input_error  if there is none
template <class F>
decltype(auto) with_route(std::string_view name, std::uint64_t seed, F&& f) {
  return std::visit(
      [&]<class Policy>(const Policy& r) -> decltype(auto) {
        if constexpr (route::FlowRouting<Policy>)
          return f(seeded(route_of{r}, seed));
        else
          return f(seeded(r, seed));
      },
      find_named(routes, "--route", name).value);
}

inline const auto backfills = table_of(
    named{"none", "nobody", admit::in_order{}}, named{"greedy", "all that fit", admit::greedy{}},
    named{"easy", "those that do not delay it", admit::easy{}},
    named{"conservative", "those that delay no job before them", admit::conservative{}});

/// Whether a job waits for links of its own.
inline const std::array isolations{
    named{"always", "as --place says", false},
    named{"pays", "only where it is done sooner so; else it starts on fewer links", true}};

/// An admission of one job at a time, chosen at run time.
struct admission_of {
  template <class Fabric>
  using paying_on = std::optional<admit::paying<place_function<Fabric>>>;

  value_in<decltype(backfills)> which;
  /// In its place, on fixed links and on circuits.
  std::tuple<paying_on<fabric::leaf_spine>, paying_on<fabric::leaf_spine_ocs>> paying = {};
  template <class Desk>
  void operator()(Desk& d) {
    using fabric_type = std::remove_cvref_t<decltype(d.state().ledger.fabric())>;
    if constexpr (route::LeafSpineFabric<fabric_type>)
      if (auto& compares = std::get<paying_on<fabric_type>>(paying)) return (*compares)(d);
    std::visit([&](auto& a) { a(d); }, which);
  }
};

/// The admission of that name, which looks at `depth` jobs behind a blocked one.
/// \throws input_error  if there is none
[[nodiscard]] inline admission_of admission_named(std::string_view name, std::size_t depth) {
  admission_of out{find_named(backfills, "--backfill", name).value};
  std::visit(
      [&](auto& a) {
        if constexpr (requires { a.depth; }) a.depth = depth;
      },
      out.which);
  return out;
}

/// A means of making room that is used if it was asked for.
template <class Means>
struct if_asked {
  bool asked = false;
  Means means = {};

  [[nodiscard]] bool takes_part() const { return asked; }
  [[nodiscard]] bool may_stop() const {
    if constexpr (schedule::StoppingMeans<Means>)
      return asked && means.may_stop();
    else
      return false;
  }
  template <class Desk>
  bool operator()(Desk& d, const schedule::hindered& job) {
    return asked && means(d, job);
  }
};

/// The parts of a scheduler, chosen at run time.
template <class Fabric>
struct scheduler_parts {
  order_of order;
  any_allocation allocate;
  place_function<Fabric> place;
  route_of route;
  admission_of admission;  ///< with an allocation that is not elastic, as preemption and migration
  bool preempt = false;
  bool joint = false;  ///< another number of GPUs where that can be placed
  int move_gpus = 0;   ///< of running jobs that may migrate, on fixed links
};

/// A scheduler of these parts, for the four fabrics of a cluster file.
template <class Fabric>
[[nodiscard]] schedule::any_scheduler<Fabric> assemble(scheduler_parts<Fabric> p,
                                                       const schedule::scheduler_options& o);

/// A scheduler by the names of its parts.
struct scheduler_names {
  std::string order = "fifo", allocate = "requested", place = "packed", route = "ecmp";
  std::string isolation = "always";
  std::string backfill = "none";
  std::size_t depth = admit::easy{}.depth;  ///< jobs that backfill looks at
  bool preempt = false;
  bool joint = false;          ///< another number of GPUs where that can be placed
  int move_gpus = 0;           ///< of running jobs that may migrate
  place_options placing = {};  ///< of `place`; its seed is the scheduler's
};

/// The tables of policies, by the options that take their names.
[[nodiscard]] std::vector<name_kind> policy_kinds();

/// A scheduler that shares no state with any other, for the four fabrics of a cluster file.
/// \throws input_error  for a name that is none, and for parts that do not go together
template <class Fabric>
[[nodiscard]] schedule::any_scheduler<Fabric>
make_scheduler(const scheduler_names& n, const schedule::scheduler_options& o, std::uint64_t seed);

/// Looks the names up. \throws input_error  as `make_scheduler` does
void check_scheduler(const scheduler_names& n);

}  // namespace heddle::examples
