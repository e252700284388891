// What single jobs need of the servers that they are placed on, beside GPUs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "slurm_pilot/machine.hpp"
#include "slurm_pilot/read_fields.hpp"
#include "slurm_pilot/slurm_report.hpp"

namespace heddle::pilot {

/// The servers that a job may have.
struct job_need {
  std::vector<bool> servers{};  ///< by server, whether it may have it; empty: all
  bool whole_servers = false;   ///< all GPUs of each that it gets, and no other job there
  int gpus_each = 0;            ///< so many of each that it gets; 0: any number, the same of all

  friend auto operator<=>(const job_need&, const job_need&) = default;
};

/// By Slurm's job id; jobs that need nothing are not there.
using job_needs = std::map<std::uint32_t, job_need>;

/// What a held job needs: servers of its partition, with GPUs of its type alone, whole ones for an
/// exclusive job, and as many GPUs of each as its sockets make. What Slurm does not tell of the nodes restricts nothing.
[[nodiscard]] inline job_need need_of(const job_report& r, const std::vector<node_report>& nodes,
                                      const site& m) {
  job_need need{.whole_servers = r.exclusive,
                .gpus_each = r.exclusive ? m.servers.gpus_per_server() : r.gpus_each};
  const auto partitions = detail::split(r.partition, ',');
  std::vector<bool> allowed(m.hosts.size(), true);
  for (const node_report& n : nodes) {
    const auto s = m.server_named.find(n.name);
    if (s == m.server_named.end()) continue;
    const bool typed = r.gpu_type.empty() || n.types == std::vector{r.gpu_type};
    const bool inside =
        r.partition.empty() || n.partitions.empty() ||
        std::any_of(partitions.begin(), partitions.end(), [&](std::string_view p) {
          return std::find(n.partitions.begin(), n.partitions.end(), p) != n.partitions.end();
        });
    allowed[s->second.index()] = typed && inside;
  }
  if (std::find(allowed.begin(), allowed.end(), false) != allowed.end())
    need.servers = std::move(allowed);
  return need;
}

/// The same for jobs that need the same.
[[nodiscard]] inline std::string kind_of(const job_report& r) {
  return r.partition + '/' + r.gpu_type + (r.exclusive ? "/exclusive/" : "//") +
         std::to_string(r.gpus_each);
}

/// The GPUs that a held job is to be given: those it asks for, and all of its servers if they are its
/// own.
[[nodiscard]] inline int gpus_to_give(const job_report& r, const site& m) {
  const int each = m.servers.gpus_per_server();
  if (!r.exclusive || r.gpus == 0 || each == 0) return r.gpus;
  return std::max(r.nodes_asked, (r.gpus + each - 1) / each) * each;
}

/// The GPUs of each node that Slurm is told for a job; 0: none, since it refuses a number beside one by
/// socket, and for a job whose nodes are its own another one than it asks for.
[[nodiscard]] inline int gpus_to_tell(const job_report& r, std::size_t nodes, int placed) {
  if (r.gpus_each > 0) return 0;
  if (!r.exclusive) return placed;
  const int n = static_cast<int>(nodes);
  return r.gpus % n == 0 ? r.gpus / n : 0;
}

}  // namespace heddle::pilot
