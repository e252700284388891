// Links of a job's own wherever some are free.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/detail/scratch.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/place/detail/biclique.hpp>
#include <heddle/place/detail/clos_search.hpp>
#include <heddle/place/pick.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/place/vclos.hpp>

namespace heddle::place {

/// Whether a job owns more links of a leaf than it has GPUs under it: others will have fewer than theirs.
[[nodiscard]] inline bool owns_spare_links(const fabric::leaf_spine& dc, const placement& p) {
  if (p.links.empty() || !detail::is_plain_clos(dc)) return false;
  std::vector<int> spare(static_cast<std::size_t>(dc.leafs()), 0);
  for (const fabric::link& k : p.links) ++spare[k.leaf.index()];
  for (gpu_id g : p.gpus) --spare[dc.leaf_of(g).index()];
  return std::any_of(spare.begin(), spare.end(), [](int n) { return n > 0; });
}

namespace detail {

/// Looks for patches (place/patched.hpp) over virtual spines. Keeps its memory.
class patch_search {
 public:
  std::optional<placement> operator()(const clos_ledger& free, int gpus) {
    free_ = &free;
    rows_ = &free.network().free_uplinks();
    for (const bool few_links : {false, true})
      if (find_leafs(gpus, few_links) && choose_links()) return take();
    return std::nullopt;
  }

 private:
  struct part {
    leaf_id leaf;
    int room = 0, gpus = 0;
  };
  /// A leaf that no other matches leads nowhere; how many of them are tried in first place.
  static constexpr std::size_t most_starts = 8;

  [[nodiscard]] const_bit_row row(const part& x) const { return (*rows_)[x.leaf.index()]; }

  /// Fills `parts_`, sorted by leaf: those with most room first, each with a spine in common with every one
  /// before it, and for the last part the leaf that it fits best.
  bool find_leafs(int gpus, bool few_links) {
    all_.clear();
    int room = 0;
    for (leaf_id l : free_->fabric().all_leafs()) {
      const int links = count_bits((*rows_)[l.index()]), here = free_->free_gpus(unit_under(l));
      const int most = !few_links ? std::min(here, links) : links > 0 ? here : 0;
      if (most > 0) all_.push_back({l, most, 0});
      room += most;
    }
    std::sort(all_.begin(), all_.end(), [](const part& a, const part& b) {
      return a.room != b.room ? a.room > b.room : a.leaf < b.leaf;
    });
    for (std::size_t first = 0; first < std::min(all_.size(), most_starts) && room >= gpus;
         ++first) {
      if (gather(first, gpus)) {
        std::sort(parts_.begin(), parts_.end(),
                  [](const part& a, const part& b) { return a.leaf < b.leaf; });
        return true;
      }
      room -= all_[first].room;
    }
    return false;
  }
  bool gather(std::size_t first, int left) {
    parts_.clear();
    for (std::size_t i = first; i < all_.size(); ++i) {
      if (!matches(all_[i])) continue;
      part next = all_[i];
      if (next.room >= left) {
        const auto fits = std::find_if(all_.rbegin(), all_.rend(),
                                       [&](const part& x) { return x.room >= left && matches(x); });
        next = *fits;
      }
      next.gpus = std::min(next.room, left);
      parts_.push_back(next);
      left -= next.gpus;
      if (left == 0) return true;
    }
    return false;
  }
  [[nodiscard]] bool matches(const part& x) const {
    return std::none_of(parts_.begin(), parts_.end(), [&](const part& other) {
      return x.leaf == other.leaf || count_common(row(x), row(other)) == 0;
    });
  }

