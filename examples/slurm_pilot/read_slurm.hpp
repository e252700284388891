// Reading what Slurm's commands print: pure functions from text to reports.
//
//   command                    with the JSON plugin      without
//   squeue --json              read_jobs_json            read_jobs_text (job_fields)
//   sinfo --json               read_nodes_json           read_nodes_text (node_fields)
//   scontrol show topology     topology_conf             the same
//
// Written for Slurm 22.05; numbers and states in the form of later versions are read too. Without
// JSON the numbers of a job's GPUs and the administrator's comment are not told.
#pragma once

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>
#include <heddle/fabric/read_hostlist.hpp>

#include "slurm_pilot/slurm_report.hpp"

namespace heddle::pilot {

namespace detail {

inline std::vector<std::string_view> split(std::string_view text, char by,
                                           std::size_t most = ~std::size_t{0}) {
  std::vector<std::string_view> out;
  for (std::size_t from = 0;;) {
    const auto end = out.size() + 1 == most ? std::string_view::npos : text.find(by, from);
    out.push_back(text.substr(from, end - from));
    if (end == std::string_view::npos) return out;
    from = end + 1;
  }
}

inline std::vector<std::string_view> lines_of(std::string_view text) {
  auto out = split(text, '\n');
  std::erase_if(out, [](std::string_view l) { return l.find_first_not_of(" \t\r") == l.npos; });
  return out;
}

template <class T>
std::optional<T> number(std::string_view text) {
  T x{};
  const auto [end, error] = heddle::detail::read_number(text.data(), text.data() + text.size(), x);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return x;
}

inline std::vector<std::string> hosts(std::string_view list) {
  if (list.empty() || list == "(null)" || list == "N/A" || list == "None assigned") return {};
  return fabric::expand_hostlist(list, "slurm");
}

/// The GPUs in a list of trackable resources: `gres:gpu:a100:8`, `gpu:4(S:0-1)`, `gres/gpu=2`.
inline int gpus_in(std::string_view text) {
  int total = 0;
  for (std::size_t from = 0; from < text.size();) {
    // Commas within parentheses belong to their item.
    std::size_t end = from;
    for (int depth = 0; end < text.size() && (depth > 0 || text[end] != ','); ++end)
      depth += text[end] == '(' ? 1 : text[end] == ')' ? -1 : 0;
    std::string_view item = text.substr(from, end - from);
    from = end + 1;
    item = item.substr(0, item.find('('));
    if (item.starts_with("gres:") || item.starts_with("gres/")) item.remove_prefix(5);
    if (!item.starts_with("gpu") || (item.size() > 3 && item[3] != ':' && item[3] != '=')) continue;
    const auto sign = item.find_last_of(":=");
    if (sign == std::string_view::npos) {
      total += 1;
    } else if (const auto n = number<int>(item.substr(sign + 1))) {
      total += *n;
    } else {
      total += 1;  // gpu:a100
    }
  }
  return total;
}

/// The numbers in `gpu:2(IDX:0-1,5)`, of all types of GPU together.
inline std::vector<int> gpu_numbers_in(std::string_view text) {
  std::vector<int> out;
  for (std::size_t at = 0; (at = text.find("IDX:", at)) != std::string_view::npos;) {
    at += 4;
    const auto end = text.find(')', at);
    for (std::string_view range : split(text.substr(at, end - at), ',')) {
      const auto dash = range.find('-');
      const auto first = number<int>(range.substr(0, dash));
      const auto last = dash == range.npos ? first : number<int>(range.substr(dash + 1));
      if (!first || !last || *first < 0 || *last < *first || *last > 4096) continue;
      for (int i = *first; i <= *last; ++i) out.push_back(i);
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// GPUs of the whole job, from what it asks of the job, each node, or each task.
inline int gpus_asked(std::string_view job, std::string_view node, std::string_view task, int nodes,
                      int tasks) {
  if (const int n = gpus_in(job)) return n;
  if (const int n = gpus_in(task)) return n * std::max(1, tasks);
  return gpus_in(node) * std::max(1, nodes);
}

inline job_phase phase_of(std::string_view state, bool held) {
  static const std::set<std::string_view> active{"RUNNING",   "CONFIGURING", "SUSPENDED", "STOPPED",
                                                 "SIGNALING", "STAGE_OUT",   "RESIZING"};
  if (state.find("COMPLETING") != state.npos) return job_phase::completing;
  if (state.starts_with("PENDING") || state.starts_with("REQUEUE") || state == "SPECIAL_EXIT")
    return held ? job_phase::held : job_phase::pending;
  if (active.contains(state)) return job_phase::running;
  return job_phase::ended;
}

/// A job that Slurm holds after many restarts, or for a fault, stays held.
inline bool is_plain_hold(std::string_view reason) {
  return reason == "JobHeldUser" || reason == "JobHeldAdmin" ||
         reason == "job requeued in held state" || reason == "None" || reason.empty();
}

inline bool is_usable(std::string_view state, bool responding) {
  static const std::set<std::string_view> good{"idle", "mixed", "allocated", "completing"};
  return responding && good.contains(state);
}

inline std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

/// One record of Slurm's JSON.
class json_record {
 public:
  explicit json_record(const nlohmann::json& j) : j_(j) {}

  /// A number, or in later versions {"set": …, "infinite": …, "number": …}; null is `otherwise`.
  [[nodiscard]] double number(const char* key, double otherwise = 0) const {
    const auto at = j_.find(key);
    if (at == j_.end()) return otherwise;
    if (at->is_number()) return at->get<double>();
    if (at->is_object() && at->value("set", false) && !at->value("infinite", false))
      return at->value("number", otherwise);
    return otherwise;
  }
  [[nodiscard]] int integer(const char* key) const {
    return static_cast<int>(std::clamp(number(key), -1e9, 1e9));
  }
  [[nodiscard]] std::string text(const char* key) const {
    const auto at = j_.find(key);
    return at != j_.end() && at->is_string() ? at->get<std::string>() : std::string{};
  }
  /// A word, or a list of words; joined by `+`.
  [[nodiscard]] std::string words(const char* key) const {
    const auto at = j_.find(key);
    if (at == j_.end()) return {};
    if (at->is_string()) return at->get<std::string>();
    std::string out;
    if (at->is_array())
      for (const auto& w : *at)
        if (w.is_string()) out += (out.empty() ? "" : "+") + w.get<std::string>();
    return out;
  }
  [[nodiscard]] const nlohmann::json* list(const char* key) const {
    const auto at = j_.find(key);
    return at != j_.end() && at->is_array() ? &*at : nullptr;
  }

 private:
  const nlohmann::json& j_;
};

/// The list `key` of a document. \throws input_error  if the text is no such document
inline nlohmann::json list_in(std::string_view text, const char* key, const char* command) {
  nlohmann::json doc = nlohmann::json::parse(text, nullptr, false);
  if (!doc.is_object() || !doc.contains(key) || !doc[key].is_array())
    throw input_error(command, std::string("a JSON document with a list of ") + std::string(key),
                      text.empty() ? "nothing" : "other text");
  return std::move(doc[key]);
}

inline void sort_by_id(std::vector<job_report>& jobs) {
  std::sort(jobs.begin(), jobs.end(),
            [](const job_report& a, const job_report& b) { return a.id < b.id; });
}

}  // namespace detail

/// \throws input_error  if `text` is not what `squeue --json` prints
[[nodiscard]] inline std::vector<job_report> read_jobs_json(std::string_view text) {
  std::vector<job_report> out;
  for (const nlohmann::json& one : detail::list_in(text, "jobs", "squeue --json")) {
    if (!one.is_object())
      throw input_error("squeue --json", "jobs that are objects", "another value");
    const detail::json_record r{one};
    job_report j;
    j.id = static_cast<std::uint32_t>(r.number("job_id"));
    j.reason = r.text("state_reason");
    const bool held = r.number("priority", 1) == 0;
    j.phase = detail::phase_of(r.words("job_state"), held && detail::is_plain_hold(j.reason));
    // Later versions tell the nodes of a running job inside job_resources alone.
    j.gpus =
        detail::gpus_asked(r.text("tres_per_job"), r.text("tres_per_node"), r.text("tres_per_task"),
                           r.integer("node_count"), r.integer("tasks"));
    j.whole = r.number("array_job_id") == 0 && r.number("het_job_id") == 0;
    j.depends = !r.text("dependency").empty();
    j.required = detail::hosts(r.text("required_nodes"));
    j.nodes = detail::hosts(r.text("nodes"));
    if (const auto* gres = r.list("gres_detail"); gres && gres->size() == j.nodes.size())
      for (const auto& g : *gres)
        j.gpu_numbers.push_back(detail::gpu_numbers_in(g.is_string() ? g.get<std::string>() : ""));
    j.submit_s = r.number("submit_time");
    j.limit_s = 60 * r.number("time_limit");
    j.restarts = r.integer("restart_cnt");
    j.partition = r.text("partition");
    j.hints = r.text("comment");
    j.explanation = r.text("admin_comment");
    out.push_back(std::move(j));
  }
  detail::sort_by_id(out);
  return out;
}

/// \throws input_error  if `text` is not what `sinfo --json` prints
[[nodiscard]] inline std::vector<node_report> read_nodes_json(std::string_view text) {
  std::vector<node_report> out;
  for (const nlohmann::json& one : detail::list_in(text, "nodes", "sinfo --json")) {
    if (!one.is_object())
      throw input_error("sinfo --json", "nodes that are objects", "another value");
    const detail::json_record r{one};
    // "idle" and flags ["DRAIN"], or later ["IDLE", "DRAIN"] at once.
    const std::string all = detail::lower(r.words("state") + "+" + r.words("state_flags"));
    bool usable = true, known = false;
    for (std::string_view word : detail::split(all, '+')) {
      if (word.empty() || word == "planned" || word == "cloud" || word == "completing") continue;
      usable &= detail::is_usable(word, true);
      known = true;
    }
    out.push_back({r.text("name"), detail::gpus_in(r.text("gres")), usable && known});
  }
  return out;
}

/// The fields to ask `squeue -h -a -t all -O` for, with SLURM_TIME_FORMAT=%s. The user's comment
/// comes last: it may contain anything.
inline constexpr const char* job_fields =
    "JobID:|,State:|,PriorityLong:|,NumNodes:|,NumTasks:|,tres-per-job:|,tres-per-node:|,"
    "tres-per-task:|,TimeLimit:|,SubmitTime:|,RestartCnt:|,JobArrayID:|,HetJobID:|,Dependency:|,"
    "Reason:|,ReqNodes:|,NodeList:|,Partition:|,Comment:1024";
/// And `sinfo -h -N -o`.
inline constexpr const char* node_fields = "%N|%T|%G";

/// \throws input_error  if a line has too few fields or no job id
[[nodiscard]] inline std::vector<job_report> read_jobs_text(std::string_view text) {
  std::vector<job_report> out;
  for (std::string_view line : detail::lines_of(text)) {
    const auto f = detail::split(line, '|', 19);
    const auto id = detail::number<std::uint32_t>(f[0]);
    if (f.size() != 19 || !id)
      throw input_error("squeue", "a job id and 18 further fields",
                        std::string("\"") + std::string(line.substr(0, 60)) + "\"");
    const auto whole_number = [&](std::size_t i) { return detail::number<int>(f[i]).value_or(0); };
    const auto text_at = [&](std::size_t i) {
      return f[i] == "N/A" || f[i] == "(null)" ? std::string_view{} : f[i];
    };
    job_report j;
    j.id = *id;
    j.reason = f[14];
    j.phase = detail::phase_of(f[1], f[2] == "0" && detail::is_plain_hold(j.reason));
    const int tasks = whole_number(4);
    j.gpus = detail::gpus_asked(text_at(5), text_at(6), text_at(7), whole_number(3), tasks);
    // days-hours:minutes:seconds, of which the front parts may be missing
    std::string_view limit = f[8];
    double days = 0;
    if (const auto dash = limit.find('-'); dash != limit.npos) {
      days = detail::number<int>(limit.substr(0, dash)).value_or(0);
      limit.remove_prefix(dash + 1);
    }
    for (std::string_view part : detail::split(limit, ':'))
      j.limit_s = 60 * j.limit_s + detail::number<int>(part).value_or(0);
    j.limit_s += 86400 * days;
    j.submit_s = static_cast<double>(detail::number<long long>(f[9]).value_or(0));
    j.restarts = whole_number(10);
    j.whole = f[11] == f[0] && text_at(12).empty();
    j.depends = !text_at(13).empty();
    // For a job without nodes NodeList is empty, and what it requires is in ReqNodes.
    j.required = detail::hosts(text_at(15));
    j.nodes = detail::hosts(text_at(16));
    j.partition = f[17];
    const std::string_view hints = text_at(18);
    j.hints = hints.substr(0, hints.find_last_not_of(' ') + 1);
    if (j.hints == "(null)") j.hints.clear();
    out.push_back(std::move(j));
  }
  detail::sort_by_id(out);
  return out;
}

/// \throws input_error  if a line has too few fields
[[nodiscard]] inline std::vector<node_report> read_nodes_text(std::string_view text) {
  std::vector<node_report> out;
  std::set<std::string, std::less<>> seen;  // a node stands there once for each of its partitions
  for (std::string_view line : detail::lines_of(text)) {
    const auto f = detail::split(line, '|');
    if (f.size() != 3)
      throw input_error("sinfo", "3 fields",
                        std::string("\"") + std::string(line.substr(0, 60)) + "\"");
    if (!seen.emplace(f[0]).second) continue;
    std::string state = detail::lower(f[1]);
    bool responding = true;
    while (!state.empty() && !std::isalpha(static_cast<unsigned char>(state.back()))) {
      responding &= state.back() != '*';
      responding &= state.back() == '*' || state.back() == '-' || state.back() == '+';
      state.pop_back();
    }
    out.push_back({std::string(f[0]), detail::gpus_in(f[2]), detail::is_usable(state, responding)});
  }
  return out;
}

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
