// The rivals that give a job links of its own, in the shapes of the fat-tree literature.
//
//   policy     shapes                                             search
//   jigsaw     q leafs of n GPUs and n links, one leaf of r < n   widest leafs first, first fit
//   laas       the same, but only r links where q = 1             widest leafs first, first fit
//
// Both were made for three-level fat trees of single-port hosts; a leaf-spine network is one of
// their sub-trees, and within one this is what they do. `vclos` has the same shapes and one more
// freedom, even shapes and pairs before remainders and leafs that fit best before those with low ids.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include <heddle/core/detail/scratch.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/place/detail/clos_search.hpp>
#include <heddle/place/pick.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::place {

namespace detail {

/// The loop of both: N = q·n + r for n from the widest leaf down, the first that is found.
/// \param remainder_only  with q = 1 the wider leaf gets r links, not n
inline answer widest_first(clos_search& search, const clos_ledger& free, int gpus,
                           std::int64_t search_nodes, bool remainder_only) {
  if (!knows_wiring(free)) return wait_reason::unsupported;
  search.start(free, search_nodes, leaf_order::by_id);
  if (const leaf_id l = search.one_leaf(gpus); l.valid()) {
    placement p;
    pick(free, unit_under(l), gpus, p.gpus);
    return p;
  }
  bool gpus_would_do = false;
  for (int n = std::min(free.fabric().gpus_per_leaf(), gpus); n >= 1; --n) {
    const int q = gpus / n, r = gpus % n, links = remainder_only && q == 1 ? r : n;
    if (!search.has_room(q, n, r, links)) continue;
    gpus_would_do = true;
    switch (search.find(q, n, r, links)) {
    case search_status::found:
      return search.take();
    case search_status::gave_up:
      return {wait_reason::search_limit, false};
    case search_status::none:
      break;
    }
  }
  return gpus_would_do ? wait_reason::network_fragmentation : wait_reason::gpu_fragmentation;
}

}  // namespace detail

/// Jigsaw's conditions within one sub-tree: every leaf of a job has the same number n of GPUs and as
/// many links, to the same n spines, but for one remainder leaf of r < n GPUs with links to r of
/// these. Derived from the published conditions; the order of the search (densest first, lowest ids)
/// is ours, and so is that it is exhaustive.
/// Reference: Smith and Lowenthal, Jigsaw: A High-Utilization, Interference-Free Job Scheduler for
/// Fat-Tree Clusters, HPDC 2021.
struct jigsaw {
  std::int64_t search_nodes = 10'000;  ///< as in `vclos`
  heddle::detail::scratch<detail::clos_search> search = {};

  bool operator==(const jigsaw&) const = default;

  answer operator()(const detail::clos_ledger& free, const request& job) {
    return detail::widest_first(*search, free, job.gpus, search_nodes, false);
  }
  void limit(std::int64_t nodes) { search_nodes = nodes; }
  [[nodiscard]] std::int64_t visited() const { return search ? search->visited() : 0; }
};

/// LaaS: a tenant of N = q·n + r hosts gets q leafs of n and one of r < n with links to a common set
/// of spines, the first that is found with n as large as can be. `whole_leafs` is what it does across
/// sub-trees: the job is rounded up to whole leafs, which nobody else may use. Rounded-up GPUs count
/// as idle here, not as used.
///
/// With `whole_leafs` all jobs must be placed by this policy: others would use the GPUs that it keeps
/// free.
/// Reference: Zahavi et al., Links as a Service, ANCS 2016 (arXiv 1509.07395), and its published
/// simulator.
struct laas {
  bool whole_leafs = false;            ///< jobs of more than one leaf get whole leafs
  std::int64_t search_nodes = 10'000;  ///< as in `vclos`
  heddle::detail::scratch<detail::clos_search> search = {};

  bool operator==(const laas&) const = default;

  answer operator()(const detail::clos_ledger& free, const request& job) {
    if (whole_leafs) return place_whole(free, job.gpus);
    return detail::widest_first(*search, free, job.gpus, search_nodes, true);
  }
  void limit(std::int64_t nodes) { search_nodes = nodes; }
  [[nodiscard]] std::int64_t visited() const {
    return whole_leafs || !search ? 0 : search->visited();
  }

 private:
  /// A job that spans leafs owns all their links; that marks them as closed. O(leafs · uplinks).
  static answer place_whole(const detail::clos_ledger& free, int gpus) {
    if (!detail::knows_wiring(free)) return wait_reason::unsupported;
    const fabric::leaf_spine& dc = free.fabric();
    const auto free_gpus = [&](leaf_id l) { return free.free_gpus(detail::unit_under(l)); };
    placement p;
    leaf_id best;
    for (leaf_id l : dc.all_leafs())
      if (free_gpus(l) >= gpus && !has_owned_link(free, l) &&
          (!best.valid() || free_gpus(l) < free_gpus(best)))
        best = l;
    if (best.valid()) {
      pick(free, detail::unit_under(best), gpus, p.gpus);
      return p;
    }
    for (leaf_id l : dc.all_leafs()) {
      const int left = gpus - static_cast<int>(p.gpus.size());
      if (left == 0) return p;
      if (free_gpus(l) < static_cast<int>(dc.gpus_of(detail::unit_under(l)).size()) ||
          count_bits(free.network().free_uplinks(l)) < dc.uplinks())
        continue;
      pick(free, detail::unit_under(l), std::min(left, free_gpus(l)), p.gpus);
      for (spine_id s : dc.all_spines())
        for (int lane = 0; lane < dc.links(l, s); ++lane)
          p.links.push_back({l, s, static_cast<std::uint32_t>(lane)});
    }
    if (static_cast<int>(p.gpus.size()) == gpus) return p;
    return wait_reason::gpu_fragmentation;
  }
  [[nodiscard]] static bool has_owned_link(const detail::clos_ledger& free, leaf_id l) {
    const fabric::leaf_spine& dc = free.fabric();
    for (spine_id s : dc.all_spines())
      for (int lane = 0; lane < dc.links(l, s); ++lane)
        if (free.owner(fabric::link{l, s, static_cast<std::uint32_t>(lane)}).valid()) return true;
    return false;
  }
};

}  // namespace heddle::place
