// Virtual Clos networks over optical circuit switches: links where a job needs them.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <limits>
#include <utility>

#include <heddle/core/detail/scratch.hpp>
#include <heddle/optical/kempe.hpp>
#include <heddle/place/detail/clos_shapes.hpp>
#include <heddle/place/detail/ocs_equal_leafs.hpp>
#include <heddle/place/detail/ocs_search.hpp>
#include <heddle/place/detail/ocs_unequal_leafs.hpp>
#include <heddle/place/guarantee.hpp>
#include <heddle/place/pick.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/traffic/leaf_width.hpp>

namespace heddle::place {

/// Which circuits of running jobs may move so that another job can start. A move costs the job that
/// owns the circuit a switching time.
enum class rewiring : unsigned char {
  never,    ///< idle fibres only
  bounded,  ///< at most `most_moved` circuits for one start
  free,     ///< as many as it takes
};

namespace detail {
struct ocs_vclos_work {
  ocs_search search;
  ocs_equal_leafs equal;
  ocs_unequal_leafs unequal;
};
}  // namespace detail

/// Gives N GPUs of an optical fabric a virtual Clos of circuits of their own. The shapes are those of
/// `vclos`, and one more that several fibres of one spine make possible:
///
///     one leaf       N GPUs                                              no circuits
///     even           m leafs of n GPUs, N = m·n, n virtual spines,       N
///                    widest leafs first
///     two leafs      a ≥ b GPUs, b virtual spines                        2·b
///     with a rest    q leafs of n GPUs with n virtual spines, one leaf   N
///                    of r < n GPUs with r of these, N = q·n + r
///     crossbar       any GPUs under any leafs, each with a port of       N
///                    one and the same spine, few leafs first
///     in parts       m virtual leafs of at most n GPUs, several of       m·n
///                    them under one leaf, n virtual spines, N ≤ m·n;
///                    fewest circuits first
///
/// A *virtual spine* is a circuit from each leaf to one spine; a spine with ports enough may be several.
/// A *virtual leaf* is up to n GPUs of a leaf with a circuit to each of n virtual spines. In parts a job
/// needs no equal leafs, which on a busy cluster are what is wanting. `any_size = false` keeps to the first
/// two shapes, `parts = false` leaves out the last.
///
/// With `guarantee = declared`, for jobs that say what they send, leafs of any sizes over w virtual spines
/// are tried first, as in `vclos`: m·w circuits for m leafs, as few of these as can be.
///
/// With `most_slowdown` > 1 a job that cannot be isolated gets fewer circuits of its own, f GPUs to one, as
/// `relaxed` does on fixed links: declared over ⌈w/f⌉ virtual spines, or in parts of f·n GPUs with n circuits;
/// `answer::predicted_slowdown` = f.
///
/// GPUs are chosen first, then links: where every circuit may move and all OCS are alike, free ports
/// alone decide (docs/optical/ocs_vclos.md), so no job waits for want of the right ones. What is
/// tried, in order: virtual spines one by one on idle fibres; the same with circuits of running jobs
/// making way by Kempe chains, as `may_move` allows; exact search on idle fibres, over all leafs and
/// spines, within `search_nodes`.
///
/// Says why not: `gpu_fragmentation` if no shape has its leafs by GPUs alone, `network_fragmentation`
/// if only links are missing, `search_limit` if the search gave up. `answer::proved` is true under
/// `never` unless it gave up; under `free` while all OCS are alike; under `bounded` only for want of
/// ports. Parts are not searched for: where their ports would do and circuits could not be found, a no is
/// not proved. `answer::moved` are the circuits to move before the reservation, by `ledger::rewire`.
///
/// Once it is warm, a no on ports or idle fibres allocates nothing. One writer.
/// Reference: Han et al., arXiv 2308.05692 (2023), for the idea and the stages; shapes beyond equal
/// leafs, the counting, the chains and the search are derived.
struct ocs_vclos {
  rewiring may_move = rewiring::never;
  int most_moved = 8;    ///< circuits of running jobs, under `bounded`; ≥ 0
  bool any_size = true;  ///< also unequal leafs
  bool parts = true;     ///< also virtual leafs, several of them under one leaf
  isolated_for guarantee = isolated_for::any;
  int most_slowdown =
      1;  ///< of communication: more than 1 where fewer circuits than isolate may do
  std::int64_t search_nodes = 500;  ///< of one request, before it gives up; ≥ 1
  heddle::detail::scratch<detail::ocs_vclos_work> work = {};  ///< nothing to set

  bool operator==(const ocs_vclos&) const = default;

  answer operator()(const detail::ocs_ledger& free, const request& job) {
    if (work) work->search.nodes = work->search.budget = 0;  // one leaf takes no search
    if (auto p = one_leaf{}(free, job)) return *std::move(p);
    detail::ocs_search& q = work->search;
    const int most = may_move == rewiring::free ? optical::kempe::frozen : most_moved;
    q.start(free, may_move != rewiring::never, most, search_nodes);
    if (guarantee == isolated_for::declared && place_declared(free, job)) {
      answer a = build(free);
      a.where->enough_for = job.sends;
      return a;
    }
    if (work->equal.even(q, job.gpus)) return build(free);
    if (any_size && (work->unequal.two_leafs(q, job.gpus) || work->equal.with_rest(q, job.gpus) ||
                     work->unequal.crossbar(q, job.gpus)))
      return build(free);
    if (any_size && parts && work->unequal.in_parts(q, job.gpus)) return build(free);
    answer no{q.gave_up         ? wait_reason::search_limit
              : q.gpus_would_do ? wait_reason::network_fragmentation
                                : wait_reason::gpu_fragmentation,
              !q.gave_up && !q.unproved};
    const int shares = std::min({most_slowdown, job.gpus, free.fabric().gpus_per_leaf()});
    if (shares < 2) return no;
    for (int share = 2; share <= shares; share = detail::next_share(share, shares)) {
      q.gave_up = false;
      const bool says = guarantee == isolated_for::declared && place_declared(free, job, share);
      if (!says && !work->unequal.in_parts(q, job.gpus, share)) continue;
      answer a = build(free);
      if (says) a.where->enough_for = job.sends;
      a.predicted_slowdown = share;
      return a;
    }
    no.proved = false;
    return no;
  }

  static constexpr int no_bound = std::numeric_limits<int>::max();  ///< of `most_slowdown`

  void limit(std::int64_t nodes) { search_nodes = nodes; }
  [[nodiscard]] std::int64_t visited() const {
    return work ? work->search.nodes - work->search.budget : 0;
  }

 private:
  bool place_declared(const detail::ocs_ledger& free, const request& job, int share = 1) {
    if (job.sends.empty()) return false;
    const fabric::leaf_spine_ocs& dc = free.fabric();
    const auto wide = traffic::leaf_width(job.sends, job.gpus, dc.hosts());
    return wide && *wide <= share * dc.uplinks() &&
           work->unequal.covered(work->search, job.gpus, std::max(1, (*wide + share - 1) / share));
  }
  answer build(const detail::ocs_ledger& free) {
    detail::ocs_search& q = work->search;
    std::sort(q.parts.begin(), q.parts.end(),
              [](const auto& a, const auto& b) { return a.leaf < b.leaf; });
    placement p;
    for (const auto& [leaf, gpus] : q.parts) pick(free, free.fabric().unit_of(leaf), gpus, p.gpus);
    p.circuits = q.links.circuits();
    answer a{std::move(p)};
    a.moved.assign(q.links.moves().begin(), q.links.moves().end());
    return a;
  }
};

}  // namespace heddle::place
