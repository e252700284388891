// Fewer links than an isolated job needs, and what that costs it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include <heddle/core/declared.hpp>
#include <heddle/core/detail/scratch.hpp>
#include <heddle/place/detail/clos_search.hpp>
#include <heddle/place/detail/plain_vclos.hpp>
#include <heddle/place/detail/railed_vclos.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/place/vclos.hpp>

namespace heddle::place {

namespace detail {
struct thin_search {
  plain_vclos plain;
  railed_vclos railed;
};
}  // namespace detail

/// An isolated placement if there is one; else the least shared one. *Shared* are a job's own links
/// among its own flows: it gets a *thin* virtual Clos, links to fewer spines than it has GPUs under a
/// leaf, and no link of anybody else. So other jobs stay isolated, whatever is admitted.
///
/// With f GPUs to a link, `predicted_slowdown` = f: no phase of any collective takes more than f times
/// its ideal time, and those in which all GPUs send to other leafs take just that. Shapes, for
/// f = 1, 2, … 6, 8, 10, 13, … a third more each time up to `most_slowdown`, the threshold of admission (an
/// admission that compares, like `admit::paying`, needs none):
///
///     declared    as in `vclos`, leafs of any sizes over ⌈w/f⌉ common spines
///     two leafs   a ≥ b GPUs, ⌈b/f⌉ common spines
///     thin        leafs of at most f·s GPUs, each linked to the same s spines (or one of more, if all
///                 others have no more than that); the last one of r GPUs to ⌈r/f⌉ of these; fewest links
///                 first
///
/// *Proof.* As for virtual Clos networks (docs/theory.md) with f flows to a link in place of one: every
/// leaf has degree at most f·s, so f·s colours suffice, and f of them stand for one spine. ∎ Derived.
/// A no is not proved: a last leaf with fewer links is not searched for, only made use of.
///
/// On rails and planes, and in three tiers, *declared* and *thin* with units for leafs and cards for GPUs, inside
/// one pod, else in those with most room (detail/core_cover.hpp).
///
/// One writer.
struct relaxed {
  vclos isolated = {};
  int most_slowdown = 4;  ///< of communication; 1: isolated placements alone, any leafs
  heddle::detail::scratch<detail::thin_search> search = {};

  bool operator==(const relaxed&) const = default;

  answer operator()(const detail::clos_ledger& free, const request& job) {
    answer no = isolated(free, job);
    if (no) return no;
    const declared sends = isolated.guarantee == isolated_for::declared ? job.sends : declared{};
    const bool plain = detail::is_plain_clos(free.fabric());
    // All GPUs under a leaf on one link is the most there can be.
    const int most = std::min({most_slowdown, job.gpus, free.fabric().hosts().gpus_per_unit()});
    for (int share = 1; share <= most; share = detail::next_share(share, most))
      if (auto p = plain
                       ? search->plain.thin(free, job.gpus, sends, share, isolated.search_nodes)
                       : search->railed.thin(free, job.gpus, sends, share, isolated.search_nodes)) {
        answer a = *std::move(p);
        a.predicted_slowdown = share;
        return a;
      }
    no.proved = false;
    return no;
  }

  static constexpr int no_bound = std::numeric_limits<int>::max();  ///< of `most_slowdown`

  void limit(std::int64_t nodes) { isolated.limit(nodes); }
  [[nodiscard]] std::int64_t visited() const { return isolated.visited(); }
};

}  // namespace heddle::place
