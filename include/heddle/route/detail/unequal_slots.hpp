// Ways by destination for jobs on leafs of different sizes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/route/detail/own_links.hpp>
#include <heddle/route/detail/remainder_slots.hpp>
#include <heddle/route/detail/slot_colours.hpp>
#include <heddle/route/detail/slot_offsets.hpp>
#include <heddle/traffic/group.hpp>

namespace heddle::route::detail {

/// A job has three leafs or more, not all of one size and with links to the same spines; one, the *rest*, may have
/// as many links as cards. Where `slot_offsets` finds colours no shift of the ranks puts two flows on a
/// link, and one address a card is enough.
class unequal_slots {
 public:
  using numbers = remainder_slots::numbers;

  /// \param cards  of the job, by leaf of the first plane
  unequal_slots(const fabric::leaf_spine& dc, const own_links& own, const traffic::group& ranks,
                std::span<const std::uint32_t> cards)
      : per_unit_(static_cast<std::uint32_t>(dc.leafs_per_unit())), bands_(per_unit_) {
    if (own.in_three_tiers() || !find_order(dc, ranks)) return;
    const auto planes = static_cast<std::uint32_t>(dc.planes());
    for (std::uint32_t b = 0; b < per_unit_; ++b) find_band(own, cards, b, b - b % planes);
  }

  /// Whether a leaf and those that it sends to are served so.
  [[nodiscard]] bool serve(leaf_id l) const { return bands_[l.value % per_unit_].has_value(); }
  /// The way to a card. Precondition: `serve(to)`, both are leafs of the job
  [[nodiscard]] numbers operator()(leaf_id from, leaf_id to, std::uint32_t slot) const {
    const band& b = *bands_[to.value % per_unit_];
    const std::uint32_t x = place_[from.value / per_unit_], y = place_[to.value / per_unit_];
    const slot_offsets& colours = solved_[b.solution].find;
    const std::uint32_t up = colours(x, y, slot), down = colours.down(x, y, slot);
    return {x == b.rest ? b.colours.of_rest[up] : b.colours.of_full[up],
            y == b.rest ? b.colours.of_rest[down] : b.colours.of_full[down]};
  }

 private:
  struct band {
    std::uint32_t rest = slot_offsets::no_rest;  // place of the leaf with fewer links
    slot_colours colours = {};
    std::size_t solution = 0;
  };
  struct solution {
    slot_offsets::problem asked;
    slot_offsets find;
    bool found = false;
  };

  /// The units, as ranks come to them; false if they come back to one, or are too few or many.
  bool find_order(const fabric::leaf_spine& dc, const traffic::group& ranks) {
    place_.assign(static_cast<std::size_t>(dc.units()), slot_offsets::no_rest);
    for (leaf_id l : ranks.leafs) {
      const std::uint32_t unit = l.value / per_unit_;
      if (!order_.empty() && order_.back() == unit) continue;
      if (place_[unit] != slot_offsets::no_rest || order_.size() == slot_offsets::most_leafs)
        return false;
      place_[unit] = static_cast<std::uint32_t>(order_.size());
      order_.push_back(unit);
    }
    return order_.size() >= 3;
  }
  void find_band(const own_links& own, std::span<const std::uint32_t> cards, std::uint32_t in_unit,
                 std::uint32_t first_plane) {
    const auto links_of = [&](std::size_t k) -> const std::vector<own_link>& {
      return own.of(leaf_id{order_[k] * per_unit_ + in_unit});
    };
    slot_offsets::problem asked;
    std::size_t full = 0;
    for (std::size_t k = 0; k < order_.size(); ++k) {
      asked.sizes.push_back(cards[order_[k] * per_unit_ + first_plane]);
      if (links_of(k).size() > links_of(full).size()) full = k;
    }
    const auto& sizes = asked.sizes;
    if (std::adjacent_find(sizes.begin(), sizes.end(), std::not_equal_to<>{}) == sizes.end())
      return;
    const std::vector<own_link>& links = links_of(full);
    for (std::size_t k = 0; k < order_.size(); ++k) {
      const std::vector<own_link>& its = links_of(k);
      if (std::equal(its.begin(), its.end(), links.begin(), links.end(),
                     [](const own_link& x, const own_link& y) { return x.upper == y.upper; }))
        continue;
      if (asked.rest != slot_offsets::no_rest || its.size() < sizes[k]) return;
      asked.rest = static_cast<std::uint32_t>(k);
    }
    const bool has_rest = asked.rest != slot_offsets::no_rest;
    for (const bool by_lane : {false, true}) {
      band b{.rest = asked.rest};
      if (!b.colours.find(links,
                          has_rest ? std::span{links_of(asked.rest)} : std::span<const own_link>{},
                          has_rest ? sizes[asked.rest] : 0, by_lane))
        return;
      // Spines by their turn, so that bands alike ask the same.
      std::vector<std::uint32_t> met;
      asked.spines.clear();
      for (std::uint32_t s : b.colours.spines) {
        const auto at = std::find(met.begin(), met.end(), s);
        asked.spines.push_back(static_cast<std::uint32_t>(at - met.begin()));
        if (at == met.end()) met.push_back(s);
      }
      b.solution = solve(asked);
      if (!solved_[b.solution].found) continue;
      bands_[in_unit] = std::move(b);
      return;
    }
  }
  std::size_t solve(const slot_offsets::problem& asked) {
    for (std::size_t k = 0; k < solved_.size(); ++k)
      if (solved_[k].asked == asked) return k;
    solution& s = solved_.emplace_back();
    s.asked = asked;
    s.found = s.find.solve(asked, budget_);
    return solved_.size() - 1;
  }

  std::uint32_t per_unit_;
  std::size_t budget_ = 4'000;        // choices for all bands, some hundred nanoseconds each
  std::vector<std::uint32_t> order_;  // units by their place
  std::vector<std::uint32_t> place_;  // of units
  std::vector<solution> solved_;
  std::vector<std::optional<band>> bands_;
};

}  // namespace heddle::route::detail
