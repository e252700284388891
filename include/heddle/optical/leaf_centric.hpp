// Which spine carries which circuit between pods, so that no leaf's traffic crowds on one spine.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <heddle/core/edge_colouring.hpp>
#include <heddle/optical/symmetric_split.hpp>

namespace heddle::optical {

/// A circuit between the pods of two leafs, at the spine of the same number in either pod.
struct spread_circuit {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  std::uint32_t spine = 0;

  friend bool operator==(const spread_circuit&, const spread_circuit&) = default;
};

/// Spreads the circuits that leafs want to leafs of other pods over the S spines of a pod. A leaf whose
/// circuits all leave by one spine loads its links to that one alone (*routing polarization*); here each
/// leaf has nearly the same number at every spine.
///
/// The wanted circuits get a direction (`symmetric_split`), then the bipartite multigraph of senders and
/// receivers S colours: a leaf of d circuits out is ⌈d/S⌉ vertices of degree S and one of the rest, so
/// that every spine gets ⌊d/S⌋ or ⌈d/S⌉ of them.
///
/// *Balance*, all derived: of what a leaf sends each spine has ⌊·⌋ or ⌈·⌉ of the S-th part, of what it
/// receives too; so of its circuits in all, d, two spines differ by 2 at most, and none has more than
/// 2·⌈⌈d/2⌉/S⌉. With an even number τ of links from a leaf to each spine and d ≤ τ·S no link is asked
/// for twice. Of the circuits from one leaf to another, n, each spine has at least ⌊n/S⌋ and at most
/// ⌈n/S⌉ + 1. A split that is symmetric and within ⌊·⌋, ⌈·⌉ everywhere need not exist: three leafs, a
/// circuit between any two, two spines.
///
/// O(circuits · log S). Keeps its memory between calls. One writer.
/// Reference: the problem is that of *leaf-centric logical topology* design (arXiv 2603.28168); the
/// method is derived.
class leaf_centric {
 public:
  /// \returns  every circuit with its spine, in the order of the pairs; valid until the next call
  /// Precondition: as for `symmetric_split`; S ≥ 1.
  std::span<const spread_circuit> operator()(std::size_t leafs, std::span<const wanted_pair> pairs,
                                             std::uint32_t spines) {
    assert(spines >= 1);
    const std::span<const int> forth = split_(leafs, pairs);
    circuits_.clear();
    for (std::size_t i = 0; i < pairs.size(); ++i)
      for (int k = 0; k < pairs[i].circuits; ++k)
        if (k < forth[i])
          circuits_.push_back({pairs[i].a, pairs[i].b, 0});
        else
          circuits_.push_back({pairs[i].b, pairs[i].a, 0});

    // S circuits from a leaf to another have one spine each; the rest is coloured.
    run_.clear();
    edges_.clear();
    sent_.assign(leafs, 0);
    received_.assign(leafs, 0);
    for (std::uint32_t i = 0; i < circuits_.size(); ++i) {
      ++sent_[circuits_[i].from];
      ++received_[circuits_[i].to];
    }
    const std::size_t lefts = vertices(sent_, spines), rights = vertices(received_, spines);
    for (std::uint32_t first = 0, last = 0; first < circuits_.size(); first = last) {
      const auto [from, to, spine] = circuits_[first];
      while (last < circuits_.size() && circuits_[last].from == from && circuits_[last].to == to)
        ++last;
      const std::uint32_t whole = (last - first) / spines * spines;
      for (std::uint32_t i = first; i < last; ++i) {
        if (i - first < whole) {
          circuits_[i].spine = (i - first) % spines;
          continue;
        }
        edges_.push_back({sent_[from]++ / spines, received_[to]++ / spines});
        run_.push_back(i);
      }
    }
    const auto colours = colour_(lefts, rights, edges_, spines);
    for (std::size_t e = 0; e < edges_.size(); ++e) circuits_[run_[e]].spine = colours[e];
    return circuits_;
  }

 private:
  /// In place of each count the first slot of its vertices, S slots each; returns how many vertices.
  static std::size_t vertices(std::vector<std::uint32_t>& counts, std::uint32_t spines) {
    std::uint32_t next = 0;
    for (std::uint32_t& c : counts) {
      const std::uint32_t all = (c + spines - 1) / spines;
      c = next * spines;
      next += all;
    }
    return next;
  }

  symmetric_split split_;
  edge_colouring colour_;
  std::vector<spread_circuit> circuits_;
  std::vector<bipartite_edge> edges_;
  std::vector<std::uint32_t> run_;              // the circuit of each edge
  std::vector<std::uint32_t> sent_, received_;  // by leaf: circuits, then slots
};

}  // namespace heddle::optical
