// Links with a direction, and the way of one flow over them.
#pragma once

#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>

namespace heddle::route {

/// The way of a flow between two leafs: up one lane to a spine, down one lane from it. A path whose
/// spine is invalid uses no leaf-spine link: the flow stays under its leaf, or the network is ideal.
struct path {
  spine_id spine;
  std::uint32_t up_lane = 0;
  std::uint32_t down_lane = 0;

  friend bool operator==(const path&, const path&) = default;
};

/// Numbers the two directions of every leaf-spine link: first all up-links (leaf to spine), then
/// all down-links; leaf-major, then by uplink. Of fixed links that is by spine and lane; of a circuit
/// the *lane* is the leaf's uplink, whatever spine it leads to.
class link_numbers {
 public:
  explicit link_numbers(const fabric::leaf_spine& dc)
      : link_numbers(dc.leafs(), dc.uplinks(), dc.links_per_pair(), dc.links_per_pair()) {}
  explicit link_numbers(const fabric::leaf_spine_ocs& dc)
      : link_numbers(dc.leafs(), dc.uplinks(), dc.uplinks(), 0) {}

  [[nodiscard]] std::uint32_t up(leaf_id l, spine_id s, std::uint32_t lane) const {
    assert(lane < lanes_);
    return l.value * uplinks_ + s.value * of_spine_ + lane;
  }
  [[nodiscard]] std::uint32_t down(spine_id s, leaf_id l, std::uint32_t lane) const {
    return links_ + up(l, s, lane);
  }
  /// Places for directed links of the network.
  [[nodiscard]] std::size_t size() const { return 2 * static_cast<std::size_t>(links_); }
  [[nodiscard]] bool is_up(std::uint32_t number) const { return number < links_; }
  [[nodiscard]] leaf_id leaf_of(std::uint32_t number) const {
    return leaf_id{(number % links_) / uplinks_};
  }
  /// Precondition: links are fixed; an uplink of a circuit leads to any spine.
  [[nodiscard]] spine_id spine_of(std::uint32_t number) const {
    assert(of_spine_ > 0);
    return spine_id{(number % links_) % uplinks_ / lanes_};
  }

 private:
  link_numbers(int leafs, int uplinks, int lanes, int of_spine)
      : lanes_(static_cast<std::uint32_t>(lanes)), of_spine_(static_cast<std::uint32_t>(of_spine)),
        uplinks_(static_cast<std::uint32_t>(uplinks)),
        links_(static_cast<std::uint32_t>(leafs) * uplinks_) {}

  std::uint32_t lanes_;
  std::uint32_t of_spine_;  // uplinks of a leaf that belong to one spine; 0: to none for good
  std::uint32_t uplinks_, links_;
};

/// The part of a network that is there whatever jobs own: all of it, or where links are circuits none.
[[nodiscard]] inline const fabric::leaf_spine& fixed_part(const fabric::leaf_spine& dc) {
  return dc;
}
[[nodiscard]] inline fabric::leaf_spine fixed_part(const fabric::leaf_spine_ocs& dc) {
  return dc.dark();
}

/// F is a fabric whose jobs are routed over leafs and spines.
template <class F>
concept LeafSpineFabric = requires(const F& dc) {
  link_numbers{dc};
  { fixed_part(dc) } -> std::convertible_to<fabric::leaf_spine>;
};

}  // namespace heddle::route
