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
    const auto lanes = static_cast<std::uint32_t>(dc.core_links().lanes());
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
      for (int pod : used_) {
        const spine_id s{pods.spines(pod)[slot]};
        const std::uint32_t part = dc.core_columns().part_of_lower(s.index());
        core_id last;
        std::uint32_t lane = 0;
        for (std::uint32_t c : chosen_) {
          const core_id k{dc.core_columns().upper(part, c / lanes)};
          lane = free.network().free_lane(s, k, k == last ? lane + 1 : 0);
          last = k;
          found.push_back({s, k, lane});
        }
      }
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
    used_.clear();
    int all = 0;
    const auto per_unit = static_cast<std::uint32_t>(dc.leafs_per_unit());
    std::vector<char> seen(static_cast<std::size_t>(dc.units()), 0);
    for (const fabric::link& k : p.links) {
      const unit_id x{k.leaf.value / per_unit};
      if (std::exchange(seen[x.index()], 1)) continue;
      ++units_[static_cast<std::size_t>(pods.of(x))];
      ++all;
    }
    cut_ = 0;
    for (int pod = 0; pod < pods.pods(); ++pod)
      if (const int u = units_[static_cast<std::size_t>(pod)]; u > 0) {
        used_.push_back(pod);
        cut_ = std::max(cut_, std::min(u, all - u));
      }
    slot_of_spine_.assign(static_cast<std::size_t>(dc.spines()), 0);
    std::size_t slots = 0;
    for (int pod : used_) {
      const std::vector<std::uint32_t>& spines = pods.spines(pod);
      slots = std::max(slots, spines.size());
      for (std::size_t s = 0; s < spines.size(); ++s)
        if (spines[s] != fabric::link_columns::none) slot_of_spine_[spines[s]] = s;
    }
    // Links of one unit to one spine, over all its rails, stand apart: they are counted unit by unit.
    links_of_slot_.assign(slots, 0);
    std::vector<int> here(slots, 0);
    for (std::size_t i = 0; i < p.links.size();) {
      const std::uint32_t unit = p.links[i].leaf.value / per_unit;
      std::fill(here.begin(), here.end(), 0);
      for (; i < p.links.size() && p.links[i].leaf.value / per_unit == unit; ++i)
        ++here[slot_of_spine_[p.links[i].spine.index()]];
      for (std::size_t s = 0; s < slots; ++s)
        links_of_slot_[s] = std::max(links_of_slot_[s], here[s]);
    }
  }

  int cut_ = 0;
  std::vector<int> units_, used_, links_of_slot_;
  std::vector<std::size_t> slot_of_spine_;
  std::vector<word> common_;
  std::vector<std::uint32_t> chosen_;
};

}  // namespace heddle::place::detail
