// Virtual Clos networks: GPUs and links of a job's own, so that nobody slows it down.
#pragma once

#include <algorithm>
#include <cstdint>

#include <heddle/core/detail/scratch.hpp>
#include <heddle/place/detail/clos_search.hpp>
#include <heddle/place/detail/railed_vclos.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/place/shared_network.hpp>

namespace heddle::place {

/// What `vclos` saves where two leafs hold a job.
enum class vclos_saves : unsigned char {
  links,  ///< as much as can be lies under one of them
  gpus,   ///< fewest GPUs stay free under both
};

/// Gives N GPUs a virtual Clos: GPUs under some leafs and links from these to some spines, all of
/// the job's own, in a shape on which every phase of every collective can be routed with no more
/// flows on a link than a network card carries (route/owned.hpp). So the job runs as on an idle
/// network. The shapes, in the order in which they are tried:
///
///     one leaf       N GPUs                                             no links
///     two leafs      a ≥ b GPUs, a + b = N, b common spines             2·b links
///     widest first   q ≥ 2 leafs of n GPUs linked to the same n         N links
///                    spines each and, where n does not divide N, one
///                    leaf of r = N − q·n linked to r of these; n from
///                    the widest leaf down
///
/// `any_size = false` keeps to the original's: one leaf, else q leafs of n = N / q, the widest first.
/// Several links between a leaf and a spine count as several virtual spines; what has failed is not free.
///
/// The search is exact: for each shape a biclique of the free links by backtracking on bitsets.
/// Leafs with fewest free GPUs are preferred, and of the spines in common those that fewest leafs
/// could still use, so that the others stay whole. Few wide leafs before many even ones: that leaves
/// room for more jobs (docs/place/comparison.md).
///
/// Says why not: `gpu_fragmentation` if no shape has its leafs even by GPUs alone,
/// `network_fragmentation` if only links are missing (both proved), `search_limit` if it gave up.
///
/// Chain it after `one_server` and `one_leaf` to keep small jobs on few servers. Once it is warm a no
/// allocates nothing, a yes the answer. One writer: it keeps its work space.
/// Owns fixed links: `ocs_vclos` is for circuits.
///
/// *Rails and planes*: every rail of every plane is a network of its own over units, and a job needs its
/// links in all of them. It fits one server (or NVLink domain), or is made of N/g whole servers; where g
/// does not divide N, of s servers with the same q GPUs each, N = s·q: else flows would change rails.
/// Servers take the place of GPUs in the shapes above, units that of leafs. Where GPUs share network
/// cards, cards are taken whole. A plane that has failed everywhere is done without.
///
/// *Three tiers*: a job that no pod holds takes whole units with all their links, and links from spines to
/// cores: T pods of q units, one pod of q' < q and, maybe, one unit of the rest; exact for this family.
///
/// On both `tapered` says that not even the empty network has a shape, and `answer::cut` which cut is too
/// narrow. Why each shape is isolated, and why others are not: docs/place/rails.md.
/// Reference: Han et al., Isolated Scheduling for Distributed Training Tasks in GPU Clusters,
/// arXiv 2308.05692 (2023), for even virtual Clos networks; remainders have the shape of LaaS (ANCS
/// 2016) and Jigsaw (HPDC 2021); the proofs and the search are derived (docs/theory.md).
struct vclos {
  bool any_size = true;  ///< also unequal leafs
  vclos_saves saves = vclos_saves::links;
  std::int64_t search_nodes = 10'000;  ///< of one request, before it gives up; ≥ 1
  heddle::detail::scratch<detail::clos_search> search = {};
  heddle::detail::scratch<detail::railed_vclos> railed = {};

  bool operator==(const vclos&) const = default;

  answer operator()(const detail::clos_ledger& free, const request& job) {
    if (!detail::is_plain_clos(free.fabric())) {
      if (search) search->forget();
      return (*railed)(free, job.gpus, any_size, search_nodes);
    }
    if (railed) railed->forget();
    search->start(free, search_nodes, detail::leaf_order::best_fit);
    if (const leaf_id l = search->one_leaf(job.gpus); l.valid()) {
      placement p;
      pick(free, detail::unit_under(l), job.gpus, p.gpus);
      return p;
    }
    return any_size ? place_any(free, job.gpus) : place_even(free, job.gpus);
  }

  void limit(std::int64_t nodes) { search_nodes = nodes; }
  [[nodiscard]] std::int64_t visited() const {
    return (search ? search->visited() : 0) + (railed ? railed->visited() : 0);
  }

 private:
  using status = detail::search_status;

  static answer gave_up() { return {wait_reason::search_limit, false}; }
  static answer no(bool gpus_would_do) {
    return gpus_would_do ? wait_reason::network_fragmentation : wait_reason::gpu_fragmentation;
  }

  answer place_any(const detail::clos_ledger& free, int gpus) {
    const auto order = saves == vclos_saves::links ? detail::pair_order::fewest_links
                                                   : detail::pair_order::best_fit;
    const status pair = search->find_pair(gpus, order);
    if (pair == status::found) return search->take();
    if (pair == status::gave_up) return gave_up();
    bool gpus_would_do = search->has_pair();
    for (int n = std::min(search->widest(), gpus / 2); n >= 1; --n) {
      const int q = gpus / n, r = gpus % n;
      if (q + (r > 0) > free.fabric().leafs()) break;  // q only grows
      if (!search->has_room(q, n, r)) continue;
      gpus_would_do = true;
      const status s = search->find(q, n, r);
      if (s == status::found) return search->take();
      if (s == status::gave_up) return gave_up();
    }
    return no(gpus_would_do);
  }

  answer place_even(const detail::clos_ledger& free, int gpus) {
    bool gpus_would_do = false;
    const int most = std::min(free.fabric().leafs(), gpus), widest = search->widest();
    for (int m = std::max(2, (gpus + widest - 1) / widest); m <= most; ++m) {
      if (gpus % m || !search->has_room(m, gpus / m, 0)) continue;
      gpus_would_do = true;
      const status s = search->find(m, gpus / m, 0);
      if (s == status::found) return search->take();
      if (s == status::gave_up) return gave_up();
    }
    return no(gpus_would_do);
  }
};

}  // namespace heddle::place
