// Jobs as `squeue` prints them, with its JSON plugin and without.
#pragma once

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>

#include "slurm_pilot/gpus_of_job.hpp"
#include "slurm_pilot/read_fields.hpp"
#include "slurm_pilot/read_states.hpp"
#include "slurm_pilot/slurm_json.hpp"
#include "slurm_pilot/slurm_report.hpp"

namespace heddle::pilot {

namespace detail {

inline void sort_by_id(std::vector<job_report>& jobs) {
  std::stable_sort(jobs.begin(), jobs.end(),
                   [](const job_report& a, const job_report& b) { return a.id < b.id; });
}

inline void set_gpus(job_report& j, const gpu_fields& f) {
  const bool has_nodes = j.phase == job_phase::running || j.phase == job_phase::completing;
  if (has_nodes && !j.nodes.empty())
    set_gpus_held(j, f);
  else
    set_gpus_asked(j, f);
}

}  // namespace detail

/// \throws input_error  if `text` is not what `squeue --json` prints
[[nodiscard]] inline std::vector<job_report> read_jobs_json(std::string_view text) {
  static constexpr std::array<std::string_view, 31> keys{
      "job_id",        "state_reason", "required_nodes",   "nodes",           "job_resources",
      "priority",      "hold",         "job_state",        "array_job_id",    "het_job_id",
      "dependency",    "shared",       "exclusive",        "tres_per_job",    "tres_per_node",
      "tres_per_task", "tres_req_str", "tres_alloc_str",   "tres_per_socket", "gres_detail",
      "node_count",    "tasks",        "sockets_per_node", "submit_time",     "time_limit",
      "restart_cnt",   "partition",    "user_id",          "comment",         "extra",
      "admin_comment"};
  std::vector<job_report> out;
  const auto read = [&](const nlohmann::json& one) {
    const detail::json_record r{one};
    job_report j;
    j.id = static_cast<std::uint32_t>(std::clamp(r.number("job_id"), 0.0, 4294967295.0));
    j.reason = r.text("state_reason");
    j.required = detail::hosts(r.words("required_nodes", ","));
    // From 23.11 on the nodes stand in job_resources, too, in one of two shapes.
    std::string nodes = r.words("nodes", ",");
    if (nodes.empty()) nodes = r.at("job_resources").text("nodes");
    if (nodes.empty()) nodes = r.at("job_resources").at("nodes").text("list");
    j.nodes = detail::hosts(nodes);
    const bool held = r.number("priority", 1) == 0 || r.flag("hold");
    j.phase = phase_of(r.words("job_state"), held && is_plain_hold(j.reason), !j.nodes.empty());
    j.whole = r.number("array_job_id") == 0 && r.number("het_job_id") == 0;
    j.depends = !detail::is_nothing(r.text("dependency"));
    // "shared" of 22.05 and 23.02; a list of its own from 23.11 on.
    for (const std::string& word : r.list("shared")) j.exclusive |= word == "none";
    for (const std::string& word : r.list("exclusive")) j.exclusive |= word == "true";
    detail::set_gpus(j, {.per_job = r.text("tres_per_job"),
                         .per_node = r.text("tres_per_node"),
                         .per_task = r.text("tres_per_task"),
                         .per_socket = r.text("tres_per_socket"),
                         .requested = r.text("tres_req_str"),
                         .allocated = r.text("tres_alloc_str"),
                         .detail = r.list("gres_detail"),
                         .nodes = r.integer("node_count"),
                         .tasks = r.integer("tasks"),
                         .sockets = r.integer("sockets_per_node")});
    j.submit_s = r.number("submit_time");
    j.limit_s = 60 * r.number("time_limit");
    j.restarts = r.integer("restart_cnt");
    j.partition = r.text("partition");
    j.user = static_cast<long>(std::clamp(r.number("user_id", -1), -1.0, 4294967295.0));
    j.hints = r.text("comment");
    if (const std::string extra = r.text("extra"); !extra.empty()) j.hints += ' ' + extra;
    j.explanation = r.text("admin_comment");
    out.push_back(std::move(j));
  };
  detail::for_each_record(
      text, {"jobs"}, keys, detail::inner_keys, "squeue --json", [&] { out.clear(); }, read);
  detail::sort_by_id(out);
  return out;
}

/// The fields to ask `squeue -h -a -t all -O` for, with SLURM_TIME_FORMAT=%s. The comments come last:
/// they may contain anything.
inline constexpr const char* job_fields =
    "State:|,JobID:|,PriorityLong:|,NumNodes:|,NumTasks:|,tres-per-job:|,tres-per-node:|,"
    "tres-per-task:|,tres-per-socket:|,Sockets:|,tres-alloc:|,OverSubscribe:|,TimeLimit:|,"
    "SubmitTime:|,RestartCnt:|,JobArrayID:|,HetJobID:|,Dependency:|,Reason:|,ReqNodes:|,NodeList:|,"
    "Partition:|,admin_comment:|,Comment:1024";

namespace detail {

/// What `job_fields` asks for, or the shorter list of a listing that was kept: without sockets,
/// allocated resources, exclusiveness and the administrator's comment, and with the id first.
struct job_line {
  std::string_view id, state, priority, nodes, tasks, per_job, per_node, per_task, per_socket,
      sockets, tres, shared, limit, submit, restarts, array, het, dependency, reason, required, at,
      partition, explanation, hints;
};

inline bool is_state(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return std::isupper(c) || c == '_'; });
}

