// Isolation by exclusive leafs, without links of one's own.
#pragma once

#include <algorithm>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/detail/scratch.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/gpu_book.hpp>
#include <heddle/place/detail/crossing.hpp>
#include <heddle/place/detail/near_first.hpp>
#include <heddle/place/pick.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::place {

/// A job that fits under a leaf gets one, best fit. One that does not gets parts of several, none of
/// which has another job that crosses leafs: in the pod where that takes fewest leafs, of equal ones where it
/// fits best; leafs with most free GPUs first, the last part where it fits best. One that fits no pod gets
/// parts of few pods, none of which has another job that crosses pods. So a link carries the flows of one job
/// only, and jobs do not slow one another down, if all are placed by this policy. Within a job two flows may
/// still meet: it owns no links, so it is routed by the routing of the shared network.
///
/// A job that would fit under a leaf of the cluster waits for one. O(GPUs held by all jobs).
/// Reference: Pollard et al., Evaluation of an Interference-Free Node Allocation Policy on Fat-Tree
/// Clusters, SC 2018; pods in the manner of leafs.
struct topology_aware {
  struct work_space {
    std::vector<word> crossing_units, crossing_pods;
    detail::near_first units;
  };
  heddle::detail::scratch<work_space> work = {};

  bool operator==(const topology_aware&) const = default;

  answer operator()(const fabric::gpu_book& free, const request& job) {
    const fabric::hosts& dc = free.hosts();
    placement p;
    if (job.gpus <= dc.gpus_per_unit()) {
      unit_id best;
      for (unit_id x : dc.all_units())
        if (free.free_gpus(x) >= job.gpus &&
            (!best.valid() || free.free_gpus(x) < free.free_gpus(best)))
          best = x;
      if (!best.valid()) return wait_reason::gpu_fragmentation;
      pick(free, best, job.gpus, p.gpus);
      return p;
    }
    detail::find_crossing(free, work->crossing_units, work->crossing_pods);
    if (!in_one_pod(free, job.gpus, p) && !over_pods(free, job.gpus, p))
      return wait_reason::network_fragmentation;
    std::sort(p.gpus.begin(), p.gpus.end());
    return p;
  }

 private:
  bool in_one_pod(const fabric::gpu_book& free, int gpus, placement& p) {
    const fabric::hosts& dc = free.hosts();
    const bool holds = std::any_of(dc.all_pods().begin(), dc.all_pods().end(), [&](pod_id pod) {
      int room = 0;
      for (unit_id x : dc.units_of(pod)) room += room_in(free, x);
      return room >= gpus;
    });
    return holds && share_out(free, gpus, p, [](unit_id) { return true; });
  }
  bool over_pods(const fabric::gpu_book& free, int gpus, placement& p) {
    const fabric::hosts& dc = free.hosts();
    return dc.pods() > 1 && share_out(free, gpus, p, [&](unit_id x) {
             return !test_bit(work->crossing_pods, dc.pod_of(x).index());
           });
  }
  template <class Allowed>
  bool share_out(const fabric::gpu_book& free, int gpus, placement& p, Allowed&& allowed) {
    work->units.clear();
    for (unit_id x : free.hosts().all_units())
      if (const int here = room_in(free, x); here > 0 && allowed(x)) work->units.add(x, here);
    if (!work->units.over_units(free.hosts(), gpus, detail::of_equals::last,
                                detail::best_pod::fewest_units))
      return false;
    for (const detail::room_in& x : work->units.shares())
      pick(free, unit_id{x.part}, x.room, p.gpus);
    return true;
  }
  [[nodiscard]] int room_in(const fabric::gpu_book& free, unit_id x) {
    return test_bit(work->crossing_units, x.index()) ? 0 : free.free_gpus(x);
  }
};

}  // namespace heddle::place
