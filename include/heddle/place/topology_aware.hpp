// Isolation by exclusive leafs, without links of one's own.
#pragma once

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/detail/scratch.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/gpu_book.hpp>
#include <heddle/place/detail/crossing.hpp>
#include <heddle/place/pick.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::place {

/// A job that fits under a leaf gets one, best fit. One that does not gets parts of several, none of
/// which has another job that crosses leafs: leafs with most free GPUs first, the last part where it
/// fits best. So a leaf's links carry the flows of one job only, and jobs do not slow one another
/// down, if all are placed by this policy. Within a job two flows may still meet: it owns no links, so
/// it is routed by the routing of the shared network.
///
/// A job that would fit under a leaf of the cluster waits for one. O(GPUs held by all jobs).
/// Reference: Pollard et al., Evaluation of an Interference-Free Node Allocation Policy on Fat-Tree
/// Clusters, SC 2018; two levels of it, as described in later work.
struct topology_aware {
  struct work_space {
    std::vector<word> crossing;
    std::vector<std::pair<int, unit_id>> units;
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
    auto& [crossing, units] = *work;
    detail::find_crossing_units(free, crossing);
    units.clear();
    int room = 0;
    for (unit_id x : dc.all_units())
      if (free.free_gpus(x) > 0 && !test_bit(crossing, x.index())) {
        units.push_back({-free.free_gpus(x), x});
        room += free.free_gpus(x);
      }
    if (room < job.gpus) return wait_reason::network_fragmentation;
    std::sort(units.begin(), units.end());
    int left = job.gpus;
    for (auto l = units.begin(); left > 0; ++l) {
      const auto holds = [&](const auto& other) { return -other.first >= left; };
      if (holds(*l)) l = std::prev(std::partition_point(l, units.end(), holds));
      const int here = std::min(left, -l->first);
      pick(free, l->second, here, p.gpus);
      left -= here;
    }
    std::sort(p.gpus.begin(), p.gpus.end());
    return p;
  }
};

}  // namespace heddle::place
