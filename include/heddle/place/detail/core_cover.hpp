// Links between spines and cores for a job on units of any sizes of several pods.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/fabric/pod_table.hpp>
#include <heddle/place/detail/clos_search.hpp>
#include <heddle/place/detail/core_links.hpp>

namespace heddle::place::detail {

/// Adds core links to a placement whose units, in pods of one kind, own links to spines in the same slots.
///
/// *Theorem.* With k links of each unit to a slot, k · c cores that all its pods reach from there do, c being
/// the largest min(u, U − u) over pods with u of its U units. *Proof.* Paths to spines are chosen so that a
/// link of a unit carries f flows of a phase at most, each way. Of the flows in a slot at most f · k · u leave a
/// pod, or enter it, and no more than f · k · (U − u) have another unit at their other end; they are edges between pods,
/// so that f · k · c colours suffice (Kőnig), f of them to a core link. ∎ Derived.
class core_cover {
 public:
  /// False if a slot lacks cores that all pods reach over free links; `p` stays as it was then.
  /// O(links + slots · cores / 64 · pods).
  bool add(const clos_ledger& free, fabric::placement& p) {
    const fabric::leaf_spine& dc = free.fabric();
    const fabric::pod_table& pods = *dc.pods();
    count(dc, pods, p);
    const bit_matrix& core = free.network().free_core_links();
    std::vector<fabric::core_link> found;
    for (std::size_t slot = 0; slot < links_of_slot_.size(); ++slot) {
      const auto wanted = static_cast<std::size_t>(links_of_slot_[slot] * cut_);
      if (wanted == 0) continue;
      common_.assign(core.words(), ~word{0});
      for (int pod : used_)
        for (std::size_t w = 0; w < core.words(); ++w)
          common_[w] &= core[pods.spines(pod)[slot]][w];
      chosen_.clear();
      for_each_bit(const_bit_row{common_}, [&](std::size_t c) {
        if (chosen_.size() < wanted) chosen_.push_back(static_cast<std::uint32_t>(c));
      });
      if (chosen_.size() < wanted) return false;
      for (int pod : used_) add_core_links(free, spine_id{pods.spines(pod)[slot]}, chosen_, found);
    }
    std::sort(found.begin(), found.end());
    p.core_links = std::move(found);
    return true;
  }

 private:
  /// The pods, the most links of a unit to each slot, and c.
  void count(const fabric::leaf_spine& dc, const fabric::pod_table& pods,
             const fabric::placement& p) {
    units_.assign(static_cast<std::size_t>(pods.pods()), 0);
    links_of_slot_.clear();
    int all = 0;
    const auto per_unit = static_cast<std::uint32_t>(dc.leafs_per_unit());
    for (std::size_t i = 0; i < p.links.size(); ++all) {  // unit by unit, over all its rails
      const unit_id x{p.links[i].leaf.value / per_unit};
      ++units_[static_cast<std::size_t>(pods.of(x))];
      here_.assign(pods.spines(pods.of(x)).size(), 0);
      for (; i < p.links.size() && p.links[i].leaf.value / per_unit == x.value; ++i)
        ++here_[pods.slot_of_spine()[p.links[i].spine.index()]];
      links_of_slot_.resize(std::max(links_of_slot_.size(), here_.size()), 0);
      for (std::size_t s = 0; s < here_.size(); ++s)
        links_of_slot_[s] = std::max(links_of_slot_[s], here_[s]);
    }
    used_.clear();
    cut_ = 0;
    for (int pod = 0; pod < pods.pods(); ++pod)
      if (const int u = units_[static_cast<std::size_t>(pod)]; u > 0) {
        used_.push_back(pod);
        cut_ = std::max(cut_, std::min(u, all - u));
      }
  }

  int cut_ = 0;
  std::vector<int> units_, used_, links_of_slot_, here_;
  std::vector<word> common_;
  std::vector<std::uint32_t> chosen_;
};

}  // namespace heddle::place::detail
