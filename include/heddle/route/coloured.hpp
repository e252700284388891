// Routing of a phase at once on a network that jobs share, by edge colouring.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <heddle/core/edge_colouring.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/route/path.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route {

/// Flows between leafs are edges from source leafs to target leafs, colours are up-links: of a phase
/// no link carries more than ⌈flows of the fullest leaf, out or in / up-links⌉ flows, the least that is
/// possible (Kőnig). With as many up-links as GPUs a leaf and at most P flows a network card, at most
/// P: a job alone never contends with itself, wherever it lies. Jobs that share links may still meet;
/// colours are counted from the up-link of the group's first GPU, so that neighbours under a leaf
/// start on different spines.
///
/// A PhaseRouting; the same flows of the same group always get the same paths. On a network whose
/// leafs have different links colours are taken in turn among the ways that both leafs have, and the
/// promise above does not hold. One writer. O(flows · spines / 64 + paths of the colouring).
/// Source: Kőnig's theorem; its use for phases on a shared network is derived (docs/theory.md).
class coloured {
 public:
  template <class View>
  std::span<const path> operator()(const View& v, std::span<const traffic::flow> flows) {
    paths_.assign(flows.size(), path{});
    edges_.clear();
    leafs_.clear();
    for (leaf_id l : v.ranks.leafs)
      leafs_.push_back(leaf_id{l.value + static_cast<std::uint32_t>(v.plane)});
    std::sort(leafs_.begin(), leafs_.end());
    leafs_.erase(std::unique(leafs_.begin(), leafs_.end()), leafs_.end());
    const auto number = [&](leaf_id l) {
      return static_cast<std::uint32_t>(std::lower_bound(leafs_.begin(), leafs_.end(), l) -
                                        leafs_.begin());
    };
    out_.assign(leafs_.size(), 0);
    in_.assign(leafs_.size(), 0);
    std::size_t most = 0;
    for (const traffic::flow f : flows) {
      const leaf_id from = v.from(f), to = v.to(f);
      if (from == to) continue;
      edges_.push_back({number(from), number(to)});
      most = std::max({most, ++out_[edges_.back().left], ++in_[edges_.back().right]});
    }
    if (edges_.empty() || v.fabric.uplinks() == 0) return paths_;

    const auto uplinks = static_cast<std::size_t>(v.fabric.uplinks());
    const auto lanes = static_cast<std::uint32_t>(v.fabric.links_per_pair());
    const auto first = static_cast<std::size_t>(v.fabric.index_in_leaf(v.ranks.gpus.front()));
    const auto colours =
        colouring_(leafs_.size(), leafs_.size(), edges_, (most + uplinks - 1) / uplinks * uplinks);
    for (std::size_t i = 0, e = 0; i < flows.size(); ++i) {
      const leaf_id from = v.from(flows[i]), to = v.to(flows[i]);
      if (from == to) continue;
      const auto up = static_cast<std::uint32_t>((first + colours[e++]) % uplinks);
      if (v.fabric.is_regular()) {
        paths_[i] = {spine_id{up / lanes}, up % lanes, up % lanes};
      } else {
        const detail::uneven_ways ways{v, from, to};
        if (const std::uint32_t n = ways.ways(); n > 0) paths_[i] = ways.way(up % n, up);
      }
    }
    return paths_;
  }

 private:
  edge_colouring colouring_;
  std::vector<path> paths_;
  std::vector<leaf_id> leafs_;
  std::vector<bipartite_edge> edges_;
  std::vector<std::size_t> out_, in_;
};

}  // namespace heddle::route
