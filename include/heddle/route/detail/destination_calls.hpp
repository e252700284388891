// What a job's phases ask of the network, card by card, and the links that it owns for it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/route/detail/owned_band.hpp>
#include <heddle/route/network_flows.hpp>
#include <heddle/route/path.hpp>
#include <heddle/route/undisturbed.hpp>
#include <heddle/traffic/any_source.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route::detail {

/// A flow between leafs, from where it enters the network to the card of its target; cards are told by
/// their first rank.
struct card_flow {
  leaf_id from, to;
  std::uint32_t source = 0, target = 0;
  int plane = 0;
};

/// Several sources as one.
struct joined_sources {
  std::span<const traffic::any_source> all;

  [[nodiscard]] std::size_t size() const {
    std::size_t n = 0;
    for (const traffic::any_source& s : all) n += s.size();
    return n;
  }
  traffic::phase write(std::size_t k, std::vector<traffic::flow>& out) const {
    std::size_t i = 0;
    while (k >= all[i].size()) k -= all[i++].size();
    return all[i].write(k, out);
  }
};

[[nodiscard]] inline std::uint32_t card_of(const traffic::group& ranks, std::uint32_t r) {
  return ranks.cards.empty() ? r : ranks.cards[r];
}

/// Every phase is looked at.
struct no_phase {
  bool operator()(std::span<const traffic::flow>) const { return false; }
};

/// Calls `f(flows between leafs, most flows of a card)` for each phase, until it returns false.
/// \param in_plane  callable: whether the job has links in the plane of a leaf
/// \param leaves_out  callable: whether a phase need not be looked at
template <class InPlane, class F, class LeavesOut = no_phase>
bool for_each_card_phase(const traffic::group& ranks, const joined_sources& sources,
                         InPlane&& in_plane, F&& f, const LeavesOut& leaves_out = {}) {
  network_flows entering;
  card_counter cards;
  std::vector<traffic::flow> flows;
  std::vector<card_flow> out;
  for (const traffic::any_source& source : sources.all)
    for (std::size_t k = 0, n = source.size(); k < n; ++k) {
      (void)source.write(k, flows);
      if (leaves_out(std::span<const traffic::flow>{flows})) continue;
      const int allowed = std::max(1, cards(ranks, flows).card);
      out.clear();
      for (const traffic::flow e : entering(ranks, flows))
        for (int plane = 0; plane < ranks.planes; ++plane) {
          const auto p = static_cast<std::uint32_t>(plane);
          const leaf_id a{ranks.leafs[e.source].value + p}, b{ranks.leafs[e.target].value + p};
          if (a != b && in_plane(b))
            out.push_back({a, b, card_of(ranks, e.source), card_of(ranks, e.target), plane});
        }
      if (!f(std::span<const card_flow>{out}, allowed)) return false;
    }
  return true;
}

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

/// Directed links of a way, leaf to leaf.
struct way_links {
  std::uint32_t link[4] = {};
  int count = 0;
};

/// Ways that depend on the destination's *slot*, its place among the job's cards under its leaf, and between
/// pods on its leaf's place among the job's leafs of the pod: link number slot mod w of the w that the
/// source's leaf owns, and down the link of that number at the destination's.
class destination_slots {
 public:
  destination_slots(const fabric::leaf_spine& dc, const own_links& own, const link_numbers& numbers,
                    const traffic::group& ranks)
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
  }

  /// Cards of the job under a leaf of the first plane.
  [[nodiscard]] std::uint32_t cards_under(leaf_id l) const { return cards_[l.index()]; }
  /// No links if there is no such way.
  [[nodiscard]] way_links operator()(leaf_id from, leaf_id to, std::uint32_t destination) const {
    const std::vector<own_link>&a = own_.of(from), &b = own_.of(to);
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

  const own_links& own_;
  const link_numbers& numbers_;
  std::vector<std::uint32_t> slot_, place_;  // by rank
  std::vector<std::uint32_t> cards_;         // by leaf
};

}  // namespace heddle::route::detail
