// Placement policies by name, for programs that are told on the command line what to do.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/place/buddy.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/hived.hpp>
#include <heddle/place/jigsaw.hpp>
#include <heddle/place/ocs_vclos.hpp>
#include <heddle/place/relaxed.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/topology_aware.hpp>
#include <heddle/place/vclos.hpp>

namespace heddle::examples {

/// A placement policy chosen at run time: erased once for each question.
using place_function = std::function<place::answer(const fabric::ledger&, const place::request&)>;

/// What a policy needs besides its name.
struct place_options {
  std::uint64_t seed = 0;                 ///< `random`
  std::vector<place::cell_quota> quotas;  ///< `hived`
};

/// A policy, and what is known of it.
struct named_place {
  std::string_view name;
  bool isolates = false;  ///< every placement owns all the links that its flows use
  bool optical = false;   ///< places circuits, on optical fabrics alone
  place_function (*make)(const place_options&) = nullptr;
};

namespace detail {
template <class... Policies>
place_function chain(Policies... policies) {
  return place::first_of{place::one_server{}, place::one_leaf{}, std::move(policies)...};
}
}  // namespace detail

/// All of them.
inline const std::vector<named_place>& all_places() {
  using o = const place_options&;
  using detail::chain;
  static const std::vector<named_place> all{
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
       [](o) -> place_function { return place::first_of{place::one_server{}, place::topology_aware{}}; }},
      {"hived", false, false, [](o x) -> place_function { return place::hived{x.quotas}; }},
  };
  return all;
}

/// The policy of that name. \throws input_error  with all names, if there is none
[[nodiscard]] inline const named_place& find_place(std::string_view name,
                                                    const std::string& option) {
  std::string known;
  for (const named_place& p : all_places()) {
    if (p.name == name) return p;
    known += (known.empty() ? "" : ", ") + std::string(p.name);
  }
  throw input_error(option, "one of " + known, "\"" + std::string(name) + "\"");
}

}  // namespace heddle::examples
