// Placement policies by name, for programs that are told on the command line what to do.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <heddle/fabric/cubes.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/torus.hpp>
#include <heddle/place/hived.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/place/segments.hpp>
#include <heddle/place/vclos.hpp>

#include "common/any_fabric.hpp"
#include "common/names.hpp"

namespace heddle::examples {

/// A placement policy chosen at run time: erased once for each question.
template <class Fabric>
class place_function {
 public:
  using ledger = fabric::ledger<Fabric>;

  place_function() = default;
  template <place::PlacementPolicy<ledger> Policy>
    requires(!std::is_same_v<Policy, place_function>)
  place_function(Policy policy)
      : ask_([p = std::move(policy)](const ledger& free, const place::request& job,
                                     const place::placement* has) mutable -> place::answer {
          if (!has) return place::ask(p, free, job);
          if (place::may_have(p, free, job, *has)) return *has;
          return place::wait_reason::gpus;
        }) {}

  place::answer operator()(const ledger& free, const place::request& job) const {
    return ask_(free, job, nullptr);
  }
  [[nodiscard]] bool may_have(const ledger& free, const place::request& job,
                              const place::placement& where) const {
    return static_cast<bool>(ask_(free, job, &where));
  }
  /// The same policy, of which every question is handed to `around` to be asked by it.
  template <class Around>
  [[nodiscard]] place_function within(Around around) const {
    place_function out;
    out.ask_ = [ask = ask_, around](const ledger& free, const place::request& job,
                                    const place::placement* has) {
      return around([&] { return ask(free, job, has); });
    };
    return out;
  }

 private:
  std::function<place::answer(const ledger&, const place::request&, const place::placement*)> ask_;
};

/// What a policy needs besides its name.
struct place_options {
  std::uint64_t seed = 0;                                    ///< `random`
  std::vector<place::cell_quota> quotas = {};                ///< `hived`
  int promised = 0;                                          ///< `segments`
  std::vector<place::piece_size> pieces = {};                ///< `segments`
  int tensor = 0, pipeline = 0;                              ///< `groups`; 0: not said
  place::isolated_for guarantee = place::isolated_for::any;  ///< `vclos`, `relaxed`, `patched`
  bool may_be_thinnest = false;  ///< `relaxed`, `ocs_vclos`: admission says what is too slow
  bool closed = false;           ///< of meshes: each row longer than 2 is a ring
  bool twisted = false;          ///< of meshes in cubes: `reconfigured::twisted`
};

/// A policy, and what is known of it.
struct named_place {
  std::string_view name;
  std::string_view what;
  bool isolates = false;  ///< every placement owns all the links that its flows use
  /// Makes one for a fabric; null where it is not for it.
  place_function<fabric::leaf_spine> (*for_links)(const place_options&) = nullptr;
  place_function<fabric::leaf_spine_ocs> (*for_circuits)(const place_options&) = nullptr;
  place_function<fabric::torus> (*for_torus)(const place_options&) = nullptr;
  place_function<fabric::cubes> (*for_cubes)(const place_options&) = nullptr;

  /// Places circuits, on fabrics that have them alone.
  [[nodiscard]] bool optical() const { return for_circuits != nullptr; }
  /// Places meshes, on tori alone.
  [[nodiscard]] bool of_meshes() const { return !for_links && !for_circuits; }
  /// Null where it is not for this fabric.
  template <class Fabric>
  [[nodiscard]] auto maker() const -> place_function<Fabric> (*)(const place_options&) {
    if constexpr (std::is_same_v<Fabric, fabric::leaf_spine>)
      return for_links;
    else if constexpr (std::is_same_v<Fabric, fabric::leaf_spine_ocs>)
      return for_circuits;
    else if constexpr (std::is_same_v<Fabric, fabric::torus>)
      return for_torus;
    else
      return for_cubes;
  }
  /// Precondition: it is for this fabric.
  template <class Fabric>
  [[nodiscard]] place_function<Fabric> make(const place_options& o) const {
    return maker<Fabric>()(o);
  }
};

/// For which traffic a job's own links are enough.
inline const std::array guarantees{
    named{"any", "every collective, and any other exchange", place::isolated_for::any},
    named{"declared", "the collective that the job names", place::isolated_for::declared}};

/// All of them, and their names.
[[nodiscard]] std::span<const named_place> all_places();
[[nodiscard]] name_lines place_names();

/// The policy of that name. \throws input_error  with all names, if there is none
[[nodiscard]] const named_place& find_place(std::string_view name, const std::string& option);

/// \throws input_error  if the policy of that name is not for this fabric, with those that are
void require_fabric(std::string_view place, const any_fabric& on, const std::string& option);

}  // namespace heddle::examples
