// How many GPUs a job asks for or holds: Slurm tells it in one of several fields, or in none.
//
//   field             says                                       of which jobs
//   gres_detail       GPUs of each node, and which               those that have nodes; JSON alone
//   tres_alloc_str    GPUs of the whole job                      the same, if the site accounts for GPUs
//   tres_per_job      asked for by --gpus                        all
//   tres_per_node     by --gpus-per-node, --gres                 all
//   tres_per_task     by --gpus-per-task                         all
//   tres_per_socket   by --gpus-per-socket                       all
//   tres_req_str      Slurm's own sum of what was asked for      all, if the site accounts for GPUs
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "slurm_pilot/read_gres.hpp"
#include "slurm_pilot/slurm_report.hpp"

namespace heddle::pilot {

/// What Slurm tells of the GPUs of a job.
struct gpu_fields {
  std::string per_job{}, per_node{}, per_task{}, per_socket{}, requested{}, allocated{};
  std::vector<std::string> detail{};  ///< of each node that it has; empty: not told
  int nodes = 0;                      ///< asked for; 0: not told
  int tasks = 0;                      ///< 0: not told, one on each node
  int sockets = 0;                    ///< of each node; 0: not told
};

namespace detail {

/// What was asked for, as GPUs of the whole job; nothing if it cannot be told. In the order in which
/// the fields can be relied on: a sum over sockets needs their number, which may not be told.
inline std::optional<int> gpus_asked(const gpu_fields& f, int nodes) {
  const gpu_list job = read_gres(f.per_job), node = read_gres(f.per_node),
                 task = read_gres(f.per_task), socket = read_gres(f.per_socket),
                 sum = read_gres(f.requested);
  if (job.gpus > 0) return job.gpus;
  if (node.gpus > 0) return node.gpus * std::max(1, nodes);
  if (sum.gpus > 0) return sum.gpus;
  if (task.gpus > 0) return task.gpus * std::max({1, nodes, f.tasks});
  if (socket.gpus > 0) {
    if (f.sockets == 0) return std::nullopt;
    return socket.gpus * f.sockets * std::max(1, nodes);
  }
  return 0;
}

/// Notes the types named in what was asked for. True if parts of GPUs are asked for.
inline bool note_kinds(const gpu_fields& f, job_report& j) {
  std::set<std::string> types;
  bool shares = false;
  for (const std::string* text :
       {&f.per_job, &f.per_node, &f.per_task, &f.per_socket, &f.requested}) {
    const gpu_list l = read_gres(*text);
    shares |= l.shares > 0;
    if (text != &f.requested)
      for (const auto& [type, n] : l.of)
        if (!type.empty()) types.insert(type);
  }
  if (!types.empty()) j.gpu_type = *types.begin();
  if (types.size() > 1) j.odd = "it asks for GPUs of several types";
  if (shares) j.odd = "it asks for parts of GPUs (shard, mps)";
  return shares;
}

}  // namespace detail

/// Fills in the GPUs of a job without nodes, from what it asks for.
inline void set_gpus_asked(job_report& j, const gpu_fields& f) {
  (void)detail::note_kinds(f, j);
  j.nodes_asked = f.nodes;
  const auto n = detail::gpus_asked(f, f.nodes);
  j.gpus = n.value_or(0);
  j.gpus_told = n.has_value();
  if (!n) j.odd = "it asks for GPUs per socket, and nothing tells the number of sockets";
  // Slurm refuses other numbers of a node than what its sockets make.
  if (const int socket = read_gres(f.per_socket).gpus; socket > 0 && n)
    j.gpus_each = f.sockets > 0 ? socket * f.sockets : *n / std::max(1, f.nodes);
}

namespace detail {

/// Takes what is told of each node, if anything is. Shares of a GPU count as all of it: nobody else
/// gets it.
inline bool set_gpus_by_node(job_report& j, const std::vector<std::string>& by_node) {
  if (by_node.size() != j.nodes.size()) return false;
  bool numbered = true;
  for (const std::string& text : by_node) {
    gpu_list l = read_gres(text);
    if (l.shares > 0 && l.share_numbers.empty()) return false;
    std::vector<int> all;
    std::set_union(l.numbers.begin(), l.numbers.end(), l.share_numbers.begin(),
                   l.share_numbers.end(), std::back_inserter(all));
    if (l.shares > 0) l.gpus = static_cast<int>(all.size());
    numbered &= static_cast<int>(all.size()) == l.gpus;
    j.gpus_on.push_back(l.gpus);
    j.gpu_numbers.push_back(std::move(all));
    j.gpus += l.gpus;
  }
  if (!numbered) j.gpu_numbers.clear();
  return j.gpus > 0;
}

}  // namespace detail

/// Fills in the GPUs of a job that has nodes. What it holds comes before what it asked for; where only
/// the latter is told, the largest of its readings counts. If nothing tells, the job may hold any
/// number: `gpus_told` is false then.
/// Precondition: `j.nodes` is filled in.
inline void set_gpus_held(job_report& j, const gpu_fields& f) {
  const bool shares = detail::note_kinds(f, j);
  if (detail::set_gpus_by_node(j, f.detail)) return;
  j.gpus = 0;
  j.gpus_on.clear();
  j.gpu_numbers.clear();
  const int nodes = static_cast<int>(j.nodes.size());
  const gpu_list held = read_gres(f.allocated), node = read_gres(f.per_node);
  if (shares || held.shares > 0) {
    j.gpus_told = false;
    return;
  }
  if (held.told) {
    j.gpus = held.gpus;
  } else {
    for (const gpu_fields& one :
         {gpu_fields{.per_job = f.per_job}, gpu_fields{.per_node = f.per_node},
          gpu_fields{.per_task = f.per_task, .tasks = f.tasks},
          gpu_fields{.per_socket = f.per_socket, .requested = f.requested, .sockets = f.sockets}})
      j.gpus = std::max(j.gpus, detail::gpus_asked(one, nodes).value_or(0));
    j.gpus_told = j.gpus > 0;
  }
  if (!j.gpus_told) return;
  if (nodes == 1)
    j.gpus_on = {j.gpus};
  else if (node.gpus > 0 && node.gpus * nodes == j.gpus)
    j.gpus_on.assign(j.nodes.size(), node.gpus);
}

}  // namespace heddle::pilot
