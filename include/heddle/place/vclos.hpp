// Virtual Clos networks: GPUs and links of a job's own, so that nobody slows it down.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/place/detail/biclique.hpp>
#include <heddle/place/pick.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/place/shared_network.hpp>

namespace heddle::place {

namespace detail {
struct vclos_work {
  struct part {
    leaf_id leaf;
    int gpus = 0;
  };
  biclique_search search;
  column_counter demand;
  std::int64_t budget = 0;
  bool gpus_would_do = false;
  std::vector<std::uint32_t> by_free;       // leafs, fewest free GPUs first
  std::vector<word> common;                 // columns that two leafs share
  std::vector<std::uint32_t> columns;       // virtual spines chosen: spine · lanes + k
  std::vector<std::uint32_t> rest_columns;  // of these, the remainder's
  std::vector<part> parts;
};
}  // namespace detail

/// Gives N GPUs a virtual Clos: GPUs under some leafs and links from these to some spines, all of
/// the job's own, in a shape on which every phase of every collective can be routed with no more
/// flows on a link than a network card carries (route/owned.hpp). So the job runs as on an idle
/// network. The shapes, in the order in which they are tried:
///
///     one leaf       N GPUs                                             no links
///     even           q leafs of n GPUs, N = q·n, linked to the same     q·n links
///                    n spines each, widest leafs first
///     two leafs      a ≥ b GPUs, a + b = N, b common spines             2·b links
///     with a rest    q leafs of n GPUs linked to the same n spines      q·n + r links
///                    each, one leaf of r < n linked to r of these,
///                    N = q·n + r, widest leafs first
///
/// `any_size = false` keeps to the first two, the original's. Several links between a leaf and a
/// spine count as several virtual spines.
///
/// The search is exact: for each shape a biclique of the free links by backtracking on bitsets.
/// Leafs with fewest free GPUs are preferred, and of the spines in common those that fewest leafs
/// could still use, so that the others stay whole.
///
/// Says why not: `gpu_fragmentation` if no shape has its leafs even by GPUs alone,
/// `network_fragmentation` if only links are missing (both proved), `search_limit` if it gave up.
///
/// Chain it after `one_server` and `one_leaf` to keep small jobs on few servers. Once it is warm a no
/// allocates nothing, a yes the answer and a short list for each leaf. One writer: it keeps its work space.
/// Reference: Han et al., Isolated Scheduling for Distributed Training Tasks in GPU Clusters,
/// arXiv 2308.05692 (2023), for even virtual Clos networks; remainders have the shape of LaaS (ANCS
/// 2016) and Jigsaw (HPDC 2021); the proofs and the search are derived (docs/theory.md).
struct vclos {
  bool any_size = true;                ///< also unequal leafs
  std::int64_t search_nodes = 10'000;  ///< of one request, before it gives up; ≥ 1
  detail::vclos_work work = {};        ///< scratch, nothing to set

  answer operator()(const fabric::ledger& free, const request& job) {
    if (auto p = one_leaf{}(free, job)) return *std::move(p);
    start(free);
    answer a = even(free, job.gpus);
    if (a || !any_size || a.why == wait_reason::search_limit) return a;
    if (auto p = two_leafs(free, job.gpus)) return *std::move(p);
    a = with_rest(free, job.gpus);
    if (!a && work.gpus_would_do && a.why != wait_reason::search_limit)
      return wait_reason::network_fragmentation;
    return a;
  }

 private:
  using status = detail::search_status;

  /// Lists all leafs with free GPUs, fewest first, then by id.
  void start(const fabric::ledger& free) {
    work.budget = search_nodes;
    work.gpus_would_do = false;
    work.by_free.clear();
    for (leaf_id l : free.fabric().all_leafs())
      if (free.free_gpus(l) > 0) work.by_free.push_back(l.value);
    std::sort(work.by_free.begin(), work.by_free.end(), [&](std::uint32_t a, std::uint32_t b) {
      return std::pair{free.free_gpus(leaf_id{a}), a} < std::pair{free.free_gpus(leaf_id{b}), b};
    });
  }

  /// The leafs with at least `n` free GPUs.
  [[nodiscard]] std::span<const std::uint32_t> leafs_with(const fabric::ledger& free, int n) const {
    const auto first = std::partition_point(
        work.by_free.begin(), work.by_free.end(),
        [&](std::uint32_t l) { return free.free_gpus(leaf_id{l}) < n; });
    return {first, work.by_free.end()};
  }

  [[nodiscard]] static int widest(const fabric::ledger& free) {
    return std::min(free.fabric().gpus_per_leaf(), free.fabric().uplinks());
  }

  /// m leafs of n GPUs, and if r > 0 one more of r.
  answer search(const fabric::ledger& free, int m, int n, int r) {
    const auto candidates = leafs_with(free, n);
    const auto rests = r > 0 ? leafs_with(free, r) : std::span<const std::uint32_t>{};
    if (candidates.size() < static_cast<std::size_t>(m) ||
        (r > 0 && rests.size() <= static_cast<std::size_t>(m)))
      return wait_reason::gpu_fragmentation;
    work.gpus_would_do = true;
    switch (work.search.solve(free.free_uplinks(), candidates, static_cast<std::size_t>(m), n,
                              work.budget, r, rests)) {
      case status::found: break;
      case status::gave_up: return {wait_reason::search_limit, false};
      case status::none: return wait_reason::network_fragmentation;
    }
    work.parts.clear();
    for (std::uint32_t l : work.search.rows()) work.parts.push_back({leaf_id{l}, n});
    choose_columns(free, work.search.columns(), n, r);
    if (r > 0) work.parts.push_back({leaf_id{work.search.remainder()}, r});
    return build(free);
  }

