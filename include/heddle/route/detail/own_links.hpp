// The links that a job owns, switch by switch.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/route/detail/owned_band.hpp>

namespace heddle::route::detail {

/// The links of a job by leaf, those to cores by spine, each sorted by the place of the upper switch.
class own_links {
 public:
  own_links(const fabric::leaf_spine& dc, const fabric::placement& where)
      : dc_(dc), of_leaf_(static_cast<std::size_t>(dc.leafs())),
        of_spine_(static_cast<std::size_t>(dc.cores() > 0 ? dc.spines() : 0)) {
    for (const fabric::link& k : where.links)
      of_leaf_[k.leaf.index()].push_back(
          {k.leaf.value, k.spine.value, k.lane, dc.up_columns().place(k.spine.value)});
    for (const fabric::core_link& k : where.core_links)
      of_spine_[k.spine.index()].push_back({k.spine.value, k.core.value, k.lane, k.core.value});
    for (auto* tier : {&of_leaf_, &of_spine_})
      for (std::vector<own_link>& links : *tier)
        std::sort(links.begin(), links.end(), [](const own_link& a, const own_link& b) {
          return std::tie(a.key, a.upper, a.lane) < std::tie(b.key, b.upper, b.lane);
        });
  }

  [[nodiscard]] const std::vector<own_link>& of(leaf_id l) const { return of_leaf_[l.index()]; }
  [[nodiscard]] const std::vector<own_link>& of(spine_id s) const { return of_spine_[s.index()]; }
  [[nodiscard]] bool in_three_tiers() const { return !of_spine_.empty(); }
  /// Whether the job uses the plane of a leaf: one in which a leaf has no links it does without, if the
  /// leaf has some in another.
  [[nodiscard]] bool in_plane(leaf_id l) const {
    if (!of(l).empty()) return true;
    const auto planes = static_cast<std::uint32_t>(dc_.planes());
    const std::uint32_t first = l.value - l.value % planes;
    for (std::uint32_t p = 0; p < planes; ++p)
      if (!of_leaf_[first + p].empty()) return false;
    return true;
  }

 private:
  const fabric::leaf_spine& dc_;
  std::vector<std::vector<own_link>> of_leaf_, of_spine_;
};

}  // namespace heddle::route::detail
