// Routing over the links that a job owns, so that no link carries more flows than a network card.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/edge_colouring.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/route/path.hpp>
#include <heddle/route/undisturbed.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route {

/// Routes the phases of a job over its own links. A phase is source routed by *slot* where that
/// suffices: the rank in slot k of its leaf goes up the k-th link that the job owns there and down
/// the k-th at the target's leaf, both of one spine. Slots are counted within the job, not within
/// the leaf, because the GPUs of a job need not be aligned. Where two flows would meet on a
/// down-link, or a leaf has fewer links than ranks, the phase is routed by edge colouring: flows are
/// edges from source leafs to target leafs, colours are spines.
///
/// With P flows a network card, colouring needs no more than P flows on a link for every phase if
/// the job has one of the shapes with a proof: equal leafs with n ranks and links to the same n
/// spines each; these and one leaf of r < n ranks with links to r of those spines; two leafs with as
/// many common spines as the smaller has ranks; leafs of c·n ranks, each c of its own, with c·w(s) links
/// to spine s, the same w for all, n = Σ w(s). The last one is routed as c *virtual leafs* of n ranks with
/// w(s) links each; with a single spine it is a crossbar.
///
/// A PhaseRouting; deterministic, so that routes can be compiled into a static table. One writer.
/// Source: source routing by slot is of Han et al., arXiv 2308.05692; colouring is Kőnig's theorem,
/// its use for remainders is derived (docs/theory.md).
class owned {
 public:
  /// \param leafs  of the network
  /// \param where  what the job owns, links or circuits
  owned(int leafs, const fabric::placement& where)
      : first_(static_cast<std::size_t>(leafs) + 1, 0) {
    links_.reserve(where.links.size() + where.circuits.size());
    for (const fabric::link& k : where.links) links_.push_back({k.leaf, k.spine, k.lane});
    for (const fabric::circuit& k : where.circuits) links_.push_back({k.leaf, k.spine, k.uplink});
    for (const own_link& k : links_) ++first_[k.leaf.index() + 1];
    for (std::size_t l = 1; l < first_.size(); ++l) first_[l] += first_[l - 1];
    number_spines();
  }

  /// The paths of the flows of one phase, in their order; valid until the next call. Flows that
  /// stay under their leaf get none.
  template <class View>
  std::span<const path> operator()(const View& v, std::span<const traffic::flow> flows) {
    paths_.assign(flows.size(), path{});
    const int incast = most_of_one_card(v.ranks, flows);
    complete_ = true;
    if (!route_by_slot(v, flows, incast) && !route_by_colour(v, flows, incast) &&
        !route_by_parts(v, flows, incast))
      route_somehow(v, flows);
    return paths_;
  }

  /// Whether the last phase found a path for every flow between leafs; always true for a job of the
  /// shapes above.
  [[nodiscard]] bool complete() const { return complete_; }

 private:
  struct own_link {
    leaf_id leaf;
    spine_id spine;
    std::uint32_t lane = 0;  // as in link_numbers
  };

