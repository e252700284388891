// Virtual Clos networks of circuits on equal leafs, and one that takes the rest.
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/optical/circuit_search.hpp>
#include <heddle/place/detail/ocs_search.hpp>

namespace heddle::place::detail {

/// Chooses m leafs of n GPUs and, where n does not divide N, one leaf of the rest. After a yes the parts
/// and the circuits stand in the search. Keeps its memory between questions.
class ocs_equal_leafs {
 public:
  bool even(ocs_search& q, int gpus) {
    const int leafs = std::min(q.free->fabric().leafs(), gpus);
    for (int m = std::max(2, (gpus + q.widest() - 1) / q.widest()); m <= leafs; ++m)
      if (gpus % m == 0 && try_shape(q, m, gpus / m, 0)) return true;
    return false;
  }
  bool with_rest(ocs_search& q, int gpus) {
    for (int n = std::min(q.widest(), gpus / 2); n > 1; --n) {
      const int m = gpus / n, r = gpus % n;
      if (m >= q.free->fabric().leafs()) break;  // the rest needs a leaf too, and m only grows
      if (r > 0 && try_shape(q, m, n, r)) return true;
    }
    return false;
  }

 private:
  using result = optical::search_result;

  static std::size_t size(int n) { return static_cast<std::size_t>(n); }

  /// m leafs of n GPUs and columns and, if r > 0, one more of r.
  bool try_shape(ocs_search& q, int m, int n, int r) {
    const auto candidates = q.leafs_with(n);
    if (candidates.size() < size(m) || (r > 0 && q.leafs_with(r).size() <= size(m))) return false;
    q.gpus_would_do = true;
    able_.clear();
    for (leaf_id l : candidates)
      if (q.ports[l.index()] >= n) able_.push_back(l);
    if (able_.size() < size(m) || !q.links.counts_allow(m, n, r)) return false;

    q.chosen.assign(able_.begin(), able_.begin() + m);
    if (r > 0 && !add_rest(q, r))
      return false;  // whichever m are chosen: more would do as the rest
    if (wire(q, n, r) || try_windows(q, size(m), n, r)) return keep(q, n, r);
    q.chosen.clear();
    find_twins(q);
    switch (choose_leafs(q, size(m), 0, n, r)) {
    case result::found:
      return keep(q, n, r);
    case result::gave_up:
      q.gave_up = true;
      break;
    case result::none:
      q.unproved |= q.may_move;
      break;
    }
    return false;
  }
  /// Adds the leaf that fits the rest best to those chosen.
  bool add_rest(ocs_search& q, int r) {
    for (leaf_id l : q.leafs_with(r)) {
      if (q.ports[l.index()] < r || q.is_chosen(l)) continue;
      q.chosen.push_back(l);
      return true;
    }
    return false;
  }
  /// Circuits for the leafs chosen, without a search.
  bool wire(ocs_search& q, int n, int r) {
    return q.links.greedy(q.chosen, n, r) ||
           (q.may_move && q.links.moving(q.chosen, n, r, q.most_moved));
  }
  /// Other leafs than those that fit best, without a search: as many in a row of the able.
  bool try_windows(ocs_search& q, std::size_t m, int n, int r) {
    const std::size_t step = std::max<std::size_t>(1, m / 2);
    for (std::size_t i = step; i + m <= able_.size() && q.budget > q.nodes / 2; i += step) {
      q.budget -= 4 + static_cast<std::int64_t>(m) * n / 16;
      const auto first = able_.begin() + static_cast<std::ptrdiff_t>(i);
      q.chosen.assign(first, first + static_cast<std::ptrdiff_t>(m));
      if ((r == 0 || add_rest(q, r)) && q.links.greedy(q.chosen, n, r)) return true;
    }
    return false;
  }
  bool keep(ocs_search& q, int n, int r) {
    q.parts.clear();
    for (leaf_id l : q.chosen) q.parts.push_back({l, n});
    if (r > 0) q.parts.back().gpus = r;
    return true;
  }

  static constexpr std::size_t nobody = ~std::size_t{0};

  /// Notes for each able leaf the last one before it with the same free uplinks.
  void find_twins(ocs_search& q) {
    const auto row = [&](std::size_t i) { return q.free->network().free_ports(able_[i]); };
    const auto compare = [&](std::size_t a, std::size_t b) {
      const const_bit_row x = row(a), y = row(b);
      return std::lexicographical_compare_three_way(x.begin(), x.end(), y.begin(), y.end());
    };
    by_row_.resize(able_.size());
    for (std::size_t i = 0; i < able_.size(); ++i) by_row_[i] = i;
    std::sort(by_row_.begin(), by_row_.end(), [&](std::size_t a, std::size_t b) {
      const auto order = compare(a, b);
      return order != 0 ? order < 0 : a < b;
    });
    twin_.assign(able_.size(), nobody);
    for (std::size_t i = 1; i < by_row_.size(); ++i)
      if (compare(by_row_[i - 1], by_row_[i]) == 0) twin_[by_row_[i]] = by_row_[i - 1];
  }

  /// Exact search on idle fibres: chooses the leafs that are still wanted out of `able` from `from` on.
  /// Of leafs with the same free uplinks only the first is tried: if that failed, so will its twins.
  result choose_leafs(ocs_search& q, std::size_t wanted, std::size_t from, int n, int r) {
    if (wanted == 0) return try_chosen(q, n, r);
    const std::size_t spines = size(q.free->fabric().spines()), depth = q.chosen.size();
    const int m = static_cast<int>(depth + wanted);
    for (std::size_t i = from; i + wanted <= able_.size(); ++i) {
      if (twin_[i] != nobody && twin_[i] >= from) continue;
      if (q.budget-- <= 0) return result::gave_up;
      const leaf_id l = able_[i];
      most_.resize((depth + 1) * spines);
      int columns = 0;
      for (std::size_t s = 0; s < spines; ++s) {
        const spine_id spine{s};
        int& most = most_[depth * spines + s];
        most = depth > 0 ? most_[(depth - 1) * spines + s] : q.links.free_ports(spine) / m;
        if (most > 0) most = std::min(most, q.links.common(l, spine));
        columns += most;
      }
      if (columns < n) continue;
      q.chosen.push_back(l);
      const result found = choose_leafs(q, wanted - 1, i + 1, n, r);
      if (found != result::none) return found;
      q.chosen.pop_back();
    }
    return result::none;
  }
  result try_chosen(ocs_search& q, int n, int r) {
    if (r == 0) return q.links.exact(q.chosen, n, 0, q.budget);
    for (leaf_id l : q.leafs_with(r)) {
      if (q.ports[l.index()] < r || q.is_chosen(l)) continue;
      q.chosen.push_back(l);
      const result found = q.links.exact(q.chosen, n, r, q.budget);
      if (found != result::none) return found;
      q.chosen.pop_back();
    }
    return result::none;
  }

  std::vector<leaf_id> able_;  // leafs that can be one of the m, fewest free GPUs first
  std::vector<std::size_t> by_row_;
  std::vector<std::size_t> twin_;  // the able leaf before each with the same free uplinks
  std::vector<int> most_;          // level-major: columns of each spine that the chosen leafs allow
};

}  // namespace heddle::place::detail
