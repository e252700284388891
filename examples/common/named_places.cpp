#include "common/named_places.hpp"

#include <utility>

#include <heddle/core/error.hpp>
#include <heddle/place/buddy.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/jigsaw.hpp>
#include <heddle/place/ocs_vclos.hpp>
#include <heddle/place/relaxed.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/topology_aware.hpp>
#include <heddle/place/vclos.hpp>

namespace heddle::examples {

namespace {

using o = const place_options&;

template <class... Policies>
place_function chain(Policies... policies) {
  return place::first_of{place::one_server{}, place::one_leaf{}, std::move(policies)...};
}

constexpr named_place all[] = {
    {"spread", false, false, [](o) -> place_function { return place::spread{}; }},
    {"random", false, false, [](o x) -> place_function { return place::random{x.seed}; }},
    {"packed", false, false, [](o) -> place_function { return place::packed{}; }},
    {"locality", false, false, [](o) -> place_function { return place::locality{}; }},
    {"one_server", true, false, [](o) -> place_function { return place::one_server{}; }},
    {"one_leaf", true, false, [](o) -> place_function { return place::one_leaf{}; }},
    {"buddy", false, false, [](o) -> place_function { return place::buddy{}; }},
    {"vclos", true, false, [](o) { return chain(place::vclos{}); }},
    {"vclos_even", true, false, [](o) { return chain(place::vclos{.any_size = false}); }},
    {"ocs_vclos", true, true, [](o) { return chain(place::ocs_vclos{}); }},
    {"relaxed", false, false, [](o) { return chain(place::relaxed{}); }},
    {"jigsaw", true, false, [](o) { return chain(place::jigsaw{}); }},
    {"laas", true, false, [](o) { return chain(place::laas{}); }},
    {"topology_aware", false, false,
     [](o) -> place_function {
       return place::first_of{place::one_server{}, place::topology_aware{}};
     }},
    {"hived", false, false, [](o x) -> place_function { return place::hived{x.quotas}; }},
};

}  // namespace

std::span<const named_place> all_places() { return all; }

const named_place& find_place(std::string_view name, const std::string& option) {
  std::string known;
  for (const named_place& p : all) {
    if (p.name == name) return p;
    known += (known.empty() ? "" : ", ") + std::string(p.name);
  }
  throw input_error(option, "one of " + known, "\"" + std::string(name) + "\"");
}

}  // namespace heddle::examples
