// A cluster's fabric when it is known at run time only.
#pragma once

#include <cassert>
#include <utility>
#include <variant>

#include <heddle/fabric/cubes.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/fabric/power.hpp>
#include <heddle/fabric/torus.hpp>
#include <heddle/fabric/watts.hpp>

namespace heddle::examples {

/// One of the fabrics that a cluster file can name. What all have is asked here; the rest through
/// `on`, or `on_any` where tori will do.
class any_fabric {
 public:
  any_fabric(fabric::leaf_spine dc) : dc_(std::move(dc)) {}
  any_fabric(fabric::leaf_spine_ocs dc) : dc_(std::move(dc)) {}
  any_fabric(fabric::torus dc) : dc_(std::move(dc)) {}
  any_fabric(fabric::cubes dc) : dc_(std::move(dc)) {}

  /// Calls `f` with the fabric as what it is. Precondition: it has leafs and spines.
  template <class F>
  decltype(auto) on(F&& f) const {
    assert(has_leafs());
    if (const auto* dc = circuits()) return f(*dc);
    return f(*fixed());
  }
  /// Calls `f` with the fabric as what it is, which may be a torus or cubes.
  template <class F>
  decltype(auto) on_any(F&& f) const {
    return std::visit(std::forward<F>(f), dc_);
  }
  /// The fabric if links are fixed; if they are circuits; if it is a torus; if it is cubes; else null.
  [[nodiscard]] const fabric::leaf_spine* fixed() const {
    return std::get_if<fabric::leaf_spine>(&dc_);
  }
  [[nodiscard]] const fabric::leaf_spine_ocs* circuits() const {
    return std::get_if<fabric::leaf_spine_ocs>(&dc_);
  }
  [[nodiscard]] const fabric::torus* torus() const { return std::get_if<fabric::torus>(&dc_); }
  [[nodiscard]] const fabric::cubes* cubes() const { return std::get_if<fabric::cubes>(&dc_); }
  /// Whether it is of leafs and spines.
  [[nodiscard]] bool has_leafs() const { return !torus() && !cubes(); }

  [[nodiscard]] const fabric::hosts& hosts() const {
    return on_any([](const auto& dc) -> const fabric::hosts& { return dc.hosts(); });
  }
  [[nodiscard]] int gpus() const { return hosts().gpus(); }
  [[nodiscard]] int servers() const { return hosts().servers(); }
  [[nodiscard]] int gpus_per_server() const { return hosts().gpus_per_server(); }
  /// Of each link.
  [[nodiscard]] double link_gbps() const {
    return on_any([](const auto& dc) { return dc.link_gbps(); });
  }
  /// Of leafs and spines, which a torus has none of.
  [[nodiscard]] int leafs() const {
    return has_leafs() ? on([](const auto& dc) { return dc.leafs(); }) : 0;
  }
  [[nodiscard]] int spines() const {
    return has_leafs() ? on([](const auto& dc) { return dc.spines(); }) : 0;
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
    return on_any([&](const auto& dc) {
      return fabric::watts_of(fabric::parts_when_idle(dc, w), w).total();
    });
  }

 private:
  std::variant<fabric::leaf_spine, fabric::leaf_spine_ocs, fabric::torus, fabric::cubes> dc_;
};

}  // namespace heddle::examples
