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
  /// N = m·n in m parts of n GPUs, several under a leaf; the widest first, on the leafs with most.
  bool in_parts(ocs_search& q, int gpus) {
    for (int n = std::min(q.widest(), gpus / 2); n > 1; --n) {
      if (gpus % n || !gather_parts(q, gpus / n, n)) continue;
      q.gpus_would_do = true;
      if (!q.links.counts_allow(gpus / n, n, 0)) continue;
      if (--q.budget <= 0) {
        q.gave_up = true;
        return false;
      }
      if (!q.links.moving(q.chosen, n, 0, q.may_move ? q.most_moved : 0)) {
        q.unproved = true;
        continue;
      }
      q.parts.clear();
      for (leaf_id l : q.chosen) {
        if (q.parts.empty() || q.parts.back().leaf != l) q.parts.push_back({l, 0});
        q.parts.back().gpus += n;
      }
      return true;
    }
    return false;
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
  /// Into `chosen` m leafs, one as often as it has n GPUs with ports. False if there are not so many.
  bool gather_parts(ocs_search& q, int m, int n) {
    q.chosen.clear();
    for (std::size_t i = q.by_free.size(); i-- > 0 && m > 0;)
      for (int c = std::min(q.width(q.by_free[i]) / n, m); c > 0; --c, --m)
        q.chosen.push_back(q.by_free[i]);
    return m == 0;
  }

  std::vector<int> gpus_;  // that each leaf of a crossbar gives
};

}  // namespace heddle::place::detail
