// The ranks of one job and where each of them sits.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/core/shape.hpp>
#include <heddle/fabric/hosts.hpp>

namespace heddle::traffic {

/// A set of GPUs that communicate, in rank order, with what patterns and routes need to know of
/// each rank. All vectors have one entry per rank.
struct group {
  std::vector<gpu_id> gpus;
  std::vector<server_id> servers;
  std::vector<leaf_id> leafs;
  std::vector<std::uint32_t> slots;  ///< the rank's place among the group's ranks under its leaf
  int gpus_per_server = 1;           ///< of the fabric, not of this group
  int planes = 1;                    ///< likewise; a rank's leaf in plane p is p further

  /// Where NVLink domains have several servers; else empty: a server is one.
  std::vector<domain_id> domains = {};
  /// With rails each rank's number in its server, and all ranks by GPU; else empty.
  std::vector<std::uint32_t> numbers = {};
  std::vector<std::uint32_t> by_gpu = {};
  /// Where GPUs share network cards the first rank on the same card; else empty.
  std::vector<std::uint32_t> cards = {};
  /// On a torus the mesh in whose cells the ranks stand, by number; else none.
  box_shape mesh = {};

  [[nodiscard]] int size() const { return static_cast<int>(gpus.size()); }
  /// Whether two ranks talk over NVLink, and use no network card for it.
  [[nodiscard]] bool share_domain(std::uint32_t a, std::uint32_t b) const {
    return domains.empty() ? servers[a] == servers[b] : domains[a] == domains[b];
  }
  /// The rank over whose network card a flow to `target` leaves the server of `source`: with rails the
  /// one of the target's number there, so that it stays on the target's rail (NCCL calls it PXN); `source`
  /// itself without rails, or where the group has none of that number. O(1) where ranks are in order of
  /// their GPUs, else O(log ranks).
  [[nodiscard]] std::uint32_t entry(std::uint32_t source, std::uint32_t target) const {
    if (numbers.empty() || numbers[source] == numbers[target]) return source;
    const gpu_id wanted{gpus[source].value - numbers[source] + numbers[target]};
    const std::uint32_t near = source + numbers[target] - numbers[source];
    if (near < gpus.size() && gpus[near] == wanted) return near;
    const auto at = std::lower_bound(by_gpu.begin(), by_gpu.end(), wanted,
                                     [&](std::uint32_t rank, gpu_id g) { return gpus[rank] < g; });
    return at != by_gpu.end() && gpus[*at] == wanted ? *at : source;
  }
  /// Whether some ranks lie under different leafs.
  [[nodiscard]] bool crosses_leafs() const {
    return std::any_of(leafs.begin(), leafs.end(), [&](leaf_id l) { return l != leafs.front(); });
  }
};

namespace detail {
/// What rails, shared cards and NVLink domains of several servers add.
template <class Fabric>
void add_wiring(const Fabric& dc, group& g) {
  const auto ranks = static_cast<std::uint32_t>(g.gpus.size());
  const auto by_gpu = [&] {
    std::vector<std::uint32_t> order(ranks);
    std::iota(order.begin(), order.end(), 0u);
    const auto before = [&](std::uint32_t a, std::uint32_t b) { return g.gpus[a] < g.gpus[b]; };
    if (!std::is_sorted(order.begin(), order.end(), before))
      std::sort(order.begin(), order.end(), before);
    return order;
  };
  if (dc.hosts().domains() < dc.hosts().servers())
    for (server_id s : g.servers) g.domains.push_back(dc.hosts().domain_of(s));
  if (dc.rails() > 1) {
    for (gpu_id x : g.gpus)
      g.numbers.push_back(static_cast<std::uint32_t>(dc.hosts().index_in_server(x)));
    g.by_gpu = by_gpu();
  }
  if (const auto each = static_cast<std::uint32_t>(dc.gpus_per_card()); each > 1) {
    g.cards.resize(ranks);
    std::uint32_t first = 0;
    gpu_id last;
    for (std::uint32_t r : by_gpu()) {
      const auto number = static_cast<std::uint32_t>(dc.hosts().index_in_server(g.gpus[r]));
      const gpu_id card{g.gpus[r].value - number % each};
      if (card != last) first = r;
      last = card;
      g.cards[r] = first;
    }
  }
}
}  // namespace detail

/// The group of `gpus`, given in rank order. O(ranks + leafs).
/// \tparam Fabric  with leafs: `leafs()`, `leaf_of(gpu)`, `server_of(gpu)`, `gpus_per_server()`
template <class Fabric>
[[nodiscard]] group make_group(const Fabric& dc, std::span<const gpu_id> gpus) {
  group g;
  g.gpus.assign(gpus.begin(), gpus.end());
  g.gpus_per_server = dc.gpus_per_server();
  g.servers.reserve(gpus.size());
  g.leafs.reserve(gpus.size());
  g.slots.reserve(gpus.size());
  std::vector<std::uint32_t> next_slot(static_cast<std::size_t>(dc.leafs()), 0);
  if constexpr (requires { dc.planes(); }) g.planes = dc.planes();
  for (gpu_id gpu : gpus) {
    const leaf_id leaf = dc.leaf_of(gpu);
    g.servers.push_back(dc.server_of(gpu));
    g.leafs.push_back(leaf);
    g.slots.push_back(next_slot[leaf.index()]++);
  }
  if constexpr (requires { dc.rails(); }) detail::add_wiring(dc, g);
  return g;
}

/// The group of ranks on a torus, which has no leafs: hosts stand for them. O(ranks).
[[nodiscard]] inline group make_mesh_group(const fabric::hosts& dc, std::span<const gpu_id> gpus,
                                           const box_shape& mesh) {
  group g;
  g.gpus.assign(gpus.begin(), gpus.end());
  g.gpus_per_server = dc.gpus_per_server();
  g.mesh = mesh;
  std::vector<std::uint32_t> next_slot(static_cast<std::size_t>(dc.servers()), 0);
  for (gpu_id gpu : gpus) {
    const server_id s = dc.server_of(gpu);
    g.servers.push_back(s);
    g.leafs.push_back(leaf_id{s.value});
    g.slots.push_back(next_slot[s.index()]++);
  }
  return g;
}

}  // namespace heddle::traffic
