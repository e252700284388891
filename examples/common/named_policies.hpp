// Policies by name, for programs that are told on the command line what to do.
//
// `make_scheduler` puts them together behind one type. One scheduler for each allocation serves all
// combinations: an order and a path are chosen by a variant, a placement once for each decision. All
// of that is compiled once, in named_policies.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <variant>

#include <heddle/core/error.hpp>
#include <heddle/order/order.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/schedule/any_scheduler.hpp>
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

/// A scheduler by the names of its parts.
struct scheduler_names {
  std::string order = "fifo", allocate = "requested", place = "packed", route = "ecmp";
};

inline constexpr std::array<std::string_view, 6> allocations{
    "requested", "powerflow", "optimal", "throughput_marginal", "zeus", "max_min"};
inline constexpr std::array<std::string_view, 5> routings{"ecmp", "balanced", "source", "coloured",
                                                          "ideal"};

/// A scheduler that shares no state with any other. \throws input_error  for a name that is none
[[nodiscard]] schedule::any_scheduler
make_scheduler(const scheduler_names& n, const schedule::scheduler_options& o, std::uint64_t seed);

}  // namespace heddle::examples
