// Ways by destination for jobs on equal leafs and a smaller one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/route/detail/own_links.hpp>
#include <heddle/route/detail/slot_colours.hpp>
#include <heddle/traffic/group.hpp>

namespace heddle::route::detail {

/// A job has f ≥ 2 leafs of n cards and one, the *rest*, of c < n cards, whose spines are spines of the others too.
/// Call n links of a full leaf its *colours*, the first c those to the rest's spines, and let leafs be in
/// the order of the ranks, around, from the one after the rest. To the card in slot j
///
///     from a full leaf to a later one    colour j           from the rest to the first leaf    (j − n) mod c
///     to an earlier one                  (j + c) mod n      to the others                      j mod c
///     to the rest                        j
///
/// With f = 2, or if c divides n, every shift of the ranks then puts at most one flow on a link, up and
/// down. With f ≥ 3 and other c no routes by one address do; but these do if cards of the full leafs
/// between the first and the last have a second address, over (j − n) mod c, which the rest's card in slot i
/// uses where j − i > n − c. Where a spine has two links to a leaf and the rest's flows to a card come down the
/// other one, it has a second address too. Derived, and proved in docs/concepts/routing.md.
class remainder_slots {
 public:
  /// What of a job's links goes up, and down, by their numbers in `own_links`.
  struct numbers {
    std::uint32_t up = 0, down = 0;
  };

  /// \param cards  of the job, by leaf of the first plane
  /// \param lids   addresses that a card may need, 1 or 2
  remainder_slots(const fabric::leaf_spine& dc, const own_links& own, const traffic::group& ranks,
                  std::span<const std::uint32_t> cards, std::uint32_t lids)
      : lids_(lids), per_unit_(static_cast<std::uint32_t>(dc.leafs_per_unit())), bands_(per_unit_) {
    if (own.in_three_tiers() || !find_order(dc, ranks)) return;
    const auto planes = static_cast<std::uint32_t>(dc.planes());
    for (std::uint32_t b = 0; b < per_unit_; ++b) find_band(own, cards, b, b - b % planes);
  }

  /// Whether a leaf and those that it sends to are served so.
  [[nodiscard]] bool serve(leaf_id l) const { return bands_[l.value % per_unit_].n > 0; }
  /// Addresses of a card that a leaf knows. Precondition, here and below: `serve(to)`, both are leafs of the job
  [[nodiscard]] std::uint32_t lids(leaf_id from, leaf_id to, std::uint32_t slot) const {
    const band& b = bands_[to.value % per_unit_];
    const std::uint32_t y = place(b, to);
    return place(b, from) == units() - 1 && (b.has_two_rules(y) || b.meets(y, slot)) ? 2 : 1;
  }
  /// Which of them a card uses. \param source, slot  places of both under their leafs
  [[nodiscard]] std::uint32_t lid_of(leaf_id from, leaf_id to, std::uint32_t source,
                                     std::uint32_t slot) const {
    const band& b = bands_[to.value % per_unit_];
    const std::uint32_t y = place(b, to);
    if (place(b, from) != units() - 1) return 0;
    return b.has_two_rules(y) ? slot + b.c > b.n + source : b.meets(y, slot);
  }
  /// Whether a leaf sends to an address at all: not to the first of a card where its way meets others'.
  [[nodiscard]] bool uses(leaf_id from, leaf_id to, std::uint32_t slot, std::uint32_t lid) const {
    const band& b = bands_[to.value % per_unit_];
    const std::uint32_t y = place(b, to);
    return lid > 0 || place(b, from) != units() - 1 || b.has_two_rules(y) || !b.meets(y, slot);
  }
  /// The way to an address of a card.
  [[nodiscard]] numbers operator()(leaf_id from, leaf_id to, std::uint32_t slot,
                                   std::uint32_t lid) const {
    const band& b = bands_[to.value % per_unit_];
    const std::uint32_t x = place(b, from), y = place(b, to), rest = units() - 1;
    const std::uint32_t colour = y == rest   ? slot
                                 : x == rest ? b.of_the_rest(y, slot, lid)
                                 : x < y     ? slot
                                             : (slot + b.c) % b.n;
    return {x == rest ? b.colours.of_rest[colour] : b.colours.of_full[colour],
            y == rest ? b.colours.of_rest[colour] : b.colours.of_full[colour]};
  }

 private:
  struct band {
    std::uint32_t n = 0, c = 0, full = 0,
                  rest = 0;  // n = 0: not served; rest: its number among the units
    slot_colours colours;

