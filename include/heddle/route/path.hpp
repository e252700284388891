// Links with a direction, and the way of one flow over them.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>

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
/// all down-links; leaf-major, then spine, then lane. On an optical fabric the lane is the leaf's
/// uplink, whatever spine its circuit leads to.
class link_numbers {
 public:
  explicit link_numbers(const fabric::leaf_spine& dc)
      : lanes_(static_cast<std::uint32_t>(dc.links_per_pair())),
        of_spine_(dc.is_optical() ? 0 : lanes_), uplinks_(static_cast<std::uint32_t>(dc.uplinks())),
        links_(static_cast<std::uint32_t>(dc.leafs()) * uplinks_) {}

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
  /// Precondition: the fabric is not optical, where an uplink leads to any spine.
  [[nodiscard]] spine_id spine_of(std::uint32_t number) const {
    assert(of_spine_ > 0);
    return spine_id{(number % links_) % uplinks_ / lanes_};
  }

 private:
  std::uint32_t lanes_;
  std::uint32_t of_spine_;  // uplinks of a leaf that belong to one spine; 0: to none for good
  std::uint32_t uplinks_, links_;
};

}  // namespace heddle::route
