// A scheduler of any parts, compiled once for all experiments.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/model/workload.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/any_scheduler.hpp>
#include <heddle/schedule/options.hpp>
#include <heddle/sim/options.hpp>
#include <heddle/sim/report.hpp>

#include "common/any_allocation.hpp"
#include "common/named_policies.hpp"
#include "common/run_simulation.hpp"

namespace heddle::evaluate {

using examples::any_allocation;

/// A placement for fixed links or for circuits: it decides on which of two clusters a run is. A policy
/// that runs on both is for links.
class any_place {
 public:
  template <class Policy>
    requires(!std::is_same_v<std::remove_cvref_t<Policy>, any_place>)
  any_place(Policy p) {
    if constexpr (place::PlacementPolicy<Policy, fabric::ledger<fabric::leaf_spine>>)
      which_ = on_links{std::move(p)};
    else
      which_ = on_circuits{std::move(p)};
  }

  [[nodiscard]] bool optical() const { return std::holds_alternative<on_circuits>(which_); }
  /// Calls `f` with the `examples::place_function` of its fabric.
  template <class F>
  decltype(auto) on(F&& f) const {
    return std::visit(std::forward<F>(f), which_);
  }

 private:
  using on_links = examples::place_function<fabric::leaf_spine>;
  using on_circuits = examples::place_function<fabric::leaf_spine_ocs>;
  std::variant<on_links, on_circuits> which_;
};

/// A cluster with fixed links, and the same GPUs with OCS between leafs and spines.
struct two_networks {
  fabric::leaf_spine fixed;
  fabric::leaf_spine_ocs optical;
};

/// A scheduler of either. Move only. One writer.
class any_plan {
 public:
  template <class Fabric>
  explicit any_plan(schedule::any_scheduler<Fabric> p, bool crux = false)
      : which_(std::move(p)), crux_(crux) {}

  /// Runs `jobs` on the network that it is for.
  [[nodiscard]] sim::report run(const two_networks& where, const model::workload& jobs,
                                const sim::options& o = {}, const examples::watcher& watch = {});

 private:
  std::variant<schedule::any_scheduler<fabric::leaf_spine>,
               schedule::any_scheduler<fabric::leaf_spine_ocs>>
      which_;
  bool crux_ = false;
};

/// What a scheduler may do besides.
struct extras {
  schedule::scheduler_options options = {};
  /// What a job waits for where that pays (`admit::paying`), on the same fabric; it places all of them isolated.
  std::optional<any_place> waits_for = {};
  bool easy = false;     ///< jobs pass a blocked one; for allocations that are not elastic
  bool greedy = false;   ///< whatever that does to it; the same
  bool preempt = false;  ///< the same
  bool joint = false;    ///< allocation asks placement what is possible
  bool crux = false;     ///< on fixed links paths are chosen anew by intensity (`route::crux`)
};

/// \throws input_error  for what does not go with an elastic allocation
[[nodiscard]] any_plan plan(examples::any_order order, any_allocation allocate,
                            const any_place& place, examples::route_of route,
                            const extras& more = {});

/// `last` behind one server and one leaf, as vClos has it.
template <class Last>
any_place chain(Last last) {
  return place::first_of{place::one_server{}, place::one_leaf{}, std::move(last)};
}

}  // namespace heddle::evaluate