    /// Whether windows of the rest begin and end at the full leaf in place y, by different rules.
    [[nodiscard]] bool has_two_rules(std::uint32_t y) const {
      return n % c != 0 && y > 0 && y + 1 < full;
    }
    /// The colour of what the rest sends to it.
    [[nodiscard]] std::uint32_t of_the_rest(std::uint32_t y, std::uint32_t slot,
                                            std::uint32_t lid) const {
      return (y == 0 || (lid > 0 && has_two_rules(y)) ? slot + c - n % c : slot) % c;
    }
    [[nodiscard]] bool apart(std::uint32_t x, std::uint32_t y) const { return colours.apart(x, y); }
    /// Whether what the rest sends comes down another link of a spine than what others send over it.
    [[nodiscard]] bool meets(std::uint32_t y, std::uint32_t slot) const {
      if (y >= full) return false;
      const std::uint32_t its = of_the_rest(y, slot, 0);
      return (y > 0 && !apart(its, slot)) || (y + 1 < full && !apart(its, (slot + c) % n));
    }
    /// Whether no card needs more addresses.
    [[nodiscard]] bool fits(std::uint32_t lids) const {
      for (std::uint32_t y = 0; y < full; ++y)
        for (std::uint32_t j = 0; j < n; ++j)
          if ((y > 0 && y + 1 < full && !apart(j, (j + c) % n)) ||
              (meets(y, j) && (lids == 1 || has_two_rules(y))))
            return false;
      return true;
    }
  };

  [[nodiscard]] std::uint32_t units() const { return static_cast<std::uint32_t>(order_.size()); }
  /// 0 the leaf after the rest, the rest last.
  [[nodiscard]] std::uint32_t place(const band& b, leaf_id l) const {
    const std::uint32_t at = number_[l.value / per_unit_];
    return at > b.rest ? at - b.rest - 1 : at + units() - b.rest - 1;
  }
  /// The units, as ranks come to them; false if they come back to one.
  bool find_order(const fabric::leaf_spine& dc, const traffic::group& ranks) {
    number_.assign(static_cast<std::size_t>(dc.units()), none);
    for (leaf_id l : ranks.leafs) {
      const std::uint32_t unit = l.value / per_unit_;
      if (!order_.empty() && order_.back() == unit) continue;
      if (number_[unit] != none) return false;
      number_[unit] = units();
      order_.push_back(unit);
    }
    return units() >= 3;
  }
  void find_band(const own_links& own, std::span<const std::uint32_t> cards, std::uint32_t in_unit,
                 std::uint32_t first_plane) {
    band b;
    const auto cards_of = [&](std::uint32_t unit) { return cards[unit * per_unit_ + first_plane]; };
    const auto links_of = [&](std::uint32_t unit) -> const std::vector<own_link>& {
      return own.of(leaf_id{unit * per_unit_ + in_unit});
    };
    std::uint32_t n = 0, smaller = 0;
    for (std::uint32_t u : order_) n = std::max(n, cards_of(u));
    for (std::uint32_t k = 0; k < units(); ++k)
      if (cards_of(order_[k]) < n) {
        ++smaller;
        b.rest = k;
      }
    b.c = cards_of(order_[b.rest]);
    if (smaller != 1 || b.c == 0 || (lids_ == 1 && units() > 3 && n % b.c != 0)) return;
    const std::vector<own_link>& full = links_of(order_[b.rest == 0 ? 1 : 0]);
    if (full.size() < n) return;
    for (std::uint32_t k = 0; k < units(); ++k) {
      const std::vector<own_link>& its = links_of(order_[k]);
      if (k != b.rest &&
          !std::equal(its.begin(), its.end(), full.begin(), full.end(),
                      [](const own_link& x, const own_link& y) { return x.upper == y.upper; }))
        return;
    }
    b.n = n;
    b.full = units() - 1;
    bool found = false;
    for (std::uint32_t lids = 1; lids <= lids_ && !found; ++lids)
      found = find_colours(full, links_of(order_[b.rest]), lids, b);
    if (!found) return;
    bands_[in_unit] = std::move(b);
  }
  /// Colours such that no address of a card is reached over two links of one spine.
  static bool find_colours(const std::vector<own_link>& full, const std::vector<own_link>& rest,
                           std::uint32_t lids, band& b) {
    for (const bool by_lane : {false, true}) {
      if (!b.colours.find(full, rest, b.c, by_lane)) return false;
      if (b.fits(lids)) return true;
    }
    return false;
  }

  static constexpr std::uint32_t none = ~std::uint32_t{0};

  std::uint32_t lids_, per_unit_;
  std::vector<std::uint32_t> order_, number_;  // units by their turn, and the other way round
  std::vector<band> bands_;
};

}  // namespace heddle::route::detail
