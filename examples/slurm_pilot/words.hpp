// What the pilot says to users.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

#include <heddle/fabric/ledger.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/schedule/decision.hpp>

#include "slurm_pilot/job_needs.hpp"
#include "slurm_pilot/machine.hpp"

namespace heddle::pilot {

/// Why a job waits, for people.
[[nodiscard]] inline std::string why_waiting(const schedule::blocked& b) {
  switch (b.why) {
  case place::wait_reason::gpus:
    return "heddle: waits, fewer GPUs are free than it asks for";
  case place::wait_reason::gpu_fragmentation:
    return "heddle: waits, enough GPUs are free, but not in a shape that can be joined";
  case place::wait_reason::network_fragmentation:
    return "heddle: waits, enough GPUs are free, but not enough links of its own to join them";
  case place::wait_reason::tapered:
    return "heddle: waits, its network is too narrow to join so many GPUs, however empty it is";
  case place::wait_reason::search_limit:
    return "heddle: waits, no place was found before the search gave up";
  case place::wait_reason::budget:
    return "heddle: waits for the power budget";
  default:
    return "heddle: waits";
  }
}

/// Why a job can never be placed, for people.
/// \param why  it is not, on the empty cluster, in the words of the placement
template <class Fabric>
[[nodiscard]] std::string why_never(const machine<Fabric>& m, int gpus, const job_need& need,
                                    place::wait_reason why) {
  const fabric::ledger empty{m.dc};
  const auto gpus_of_unit = [&](unit_id u) {
    int n = 0;
    for (server_id s : m.servers.servers_of(u))
      if (need.servers.empty() || need.servers[s.index()])
        n += static_cast<int>(m.servers.gpus_of(s).size());
    return n;
  };
  int all = 0, largest = 0;
  for (unit_id u : m.servers.all_units()) all += gpus_of_unit(u);
  const bool joined = empty.islands().all_joined();
  for (std::size_t k = 0; !joined && k < empty.islands().size(); ++k) {
    int n = 0;
    for (unit_id u : empty.islands().units(k)) n += gpus_of_unit(u);
    largest = std::max(largest, n);
  }
  const std::string asks =
      "heddle: waits for ever, it asks for " + std::to_string(gpus) + " GPUs and ";
  if (gpus > all)
    return asks +
           (need.servers.empty() ? "the cluster has " : "the servers that it may have hold ") +
           std::to_string(all);
  if (!joined && gpus > largest)
    return asks + "the largest part of the network that switches join has " +
           std::to_string(largest);
  if (why == place::wait_reason::network_fragmentation || why == place::wait_reason::tapered)
    return "heddle: waits for ever, even the empty cluster has too few links to join so many GPUs";
  return "heddle: waits for ever, not even the empty cluster has a place for so many GPUs";
}

}  // namespace heddle::pilot
