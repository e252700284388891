// The cut of a network that is too narrow for a job, however empty the network is.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/pod_table.hpp>
#include <heddle/place/detail/banded_biclique.hpp>
#include <heddle/place/detail/card_items.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::place::detail {

/// Finds the cut for which no state of a network has room for a job, though it has as many GPUs. From upper
/// bounds on what shapes can hold: a cut that is named is too narrow for all of them. Keeps its memory.
class tapered_cut {
 public:
  /// \param items     of the kind that `in` counts
  /// \param any       of each band as many columns as an item needs
  /// \param declared  the same for units of any sizes, which need no more; empty: nothing is declared
  [[nodiscard]] narrow_cut operator()(const fabric::leaf_spine& dc, const card_items& in, int items,
                                      std::span<const band> any, std::span<const band> declared) {
    dc_ = &dc;
    items_ = items;
    int all = 0;
    widest_ = 0;
    of_unit_.clear();
    for (unit_id x : dc.all_units()) {
      of_unit_.push_back(in.all_of(x));
      all += of_unit_.back();
      widest_ = std::max(widest_, of_unit_.back());
    }
    if (items > all || items <= widest_ || any.empty()) return {};
    const narrow_cut found = find(any);
    if (found.where == narrow_cut::tier::none || declared.empty() || items > most_in_pod(widest_))
      return found;
    for (const band& b : declared)
      if (const int here = links(b); here < b.weight)
        return {narrow_cut::tier::leaf, here, b.weight};
    return {};
  }

 private:
  [[nodiscard]] narrow_cut find(std::span<const band> bands) {
    const narrowest here = narrowest_of(bands);
    if (items_ <= most_in_pod(here.items)) return {};
    int size = 0;  // of the largest unit that is whole with all its links
    for (int n : of_unit_)
      if (n <= here.items) size = std::max(size, n);
    if (size == 0 || pods() == 1)
      return {narrow_cut::tier::leaf, here.links, needed_of_leaf() * here.weight};
    return core_cut(bands, size);
  }

  struct narrowest {
    int items = 0;  ///< for which there are columns
    int links = 0, weight = 1;
  };

  [[nodiscard]] const fabric::pod_table* table() const { return dc_->pods(); }
  [[nodiscard]] int pods() const { return table() == nullptr ? 1 : table()->pods(); }
  /// Links of a leaf in that band, at most.
  [[nodiscard]] int links(const band& b) const {
    if (table() == nullptr) return dc_->uplinks();
    int n = 0;
    for (std::size_t p = 0; p < table()->places(); ++p) n += table()->links(b.first / b.words, p);
    return n;
  }
  [[nodiscard]] narrowest narrowest_of(std::span<const band> bands) const {
    narrowest least{widest_, 0, 1};
    for (const band& b : bands) {
      const int here = links(b), items = here / b.weight;
      if (items < least.items || (items == least.items && least.links == 0))
        least = {items, here, b.weight};
    }
    return least;
  }
  /// Items that a pod holds in shapes of `width` columns: no unit gives more, or one does, and all others
  /// together no more.
  [[nodiscard]] int most_in_pod(int width) const {
    int most = 0;
    for (int p = 0; p < pods(); ++p) {
      int sum = 0, wide = 0;
      for_each_unit(p, [&](int n) {
        sum += std::min(width, n);
        wide = std::max(wide, n);
      });
      most = std::max({most, sum, wide + std::min(width, sum - std::min(width, wide))});
    }
    return most;
  }
  template <class F>
  void for_each_unit(int pod, F&& f) const {
    if (table() == nullptr)
      std::for_each(of_unit_.begin(), of_unit_.end(), f);
    else
      for (std::uint32_t x : table()->units(pod)) f(of_unit_[x]);
  }
  /// Items for which a leaf needs columns: all of a unit over pods, else where all units give alike.
  [[nodiscard]] int needed_of_leaf() const {
    if (pods() > 1) return widest_;
    const int units = static_cast<int>(of_unit_.size());
    return (items_ + units - 1) / units;
  }

  /// Over pods as many links lead up from every slot as the fewest units of a pod that will do have there.
  [[nodiscard]] narrow_cut core_cut(std::span<const band> bands, int size) {
    const int leafs = (items_ + size - 1) / size, q = (leafs + pods() - 1) / pods();
    narrow_cut found;
    for (int p = 0; p < pods(); ++p) {
      const std::vector<std::uint32_t>& spines = table()->spines(p);
      of_slot_.assign(spines.size(), 0);
      for (const band& b : bands)
        for (std::size_t k = 0; k < table()->places(); ++k)
          of_slot_[table()->slot(p, b.first / b.words, k)] += table()->links(b.first / b.words, k);
      int have = 0, want = 0;
      bool is_short = false;
      for (std::size_t s = 0; s < spines.size(); ++s) {
        if (spines[s] == fabric::link_columns::none || of_slot_[s] == 0) continue;
        const int up = links_up(spines[s]);
        have += up;
        want += q * of_slot_[s];
        is_short |= up < q * of_slot_[s];
      }
      if (!is_short) return {};
      if (p == 0) found = {narrow_cut::tier::core, have, want};
    }
    return found;
  }

  [[nodiscard]] int links_up(std::uint32_t spine) const {
    const fabric::link_columns& columns = dc_->core_columns();
    const std::uint32_t part = columns.part_of_lower(spine);
    int n = 0;
    for (int k = 0; k < columns.places(dc_->cores()); ++k) {
      const std::uint32_t core = columns.upper(part, static_cast<std::uint32_t>(k));
      if (core == fabric::link_columns::none) break;
      n += dc_->core_links().between(spine, core);
    }
    return n;
  }

  const fabric::leaf_spine* dc_ = nullptr;
  int items_ = 0, widest_ = 0;
  std::vector<int> of_unit_, of_slot_;
};

}  // namespace heddle::place::detail
