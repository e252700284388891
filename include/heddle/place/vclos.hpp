// Virtual Clos networks: GPUs and links of a job's own, so that nobody slows it down.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
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
  biclique_search search;
  column_counter demand;
  std::vector<std::uint32_t> leafs;    // candidates, then those found
  std::vector<std::uint32_t> columns;  // virtual spines: spine · lanes + k
};
}  // namespace detail

/// Gives N GPUs a virtual Clos: m leafs with n GPUs each, N = m·n, and a link from each of them to
/// each of n spines, all of the job's own. Under source routing by slot (route/owned.hpp) every
/// ring, every pairwise all-to-all and, for powers of two, halving-doubling puts at most one flow on
/// a link, so the job runs as on an idle network. For m = 1 it needs no spine.
///
/// The factorisations of N are tried with the widest leafs first, m = ⌈N/G⌉ … N for G GPUs a leaf.
/// For each, the search is exact: m leafs with n free GPUs that have n free spines in common, a
/// biclique of the free links. Several links between a leaf and a spine count as several virtual
/// spines. Leafs with fewest free GPUs are preferred, and of the spines in common those that fewest
/// leafs could still use, so that the others stay whole.
///
/// Says why not: `gpu_fragmentation` if no factorisation has enough leafs with n free GPUs,
/// `network_fragmentation` if only links are missing (both proved), `search_limit` if it gave up.
///
/// Chain it after `one_server` and `one_leaf` to keep small jobs on few servers. Allocates only the
/// answer once it is warm. One writer: it keeps its work space.
/// Reference: Han et al., Isolated Scheduling for Distributed Training Tasks in GPU Clusters,
/// arXiv 2308.05692 (2023), for virtual Clos networks; the search is derived.
struct vclos {
  std::int64_t search_nodes = 10'000;  ///< of one request, before it gives up; ≥ 1
  detail::vclos_work work = {};        ///< scratch, nothing to set

  answer operator()(const fabric::ledger& free, const request& job) {
    if (auto p = one_leaf{}(free, job)) return p;
    const fabric::leaf_spine& dc = free.fabric();
    const int widest = std::min(dc.gpus_per_leaf(), dc.uplinks());
    const int most_leafs = std::min(dc.leafs(), job.gpus);
    std::int64_t budget = search_nodes;
    bool gpus_would_do = false;
    for (int m = std::max(2, (job.gpus + widest - 1) / widest); m <= most_leafs; ++m) {
      if (job.gpus % m) continue;
      const int n = job.gpus / m;
      list_leafs(free, n);
      if (work.leafs.size() < static_cast<std::size_t>(m)) continue;
      gpus_would_do = true;
      switch (work.search.solve(free.free_uplinks(), work.leafs, static_cast<std::size_t>(m), n,
                                budget)) {
        case detail::search_status::found: return build(free, n);
        case detail::search_status::gave_up: return {wait_reason::search_limit, false};
        case detail::search_status::none: break;
      }
    }
    return gpus_would_do ? wait_reason::network_fragmentation : wait_reason::gpu_fragmentation;
  }

 private:
  /// The leafs with n free GPUs, fewest free first, then by id.
  void list_leafs(const fabric::ledger& free, int n) {
    work.leafs.clear();
    for (leaf_id l : free.fabric().all_leafs())
      if (free.free_gpus(l) >= n) work.leafs.push_back(l.value);
    std::sort(work.leafs.begin(), work.leafs.end(), [&](std::uint32_t a, std::uint32_t b) {
      return std::pair{free.free_gpus(leaf_id{a}), a} < std::pair{free.free_gpus(leaf_id{b}), b};
    });
  }

  /// Of the columns (virtual spines) that the leafs found share, leaves in `work.columns` the n
  /// that fewest leafs of the whole network could use; of equal ones the lowest.
  void choose_columns(const fabric::ledger& free, int n) {
    work.columns.clear();
    for_each_bit(work.search.columns(),
                 [&](std::size_t c) { work.columns.push_back(static_cast<std::uint32_t>(c)); });
    if (work.columns.size() == static_cast<std::size_t>(n)) return;
    const bit_matrix& rows = free.free_uplinks();
    work.demand.reset(rows.words(), rows.rows());
    for (std::size_t l = 0; l < rows.rows(); ++l) work.demand.add(rows[l], rows[l]);
    std::sort(work.columns.begin(), work.columns.end(), [&](std::uint32_t a, std::uint32_t b) {
      return std::pair{work.demand.count(a), a} < std::pair{work.demand.count(b), b};
    });
    work.columns.resize(static_cast<std::size_t>(n));
    std::sort(work.columns.begin(), work.columns.end());
  }

  placement build(const fabric::ledger& free, int n) {
    choose_columns(free, n);
    work.leafs.assign(work.search.rows().begin(), work.search.rows().end());
    std::sort(work.leafs.begin(), work.leafs.end());
    const auto lanes = static_cast<std::uint32_t>(free.fabric().links_per_pair());
    placement p;
    p.gpus.reserve(work.leafs.size() * static_cast<std::size_t>(n));
    p.links.reserve(work.leafs.size() * static_cast<std::size_t>(n));
    for (std::uint32_t leaf : work.leafs) {
      pick(free, leaf_id{leaf}, n, p.gpus);
      // Columns of one spine are any of its lanes that are free at this leaf, the lowest first.
      spine_id spine;
      std::uint32_t lane = 0;
      for (std::uint32_t c : work.columns) {
        const spine_id s{c / lanes};
        lane = free.free_lane(leaf_id{leaf}, s, s == spine ? lane + 1 : 0);
        spine = s;
        p.links.push_back({leaf_id{leaf}, spine, lane});
      }
    }
    return p;
  }
};

}  // namespace heddle::place
