// How much of what is free cannot be used.
//
//   measure             of what                                              cost
//   server_holes        free GPUs in servers that are partly used            O(1)
//   misaligned_links    free links of leaf pairs that do not meet            O(leafs²)
//   unplaceable         free GPUs that a policy cannot give to a mix of      a placement of all that
//                       sizes, expected                                      fits, for each size
//
// All are shares in [0, 1], 0 where nothing is free.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/gpu_book.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/trial.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::place {

/// The share of free GPUs that stand in servers with other GPUs in use: of no use to jobs that want
/// whole servers.
[[nodiscard]] inline double server_holes(const fabric::gpu_book& state) {
  if (state.free_gpus() == 0) return 0;
  return 1 - static_cast<double>(state.gpus_of_idle_servers()) / state.free_gpus();
}

/// Over pairs of leafs with free GPUs that links join, the share of links that both have free in number but not to
/// the same spines: 1 − Σ |F_i ∩ F_j| / Σ min(|F_i|, |F_j|). 0 if free spines line up, so that any two
/// leafs can serve one virtual Clos as well as their counts of links allow. Derived.
[[nodiscard]] inline double misaligned_links(const fabric::ledger<fabric::leaf_spine>& state) {
  const bit_matrix& rows = state.network().free_uplinks();
  std::vector<std::pair<std::size_t, int>> leafs;
  for (leaf_id l : state.fabric().all_leafs())
    if (state.free_gpus(state.fabric().unit_of(l)) > 0)
      leafs.push_back({l.index(), count_bits(rows[l.index()])});
  const fabric::link_columns& parts = state.fabric().up_columns();
  std::int64_t common = 0, most = 0;
  for (std::size_t i = 0; i < leafs.size(); ++i)
    for (std::size_t k = 0; k < i; ++k) {
      if (parts.part_of_lower(leafs[i].first) != parts.part_of_lower(leafs[k].first)) continue;
      common += count_common(rows[leafs[i].first], rows[leafs[k].first]);
      most += std::min(leafs[i].second, leafs[k].second);
    }
  return most == 0 ? 0 : 1 - static_cast<double>(common) / static_cast<double>(most);
}

/// A size of job, and how often it comes.
struct size_share {
  int gpus = 1;
  double weight = 1;  ///< > 0
};

/// The expected share of free GPUs that stay free when jobs of one size, drawn by weight, are placed by
/// `policy` until it says no: what the free GPUs are worth to this mix under this policy, links
/// included. The cluster-wide form of the fragmentation measure of FGD, which asks it of each node.
/// Reference: Weng et al., Beware of Fragmentation: Scheduling GPU-Sharing Workloads with Fragmentation
/// Gradient Descent, USENIX ATC 2023; the extension to links is derived.
template <class Policy, class Ledger>
  requires PlacementPolicy<Policy, Ledger>
[[nodiscard]] double unplaceable(const Ledger& state, std::span<const size_share> mix,
                                 Policy& policy) {
  if (state.free_gpus() == 0) return 0;
  double left = 0, weights = 0;
  fabric::trial<Ledger> trial;
  for (const size_share& size : mix) {
    trial.start(state);
    for (;;) {
      answer a = ask(policy, trial.now(), {trial.next_guest(), size.gpus});
      if (!a || !trial.keep(*std::move(a.where)).valid()) break;
    }
    left += size.weight * trial->free_gpus() / state.free_gpus();
    weights += size.weight;
  }
  return weights > 0 ? left / weights : 0;
}

/// A score for `best_of`: what would be unplaceable after the placement. Placing by it goes down the
/// gradient of fragmentation, as FGD does.
template <PolicyOfSomeFabric Policy>
struct least_unplaceable {
  std::vector<size_share> mix;
  Policy policy = {};

  template <class Ledger>
    requires PlacementPolicy<Policy, Ledger>
  double operator()(const Ledger& free, const placement& p) {
    fabric::trial<Ledger> after{free};
    return after.keep(p).valid() ? unplaceable(after.now(), mix, policy) : 1;
  }
};

}  // namespace heddle::place
