// Nodes as `sinfo` and `scontrol` print them.
//
//   command                       reader                       one record is
//   sinfo -N --json of 22.05      read_nodes_json              a node
//   sinfo -N --json from 23.02    the same                     a node and partition; without -N a group
//   scontrol show nodes --json    the same                     a node
//   sinfo -N -O node_fields       read_nodes_text              a node and partition
//   sinfo -N -o "%N|%T|%G"        the same                     a node and partition
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>

#include "slurm_pilot/read_fields.hpp"
#include "slurm_pilot/read_gres.hpp"
#include "slurm_pilot/read_states.hpp"
#include "slurm_pilot/slurm_json.hpp"
#include "slurm_pilot/slurm_report.hpp"

namespace heddle::pilot {

namespace detail {

inline node_report node_of(std::string_view name, std::string_view states, std::string_view gres,
                           std::string_view used, std::vector<std::string> partitions) {
  node_report n{.name = std::string(name)};
  n.partitions = std::move(partitions);
  std::erase(n.partitions, "");
  const node_state s = read_node_state(states);
  const gpu_list all = read_gres(gres), taken = read_gres(used);
  n.gpus = all.gpus;
  n.usable = s.usable;
  n.full = s.full;
  if (!s.usable) n.why = lower(states);
  if (taken.told) {
    n.used = taken.gpus;
    n.used_numbers = taken.numbers;
  }
  for (const auto& [type, count] : all.of) n.types.push_back(type);
  return n;
}

/// Nodes by name, each once, in the order in which they came: it stands there once for each of its
/// partitions. What one record tells and another does not is told.
class node_list {
 public:
  void add(node_report n) {
    const auto [at, is_new] = index_.try_emplace(n.name, all_.size());
    if (is_new) {
      all_.push_back(std::move(n));
      return;
    }
    node_report& known = all_[at->second];
    if (!known.gpus_told && n.gpus_told) {
      known.gpus = n.gpus;
      known.types = n.types;
      known.gpus_told = true;
    }
    for (std::string& p : n.partitions)
      if (std::find(known.partitions.begin(), known.partitions.end(), p) == known.partitions.end())
        known.partitions.push_back(std::move(p));
    if (known.usable && !n.usable) known.why = n.why;
    known.usable &= n.usable;
    known.full |= n.full;
    if (n.used > known.used) {
      known.used = n.used;
      known.used_numbers = n.used_numbers;
    }
  }
  [[nodiscard]] std::vector<node_report> take() { return std::move(all_); }

 private:
  std::vector<node_report> all_;
  std::map<std::string, std::size_t, std::less<>> index_;
};

}  // namespace detail

/// Reads the nodes of any of Slurm's versions. Where a record stands for several nodes, their GPUs are
/// those of the first: of the others they are not told (`gpus_told`), unless another record does.
/// \throws input_error  if `text` is not what `sinfo --json` or `scontrol show nodes --json` prints
[[nodiscard]] inline std::vector<node_report> read_nodes_json(std::string_view text) {
  static constexpr std::array<std::string_view, 9> keys{"name",  "state",     "state_flags",
                                                        "gres",  "gres_used", "partitions",
                                                        "nodes", "node",      "partition"};
  detail::node_list out;
  const auto read = [&](const nlohmann::json& one) {
    const detail::json_record r{one};
    const detail::json_record group = r.at("nodes");
    std::vector<std::string> names;
    for (const std::string& list : group.list("nodes"))
      for (std::string& name : detail::hosts(list)) names.push_back(std::move(name));
    if (!r.text("name").empty()) {
      // "idle" and flags ["DRAIN"], or later ["IDLE", "DRAIN"] at once.
      std::string states = r.words("state");
      for (const std::string& flag : r.list("state_flags")) states += "+" + flag;
      out.add(detail::node_of(r.text("name"), states, r.text("gres"), r.text("gres_used"),
                              r.list("partitions")));
      return;
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
      node_report n =
          detail::node_of(names[i], r.at("node").words("state"), r.at("gres").text("total"),
                          r.at("gres").text("used"), {r.at("partition").text("name")});
      n.gpus_told = i == 0;
      out.add(std::move(n));
    }
  };
  detail::for_each_record(
      text, {"nodes", "sinfo"}, keys, detail::inner_keys, "sinfo --json",
      [&] { out = detail::node_list{}; }, read);
  return out.take();
}

/// Whether the GPUs of a node that takes jobs are not told.
[[nodiscard]] inline bool lacks_gpus(const std::vector<node_report>& nodes) {
  return std::any_of(nodes.begin(), nodes.end(),
                     [](const node_report& n) { return n.usable && !n.gpus_told; });
}

/// The fields to ask `sinfo -h -a -N -O` for.
inline constexpr const char* node_fields =
    "NodeList:|,StateComplete:|,Gres:|,GresUsed:|,PartitionName:|";

/// Reads what `sinfo` prints for `node_fields`, or for `-o "%N|%T|%G"`.
/// \throws input_error  if a line has too few fields
[[nodiscard]] inline std::vector<node_report> read_nodes_text(std::string_view text) {
  detail::node_list out;
  for (std::string_view line : detail::lines_of(text)) {
    const auto f = detail::split(line, '|');
    if (f.size() < 3 || f[0].empty())
      throw input_error("sinfo", "a node and at least 2 further fields",
                        std::string("\"") + std::string(line.substr(0, 60)) + "\"");
    const auto further = [&](std::size_t i) { return f.size() > i ? f[i] : std::string_view{}; };
    out.add(detail::node_of(f[0], f[1], f[2], further(3), {std::string(further(4))}));
  }
  return out.take();
}

}  // namespace heddle::pilot
