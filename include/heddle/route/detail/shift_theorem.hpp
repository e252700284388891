// Phases of which it is proved that routes by the destination's slot put no two flows on a link.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/route/detail/destination_slots.hpp>
#include <heddle/route/detail/own_links.hpp>
#include <heddle/traffic/detail/servers.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route::detail {

/// The part of theorem D (docs/concepts/routing.md) that spares most work: a job on units of equally many
/// ranks, one unit after the other, whose leafs own links to the same spines, as many as it has cards there,
/// may send any part of a shift x → x + k mod N by slots with one flow on a link at most. *Proof*: cards of
/// one number in their server are shifted by as many servers, so that those of a leaf meet pairwise different
/// slots at their targets' leafs. ∎ So on two units of a > b with b links each: what leaves the smaller one for the
/// other are at most b targets one after the other, what leaves the larger at most b in all. And where
/// `remainder_slots` or `unequal_slots` serve. All phases of an all-to-all are shifts, N² flows.
class shift_theorem {
 public:
  /// Two tiers alone. O(ranks + links).
  shift_theorem(const fabric::leaf_spine& dc, const traffic::group& ranks, const own_links& own,
                const destination_slots& slots)
      : ranks_(static_cast<std::uint32_t>(ranks.gpus.size())),
        holds_(!own.in_three_tiers() && ranks.cards.empty() && ranks_ > 0 &&
               numbers_repeat(ranks) && units_fit(dc, ranks, own, slots)) {}

  /// Whether all shifts, and parts of shifts, are proved to fit.
  [[nodiscard]] bool holds() const { return holds_; }
  /// Whether a phase is. O(flows).
  [[nodiscard]] bool covers(std::span<const traffic::flow> phase) const {
    if (!holds_ || phase.empty()) return holds_;
    const std::uint32_t by = (phase[0].target + ranks_ - phase[0].source) % ranks_;
    if (phase.size() == ranks_) {  // of all ranks, as most are
      std::uint32_t differ = 0, target = by;
      for (std::uint32_t i = 0; i < ranks_; ++i) {
        differ |= (phase[i].source ^ i) | (phase[i].target ^ target);
        target = target + 1 == ranks_ ? 0 : target + 1;
      }
      return differ == 0;
    }
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
  [[nodiscard]] static bool units_fit(const fabric::leaf_spine& dc, const traffic::group& ranks,
                                      const own_links& own, const destination_slots& slots) {
    std::vector<std::size_t> sizes;  // of units, one after the other
    std::vector<bool> seen(static_cast<std::size_t>(dc.units()), false);
    std::size_t last = seen.size();
    for (leaf_id l : ranks.leafs) {
      const std::size_t unit = l.index() / static_cast<std::size_t>(dc.leafs_per_unit());
      if (unit != last) {
        if (seen[unit]) return false;
        seen[last = unit] = true;
        sizes.push_back(0);
      }
      ++sizes.back();
    }
    const bool equal =
        std::adjacent_find(sizes.begin(), sizes.end(), std::not_equal_to<>{}) == sizes.end();
    return equal || sizes.size() == 2 ? links_are_equal(dc, ranks, own, slots)
                                      : all_carry_shifts(ranks, own, slots);
  }
  template <class F>
  static bool all_leafs(const traffic::group& ranks, F&& f) {
    for (leaf_id l : ranks.leafs)
      for (int plane = 0; plane < ranks.planes; ++plane)
        if (!f(l, leaf_id{l.value + static_cast<std::uint32_t>(plane)})) return false;
    return true;
  }
  [[nodiscard]] static bool all_carry_shifts(const traffic::group& ranks, const own_links& own,
                                             const destination_slots& slots) {
    return all_leafs(ranks, [&](leaf_id, leaf_id here) {
      return !own.in_plane(here) || slots.carry_shifts(here);
    });
  }
  /// To the same spines, and at least as many as the smallest leaf of a band has cards.
  [[nodiscard]] static bool links_are_equal(const fabric::leaf_spine& dc,
                                            const traffic::group& ranks, const own_links& own,
                                            const destination_slots& slots) {
    const auto per_unit = static_cast<std::size_t>(dc.leafs_per_unit());
    struct band {
      leaf_id first;
      std::uint32_t cards = ~std::uint32_t{0};
    };
    std::vector<band> bands(per_unit);
    const bool same = all_leafs(ranks, [&](leaf_id l, leaf_id here) {
      band& b = bands[here.index() % per_unit];
      if (b.first == here) return true;
      b.cards = std::min(b.cards, slots.cards_under(l));
      if (!b.first.valid()) {
        b.first = here;
        return true;
      }
      const auto &x = own.of(b.first), &y = own.of(here);
      return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                        [](const own_link& p, const own_link& q) { return p.upper == q.upper; });
    });
    return same && std::all_of(bands.begin(), bands.end(), [&](const band& b) {
             return !b.first.valid() || !own.in_plane(b.first) || own.of(b.first).size() >= b.cards;
           });
  }

  std::uint32_t ranks_;
  bool holds_;
};

}  // namespace heddle::route::detail
