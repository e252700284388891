// Placement policies by name, for programs that are told on the command line what to do.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/place/hived.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::examples {

/// A placement policy chosen at run time: erased once for each question.
template <class Fabric>
using place_function =
    std::function<place::answer(const fabric::ledger<Fabric>&, const place::request&)>;

/// What a policy needs besides its name.
struct place_options {
  std::uint64_t seed = 0;                 ///< `random`
  std::vector<place::cell_quota> quotas;  ///< `hived`
};

/// A policy, and what is known of it.
struct named_place {
  std::string_view name;
  bool isolates = false;  ///< every placement owns all the links that its flows use
  /// Makes one for fixed links, or one for circuits; null where it is not for them.
  place_function<fabric::leaf_spine> (*for_links)(const place_options&) = nullptr;
  place_function<fabric::leaf_spine_ocs> (*for_circuits)(const place_options&) = nullptr;

  /// Places circuits, on fabrics that have them alone.
  [[nodiscard]] bool optical() const { return for_circuits != nullptr; }
  /// Precondition: it is for this fabric.
  template <class Fabric>
  [[nodiscard]] place_function<Fabric> make(const place_options& o) const {
    if constexpr (std::is_same_v<Fabric, fabric::leaf_spine>)
      return for_links(o);
    else
      return for_circuits(o);
  }
};

/// All of them.
[[nodiscard]] std::span<const named_place> all_places();

/// The policy of that name. \throws input_error  with all names, if there is none
[[nodiscard]] const named_place& find_place(std::string_view name, const std::string& option);

}  // namespace heddle::examples
