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
  /// Virtual leafs of at most f·n GPUs with n circuits each, several under a leaf, f being the `share` of a
  /// circuit; of all n those first that take fewest circuits, then the widest.
  bool in_parts(ocs_search& q, int gpus, int share = 1) {
    shapes_.clear();
    const int ports = std::max(1, q.links.most_ports()) * share;
    const int least = std::max(share == 1 ? 2 : 1, (gpus + ports - 1) / ports);
    for (int n = (std::min(q.widest(), gpus - 1) + share - 1) / share; n >= least; --n)
      if (const int m = gather(q, gpus, share * n, n)) shapes_.push_back({m * n, n});
    if (shapes_.empty()) return false;
    q.gpus_would_do = true;
    std::sort(shapes_.begin(), shapes_.end(), [](const shape& a, const shape& b) {
      return std::pair{a.circuits, b.columns} < std::pair{b.circuits, a.columns};
    });
    for (const shape& x : shapes_) {
      if (!q.links.counts_allow(x.circuits / x.columns, x.columns, 0)) continue;
      (void)gather(q, gpus, share * x.columns, x.columns);
      if (wire(q, share * x.columns, x.columns)) return true;
      if (q.gave_up) return false;
    }
    return false;
  }
  /// Leafs of any sizes over `columns` virtual spines, few leafs first.
  bool covered(ocs_search& q, int gpus, int columns) {
    const int most = q.free->fabric().gpus_per_leaf(), leafs = gather(q, gpus, most, columns);
    if (leafs == 0) return false;
    q.gpus_would_do = true;
    return q.links.counts_allow(leafs, columns, 0) && wire(q, most, columns);
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
  /// Into `parts` leafs of N GPUs together, as virtual leafs of at most `most` GPUs with `columns` uplinks
  /// each: as few of these as can be, the last one where it fits best. O(virtual leafs).
  /// \returns  how many; 0 if GPUs and uplinks do not suffice, or no spine has the ports for a column
  int gather(ocs_search& q, int gpus, int most, int columns) {
    const int cap = q.links.most_ports();
    q.parts.clear();
    rests_.clear();
    int left = gpus, copies_used = 0;
    std::size_t i = q.by_free.size();  // leafs from here on have been looked at
    for (; i > 0 && left >= most && q.free_gpus(q.by_free[i - 1]) >= most; --i) {
      const leaf_id l = q.by_free[i - 1];
      const int free = q.free_gpus(l), copies = q.ports[l.index()] / columns,
                whole = std::min({free / most, copies, left / most});
      if ((copies_used += whole) > cap) return 0;
      if (whole > 0) q.parts.push_back({l, whole * most});
      left -= whole * most;
      if (copies > whole && free > whole * most)
        rests_.push_back({l, std::min(most, free - whole * most)});
    }
    std::sort(rests_.begin(), rests_.end(), [](const auto& a, const auto& b) {
      return std::pair{a.gpus, a.leaf} < std::pair{b.gpus, b.leaf};
    });
    while (left > 0) {
      if (++copies_used > cap) return 0;
      // Where all that is left fits best; else the most that one can take.
      const auto rest = std::partition_point(rests_.begin(), rests_.end(),
                                             [&](const auto& x) { return x.gpus < left; });
      const leaf_id leaf = best_leaf(q, left, columns, i);
      if (rest != rests_.end() || leaf.valid()) {
        const bool in_rest =
            rest != rests_.end() && (!leaf.valid() || rest->gpus <= q.free_gpus(leaf));
        q.parts.push_back({in_rest ? rest->leaf : leaf, left});
        break;
      }
      while (i > 0 && q.ports[q.by_free[i - 1].index()] < columns) --i;
      const int of_rest = rests_.empty() ? 0 : rests_.back().gpus,
                of_leaf = i > 0 ? std::min(most, q.free_gpus(q.by_free[i - 1])) : 0;
      if (of_rest == 0 && of_leaf == 0) return 0;
      if (of_rest >= of_leaf) {
        q.parts.push_back(rests_.back());
        rests_.pop_back();
      } else {
        q.parts.push_back({q.by_free[--i], of_leaf});
      }
      left -= q.parts.back().gpus;
    }
    return copies_used;
  }
  /// Of the first `end` leafs the one with fewest free GPUs that has `gpus` and the uplinks, if any.
  [[nodiscard]] static leaf_id best_leaf(const ocs_search& q, int gpus, int columns,
                                         std::size_t end) {
    std::size_t k = q.by_free.size() - q.leafs_with(gpus).size();
    while (k < end && q.ports[q.by_free[k].index()] < columns) ++k;
    return k < end ? q.by_free[k] : leaf_id{};
  }
  /// Circuits from each virtual leaf of `parts`, of at most `most` GPUs, to so many virtual spines.
  bool wire(ocs_search& q, int most, int columns) {
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
    q.chosen.clear();
    for (const auto& x : q.parts)
      q.chosen.insert(q.chosen.end(), static_cast<std::size_t>((x.gpus + most - 1) / most), x.leaf);
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
  std::vector<ocs_search::part>
      rests_;              // of leafs with whole virtual leafs: room for a part of one
  std::vector<int> gpus_;  // that each leaf of a crossbar gives
};

}  // namespace heddle::place::detail
