// Virtual Clos networks: GPUs and links of a job's own, so that nobody slows it down.
#pragma once

#include <cstdint>

#include <heddle/core/declared.hpp>
#include <heddle/core/detail/scratch.hpp>
#include <heddle/place/detail/clos_search.hpp>
#include <heddle/place/detail/plain_vclos.hpp>
#include <heddle/place/detail/railed_vclos.hpp>
#include <heddle/place/guarantee.hpp>
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
///     unequal        n_i GPUs under m ≥ 3 leafs, w common spines,        m·w links
///                    w ≥ min(n_i, N − n_i) for each; fewest links first
///
/// With `guarantee = declared`, for jobs that say what they send, first of all leafs of any sizes over w
/// common spines, w being the most flows of these collectives that leave a leaf (traffic/leaf_width.hpp):
/// 1 for a flat ring or a pipeline, the GPUs of a server for a hierarchical ring, on rails the cards of a
/// server there. `placement::enough_for` says for what such links are enough. Where a shape for every
/// collective takes fewer links than that, it gets those.
///
/// `any_size = false` keeps to the original's: one leaf, else q leafs of n = N / q, the widest first.
/// Several links between a leaf and a spine count as several virtual spines; what has failed is not free.
///
/// The search is exact: for each shape a biclique of the free links by backtracking on bitsets.
/// Leafs with fewest free GPUs are preferred, and of the spines in common those that fewest leafs
/// could still use, so that the others stay whole. Few wide leafs before many even ones: that leaves
/// room for more jobs (docs/place/comparison.md).
///
/// Says why not: `tapered` if not even the empty network has a shape, `answer::cut` being what is too narrow;
/// `gpu_fragmentation` if no shape has its leafs even by GPUs alone, `network_fragmentation` if only links
/// are missing (all proved); `search_limit` if it gave up.
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
/// cores: T pods of q units, one pod of q' < q and, maybe, one unit of the rest; exact for this family. Over
/// pods a job gets no fewer links for what it declares, and units of no other sizes: these are for one pod.
///
/// Why each shape is isolated, and why others are not: docs/place/rails.md.
/// Reference: Han et al., Isolated Scheduling for Distributed Training Tasks in GPU Clusters,
/// arXiv 2308.05692 (2023), for even virtual Clos networks; remainders have the shape of LaaS (ANCS
/// 2016) and Jigsaw (HPDC 2021); the proofs and the search are derived (docs/theory.md).
struct vclos {
  bool any_size = true;  ///< not even ones alone
  bool unequal =
      true;  ///< also leafs of any sizes; without, those of two leafs and with a remainder
  vclos_saves saves = vclos_saves::links;
  isolated_for guarantee = isolated_for::any;
  std::int64_t search_nodes = 10'000;  ///< of one request, before it gives up; ≥ 1
  heddle::detail::scratch<detail::plain_vclos> search = {};
  heddle::detail::scratch<detail::railed_vclos> railed = {};

  bool operator==(const vclos&) const = default;

  answer operator()(const detail::clos_ledger& free, const request& job) {
    const detail::clos_shapes shapes{
        .remainder = any_size,
        .unequal = any_size && unequal,
        .pairs = saves == vclos_saves::links ? detail::pair_order::fewest_links
                                             : detail::pair_order::best_fit,
        .sends = guarantee == isolated_for::declared ? job.sends : declared{}};
    if (detail::is_plain_clos(free.fabric())) {
      if (railed) railed->forget();
      return (*search)(free, job.gpus, shapes, search_nodes);
    }
    if (search) search->forget();
    return (*railed)(free, job.gpus, shapes, search_nodes);
  }

  void limit(std::int64_t nodes) { search_nodes = nodes; }
  [[nodiscard]] std::int64_t visited() const {
    return (search ? search->visited() : 0) + (railed ? railed->visited() : 0);
  }
};

}  // namespace heddle::place
