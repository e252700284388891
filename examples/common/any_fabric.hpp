// A cluster's fabric when it is known at run time only.
#pragma once

#include <type_traits>
#include <utility>
#include <variant>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/fabric/power.hpp>
#include <heddle/fabric/watts.hpp>

namespace heddle::examples {

/// One of the fabrics that a cluster file can name. What both have is asked here; the rest through
/// `on`.
class any_fabric {
 public:
  any_fabric(fabric::leaf_spine dc) : dc_(std::move(dc)) {}
  any_fabric(fabric::leaf_spine_ocs dc) : dc_(std::move(dc)) {}

  /// Calls `f` with the fabric as what it is.
  template <class F>
  decltype(auto) on(F&& f) const {
    return std::visit(std::forward<F>(f), dc_);
  }
  /// The fabric if links are fixed; if they are circuits; else null.
  [[nodiscard]] const fabric::leaf_spine* fixed() const {
    return std::get_if<fabric::leaf_spine>(&dc_);
  }
  [[nodiscard]] const fabric::leaf_spine_ocs* circuits() const {
    return std::get_if<fabric::leaf_spine_ocs>(&dc_);
  }

  [[nodiscard]] const fabric::hosts& hosts() const {
    return on([](const auto& dc) -> const fabric::hosts& { return dc.hosts(); });
  }
  [[nodiscard]] int gpus() const { return hosts().gpus(); }
  [[nodiscard]] int servers() const { return hosts().servers(); }
  [[nodiscard]] int gpus_per_server() const { return hosts().gpus_per_server(); }
  [[nodiscard]] int leafs() const {
    return on([](const auto& dc) { return dc.leafs(); });
  }
  [[nodiscard]] int spines() const {
    return on([](const auto& dc) { return dc.spines(); });
  }
  [[nodiscard]] int cores() const { return fixed() ? fixed()->cores() : 0; }
  /// Of each leaf.
  [[nodiscard]] int uplinks() const {
    return on([](const auto& dc) { return dc.uplinks(); });
  }
  [[nodiscard]] int gpus_per_leaf() const {
    return on([](const auto& dc) { return dc.gpus_per_leaf(); });
  }

  /// With all servers on and no job, in W.
  [[nodiscard]] double idle_power_w(const fabric::base_power& w) const {
    return on(
        [&](const auto& dc) { return fabric::watts_of(fabric::parts_when_idle(dc), w).total(); });
  }

 private:
  std::variant<fabric::leaf_spine, fabric::leaf_spine_ocs> dc_;
};

}  // namespace heddle::examples
