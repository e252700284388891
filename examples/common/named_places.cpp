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
using on_links = place_function<fabric::leaf_spine>;
using on_circuits = place_function<fabric::leaf_spine_ocs>;

template <class... Policies>
auto chain(Policies... policies) {
  return place::first_of{place::one_server{}, place::one_leaf{}, std::move(policies)...};
}

constexpr named_place all[] = {
    {"spread", false, [](o) -> on_links { return place::spread{}; }},
    {"random", false, [](o x) -> on_links { return place::random{x.seed}; }},
    {"packed", false, [](o) -> on_links { return place::packed{}; }},
    {"locality", false, [](o) -> on_links { return place::locality{}; }},
    {"one_server", true, [](o) -> on_links { return place::one_server{}; }},
    {"one_leaf", true, [](o) -> on_links { return place::one_leaf{}; }},
    {"buddy", false, [](o) -> on_links { return place::buddy{}; }},
    {"vclos", true, [](o) -> on_links { return chain(place::vclos{}); }},
    {"vclos_even", true, [](o) -> on_links { return chain(place::vclos{.any_size = false}); }},
    {"ocs_vclos", true, nullptr, [](o) -> on_circuits { return chain(place::ocs_vclos{}); }},
    {"relaxed", false, [](o) -> on_links { return chain(place::relaxed{}); }},
    {"jigsaw", true, [](o) -> on_links { return chain(place::jigsaw{}); }},
    {"laas", true, [](o) -> on_links { return chain(place::laas{}); }},
    {"topology_aware", false,
     [](o) -> on_links {
       return place::first_of{place::one_server{}, place::topology_aware{}};
     }},
    {"hived", false, [](o x) -> on_links { return place::hived{x.quotas}; }},
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
