// Policies by name, for programs that are told on the command line what to do.
//
// `make_scheduler` puts them together behind one type. One scheduler for each allocation serves all
// combinations: an order, an admission and a path are chosen by a variant, a placement once for each
// decision. All
// of that is compiled once, in named_policies.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <variant>

#include <heddle/core/error.hpp>
#include <heddle/order/order.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/schedule/admit/conservative.hpp>
#include <heddle/schedule/admit/easy.hpp>
#include <heddle/schedule/admit/greedy.hpp>
#include <heddle/schedule/admit/in_order.hpp>
#include <heddle/schedule/any_scheduler.hpp>
#include <heddle/schedule/means.hpp>
#include <heddle/schedule/options.hpp>

#include "common/named_places.hpp"

namespace heddle::examples {

/// A name and what it stands for.
template <class T>
struct named {
  std::string_view name;
  T value;
};

/// The entry of that name. \throws input_error  with all names, if there is none
template <class Entries>
[[nodiscard]] const auto& find_named(const Entries& entries, std::string_view what,
                                     std::string_view name) {
  for (const auto& e : entries)
    if (e.name == name) return e.value;
  std::string known;
  for (const auto& e : entries) known += (known.empty() ? "" : ", ") + std::string(e.name);
  throw input_error("--" + std::string(what), "one of " + known, "\"" + std::string(name) + "\"");
}

using any_order = std::variant<order::fifo, order::fewest_gpus, order::shortest,
                               order::shortest_remaining, order::deadline, order::least_attained>;
using any_route = std::variant<route::ecmp, route::balanced, route::source, route::ideal>;
using any_place = place_function;

inline const std::array<named<any_order>, 6> orders{{
    {"fifo", order::fifo{}},
    {"fewest_gpus", order::fewest_gpus{}},
    {"shortest", order::shortest{}},
    {"shortest_remaining", order::shortest_remaining{}},
    {"deadline", order::deadline{}},
    {"least_attained", order::least_attained{}},
}};

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

/// A routing policy chosen at run time.
struct route_of {
  any_route route;
  template <class View>
  route::path operator()(const View& v, const traffic::flow& f) {
    return std::visit([&](auto& r) { return r(v, f); }, route);
  }
};

/// The routing policy of that name; those that hash use `seed`. `coloured` is in `make_scheduler`.
[[nodiscard]] inline route_of route_named(std::string_view name, std::uint64_t seed) {
  const std::array<named<any_route>, 4> routes{{
      {"ecmp", route::ecmp{.seed = seed}},
      {"balanced", route::balanced{.seed = seed}},
      {"source", route::source{}},
      {"ideal", route::ideal{}},
  }};
  return {find_named(routes, "route", name)};
}

/// An admission of one job at a time, chosen at run time.
struct admission_of {
  std::variant<admit::in_order, admit::greedy, admit::easy, admit::conservative> which;
  template <class Desk>
  void operator()(Desk& d) {
    std::visit([&](auto& a) { a(d); }, which);
  }
};

/// The admission of that name, which looks at `depth` jobs behind a blocked one.
/// \throws input_error  if there is none
[[nodiscard]] inline admission_of admission_named(std::string_view name, std::size_t depth) {
  const std::array<named<admission_of>, 4> all{{
      {"none", {admit::in_order{}}},
      {"greedy", {admit::greedy{.depth = depth}}},
      {"easy", {admit::easy{.depth = depth}}},
      {"conservative", {admit::conservative{.depth = depth}}},
  }};
  return find_named(all, "backfill", name);
}

/// A means of making room that is used if it was asked for.
template <class Means>
struct if_asked {
  bool asked = false;
  Means means = {};

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

/// A scheduler by the names of its parts.
struct scheduler_names {
  std::string order = "fifo", allocate = "requested", place = "packed", route = "ecmp";
  std::string backfill = "none";
  std::size_t depth = admit::easy{}.depth;  ///< jobs that backfill looks at
  bool preempt = false;
  bool joint = false;  ///< another number of GPUs where that can be placed
  int move_gpus = 0;   ///< of running jobs that may migrate
};

inline constexpr std::array<std::string_view, 6> allocations{
    "requested", "powerflow", "optimal", "throughput_marginal", "zeus", "max_min"};
inline constexpr std::array<std::string_view, 5> routings{"ecmp", "balanced", "source", "coloured",
                                                          "ideal"};

/// A scheduler that shares no state with any other.
/// \throws input_error  for a name that is none, and for parts that do not go together
[[nodiscard]] schedule::any_scheduler
make_scheduler(const scheduler_names& n, const schedule::scheduler_options& o, std::uint64_t seed);

}  // namespace heddle::examples
