// Reading what Slurm's commands print: pure functions from text to reports.
//
//   command                    with the JSON plugin      without
//   squeue                     read_jobs_json            read_jobs_text (job_fields)
//   sinfo                      read_nodes_json           read_nodes_text (node_fields)
//   scontrol show topology     topology_conf             the same
//
// JSON of Slurm 22.05 to 24.11 is read. Without JSON the numbers of a job's GPUs are not told.
#pragma once

#include <string>
#include <string_view>

#include "slurm_pilot/read_fields.hpp"
#include "slurm_pilot/read_jobs.hpp"
#include "slurm_pilot/read_nodes.hpp"
#include "slurm_pilot/slurm_report.hpp"

namespace heddle::pilot {

/// Turns what `scontrol show topology` prints into the topology.conf that it came from: levels are
/// left out, and so are the nodes of upper switches, which repeat those of the leafs.
[[nodiscard]] inline std::string topology_conf(std::string_view shown) {
  std::string out;
  for (std::string_view line : detail::lines_of(shown)) {
    const bool upper = line.find("Switches=") != line.npos;
    for (std::string_view word : detail::split(line, ' ')) {
      if (word.empty() || word.starts_with("Level=") || (upper && word.starts_with("Nodes=")))
        continue;
      out += std::string(word) + ' ';
    }
    out += '\n';
  }
  return out;
}

}  // namespace heddle::pilot
