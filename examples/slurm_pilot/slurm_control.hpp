// Slurm as the pilot talks to it: by its own commands.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/program.hpp"
#include "slurm_pilot/process.hpp"
#include "slurm_pilot/read_slurm.hpp"
#include "slurm_pilot/slurm_report.hpp"

namespace heddle::pilot {

/// The nodes and GPUs that a held job is to have.
struct node_order {
  std::vector<std::string> hosts{};
  int gpus_per_node = 0;  ///< 0: as the job asks for already
  int gpus = 0;           ///< of all nodes, of a job whose size changes; 0: as it asks for
  std::string type{};     ///< of the GPUs, if the job named one; it must be named again
  bool at_once = false;   ///< a job that Slurm put off after a failure may start again now
};

/// T is a Slurm that can be looked at and told. Orders answer with an error text, empty for none.
/// Tests put one of their own in its place.
template <class T>
concept SlurmControl = requires(T& s, std::uint32_t job, const node_order& where,
                                const std::string& text) {
  { s.look() } -> std::convertible_to<cluster_report>;
  { s.set_nodes(job, where) } -> std::convertible_to<std::string>;
  { s.release(job) } -> std::convertible_to<std::string>;
  { s.hold(job) } -> std::convertible_to<std::string>;
  { s.explain(job, text) } -> std::convertible_to<std::string>;
  { s.signal(job, text) } -> std::convertible_to<std::string>;  // to its batch script
  { s.requeue_held(job) } -> std::convertible_to<std::string>;
};

/// How to read: JSON if this Slurm has the plugin, else fields.
enum class reading : unsigned char { automatic, json, text };

/// The Slurm that the commands on PATH find (SLURM_CONF).
class slurm_commands {
 public:
  /// \param users  whether it must be told whose each job is
  explicit slurm_commands(reading how = reading::automatic, bool users = false)
      : how_(how), needs_users_(users) {}

  /// \throws unmet_request  if Slurm does not answer, input_error  if it answers something strange
  [[nodiscard]] cluster_report look() {
    cluster_report r;
    if (how_ != reading::text) {
      const process_result jobs = ask({"squeue", "-a", "--json"});
      if (jobs.status == 0) {
        r.jobs = read_jobs_json(jobs.out);
        r.nodes = read_nodes_json(must({"sinfo", "-a", "-N", "--json"}));
        if (lacks_gpus(r.nodes)) ask_otherwise(r.nodes);
        how_ = reading::json;
        return r;
      }
      if (how_ == reading::json || !plugin_is_missing(jobs.err))
        throw examples::unmet_request("squeue --json: " + first_line(jobs.err));
      how_ = reading::text;
    }
    r.jobs = read_jobs_text(must({"squeue", "-h", "-a", "-t", "all", "-O", job_fields}));
    r.nodes = read_nodes_text(must({"sinfo", "-h", "-a", "-N", "-O", node_fields}));
    if (needs_users_) set_users(r.jobs, must({"squeue", "-h", "-a", "-t", "all", "-o", "%A %U"}));
    return r;
  }

  [[nodiscard]] std::string topology() { return must({"scontrol", "show", "topology"}); }

  std::string set_nodes(std::uint32_t job, const node_order& o) {
    const std::string n = std::to_string(o.hosts.size());
    std::string list;
    for (const std::string& h : o.hosts) list += (list.empty() ? "" : ",") + h;
    std::vector<std::string> words{"scontrol", "update",
                                   std::string("JobId=") + std::to_string(job),
                                   "NumNodes=" + n + "-" + n};
    const auto gres = [&](const char* key, int gpus) {
      if (gpus > 0)
        words.push_back(std::string(key) + "=gres" + (writes_slash() ? "/" : ":") +
                        "gpu:" + (o.type.empty() ? "" : o.type + ":") + std::to_string(gpus));
    };
    gres("TresPerJob", o.gpus);
    gres("TresPerNode", o.gpus_per_node);
    words.push_back("ReqNodeList=" + list);
    if (o.at_once) words.push_back("StartTime=now");
    return told(words);
  }
  std::string release(std::uint32_t job) {
    return told({"scontrol", "release", std::to_string(job)});
  }
  std::string hold(std::uint32_t job) { return told({"scontrol", "hold", std::to_string(job)}); }
  std::string explain(std::uint32_t job, const std::string& text) {
    return told({"scontrol", "update", std::string("JobId=") + std::to_string(job),
                 "AdminComment=" + text});
  }
  std::string signal(std::uint32_t job, const std::string& name) {
    return told({"scancel", "--batch", "--signal=" + name, std::to_string(job)});
  }
  std::string requeue_held(std::uint32_t job) {
    return told({"scontrol", "requeuehold", std::to_string(job)});
  }

 private:
  /// A sinfo that lists groups of nodes does not tell the GPUs of each: scontrol does, or sinfo in text.
  /// What neither tells stays as it is.
  static void ask_otherwise(std::vector<node_report>& nodes) {
    try {
      const process_result each = ask({"scontrol", "show", "nodes", "--json"});
      if (each.status == 0 && !each.out.empty()) {
        nodes = read_nodes_json(each.out);
        return;
      }
      const process_result text = ask({"sinfo", "-h", "-a", "-N", "-O", node_fields});
      if (text.status == 0 && !text.out.empty()) nodes = read_nodes_text(text.out);
    } catch (const input_error&) {
    }
  }
  /// From 23.11 on resources of a kind are written gres/gpu, before it gres:gpu.
  bool writes_slash() {
    if (!version_) version_ = version_in(ask({"squeue", "--version"}).out);
    return *version_ >= 2311;
  }
  static process_result ask(const std::vector<std::string>& words) {
    return run_process(words, 60, {"SLURM_TIME_FORMAT=%s"});
  }
  static std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }
  static bool plugin_is_missing(const std::string& error) {
    for (const char* words :
         {"serializer", "nrecognized option", "JSON plugin", "data_parser", "nvalid option"})
      if (error.find(words) != std::string::npos) return true;
    return false;
  }
  static std::string must(const std::vector<std::string>& words) {
    process_result r = ask(words);
    if (r.status != 0) throw examples::unmet_request(words[0] + ": " + first_line(r.err));
    return std::move(r.out);
  }
  static std::string told(const std::vector<std::string>& words) {
    const process_result r = ask(words);
    if (r.status == 0) return {};
    return r.err.empty() ? words[1] + " failed" : first_line(r.err);
  }

  reading how_;
  bool needs_users_ = false;
  std::optional<int> version_;
};

}  // namespace heddle::pilot
