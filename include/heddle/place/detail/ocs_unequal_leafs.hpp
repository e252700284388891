// Virtual Clos networks of circuits on leafs that differ: two leafs, a crossbar, several parts under a leaf.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/optical/circuit_search.hpp>
#include <heddle/place/detail/ocs_search.hpp>

namespace heddle::place::detail {

/// Chooses leafs with unequal numbers of the job's GPUs. After a yes the parts and the circuits stand
/// in the search. Keeps its memory between questions.
class ocs_unequal_leafs {
 public:
  /// The pair that leaves fewest GPUs free under both, then the one that needs fewest columns, then the
  /// lowest ids. All free GPUs of the wider leaf are taken, so that few columns are needed.
  bool two_leafs(ocs_search& q, int gpus) {
    if (q.by_free.empty()) return false;
    const int widest_leaf = std::min(q.free_gpus(q.by_free.back()), gpus - 1);
    for (int left = 0; left <= 2 * widest_leaf - gpus; ++left)
      for (int a = widest_leaf; 2 * a >= gpus + left; --a) {
        const auto wide = q.leafs_with_just(a), narrow = q.leafs_with_just(gpus - a + left);
        if (wide.empty() || narrow.empty() || (wide.size() == 1 && wide.data() == narrow.data()))
          continue;
        q.gpus_would_do = true;
        const int b = gpus - a;
        if (!q.links.counts_allow(2, b, 0)) continue;
        for (leaf_id i : wide)
          for (leaf_id k : narrow) {
            if (i == k || q.ports[i.index()] < b || q.ports[k.index()] < b) continue;
            if (try_pair(q, i, a, k, b)) return true;
            if (q.gave_up && !q.may_move) return false;
          }
      }
    return false;
  }
  /// N ports of one spine, of those with enough the one with fewest.
  bool crossbar(ocs_search& q, int gpus) {
    const fabric::optical_layer& layer = q.free->fabric().optical();
    if (gpus > layer.switches * layer.spine_fibres) return false;
    q.gpus_would_do = true;
    if (q.links.most_ports() < gpus) return false;
    // Leafs that can give most first.
    q.chosen.assign(q.by_free.begin(), q.by_free.end());
    std::sort(q.chosen.begin(), q.chosen.end(), [&](leaf_id a, leaf_id b) {
      return std::pair{-q.width(a), a} < std::pair{-q.width(b), b};
    });
    int sum = 0;
    for (leaf_id l : q.chosen) sum += q.width(l);
    if (sum < gpus) return false;
    for (spine_id s : q.links.by_ports()) {
      if (q.links.free_ports(s) < gpus) continue;
      if (--q.budget <= 0) {
        q.gave_up = true;
        break;
      }
      gpus_.clear();
      for (leaf_id l : q.chosen) gpus_.push_back(q.width(l));
      if (q.links.crossbar(q.chosen, gpus_, gpus, s)) return keep_crossbar(q);
    }
    if (!q.may_move) return false;
    gpus_.clear();
    int left = gpus;
    for (leaf_id l : q.chosen) {
      gpus_.push_back(std::min(left, q.width(l)));
      left -= gpus_.back();
    }
    for (spine_id s : q.links.by_ports())
      if (q.links.free_ports(s) >= gpus) {
        if (q.links.moving_crossbar(q.chosen, gpus_, s, q.most_moved)) return keep_crossbar(q);
        q.unproved = true;
        break;
      }
    return false;
  }
  /// Virtual leafs of at most n GPUs with n circuits each, several under a leaf; of all n those first that
  /// take fewest circuits, then the widest.
  bool in_parts(ocs_search& q, int gpus) {
    shapes_.clear();
    for (int n = std::min(q.widest(), gpus - 1); n > 1; --n)
      if (const int m = gather(q, gpus, n, n)) shapes_.push_back({m * n, n});
    if (shapes_.empty()) return false;
    q.gpus_would_do = true;
    std::sort(shapes_.begin(), shapes_.end(), [](const shape& a, const shape& b) {
      return std::pair{a.circuits, b.columns} < std::pair{b.circuits, a.columns};
    });
    for (const shape& x : shapes_)
      if (gather(q, gpus, x.columns, x.columns) > 0 && wire(q, x.columns)) return true;
    return false;
  }
  /// Leafs of any sizes over `columns` virtual spines, few leafs first.
  bool covered(ocs_search& q, int gpus, int columns) {
    if (gather(q, gpus, q.free->fabric().gpus_per_leaf(), columns) == 0) return false;
    q.gpus_would_do = true;
    return wire(q, columns);
  }

