// Phases of which it is proved that routes by the destination's slot put no two flows on a link.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/route/detail/destination_calls.hpp>
#include <heddle/traffic/detail/servers.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route::detail {

/// The part of theorem D (docs/concepts/routing.md) that spares most work: a job on units of equally many
/// ranks, one unit after the other, whose leafs own links to the same spines, as many as it has cards there,
/// may send any part of a shift x → x + k mod N by slots with one flow on a link at most. *Proof*: cards of
/// one number in their server are shifted by as many servers, so that those of a leaf meet pairwise different
/// slots at their targets' leafs. ∎ All phases of an all-to-all are shifts, N² flows.
class shift_theorem {
 public:
  /// Two tiers alone. O(ranks + links).
  shift_theorem(const fabric::leaf_spine& dc, const traffic::group& ranks, const own_links& own,
                const destination_slots& slots)
      : ranks_(static_cast<std::uint32_t>(ranks.gpus.size())),
        holds_(!own.in_three_tiers() && ranks.cards.empty() && ranks_ > 0 &&
               numbers_repeat(ranks) && units_are_equal(dc, ranks) &&
               links_are_equal(dc, ranks, own, slots)) {}

  /// Whether a phase is proved to fit. O(flows).
  [[nodiscard]] bool covers(std::span<const traffic::flow> phase) const {
    if (!holds_ || phase.empty()) return holds_;
    const std::uint32_t by = (phase[0].target + ranks_ - phase[0].source) % ranks_;
    std::uint32_t next = 0;  // sources ascend, so that each sends once
    for (const traffic::flow f : phase) {
      const std::uint32_t t = f.source + by;
      if (f.source < next || f.target != (t < ranks_ ? t : t - ranks_)) return false;
      next = f.source + 1;
    }
    return true;
  }

 private:
  /// Without rails flows leave by their own cards; else by those of their target's number, which every
  /// server of the job must have in the same order.
  [[nodiscard]] bool numbers_repeat(const traffic::group& ranks) const {
    if (ranks.numbers.empty()) return true;
    const std::size_t q = traffic::detail::equal_share(ranks.servers);
    for (std::size_t r = q; r < ranks_; ++r)
      if (ranks.numbers[r] != ranks.numbers[r - q]) return false;
    return true;
  }
  [[nodiscard]] bool units_are_equal(const fabric::leaf_spine& dc,
                                     const traffic::group& ranks) const {
    const auto unit = [&](std::size_t r) {
      return ranks.leafs[r].value / static_cast<std::uint32_t>(dc.leafs_per_unit());
    };
    std::size_t each = 1;
    while (each < ranks_ && unit(each) == unit(0)) ++each;
    if (ranks_ % each != 0) return false;
    std::vector<bool> seen(static_cast<std::size_t>(dc.units()), false);
    for (std::size_t r = 0; r < ranks_; ++r) {
      if (r % each == 0 ? seen[unit(r)] : unit(r) != unit(r - 1)) return false;
      seen[unit(r)] = true;
    }
    return true;
  }
  [[nodiscard]] static bool links_are_equal(const fabric::leaf_spine& dc,
                                            const traffic::group& ranks, const own_links& own,
                                            const destination_slots& slots) {
    const auto per_unit = static_cast<std::size_t>(dc.leafs_per_unit());
    std::vector<leaf_id> first(per_unit);  // of each band
    for (leaf_id l : ranks.leafs)
      for (int plane = 0; plane < ranks.planes; ++plane) {
        const leaf_id here{l.value + static_cast<std::uint32_t>(plane)};
        leaf_id& known = first[here.index() % per_unit];
        if (known == here) continue;
        if (!known.valid()) {
          known = here;
          if (own.in_plane(here) && own.of(here).size() < slots.cards_under(l)) return false;
          continue;
        }
        const auto &a = own.of(known), &b = own.of(here);
        if (!std::equal(a.begin(), a.end(), b.begin(), b.end(),
                        [](const own_link& x, const own_link& y) { return x.upper == y.upper; }))
          return false;
      }
    return true;
  }

  std::uint32_t ranks_;
  bool holds_;
};

}  // namespace heddle::route::detail
