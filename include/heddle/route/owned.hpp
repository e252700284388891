// Source routing over the links that a job owns.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <span>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/route/path.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phases.hpp>

namespace heddle::route {

/// Routes a virtual Clos: the rank in slot k of its leaf goes up the k-th link that the job owns
/// there, and down the k-th link that it owns at the target's leaf. Both lead to the same spine,
/// because every leaf of a virtual Clos has links to the same spines, as many to each.
///
/// Slots are counted within the job, not within the leaf: the GPUs of a job need not be aligned.
/// A RoutingPolicy; the group and the links must outlive it.
class owned {
 public:
  /// \param links  as in `placement::links`: sorted
  owned(const fabric::leaf_spine& dc, std::span<const fabric::link> links)
      : links_(links), first_(static_cast<std::size_t>(dc.leafs()) + 1, 0) {
    for (const fabric::link& k : links) ++first_[k.leaf.index() + 1];
    for (std::size_t l = 1; l < first_.size(); ++l) first_[l] += first_[l - 1];
  }

  template <class View>
  path operator()(const View& v, const traffic::flow& f) const {
    const std::uint32_t slot = v.ranks.slots[f.source];
    const fabric::link& up = at(v.ranks.leafs[f.source], slot);
    const fabric::link& down = at(v.ranks.leafs[f.target], slot);
    assert(up.spine == down.spine);
    return {up.spine, up.lane, down.lane};
  }

 private:
  [[nodiscard]] const fabric::link& at(leaf_id leaf, std::uint32_t slot) const {
    assert(first_[leaf.index()] + slot < first_[leaf.index() + 1]);
    return links_[first_[leaf.index()] + slot];
  }

  std::span<const fabric::link> links_;
  std::vector<std::uint32_t> first_;  // links of leaf l are [first_[l], first_[l + 1])
};

}  // namespace heddle::route
