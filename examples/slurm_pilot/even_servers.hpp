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

#include "slurm_pilot/job_needs.hpp"

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
/// Jobs with needs of their own are asked for in a cluster from which all servers are taken that they
/// may not have.
///
/// O(divisors · (cluster + one question)). One writer.
template <place::PolicyOfSomeFabric Policy>
class even_servers {
 public:
  /// \param needs  may be null; read at each question, and must outlive this
  explicit even_servers(Policy policy = {}, const job_needs* needs = nullptr)
      : policy_(std::move(policy)), needs_(needs) {}

  template <class Fabric>
  requires place::PlacementPolicy<Policy, fabric::ledger<Fabric>> place::answer
  operator()(const fabric::ledger<Fabric>& free, const place::request& job) {
    const job_need* need = nullptr;
    if (needs_)
      if (const auto at = needs_->find(job.job.value); at != needs_->end()) need = &at->second;
    if (!need) return even(free, job, 0);
    return even(allowed_part_of(free, *need), job, need->gpus_each);
  }

 private:
  template <class Fabric>
  place::answer even(const fabric::ledger<Fabric>& free, const place::request& job, int each) {
    const fabric::hosts& dc = free.hosts();
    const auto fits = [&](const place::answer& a) {
      const int n = a ? gpus_of_each_server(dc, *a.where) : 0;
      return n > 0 && (each == 0 || n == each);
    };
    place::answer first = place::ask(policy_, free, job);
    if (!first || fits(first)) return first;
    for (int q = std::min(job.gpus, dc.gpus_per_server()); q >= 1; --q) {
      if (job.gpus % q != 0 || (each > 0 && q != each)) continue;
      place::answer a = place::ask(policy_, with_servers_of(free, q), job);
      if (fits(a)) return a;
    }
    return {place::wait_reason::gpu_fragmentation, false};
  }

  /// The cluster without the servers that a job may not have.
  template <class Fabric>
  static fabric::ledger<Fabric> allowed_part_of(const fabric::ledger<Fabric>& free,
                                                const job_need& need) {
    fabric::ledger<Fabric> part = free;
    const fabric::hosts& dc = free.hosts();
    for (server_id s : dc.all_servers()) {
      const bool allowed = need.servers.empty() || need.servers[s.index()];
      const bool whole = !need.whole_servers || free.free_gpus(s) == dc.gpus_per_server();
      if (allowed && whole) continue;
      for (gpu_id g : dc.gpus_of(s))
        if (free.is_free(g)) part.fail(g);
    }
    return part;
  }
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
  const job_needs* needs_;
};

}  // namespace heddle::pilot
