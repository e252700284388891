// Setting up several circuits without moving any that is there: exact.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/optical/wiring.hpp>

namespace heddle::optical {

enum class search_result : unsigned char { found, none, gave_up };

/// Adds circuits to a wiring whose circuits all stay: each goes to an OCS where its leaf and its spine
/// have a free end, which is list edge colouring, NP-hard. Backtracking, the pair of leaf and spine with
/// least choice first; a branch is cut when a pair has fewer OCS left than links to come.
///
/// A node costs O(pairs) for the choice and O(pairs at its leaf and spine) to bring the others up to
/// date at the one OCS that changed; 64 pairs more count as one node more. Keeps its memory between calls. One writer.
class circuit_search {
 public:
  /// \param wanted  so many circuits more; distinct pairs
  /// \param budget  nodes that may be visited; lowered by those that were
  /// \returns  `found`: the circuits are up, see `circuits`; else the wiring is as it was
  search_result solve(wiring& w, std::span<const pair_links> wanted, std::int64_t& budget) {
    circuits_.clear();
    list_pairs(w, wanted);
    for (leaf_id l : w.ends().all_leafs())
      if (const int n = sum(at_leaf_, l.index()); n > 0 && n > free_ends(w, l))
        return search_result::none;
    for (spine_id s : w.ends().all_spines())
      if (const int n = sum(at_spine_, s.index()); n > 0 && n > free_ends(w, s))
        return search_result::none;
    return descend(w, budget);
  }

  /// After `found`: the circuits that were set up.
  [[nodiscard]] std::span<const circuit> circuits() const { return circuits_; }

 private:
  struct pair {
    leaf_id leaf;
    spine_id spine;
    int links = 0;           // to come
    std::uint32_t from = 0;  // the first OCS that the next one may take: each set is tried once
  };
  /// Pairs by leaf, or by spine.
  struct lists {
    std::vector<std::uint32_t> first, pairs;

    [[nodiscard]] std::span<const std::uint32_t> operator[](std::size_t i) const {
      return std::span(pairs).subspan(first[i], first[i + 1] - first[i]);
    }
    template <class Key>
    void fill(std::size_t keys, const std::vector<pair>& of, Key&& key) {
      first.assign(keys + 2, 0);
      for (const pair& k : of) ++first[key(k) + 2];
      for (std::size_t i = 2; i < first.size(); ++i) first[i] += first[i - 1];
      pairs.resize(of.size());
      for (std::uint32_t i = 0; i < of.size(); ++i) pairs[first[key(of[i]) + 1]++] = i;
    }
  };

  void list_pairs(const wiring& w, std::span<const pair_links> wanted) {
    pairs_.clear();
    for (const pair_links& k : wanted)
      if (k.links > 0) pairs_.push_back({k.leaf, k.spine, k.links, 0});
    at_leaf_.fill(static_cast<std::size_t>(w.ends().leafs()), pairs_,
                  [](const pair& k) { return k.leaf.index(); });
    at_spine_.fill(static_cast<std::size_t>(w.ends().spines()), pairs_,
                   [](const pair& k) { return k.spine.index(); });
    slack_.resize(pairs_.size());
    for (std::size_t i = 0; i < pairs_.size(); ++i) refresh(w, i);
    weight_ = 1 + static_cast<std::int64_t>(pairs_.size() / 64);
  }
  [[nodiscard]] int sum(const lists& at, std::size_t i) const {
    int n = 0;
    for (std::uint32_t k : at[i]) n += pairs_[k].links;
    return n;
  }

  search_result descend(wiring& w, std::int64_t& budget) {
    const auto tightest = std::min_element(slack_.begin(), slack_.end());
    if (tightest == slack_.end() || *tightest == done) return search_result::found;
    if (*tightest < 0) return search_result::none;
    if ((budget -= weight_) < 0) return search_result::gave_up;

    const auto i = static_cast<std::size_t>(tightest - slack_.begin());
    const leaf_id leaf = pairs_[i].leaf;
    const spine_id spine = pairs_[i].spine;
    const std::uint32_t from = pairs_[i].from;
    for (std::uint32_t o = from; o < static_cast<std::uint32_t>(w.ends().switches()); ++o) {
      if (!test_bit(w.free_switches(leaf), o) || !test_bit(w.free_switches(spine), o)) continue;
      add_around(w, i, ocs_id{o}, -1);
      const circuit up = w.connect(leaf, spine, ocs_id{o});
      --pairs_[i].links;
      pairs_[i].from = o;
      add_around(w, i, ocs_id{o}, 1);
      refresh(w, i);
      circuits_.push_back(up);
      const search_result r = descend(w, budget);
      if (r == search_result::found) return r;
      circuits_.pop_back();
      add_around(w, i, ocs_id{o}, -1);
      w.disconnect(up);
      ++pairs_[i].links;
      pairs_[i].from = from;
      add_around(w, i, ocs_id{o}, 1);
      refresh(w, i);
      if (r == search_result::gave_up) return r;
    }
    return search_result::none;
  }

  /// Adds to the choices of all other pairs at its leaf and its spine, or takes off, what they have
  /// at one OCS: nothing else of theirs changes when a circuit goes up or down there.
  void add_around(const wiring& w, std::size_t i, ocs_id o, int sign) {
    const int at_leaf = w.free_ends(pairs_[i].leaf, o), at_spine = w.free_ends(pairs_[i].spine, o);
    for (std::uint32_t k : at_leaf_[pairs_[i].leaf.index()])
      if (k != i && pairs_[k].links > 0 && pairs_[k].from <= o.value)
        slack_[k] += sign * std::min(at_leaf, w.free_ends(pairs_[k].spine, o));
    for (std::uint32_t k : at_spine_[pairs_[i].spine.index()])
      if (k != i && pairs_[k].links > 0 && pairs_[k].from <= o.value)
        slack_[k] += sign * std::min(at_spine, w.free_ends(pairs_[k].leaf, o));
  }
  /// By how many a pair's choices exceed its links to come.
  void refresh(const wiring& w, std::size_t i) {
    const pair& k = pairs_[i];
    slack_[i] = k.links == 0 ? done : choices(w, k) - k.links;
  }

  /// Circuits that could still be set up for a pair by itself.
  [[nodiscard]] static int choices(const wiring& w, const pair& k) {
    const const_bit_row a = w.free_switches(k.leaf), b = w.free_switches(k.spine);
    const ports& ends = w.ends();
    const bool single = ends.leaf_fibres() == 1 || ends.spine_fibres() == 1;
    int n = 0;
    for (std::size_t i = k.from / 64; i < a.size(); ++i) {
      word both = a[i] & b[i];
      if (i == k.from / 64) both &= ~word{0} << (k.from % 64);
      if (single) {
        n += std::popcount(both);
        continue;
      }
      for (; both; both &= both - 1) {
        const ocs_id o{i * 64 + static_cast<std::size_t>(std::countr_zero(both))};
        n += std::min(w.free_ends(k.leaf, o), w.free_ends(k.spine, o));
      }
    }
    return n;
  }
  template <class Id>
  [[nodiscard]] static int free_ends(const wiring& w, Id i) {
    int n = 0;
    for_each_bit(w.free_switches(i), [&](std::size_t o) { n += w.free_ends(i, ocs_id{o}); });
    return n;
  }

  static constexpr int done = std::numeric_limits<int>::max();

  std::vector<pair> pairs_;
  lists at_leaf_, at_spine_;
  std::vector<int> slack_;  // of each pair
  std::int64_t weight_ = 1;
  std::vector<circuit> circuits_;
};

}  // namespace heddle::optical