  answer even(const fabric::ledger& free, int gpus) {
    const int most = std::min(free.fabric().leafs(), gpus);
    for (int m = std::max(2, (gpus + widest(free) - 1) / widest(free)); m <= most; ++m) {
      if (gpus % m) continue;
      answer a = search(free, m, gpus / m, 0);
      if (a || a.why == wait_reason::search_limit) return a;
    }
    return work.gpus_would_do ? wait_reason::network_fragmentation
                              : wait_reason::gpu_fragmentation;
  }

  answer with_rest(const fabric::ledger& free, int gpus) {
    for (int n = std::min(widest(free), gpus / 2); n > 1; --n) {
      const int m = gpus / n, r = gpus % n;
      if (m >= free.fabric().leafs()) break;  // the rest needs a leaf too, and m only grows
      if (r == 0) continue;
      answer a = search(free, m, n, r);
      if (a || a.why == wait_reason::search_limit) return a;
    }
    return wait_reason::gpu_fragmentation;
  }

  /// Of the pairs of leafs that can hold the job over common spines, the one that leaves fewest GPUs
  /// free under both, then the one that needs fewest links, then the lowest ids. All of the wider
  /// leaf's GPUs are taken, so that few links are needed. O(leafs²).
  std::optional<placement> two_leafs(const fabric::ledger& free, int gpus) {
    const bit_matrix& rows = free.free_uplinks();
    std::tuple<int, int, std::uint32_t, std::uint32_t> best{std::numeric_limits<int>::max(), 0, 0, 0};
    bool found = false;
    for (std::size_t i = work.by_free.size(); i-- > 0;) {
      const std::uint32_t wide = work.by_free[i];
      const int a = free.free_gpus(leaf_id{wide});
      if (2 * a < gpus) break;
      // The narrower leafs that hold the rest, the one that it fits best first.
      const auto rests = leafs_with(free, gpus - a);
      for (std::uint32_t narrow : rests) {
        if (narrow == wide || free.free_gpus(leaf_id{narrow}) > a) continue;
        work.gpus_would_do = true;
        const std::tuple here{a + free.free_gpus(leaf_id{narrow}) - gpus, gpus - a, wide, narrow};
        if (here >= best || count_common(rows[wide], rows[narrow]) < gpus - a) continue;
        best = here;
        found = true;
      }
    }
    if (!found) return std::nullopt;
    const auto [left, b, wide, narrow] = best;
    work.common.resize(rows.words());
    intersect(rows[wide], rows[narrow], work.common);
    choose_columns(free, work.common, b, 0);
    work.parts = {{leaf_id{wide}, gpus - b}, {leaf_id{narrow}, b}};
    return build(free);
  }

  /// Of the columns (virtual spines) in common, puts into `work.columns` the n that fewest leafs of
  /// the whole network could use, of equal ones the lowest; and of these into `work.rest_columns`
  /// the r of the remainder.
  void choose_columns(const fabric::ledger& free, const_bit_row common, int n, int r) {
    const bit_matrix& rows = free.free_uplinks();
    work.columns.clear();
    for_each_bit(common, [&](std::size_t c) { work.columns.push_back(static_cast<std::uint32_t>(c)); });
    work.rest_columns.clear();
    if (r == 0 && work.columns.size() == static_cast<std::size_t>(n)) return;

    work.demand.reset(rows.words(), rows.rows());
    for (std::size_t l = 0; l < rows.rows(); ++l) work.demand.add(rows[l], rows[l]);
    const auto sort_by_demand = [&](auto first, auto&& comes_last) {
      std::sort(first, work.columns.end(), [&](std::uint32_t a, std::uint32_t b) {
        return std::tuple{comes_last(a), work.demand.count(a), a} <
               std::tuple{comes_last(b), work.demand.count(b), b};
      });
    };
    const auto rest = work.columns.begin() + r;
    if (r > 0) {
      const const_bit_row row = rows[work.search.remainder()];
      sort_by_demand(work.columns.begin(), [&](std::uint32_t c) { return !test_bit(row, c); });
      work.rest_columns.assign(work.columns.begin(), rest);
      std::sort(work.rest_columns.begin(), work.rest_columns.end());
    }
    sort_by_demand(rest, [](std::uint32_t) { return false; });
    work.columns.resize(static_cast<std::size_t>(n));
    std::sort(work.columns.begin(), work.columns.end());
  }

  placement build(const fabric::ledger& free) {
    // The leaf that is narrower than the first has the columns of the remainder, if it has any.
    const int n = work.parts.front().gpus;
    std::sort(work.parts.begin(), work.parts.end(),
              [](const auto& a, const auto& b) { return a.leaf < b.leaf; });
    placement p;
    for (const auto& [leaf, gpus] : work.parts) {
      pick(free, leaf, gpus, p.gpus);
      const bool is_rest = gpus < n && !work.rest_columns.empty();
      add_links(free, leaf, is_rest ? work.rest_columns : work.columns, p.links);
    }
    return p;
  }

  /// Columns of one spine are any of its lanes that are free at this leaf, the lowest first.
  static void add_links(const fabric::ledger& free, leaf_id leaf,
                        const std::vector<std::uint32_t>& columns, std::vector<fabric::link>& out) {
    const auto lanes = static_cast<std::uint32_t>(free.fabric().links_per_pair());
    spine_id spine;
    std::uint32_t lane = 0;
    for (std::uint32_t c : columns) {
      const spine_id s{c / lanes};
      lane = free.free_lane(leaf, s, s == spine ? lane + 1 : 0);
      spine = s;
      out.push_back({leaf, s, lane});
    }
  }
};

}  // namespace heddle::place
