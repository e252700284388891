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

/// The way of a flow between two leafs: up one lane to a spine, down one lane from it; between pods from
/// the spine up one lane to a core, and down to a spine of the other pod. A path whose spine is invalid
/// uses no link: the flow stays under its leaf, or the network is ideal.
struct path {
  spine_id spine;
  std::uint32_t up_lane = 0;
  std::uint32_t down_lane = 0;
  core_id core = {};  ///< none: it comes down from `spine`
  std::uint32_t core_up_lane = 0;
  std::uint32_t core_down_lane = 0;
  spine_id down_spine = {};  ///< from which it comes down, if it went over a core

  friend bool operator==(const path&, const path&) = default;
};

/// Numbers the two directions of every link: first all up-links from leafs to spines, then all
/// down-links; leaf-major, then by uplink; then in the same way the links between spines and cores. Of
/// fixed links an uplink is that of the spine and lane (fabric/link_columns.hpp); of a circuit the *lane*
/// is the leaf's uplink, whatever spine it leads to.
class link_numbers {
 public:
  explicit link_numbers(const fabric::leaf_spine& dc)
      : link_numbers(dc.leafs(), dc.uplinks(), dc.links_per_pair(), dc.links_per_pair()) {
    spines_ = dc.up_columns();
    cores_ = dc.core_columns();
    core_lanes_ = static_cast<std::uint32_t>(dc.core_links().lanes());
    core_uplinks_ = static_cast<std::uint32_t>(dc.core_columns().places(dc.cores())) * core_lanes_;
    core_links_ = static_cast<std::uint32_t>(dc.cores() > 0 ? dc.spines() : 0) * core_uplinks_;
  }
  explicit link_numbers(const fabric::leaf_spine_ocs& dc)
      : link_numbers(dc.leafs(), dc.uplinks(), dc.uplinks(), 0) {}

  [[nodiscard]] std::uint32_t up(leaf_id l, spine_id s, std::uint32_t lane) const {
    assert(lane < lanes_);
    return l.value * uplinks_ + spines_.place(s.value) * of_spine_ + lane;
  }
  [[nodiscard]] std::uint32_t down(spine_id s, leaf_id l, std::uint32_t lane) const {
    return links_ + up(l, s, lane);
  }
  [[nodiscard]] std::uint32_t up(spine_id s, core_id c, std::uint32_t lane) const {
    assert(lane < core_lanes_);
    return 2 * links_ + s.value * core_uplinks_ + cores_.place(c.value) * core_lanes_ + lane;
  }
  [[nodiscard]] std::uint32_t down(core_id c, spine_id s, std::uint32_t lane) const {
    return core_links_ + up(s, c, lane);
  }
  /// Places for directed links of the network.
  [[nodiscard]] std::size_t size() const {
    return 2 * (std::size_t{links_} + std::size_t{core_links_});
  }
  /// Whether it is one between a spine and a core.
  [[nodiscard]] bool is_of_core(std::uint32_t number) const { return number >= 2 * links_; }
  [[nodiscard]] bool is_up(std::uint32_t number) const {
    return is_of_core(number) ? number < 2 * links_ + core_links_ : number < links_;
  }
  /// Precondition: not one of a core.
  [[nodiscard]] leaf_id leaf_of(std::uint32_t number) const {
    return leaf_id{(number % links_) / uplinks_};
  }
  /// Precondition: links are fixed; an uplink of a circuit leads to any spine.
  [[nodiscard]] spine_id spine_of(std::uint32_t number) const {
    assert(of_spine_ > 0);
    if (is_of_core(number)) return spine_id{(number - 2 * links_) % core_links_ / core_uplinks_};
    return spine_id{spines_.upper(spines_.part_of_lower(leaf_of(number).index()),
                                  (number % links_) % uplinks_ / lanes_)};
  }
  /// Precondition: one of a core.
  [[nodiscard]] core_id core_of(std::uint32_t number) const {
    return core_id{cores_.upper(cores_.part_of_lower(spine_of(number).index()),
                                (number - 2 * links_) % core_links_ % core_uplinks_ / core_lanes_)};
  }

 private:
  link_numbers(int leafs, int uplinks, int lanes, int of_spine)
      : lanes_(static_cast<std::uint32_t>(lanes)), of_spine_(static_cast<std::uint32_t>(of_spine)),
        uplinks_(static_cast<std::uint32_t>(uplinks)),
        links_(static_cast<std::uint32_t>(leafs) * uplinks_) {}

  std::uint32_t lanes_;
  std::uint32_t of_spine_;  // uplinks of a leaf that belong to one spine; 0: to none for good
  std::uint32_t uplinks_, links_;
  std::uint32_t core_lanes_ = 0, core_uplinks_ = 0, core_links_ = 0;
  fabric::link_columns spines_, cores_;
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
