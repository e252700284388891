// Placement policies by name, for programs that are told on the command line what to do.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <heddle/place/hived.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::examples {

/// A placement policy chosen at run time: erased once for each question.
using place_function = std::function<place::answer(const fabric::ledger&, const place::request&)>;

/// What a policy needs besides its name.
struct place_options {
  std::uint64_t seed = 0;                 ///< `random`
  std::vector<place::cell_quota> quotas;  ///< `hived`
};

/// A policy, and what is known of it. Each call of `make` gives an object of its own: some remember
/// what they placed.
struct named_place {
  std::string_view name;
  bool isolates = false;  ///< every placement owns all the links that its flows use
  bool optical = false;   ///< places circuits, on optical fabrics alone
  place_function (*make)(const place_options&) = nullptr;
};

/// All of them.
[[nodiscard]] std::span<const named_place> all_places();

/// The policy of that name. \throws input_error  with all names, if there is none
[[nodiscard]] const named_place& find_place(std::string_view name, const std::string& option);

}  // namespace heddle::examples