/// Whether a record begins with this line, and not a further line of a comment.
inline bool begins_job(std::string_view line) {
  const auto f = split(line, '|', 3);
  return f.size() > 1 && ((is_state(f[0]) && number<std::uint32_t>(f[1])) ||
                          (number<std::uint32_t>(f[0]) && is_state(f[1])));
}

inline job_line fields_of(std::string_view line) {
  job_line l;
  const bool is_long = is_state(split(line, '|', 2)[0]);
  const std::vector<std::string_view*> in_full{
      &l.state,    &l.id,       &l.priority,   &l.nodes,     &l.tasks,       &l.per_job,
      &l.per_node, &l.per_task, &l.per_socket, &l.sockets,   &l.tres,        &l.shared,
      &l.limit,    &l.submit,   &l.restarts,   &l.array,     &l.het,         &l.dependency,
      &l.reason,   &l.required, &l.at,         &l.partition, &l.explanation, &l.hints};
  const std::vector<std::string_view*> in_short{
      &l.id,       &l.state,    &l.priority, &l.nodes,     &l.tasks, &l.per_job, &l.per_node,
      &l.per_task, &l.limit,    &l.submit,   &l.restarts,  &l.array, &l.het,     &l.dependency,
      &l.reason,   &l.required, &l.at,       &l.partition, &l.hints};
  const auto& into = is_long ? in_full : in_short;
  const auto f = split(line, '|', into.size());
  if (f.size() != into.size())
    throw input_error("squeue",
                      std::string("a job id and ") + std::to_string(into.size() - 1) +
                          " further fields",
                      std::string("\"") + std::string(line.substr(0, 60)) + "\"");
  for (std::size_t i = 0; i < f.size(); ++i)
    *into[i] = is_nothing(f[i]) ? std::string_view{} : f[i];
  return l;
}

}  // namespace detail

/// Reads what `squeue -O` prints for `job_fields`. A comment may go on over several lines.
/// \throws input_error  if a line has too few fields, or the first no job id
[[nodiscard]] inline std::vector<job_report> read_jobs_text(std::string_view text) {
  std::vector<std::string> records;
  for (std::string_view line : detail::split(text, '\n')) {
    if (detail::begins_job(line))
      records.emplace_back(line);
    else if (!records.empty())
      records.back() += "\n" + std::string(line);
    else if (line.find_first_not_of(" \t\r") != line.npos)
      throw input_error("squeue", "a job id and a state",
                        std::string("\"") + std::string(line.substr(0, 60)) + "\"");
  }
  std::vector<job_report> out;
  for (const std::string& record : records) {
    const detail::job_line l = detail::fields_of(record);
    const auto whole = [](std::string_view t) { return detail::number<int>(t).value_or(0); };
    job_report j;
    j.id = detail::number<std::uint32_t>(l.id).value_or(0);
    j.reason = l.reason;
    // For a job without nodes NodeList is empty, and what it requires is in ReqNodes.
    j.required = detail::hosts(l.required);
    j.nodes = detail::hosts(l.at);
    j.phase = phase_of(l.state, l.priority == "0" && is_plain_hold(j.reason), !j.nodes.empty());
    j.exclusive = l.shared == "NO";
    // What stands in tres-alloc is held by a job that has nodes, and asked for by another.
    const bool runs = j.phase == job_phase::running || j.phase == job_phase::completing;
    detail::set_gpus(j, {.per_job = std::string(l.per_job),
                         .per_node = std::string(l.per_node),
                         .per_task = std::string(l.per_task),
                         .per_socket = std::string(l.per_socket),
                         .requested = std::string(runs ? "" : l.tres),
                         .allocated = std::string(runs ? l.tres : ""),
                         .detail = {},
                         .nodes = whole(l.nodes),
                         .tasks = whole(l.tasks),
                         .sockets = whole(l.sockets)});
    j.limit_s = detail::seconds_in(l.limit);
    j.submit_s = static_cast<double>(detail::number<long long>(l.submit).value_or(0));
    j.restarts = whole(l.restarts);
    j.whole = l.array == l.id && (l.het.empty() || l.het == "0");
    j.depends = !l.dependency.empty();
    j.partition = l.partition;
    j.explanation = l.explanation;
    j.hints = l.hints.substr(0, l.hints.find_last_not_of(" \n") + 1);
    if (detail::is_nothing(j.hints)) j.hints.clear();
    out.push_back(std::move(j));
  }
  detail::sort_by_id(out);
  return out;
}

/// Takes from lines of a job's number and its user's whose the jobs are. Other lines are passed over.
inline void set_users(std::vector<job_report>& jobs, std::string_view text) {
  std::map<std::uint32_t, long> user_of;
  for (std::string_view line : detail::split(text, '\n')) {
    const auto words = detail::split(line, ' ');
    const auto id = detail::number<std::uint32_t>(words[0]);
    const auto user = detail::number<long>(words.back());
    if (words.size() == 2 && id && user) user_of[*id] = *user;
  }
  for (job_report& j : jobs)
    if (const auto at = user_of.find(j.id); at != user_of.end()) j.user = at->second;
}

}  // namespace heddle::pilot