  /// Gives each leaf as many spines as it has GPUs, those that most of the leafs have, so that any two have one
  /// in common.
  bool choose_links() {
    const std::size_t words = rows_->words();
    demand_.reset(words, parts_.size());
    for (const part& x : parts_) demand_.add(row(x), row(x));
    own_.reset(parts_.size(), words * 64);
    fixed_.reset(parts_.size(), words * 64);
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      list(i);
      const auto n = std::min(columns_.size(), static_cast<std::size_t>(parts_[i].gpus));
      for (std::uint32_t c : std::span{columns_}.first(n)) set_bit(own_[i], c);
    }
    for (std::size_t i = 0; i < parts_.size(); ++i)
      for (std::size_t j = i + 1; j < parts_.size(); ++j)
        if (count_common(own_[i], own_[j]) == 0 && !join(i, j)) return false;
    for (std::size_t i = 0; i < parts_.size(); ++i)
      for (std::size_t j = i + 1; j < parts_.size(); ++j)
        if (count_common(own_[i], own_[j]) == 0) return false;  // one that was given up for another
    return true;
  }
  /// The columns of the i-th leaf, those that most leafs have first.
  void list(std::size_t i) {
    columns_.clear();
    for_each_bit(row(parts_[i]),
                 [&](std::size_t c) { columns_.push_back(static_cast<std::uint32_t>(c)); });
    std::sort(columns_.begin(), columns_.end(), [&](std::uint32_t a, std::uint32_t b) {
      const auto x = demand_.count(a), y = demand_.count(b);
      return x != y ? x > y : a < b;
    });
  }
  /// Gives two leafs a spine in common, one that one of them has already if there is such.
  bool join(std::size_t i, std::size_t j) {
    list(i);
    std::uint32_t best = ~std::uint32_t{0};
    for (std::uint32_t c : columns_) {
      if (!test_bit(row(parts_[j]), c)) continue;
      const bool has = test_bit(own_[i], c) || test_bit(own_[j], c);
      if (best == ~std::uint32_t{0} || has) best = c;
      if (has) break;
    }
    return give(i, best) && give(j, best);
  }
  bool give(std::size_t i, std::uint32_t column) {
    set_bit(fixed_[i], column);
    if (test_bit(own_[i], column)) return true;
    list(i);
    const auto rid = std::find_if(columns_.rbegin(), columns_.rend(), [&](std::uint32_t c) {
      return test_bit(own_[i], c) && !test_bit(fixed_[i], c);
    });
    if (rid == columns_.rend()) return false;
    clear_bit(own_[i], *rid);
    set_bit(own_[i], column);
    return true;
  }

  [[nodiscard]] placement take() const {
    placement p;
    const auto lanes = static_cast<std::uint32_t>(free_->fabric().links_per_pair());
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const leaf_id l = parts_[i].leaf;
      pick(*free_, unit_under(l), parts_[i].gpus, p.gpus);
      if (parts_.size() == 1) break;
      spine_id last;
      std::uint32_t lane = 0;
      for_each_bit(own_[i], [&](std::size_t c) {
        const spine_id s{static_cast<std::uint32_t>(c) / lanes};
        lane = free_->network().free_lane(l, s, s == last ? lane + 1 : 0);
        last = s;
        p.links.push_back({l, s, lane});
      });
    }
    return p;
  }

  const clos_ledger* free_ = nullptr;
  const bit_matrix* rows_ = nullptr;
  std::vector<part> all_, parts_;
  column_counter demand_;
  bit_matrix own_, fixed_;  // a row for each part
  std::vector<std::uint32_t> columns_;
};

}  // namespace detail

/// An isolated placement if there is one; else a *patch*: leafs of any sizes, under each of them as many links of
/// the job's own as it has GPUs there, or all that are free, to any spines, so that any two leafs have a spine in
/// common. No link of anybody else, so other jobs stay isolated; and whoever gets the rest of the leaf's GPUs finds as
/// many links for them as before.
///
/// Nothing is promised for the job itself but that no phase takes longer than if all flows of a leaf went
/// over one link: `predicted_slowdown` = most GPUs under a leaf. `route::owned` spreads its flows by
/// colouring with lists; `route::steady` tells what is left (`admit::paying` asks it): mostly little, where
/// a thin Clos network (`relaxed`) has two flows on every link.
///
/// Leafs with most room first, the last part where it fits best; spines that most of the leafs have. Not
/// searched, so a no is not proved. Patches are for networks of two tiers without rails and planes; elsewhere this is
/// `isolated`. Derived. O(leafs² · spines / 64) and a sort of each leaf's spines. One writer.
struct patched {
  vclos isolated = {};
  heddle::detail::scratch<detail::patch_search> search = {};

  answer operator()(const detail::clos_ledger& free, const request& job) {
    answer no = isolated(free, job);
    if (no || !detail::is_plain_clos(free.fabric())) return no;
    if (answer a = patch(free, job)) return a;
    no.proved = false;
    return no;
  }
  /// The same without looking for an isolated placement.
  answer patch(const detail::clos_ledger& free, const request& job) {
    if (!detail::is_plain_clos(free.fabric())) return {wait_reason::unsupported, false};
    std::optional<placement> p = (*search)(free, job.gpus);
    if (!p) return {wait_reason::network_fragmentation, false};
    answer a = *std::move(p);
    a.predicted_slowdown = most_under_a_leaf(free.fabric(), *a.where);
    return a;
  }

  bool operator==(const patched&) const = default;

  void limit(std::int64_t nodes) { isolated.limit(nodes); }
  [[nodiscard]] std::int64_t visited() const { return isolated.visited(); }

 private:
  static int most_under_a_leaf(const fabric::leaf_spine& dc, const placement& p) {
    if (p.links.empty()) return 1;
    int most = 0, here = 0;
    for (std::size_t i = 0; i < p.gpus.size(); ++i) {
      here = i > 0 && dc.leaf_of(p.gpus[i]) == dc.leaf_of(p.gpus[i - 1]) ? here + 1 : 1;
      most = std::max(most, here);
    }
    return most;
  }
};

}  // namespace heddle::place
