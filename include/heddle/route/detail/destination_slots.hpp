// Ways by the place of the destination.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/route/detail/destination_calls.hpp>
#include <heddle/route/detail/own_links.hpp>
#include <heddle/route/detail/remainder_slots.hpp>
#include <heddle/route/detail/unequal_slots.hpp>
#include <heddle/route/path.hpp>
#include <heddle/traffic/group.hpp>

namespace heddle::route::detail {

/// Directed links of a way, leaf to leaf.
struct way_links {
  std::uint32_t link[4] = {};
  int count = 0;
};

/// Ways that depend on the destination's *slot*, its place among the job's cards under its leaf, and between
/// pods on its leaf's place among the job's leafs of the pod: link number slot mod w of the w that the
/// source's leaf owns, and down the link of that number at the destination's. Where one leaf is smaller than
/// all others it is as `remainder_slots` says, else where leafs differ as `unequal_slots` does.
class destination_slots {
 public:
  destination_slots(const fabric::leaf_spine& dc, const own_links& own, const link_numbers& numbers,
                    const traffic::group& ranks, std::uint32_t lids = 1)
      : own_(own), numbers_(numbers), slot_(ranks.gpus.size(), 0), place_(ranks.gpus.size(), 0),
        cards_(static_cast<std::size_t>(dc.leafs()), 0) {
    const auto per_unit = static_cast<std::uint32_t>(dc.leafs_per_unit());
    std::vector<std::uint32_t> number(cards_.size(), none), in_pod;
    for (std::uint32_t r = 0; r < ranks.gpus.size(); ++r) {
      if (card_of(ranks, r) != r) continue;
      const leaf_id l = ranks.leafs[r];
      slot_[r] = cards_[l.index()]++;
      if (number[l.index()] == none) {
        const std::uint32_t pod =
            dc.pods() == nullptr
                ? 0
                : static_cast<std::uint32_t>(dc.pods()->of(unit_id{l.value / per_unit}));
        const std::size_t at = std::size_t{pod} * per_unit + l.value % per_unit;
        if (at >= in_pod.size()) in_pod.resize(at + 1, 0);
        number[l.index()] = in_pod[at]++;
      }
      place_[r] = number[l.index()];
    }
    rest_.emplace(dc, own, ranks, cards_, lids);
    if (lids == 1) unequal_.emplace(dc, own, ranks, cards_);
  }

  /// Cards of the job under a leaf of the first plane.
  [[nodiscard]] std::uint32_t cards_under(leaf_id l) const { return cards_[l.index()]; }
  /// Whether the ways to a leaf are those of `remainder_slots`.
  [[nodiscard]] bool has_rest(leaf_id to) const { return rest_->serve(to); }
  /// Whether the ways to a leaf are known to carry every shift of the ranks.
  [[nodiscard]] bool carry_shifts(leaf_id to) const { return has_rest(to) || is_unequal(to); }
  /// Addresses of a card under `to` that a leaf knows.
  [[nodiscard]] std::uint32_t lids(leaf_id from, leaf_id to, std::uint32_t destination) const {
    return has_rest(to) ? rest_->lids(from, to, slot_[destination]) : 1;
  }
  /// Which of them a card uses.
  [[nodiscard]] std::uint32_t lid_of(leaf_id from, leaf_id to, std::uint32_t source,
                                     std::uint32_t destination) const {
    return has_rest(to) ? rest_->lid_of(from, to, slot_[source], slot_[destination]) : 0;
  }
  /// No links if there is no such way.
  [[nodiscard]] way_links operator()(leaf_id from, leaf_id to, std::uint32_t destination,
                                     std::uint32_t lid = 0) const {
    const std::vector<own_link>&a = own_.of(from), &b = own_.of(to);
    if (has_rest(to)) {
      if (!rest_->uses(from, to, slot_[destination], lid)) return {};
      return over(from, to, (*rest_)(from, to, slot_[destination], lid));
    }
    if (is_unequal(to)) return over(from, to, (*unequal_)(from, to, slot_[destination]));
    if (a.empty() || a.size() != b.size()) return {};
    const std::size_t k = slot_[destination] % a.size();
    if (a[k].key != b[k].key) return {};
    const spine_id s{a[k].upper}, t{b[k].upper};
    const std::uint32_t up = numbers_.up(from, s, a[k].lane),
                        down = numbers_.down(t, to, b[k].lane);
    if (s == t) return {{up, down}, 2};
    if (!own_.in_three_tiers()) return {};
    const std::vector<own_link>&x = own_.of(s), &y = own_.of(t);
    if (x.empty() || x.size() != y.size()) return {};
    const std::size_t j = place_[destination] % x.size();
    if (x[j].upper != y[j].upper) return {};
    const core_id c{x[j].upper};
    return {{up, numbers_.up(s, c, x[j].lane), numbers_.down(c, t, y[j].lane), down}, 4};
  }

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  [[nodiscard]] bool is_unequal(leaf_id to) const {
    return unequal_ && !has_rest(to) && unequal_->serve(to);
  }
  [[nodiscard]] way_links over(leaf_id from, leaf_id to, remainder_slots::numbers w) const {
    const own_link &a = own_.of(from)[w.up], &b = own_.of(to)[w.down];
    return {{numbers_.up(from, spine_id{a.upper}, a.lane),
             numbers_.down(spine_id{b.upper}, to, b.lane)},
            2};
  }

  const own_links& own_;
  const link_numbers& numbers_;
  std::vector<std::uint32_t> slot_, place_;  // by rank
  std::vector<std::uint32_t> cards_;         // by leaf
  std::optional<remainder_slots> rest_;
  std::optional<unequal_slots> unequal_;
};

}  // namespace heddle::route::detail
