// Policies by name, for programs that are told on the command line what to do.
//
// One scheduler type serves all combinations: an order and an allocation are chosen by a variant or
// a switch, a placement once for each decision, a path by a variant.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>

#include <heddle/allocate/order.hpp>
#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/requested.hpp>
#include <heddle/core/error.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/schedule/scheduler.hpp>

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
                               order::shortest_remaining, order::deadline>;
using any_route = std::variant<route::ecmp, route::balanced, route::source, route::ideal>;
using any_place = std::function<place::answer(const fabric::ledger&, const place::request&)>;

inline const std::array<named<any_order>, 5> orders{{
    {"fifo", order::fifo{}},
    {"fewest_gpus", order::fewest_gpus{}},
    {"shortest", order::shortest{}},
    {"shortest_remaining", order::shortest_remaining{}},
    {"deadline", order::deadline{}},
}};

inline const std::array<named<any_place>, 6> places{{
    {"spread", place::spread{}},
    {"packed", place::packed{}},
    {"one_server", place::one_server{}},
    {"one_leaf", place::one_leaf{}},
    {"vclos", place::first_of{place::one_server{}, place::one_leaf{}, place::vclos{}}},
    {"vclos_even",
     place::first_of{place::one_server{}, place::one_leaf{}, place::vclos{.any_size = false}}},
}};

/// An order chosen at run time.
struct order_of {
  any_order order;
  bool operator()(const order::entry& a, const order::entry& b) {
    return std::visit([&](auto& o) { return o(a, b); }, order);
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

/// The routing policy of that name; those that hash use `seed`.
[[nodiscard]] inline route_of route_named(std::string_view name, std::uint64_t seed) {
  const std::array<named<any_route>, 4> routes{{
      {"ecmp", route::ecmp{.seed = seed}},
      {"balanced", route::balanced{.seed = seed}},
      {"source", route::source{}},
      {"ideal", route::ideal{}},
  }};
  return {find_named(routes, "route", name)};
}

}  // namespace heddle::examples
