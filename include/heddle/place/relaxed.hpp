// Fewer links than an isolated job needs, and what that costs it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include <heddle/core/detail/scratch.hpp>
#include <heddle/place/detail/clos_search.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/place/vclos.hpp>

namespace heddle::place {

/// An isolated placement if there is one; else the least shared one. *Shared* are a job's own links
/// among its own flows: it gets a *thin* virtual Clos, links to fewer spines than it has GPUs under a
/// leaf, and no link of anybody else. So other jobs stay isolated, whatever is admitted.
///
/// With f GPUs to a link, `predicted_slowdown` = f: no phase of any collective takes more than f times
/// its ideal time, and those in which all GPUs send to other leafs take just that. Shapes, for
/// f = 1, 2, … up to `most_slowdown`, the threshold of admission:
///
///     two leafs   a ≥ b GPUs, ⌈b/f⌉ common spines
///     thin        leafs of at most f·s GPUs, each linked to the same s spines; the last one of r GPUs
///                 to ⌈r/f⌉ of these; of all s that with fewest links
///
/// *Proof.* As for virtual Clos networks (docs/theory.md) with f flows to a link in place of one: every
/// leaf has degree at most f·s, so f·s colours suffice, and f of them stand for one spine. ∎ Derived.
/// Thin shapes are found greedily, leafs with most free GPUs first: a no is not proved.
///
/// On rails and planes, and in three tiers, isolated placements alone.
///
/// One writer. O(f · leafs · GPUs of a leaf) after the isolated search.
struct relaxed {
  vclos isolated = {};
  int most_slowdown = 4;  ///< of communication; 1: isolated placements alone, any leafs
  heddle::detail::scratch<detail::clos_search> search = {};

  bool operator==(const relaxed&) const = default;

  answer operator()(const detail::clos_ledger& free, const request& job) {
    answer no = isolated(free, job);
    if (no || !detail::knows_wiring(free)) return no;
    search->start(free, isolated.search_nodes, detail::leaf_order::best_fit);
    for (int share = 1; share <= most_slowdown; ++share)
      if (std::optional<placement> p = place_thin(job.gpus, share)) {
        answer a = *std::move(p);
        a.predicted_slowdown = share;
        return a;
      }
    no.proved = false;
    return no;
  }

  void limit(std::int64_t nodes) { isolated.limit(nodes); }
  [[nodiscard]] std::int64_t visited() const { return isolated.visited(); }

 private:
  std::optional<placement> place_thin(int gpus, int share) {
    if (share > 1 && search->find_pair(gpus, detail::pair_order::fewest_links, share) ==
                         detail::search_status::found)
      return search->take();
    std::optional<int> least;
    int best = 0;
    for (int links = 1; links <= search->widest(); ++links) {
      const std::optional<int> all = search->find_thin(gpus, links, share);
      if (!all || (least && *all >= *least)) continue;
      least = all;
      best = links;
    }
    if (!least) return std::nullopt;
    (void)search->find_thin(gpus, best, share);
    return search->take();
  }
};

}  // namespace heddle::place
