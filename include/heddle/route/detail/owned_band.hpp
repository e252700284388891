// Routing over the links that a job owns in one network of two tiers.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/edge_colouring.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/core/list_colouring.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route::detail {

/// A link that a job owns, of a lower switch; links with the same key lead to upper switches in the same
/// place.
struct own_link {
  std::uint32_t lower = 0;
  std::uint32_t upper = 0;
  std::uint32_t lane = 0;  ///< as in link_numbers
  std::uint32_t key = 0;
};

/// Over which of the own links a flow goes up and comes down: their numbers.
struct own_way {
  static constexpr std::uint32_t nobody = ~std::uint32_t{0};
  std::uint32_t up = nobody, down = nobody;

  [[nodiscard]] bool found() const { return up != nobody; }
};

/// What `owned` (route/owned.hpp) does with the flows of one rail and plane, whose lower switches are
/// leafs; and with those that go from pod to pod over the spines of one slot, whose lower switches are the
/// pods. Flows are told by their *ends*, which have
///
///     from(flow), to(flow)   → number of the lower switch
///     slot(rank)             → the rank's place among those of the job at its lower switch
class owned_band {
 public:
  owned_band() = default;
  /// \param lowers  how many lower switches there are
  /// \param links   sorted by lower switch, then key
  owned_band(std::size_t lowers, std::vector<own_link> links)
      : links_(std::move(links)), first_(lowers + 1, 0) {
    for (const own_link& k : links_) ++first_[k.lower + 1];
    for (std::size_t l = 1; l < first_.size(); ++l) first_[l] += first_[l - 1];
    number_spines();
  }

  /// The ways of flows, in their order; valid until the next call. Flows that stay at their lower switch
  /// get none. \param incast  most flows of a network card
  template <class Ends>
  std::span<const own_way> operator()(const Ends& v, std::span<const traffic::flow> flows,
                                      int incast) {
    ways_.assign(flows.size(), own_way{});
    complete_ = true;
    if (!route_by_slot(v, flows, &traffic::flow::target, incast) &&
        !route_by_slot(v, flows, &traffic::flow::source, incast) &&
        !route_by_colour(v, flows, incast) && !route_by_parts(v, flows, incast))
      route_by_lists(v, flows, incast);
    return ways_;
  }
  /// The same by colouring alone: places at the lower switch mean nothing.
  template <class Ends>
  std::span<const own_way> coloured(const Ends& v, std::span<const traffic::flow> flows,
                                    int incast) {
    ways_.assign(flows.size(), own_way{});
    complete_ = true;
    if (!route_by_colour(v, flows, incast)) route_by_lists(v, flows, incast);
    return ways_;
  }

  /// Whether the last phase found a way for every flow between lower switches.
  [[nodiscard]] bool complete() const { return complete_; }
  [[nodiscard]] const own_link& link(std::uint32_t number) const { return links_[number]; }
  [[nodiscard]] bool empty() const { return links_.empty(); }

 private:
  [[nodiscard]] std::size_t links_at(std::size_t l) const { return first_[l + 1] - first_[l]; }
  /// Numbers the spines that the job uses as virtual spines: k parallel links of a leaf to one spine
  /// lead to k of them.
  void number_spines() {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> all;  // a spine, and which of its links
    const auto for_each = [&](auto&& f) {
      for (std::size_t l = 0; l + 1 < first_.size(); ++l)
        for (std::uint32_t k = first_[l], same = 0; k < first_[l + 1]; ++k) {
          same = k > first_[l] && links_[k].key == links_[k - 1].key ? same + 1 : 0;
          f(l, std::pair{links_[k].key, same}, k);
        }
    };
    for_each([&](std::size_t, auto spine, std::uint32_t) { all.push_back(spine); });
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    spines_ = all.size();
    link_of_.assign((first_.size() - 1) * spines_, nobody);
    for_each([&](std::size_t l, auto spine, std::uint32_t k) {
      const auto at = std::lower_bound(all.begin(), all.end(), spine) - all.begin();
      link_of_[l * spines_ + static_cast<std::size_t>(at)] = k;
    });
  }
  [[nodiscard]] std::uint32_t link_of(std::size_t l, std::size_t spine) const {
    return link_of_[l * spines_ + spine];
  }

  /// Each flow over the spine of one of its ends' slot. False if some link would carry more than `incast`
  /// flows, or a slot has no link.
  template <class Ends>
  bool route_by_slot(const Ends& v, std::span<const traffic::flow> flows,
                     std::uint32_t traffic::flow::*end, int incast) {
    load_.assign(2 * links_.size(), 0);
    for (std::size_t i = 0; i < flows.size(); ++i) {
      const std::size_t from = v.from(flows[i]), to = v.to(flows[i]);
      if (from == to) continue;
      const std::uint32_t slot = v.slot(flows[i].*end);
      if (slot >= spines_) return false;
      const std::uint32_t up = link_of(from, slot), down = link_of(to, slot);
      if (up == nobody || down == nobody || ++load_[2 * up] > incast ||
          ++load_[2 * down + 1] > incast)
        return false;
      ways_[i] = {up, down};
    }
    return true;
  }

