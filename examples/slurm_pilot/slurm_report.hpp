// What Slurm says of its nodes and jobs, as plain data.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace heddle::pilot {

enum class job_phase : unsigned char {
  held,        ///< waits until somebody releases it
  pending,     ///< waits for Slurm to start it
  running,     ///< has its nodes
  completing,  ///< has ended, and its nodes are not free yet
  ended,
};

struct job_report {
  std::uint32_t id = 0;
  job_phase phase = job_phase::ended;
  std::string reason;      ///< why it is pending, in Slurm's words
  int gpus = 0;            ///< held, or of one without nodes asked for; of all nodes together
  bool gpus_told = true;   ///< false: it has GPUs or may have some, and nothing tells how many
  std::string gpu_type{};  ///< that it asks for, if it names one
  std::string odd{};       ///< what it asks for that the pilot cannot place; empty: nothing
  bool exclusive = false;  ///< its nodes are its own
  int nodes_asked = 0;     ///< at least; of one without nodes
  int gpus_each = 0;     ///< it must have as many of each node, by what it asks of sockets; 0: any
  bool whole = true;     ///< one job on its own: no array, no part of a heterogeneous job
  bool depends = false;  ///< on another job that has not finished yet
  std::vector<std::string> required;          ///< the nodes that it must run on, if any
  std::vector<std::string> nodes;             ///< those that it has
  std::vector<int> gpus_on;                   ///< GPUs held of each of `nodes`; empty if not told
  std::vector<std::vector<int>> gpu_numbers;  ///< of each of `nodes`; empty if not told
  double submit_s = 0;                        ///< seconds since 1970
  double limit_s = 0;                         ///< time limit; 0: none
  int restarts = 0;
  std::string partition;
  long user = -1;           ///< its number; −1: not told
  std::string hints;        ///< the user's comment
  std::string explanation;  ///< the administrator's comment

  friend bool operator==(const job_report&, const job_report&) = default;
};

struct node_report {
  std::string name;
  int gpus = 0;
  bool usable = true;     ///< open to new jobs: up, or such that Slurm would wake it
  std::string why{};      ///< it is not usable, in Slurm's words
  bool gpus_told = true;  ///< false: `gpus` is that of another node, which stood there for a group
  bool full = false;      ///< no new job fits on it now, whatever its GPUs
  int used = -1;          ///< GPUs in use; −1: not told
  std::vector<int> used_numbers{};  ///< which; empty if not told
  std::vector<std::string>
      types{};  ///< of its GPUs, in alphabetical order; those without one are ""
  std::vector<std::string> partitions{};  ///< that it belongs to; empty if not told

  friend bool operator==(const node_report&, const node_report&) = default;
};

/// One look at a cluster.
struct cluster_report {
  std::vector<node_report> nodes;
  std::vector<job_report> jobs;  ///< by id

  [[nodiscard]] const job_report* find(std::uint32_t id) const {
    const auto at = std::lower_bound(jobs.begin(), jobs.end(), id,
                                     [](const job_report& j, std::uint32_t x) { return j.id < x; });
    return at == jobs.end() || at->id != id ? nullptr : &*at;
  }
};

}  // namespace heddle::pilot