 private:
  bool try_pair(ocs_search& q, leaf_id wide, int a, leaf_id narrow, int b) {
    q.chosen = {wide, narrow};
    int columns = 0;
    for (spine_id s : q.links.by_ports())
      columns +=
          std::min({q.links.common(wide, s), q.links.common(narrow, s), q.links.free_ports(s) / 2});
    bool found = columns >= b && q.links.greedy(q.chosen, b, 0);
    if (!found && q.may_move) {
      found = q.links.moving(q.chosen, b, 0, q.most_moved);
      q.unproved |= !found;
    }
    if (!found && columns >= b) {
      if (--q.budget <= 0)
        q.gave_up = true;
      else
        switch (q.links.exact(q.chosen, b, 0, q.budget)) {
        case optical::search_result::found:
          found = true;
          break;
        case optical::search_result::gave_up:
          q.gave_up = true;
          break;
        case optical::search_result::none:
          break;
        }
    }
    if (!found) return false;
    q.parts = {{wide, a}, {narrow, b}};
    return true;
  }
  bool keep_crossbar(ocs_search& q) {
    q.parts.clear();
    for (std::size_t i = 0; i < gpus_.size(); ++i)
      if (gpus_[i] > 0) q.parts.push_back({q.chosen[i], gpus_[i]});
    return true;
  }
  /// Into `parts` leafs of N GPUs together, into `chosen` one as often as it is a virtual leaf, of at most
  /// `most` GPUs with `columns` uplinks each: as few of these as can be, the last where it fits best.
  /// \returns  how many; 0 if GPUs and uplinks do not suffice
  int gather(ocs_search& q, int gpus, int most, int columns) {
    q.chosen.clear();
    q.parts.clear();
    room_.clear();
    int left = gpus;
    for (std::size_t i = q.by_free.size(); i-- > 0;) {
      const leaf_id l = q.by_free[i];
      const int free = q.free_gpus(l), copies = q.ports[l.index()] / columns;
      const int whole = std::min({free / most, copies, left / most});
      if (whole > 0) q.parts.push_back({l, whole * most});
      left -= whole * most;
      if (copies > whole && free > whole * most)
        room_.push_back({l, std::min(most, free - whole * most)});
    }
    // Fewest virtual leafs: the one that all the rest fits into best, else the largest.
    std::sort(room_.begin(), room_.end(), [](const auto& a, const auto& b) {
      return std::pair{a.gpus, b.leaf} < std::pair{b.gpus, a.leaf};
    });
    while (left > 0 && !room_.empty()) {
      auto best = std::partition_point(room_.begin(), room_.end(),
                                       [&](const auto& x) { return x.gpus < left; });
      if (best == room_.end()) --best;
      const int here = std::min(left, best->gpus);
      q.parts.push_back({best->leaf, here});
      left -= here;
      room_.erase(best);
    }
    if (left > 0) return 0;
    std::sort(q.parts.begin(), q.parts.end(),
              [](const auto& a, const auto& b) { return a.leaf < b.leaf; });
    std::size_t kept = 0;  // a leaf may stand there twice
    for (const auto& x : q.parts) {
      if (kept > 0 && q.parts[kept - 1].leaf == x.leaf)
        q.parts[kept - 1].gpus += x.gpus;
      else
        q.parts[kept++] = x;
    }
    q.parts.resize(kept);
    for (const auto& x : q.parts)
      q.chosen.insert(q.chosen.end(), static_cast<std::size_t>((x.gpus + most - 1) / most), x.leaf);
    return static_cast<int>(q.chosen.size());
  }
  /// Circuits from each of `chosen` to so many virtual spines.
  bool wire(ocs_search& q, int columns) {
    if (!q.links.counts_allow(static_cast<int>(q.chosen.size()), columns, 0)) return false;
    if (--q.budget <= 0) {
      q.gave_up = true;
      return false;
    }
    if (q.links.moving(q.chosen, columns, 0, q.may_move ? q.most_moved : 0)) return true;
    q.unproved = true;
    return false;
  }

  struct shape {
    int circuits = 0, columns = 0;
  };

  std::vector<shape> shapes_;
  std::vector<ocs_search::part> room_;  // of leafs for less than a whole virtual leaf
  std::vector<int> gpus_;               // that each leaf of a crossbar gives
};

}  // namespace heddle::place::detail