  /// No link gets more than `incast` flows or, where a leaf has more flows than its links can carry
  /// then, ⌈flows / links⌉ of the fullest leaf. False if the job's shape is none of those with a proof.
  template <class Ends>
  bool route_by_colour(const Ends& v, std::span<const traffic::flow> flows, int incast) {
    auto per_spine = static_cast<std::size_t>(incast);
    if (!list_edges(v, flows)) return false;
    for (std::size_t i = 0; i < leafs_.size(); ++i) {
      const std::size_t links = links_at(leafs_[i]), most = std::max(out_[i], in_[i]);
      if (links == 0) return false;
      per_spine = std::max(per_spine, (most + links - 1) / links);
    }

    // A leaf that lacks some spines gets an edge to itself for each flow that those could carry:
    // these edges take as many colours, which then stand for the missing spines.
    const std::size_t real = edges_.size();
    if (narrow_ != nobody) {
      const std::uint32_t n = local_[narrow_];
      edges_.insert(edges_.end(), (spines_ - links_at(narrow_)) * per_spine, {n, n});
    }
    const auto colours = colouring_(leafs_.size(), leafs_.size(), edges_, spines_ * per_spine);
    spine_of_colours(colours.subspan(real), per_spine);

    for (std::size_t i = 0, e = 0; i < flows.size(); ++i) {
      const std::size_t from = v.from(flows[i]), to = v.to(flows[i]);
      if (from != to) ways_[i] = over(spine_of_colour_[colours[e++]], from, to);
    }
    return true;
  }

  /// Leafs whose links to the spines are in like proportions, as virtual leafs that are equal. No link
  /// gets more than `incast` flows, or f times as many where leafs have up to f ranks to a link. False if they
  /// are not.
  template <class Ends>
  bool route_by_parts(const Ends& v, std::span<const traffic::flow> flows, int incast) {
    if (!std::exchange(parts_known_, true)) number_parts();  // few jobs come here
    if (width_ == 0) return false;
    share_ = 1;
    for (const traffic::flow& f : flows) {
      const std::size_t from = v.from(f), to = v.to(f);
      if (from == to) continue;
      if (copies_[from] == 0 || copies_[to] == 0) return false;
      share_ = std::max({share_, v.slot(f.source) / (width_ * copies_[from]) + 1,
                         v.slot(f.target) / (width_ * copies_[to]) + 1});
    }
    edges_.clear();
    for (const traffic::flow& f : flows) {
      const std::size_t from = v.from(f), to = v.to(f);
      if (from == to) continue;
      edges_.push_back(
          {first_part_[from] + part_of(v, f.source), first_part_[to] + part_of(v, f.target)});
    }
    const auto per_link = static_cast<std::uint32_t>(incast) * share_;
    const auto colours =
        colouring_(first_part_.back(), first_part_.back(), edges_, width_ * per_link);
    for (std::size_t i = 0, e = 0; i < flows.size(); ++i) {
      const std::size_t from = v.from(flows[i]), to = v.to(flows[i]);
      if (from == to) continue;
      const std::uint32_t column = colours[e++] / per_link;
      ways_[i] = {link_of_part(from, part_of(v, flows[i].source), column),
                  link_of_part(to, part_of(v, flows[i].target), column)};
    }
    return true;
  }
  template <class Ends>
  [[nodiscard]] std::uint32_t part_of(const Ends& v, std::uint32_t rank) const {
    return v.slot(rank) / (width_ * share_);
  }
  /// The link of a leaf's virtual leaf to a virtual spine.
  [[nodiscard]] std::uint32_t link_of_part(std::size_t l, std::uint32_t part,
                                           std::uint32_t column) const {
    const auto t = static_cast<std::size_t>(
        std::upper_bound(columns_until_.begin(), columns_until_.end(), column) -
        columns_until_.begin());
    const std::uint32_t before = t == 0 ? 0 : columns_until_[t - 1],
                        here = columns_until_[t] - before;
    return first_[l] + copies_[l] * before + part * here + (column - before);
  }
  /// Finds w, the links of a virtual leaf to each spine, and how many of them every leaf is; `width_`
  /// stays 0 if the leafs are not in like proportions.
  void number_parts() {
    copies_.assign(first_.size() - 1, 0);
    first_part_.assign(first_.size(), 0);
    std::vector<std::pair<std::uint32_t, std::uint32_t>> w, mine;  // spines and links to them
    for (std::size_t l = 0; l + 1 < first_.size(); ++l) {
      mine.clear();
      for (std::uint32_t k = first_[l]; k < first_[l + 1]; ++k) {
        if (mine.empty() || mine.back().first != links_[k].key) mine.push_back({links_[k].key, 0});
        ++mine.back().second;
      }
      first_part_[l + 1] = first_part_[l];
      if (mine.empty()) continue;
      std::uint32_t common = 0;
      for (const auto& [s, n] : mine) common = std::gcd(common, n);
      for (auto& [s, n] : mine) n /= common;
      if (w.empty()) w = mine;
      if (mine != w) return;
      copies_[l] = common;
      first_part_[l + 1] += common;
    }
    columns_until_.clear();
    for (const auto& [s, n] : w) columns_until_.push_back(width_ += n);
  }