  [[nodiscard]] std::size_t links_at(leaf_id l) const {
    return first_[l.index() + 1] - first_[l.index()];
  }
  /// Numbers the spines that the job uses as virtual spines: k parallel links of a leaf to one spine
  /// lead to k of them.
  void number_spines() {
    std::vector<std::pair<spine_id, std::uint32_t>> all;  // a spine, and which of its links
    const auto for_each = [&](auto&& f) {
      for (std::size_t l = 0; l + 1 < first_.size(); ++l)
        for (std::uint32_t k = first_[l], same = 0; k < first_[l + 1]; ++k) {
          same = k > first_[l] && links_[k].spine == links_[k - 1].spine ? same + 1 : 0;
          f(l, std::pair{links_[k].spine, same}, k);
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
  [[nodiscard]] std::uint32_t link_of(leaf_id l, std::size_t spine) const {
    return link_of_[l.index() * spines_ + spine];
  }

  /// P; flows inside a server use no card.
  [[nodiscard]] int most_of_one_card(const traffic::group& ranks,
                                     std::span<const traffic::flow> flows) {
    return std::max(1, cards_(ranks, flows).card);
  }

  /// False if some link would carry more than `incast` flows, or a slot has no link.
  template <class View>
  bool route_by_slot(const View& v, std::span<const traffic::flow> flows, int incast) {
    down_load_.assign(links_.size(), 0);
    for (std::size_t i = 0; i < flows.size(); ++i) {
      const leaf_id from = v.ranks.leafs[flows[i].source], to = v.ranks.leafs[flows[i].target];
      if (from == to) continue;
      const std::uint32_t slot = v.ranks.slots[flows[i].source];
      if (slot >= spines_) return false;
      const std::uint32_t up = link_of(from, slot), down = link_of(to, slot);
      // A rank's own up-link carries what the rank sends: only down-links can be too full.
      if (up == nobody || down == nobody || ++down_load_[down] > incast) return false;
      paths_[i] = {links_[up].spine, links_[up].lane, links_[down].lane};
    }
    return true;
  }

  /// No link gets more than `incast` flows or, where a leaf has more flows than its links can carry
  /// then, ⌈flows / links⌉ of the fullest leaf. False if the job's shape is none of those with a proof.
  template <class View>
  bool route_by_colour(const View& v, std::span<const traffic::flow> flows, int incast) {
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
    if (narrow_.valid()) {
      const std::uint32_t n = local_[narrow_.index()];
      edges_.insert(edges_.end(), (spines_ - links_at(narrow_)) * per_spine, {n, n});
    }
    const auto colours = colouring_(leafs_.size(), leafs_.size(), edges_, spines_ * per_spine);
    spine_of_colours(colours.subspan(real), per_spine);

    for (std::size_t i = 0, e = 0; i < flows.size(); ++i) {
      const leaf_id from = v.ranks.leafs[flows[i].source], to = v.ranks.leafs[flows[i].target];
      if (from != to) paths_[i] = over(spine_of_colour_[colours[e++]], from, to);
    }
    return true;
  }

  /// Leafs whose links to the spines are in like proportions, as virtual leafs that are equal. No link
  /// gets more than `incast` flows. False if they are not, or a leaf has too many ranks.
  template <class View>
  bool route_by_parts(const View& v, std::span<const traffic::flow> flows, int incast) {
    if (!std::exchange(parts_known_, true)) number_parts();  // few jobs come here
    if (width_ == 0) return false;
    edges_.clear();
    for (const traffic::flow& f : flows) {
      const leaf_id from = v.ranks.leafs[f.source], to = v.ranks.leafs[f.target];
      if (from == to) continue;
      const std::uint32_t a = part_of(v.ranks, f.source), b = part_of(v.ranks, f.target);
      if (a >= copies_[from.index()] || b >= copies_[to.index()]) return false;
      edges_.push_back({first_part_[from.index()] + a, first_part_[to.index()] + b});
    }
    const auto per_link = static_cast<std::uint32_t>(incast);
    const auto colours =
        colouring_(first_part_.back(), first_part_.back(), edges_, width_ * per_link);
    for (std::size_t i = 0, e = 0; i < flows.size(); ++i) {
      const leaf_id from = v.ranks.leafs[flows[i].source], to = v.ranks.leafs[flows[i].target];
      if (from == to) continue;
      const std::uint32_t column = colours[e++] / per_link;
      const own_link &up = link_of_part(from, part_of(v.ranks, flows[i].source), column),
                     &down = link_of_part(to, part_of(v.ranks, flows[i].target), column);
      paths_[i] = {up.spine, up.lane, down.lane};
    }
    return true;
  }
  [[nodiscard]] std::uint32_t part_of(const traffic::group& ranks, std::uint32_t rank) const {
    return ranks.slots[rank] / width_;
  }
  /// The link of a leaf's virtual leaf to a virtual spine.
  [[nodiscard]] const own_link& link_of_part(leaf_id l, std::uint32_t part,
                                             std::uint32_t column) const {
    const auto t = static_cast<std::size_t>(
        std::upper_bound(columns_until_.begin(), columns_until_.end(), column) -
        columns_until_.begin());
    const std::uint32_t before = t == 0 ? 0 : columns_until_[t - 1],
                        here = columns_until_[t] - before;
    return links_[first_[l.index()] + copies_[l.index()] * before + part * here +
                  (column - before)];
  }
  /// Finds w, the links of a virtual leaf to each spine, and how many of them every leaf is; `width_`
  /// stays 0 if the leafs are not in like proportions.
  void number_parts() {
    copies_.assign(first_.size() - 1, 0);
    first_part_.assign(first_.size(), 0);
    std::vector<std::pair<spine_id, std::uint32_t>> w, mine;  // spines and links to them
    for (std::size_t l = 0; l + 1 < first_.size(); ++l) {
      mine.clear();
      for (std::uint32_t k = first_[l]; k < first_[l + 1]; ++k) {
        if (mine.empty() || mine.back().first != links_[k].spine)
          mine.push_back({links_[k].spine, 0});
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

  /// Each flow over some spine that both its leafs have, starting with that of its slot. Not
  /// isolated, but complete if there is one.
  template <class View>
  void route_somehow(const View& v, std::span<const traffic::flow> flows) {
    for (std::size_t i = 0; i < flows.size(); ++i) {
      const leaf_id from = v.ranks.leafs[flows[i].source], to = v.ranks.leafs[flows[i].target];
      if (from == to) continue;
      paths_[i] = path{};
      for (std::size_t k = 0; k < spines_ && !paths_[i].spine.valid(); ++k) {
        const std::size_t s = (v.ranks.slots[flows[i].source] + k) % spines_;
        if (link_of(from, s) != nobody && link_of(to, s) != nobody) paths_[i] = over(s, from, to);
      }
      complete_ &= paths_[i].spine.valid();
    }
  }

  [[nodiscard]] path over(std::size_t spine, leaf_id from, leaf_id to) const {
    const own_link &up = links_[link_of(from, spine)], &down = links_[link_of(to, spine)];
    return {up.spine, up.lane, down.lane};
  }

  /// The flows between leafs as edges between these, numbered as they appear; their degrees; the
  /// leaf that lacks spines. False if there are several such.
  template <class View>
  bool list_edges(const View& v, std::span<const traffic::flow> flows) {
    local_.assign(first_.size(), nobody);
    leafs_.clear();
    edges_.clear();
    narrow_ = leaf_id{};
    const auto local = [&](leaf_id l) {
      if (local_[l.index()] == nobody) {
        local_[l.index()] = static_cast<std::uint32_t>(leafs_.size());
        leafs_.push_back(l);
      }
      return local_[l.index()];
    };
    for (const traffic::flow& f : flows) {
      const leaf_id from = v.ranks.leafs[f.source], to = v.ranks.leafs[f.target];
      if (from != to) edges_.push_back({local(from), local(to)});
    }
    out_.assign(leafs_.size(), 0);
    in_.assign(leafs_.size(), 0);
    for (const bipartite_edge& e : edges_) {
      ++out_[e.left];
      ++in_[e.right];
    }
    for (leaf_id l : leafs_) {
      if (links_at(l) == spines_) continue;
      if (narrow_.valid()) return false;
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
      return narrow_.valid() && link_of(narrow_, s) == nobody;
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

  static constexpr std::uint32_t nobody = ~std::uint32_t{0};

  std::vector<own_link> links_;       // by leaf
  std::vector<std::uint32_t> first_;  // links of leaf l are [first_[l], first_[l + 1])
  std::size_t spines_ = 0;            // virtual spines
  bool complete_ = true;
  std::vector<std::uint32_t> link_of_;  // leaf-major: the link to each virtual spine
  edge_colouring colouring_;
  bool parts_known_ = false;
  std::uint32_t width_ = 0;                   // links of a virtual leaf, 0: there are none
  std::vector<std::uint32_t> copies_;         // virtual leafs of each leaf
  std::vector<std::uint32_t> first_part_;     // by leaf: the first of them
  std::vector<std::uint32_t> columns_until_;  // by spine: virtual spines up to its last

  std::vector<path> paths_;
  card_counter cards_;
  std::vector<int> down_load_;  // scratch
  std::vector<std::uint32_t> local_;
  std::vector<leaf_id> leafs_;
  leaf_id narrow_;
  std::vector<bipartite_edge> edges_;
  std::vector<std::size_t> out_, in_;
  std::vector<std::size_t> spine_of_colour_;
};

}  // namespace heddle::route
