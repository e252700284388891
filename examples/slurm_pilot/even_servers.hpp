// Placements that Slurm can be told.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include <heddle/fabric/hosts.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::pilot {

/// The GPUs that a placement takes of each server it uses, or 0 if servers differ.
[[nodiscard]] inline int gpus_of_each_server(const fabric::hosts& dc, const fabric::placement& p) {
  std::map<server_id, int> count;
  for (gpu_id g : p.gpus) ++count[dc.server_of(g)];
  for (const auto& [s, n] : count)
    if (n != count.begin()->second) return 0;
  return count.empty() ? 0 : count.begin()->second;
}

/// Asks its policy for placements with the same number of GPUs on every server used: Slurm gives a
/// job equal nodes, or chooses itself how many of each. Where the policy's own answer is uneven, it
/// is asked again with servers cut down to q free GPUs each, for q from the largest divisor of the
/// job's GPUs that a server holds downwards.
///
/// If only uneven placements were found, the job waits for `gpu_fragmentation`; this is not proved.
/// O(divisors · (cluster + one question)). One writer.
template <place::PolicyOfSomeFabric Policy>
class even_servers {
 public:
  explicit even_servers(Policy policy = {}) : policy_(std::move(policy)) {}

  template <class Fabric>
  requires place::PlacementPolicy<Policy, fabric::ledger<Fabric>> place::answer
  operator()(const fabric::ledger<Fabric>& free, const place::request& job) {
    const fabric::hosts& dc = free.hosts();
    place::answer first = place::ask(policy_, free, job);
    if (!first || gpus_of_each_server(dc, *first.where) > 0) return first;
    for (int q = std::min(job.gpus, dc.gpus_per_server()); q >= 1; --q) {
      if (job.gpus % q != 0) continue;
      place::answer a = place::ask(policy_, with_servers_of(free, q), job);
      if (a && gpus_of_each_server(dc, *a.where) > 0) return a;
    }
    return {place::wait_reason::gpu_fragmentation, false};
  }

 private:
  /// The cluster with q free GPUs on every server that has as many, and none on the others.
  template <class Fabric>
  static fabric::ledger<Fabric> with_servers_of(const fabric::ledger<Fabric>& free, int q) {
    fabric::ledger<Fabric> part = free;
    for (server_id s : free.hosts().all_servers()) {
      int kept = free.free_gpus(s) >= q ? q : 0;
      for (gpu_id g : free.hosts().gpus_of(s))
        if (free.is_free(g) && kept-- <= 0) part.fail(g);
    }
    return part;
  }

  Policy policy_;
};

}  // namespace heddle::pilot