  /// Each flow over a spine that both its leafs have, as few to a link as colouring with lists finds; P
  /// flows of a card count as one. Complete if there is a spine for each.
  template <class Ends>
  void route_by_lists(const Ends& v, std::span<const traffic::flow> flows, int incast) {
    (void)list_edges(v, flows);
    const auto per_spine = static_cast<std::size_t>(incast);
    spines_of_.reset(leafs_.size(), spines_ * per_spine);
    for (std::size_t i = 0; i < leafs_.size(); ++i)
      for (std::size_t s = 0; s < spines_; ++s)
        if (link_of(leafs_[i], s) != nobody)
          set_bits(spines_of_[i], s * per_spine, (s + 1) * per_spine);
    const auto colours = by_lists_(spines_of_, spines_of_, edges_);
    for (std::size_t i = 0, e = 0; i < flows.size(); ++i) {
      const std::size_t from = v.from(flows[i]), to = v.to(flows[i]);
      ways_[i] = {};
      if (from == to) continue;
      const std::uint32_t c = colours[e++];
      if (c == list_colouring::none)
        complete_ = false;
      else
        ways_[i] = over(c / per_spine, from, to);
    }
  }

  [[nodiscard]] own_way over(std::size_t spine, std::size_t from, std::size_t to) const {
    return {link_of(from, spine), link_of(to, spine)};
  }

  /// The flows between leafs as edges between these, numbered as they appear; their degrees; the
  /// leaf that lacks spines. False if there are several such.
  template <class Ends>
  bool list_edges(const Ends& v, std::span<const traffic::flow> flows) {
    local_.assign(first_.size(), nobody);
    leafs_.clear();
    edges_.clear();
    narrow_ = nobody;
    const auto local = [&](std::size_t l) {
      if (local_[l] == nobody) {
        local_[l] = static_cast<std::uint32_t>(leafs_.size());
        leafs_.push_back(static_cast<std::uint32_t>(l));
      }
      return local_[l];
    };
    for (const traffic::flow& f : flows) {
      const std::size_t from = v.from(f), to = v.to(f);
      if (from != to) edges_.push_back({local(from), local(to)});
    }
    out_.assign(leafs_.size(), 0);
    in_.assign(leafs_.size(), 0);
    for (const bipartite_edge& e : edges_) {
      ++out_[e.left];
      ++in_[e.right];
    }
    for (std::uint32_t l : leafs_) {
      if (links_at(l) == spines_) continue;
      if (narrow_ != nobody) return false;
      narrow_ = l;
    }
    return true;
  }

  /// Gives every spine `per_spine` colours: those of the dummy edges to the spines that the narrow
  /// leaf lacks, the others in order.
  void spine_of_colours(std::span<const std::uint32_t> dummies, std::size_t per_spine) {
    constexpr std::size_t open = ~std::size_t{0};
    spine_of_colour_.assign(spines_ * per_spine, open);
    const auto is_missing = [&](std::size_t s) {
      return narrow_ != nobody && link_of(narrow_, s) == nobody;
    };
    std::size_t dummy = 0;
    for (std::size_t s = 0; s < spines_; ++s)
      if (is_missing(s))
        for (std::size_t k = 0; k < per_spine; ++k) spine_of_colour_[dummies[dummy++]] = s;
    std::size_t colour = 0;
    for (std::size_t s = 0; s < spines_; ++s)
      if (!is_missing(s))
        for (std::size_t k = 0; k < per_spine; ++k) {
          while (spine_of_colour_[colour] != open) ++colour;
          spine_of_colour_[colour] = s;
        }
  }

  static constexpr std::uint32_t nobody = own_way::nobody;

  std::vector<own_link> links_;       // by leaf
  std::vector<std::uint32_t> first_;  // links of leaf l are [first_[l], first_[l + 1])
  std::size_t spines_ = 0;            // virtual spines
  bool complete_ = true;
  std::vector<std::uint32_t> link_of_;  // leaf-major: the link to each virtual spine
  edge_colouring colouring_;
  list_colouring by_lists_;
  bit_matrix spines_of_;  // by leaf of the phase
  bool parts_known_ = false;
  std::uint32_t width_ = 0;                   // links of a virtual leaf, 0: there are none
  std::uint32_t share_ = 1;                   // ranks to one of them, of the last phase
  std::vector<std::uint32_t> copies_;         // virtual leafs of each leaf
  std::vector<std::uint32_t> first_part_;     // by leaf: the first of them
  std::vector<std::uint32_t> columns_until_;  // by spine: virtual spines up to its last

  std::vector<own_way> ways_;
  std::vector<int> load_;  // of each link up and down, scratch
  std::vector<std::uint32_t> local_;
  std::vector<std::uint32_t> leafs_;
  std::uint32_t narrow_ = nobody;
  std::vector<bipartite_edge> edges_;
  std::vector<std::size_t> out_, in_;
  std::vector<std::size_t> spine_of_colour_;
};

}  // namespace heddle::route::detail
