// A Slurm that stands still: commands that print files of a directory. The pilot looks at it once,
// without changing anything, and says what it would do.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "slurm_pilot/process.hpp"
#include "support/run.hpp"

namespace heddle::test {

using json = nlohmann::json;

/// What a pilot said in one look.
struct sight {
  std::vector<json> events;

  [[nodiscard]] std::vector<json> all(const std::string& event) const {
    std::vector<json> out;
    for (const json& e : events)
      if (e["event"] == event) out.push_back(e);
    return out;
  }
  /// The GPUs of each node that a job would get; empty if it would wait.
  [[nodiscard]] std::map<std::string, std::set<int>> place_of(int job) const {
    std::map<std::string, std::set<int>> out;
    for (const json& e : all("would_place"))
      if (e["job"] == job)
        for (const json& r : e["ranks"]) out[r[0].get<std::string>()].insert(r[1].get<int>());
    return out;
  }
  [[nodiscard]] std::set<std::string> nodes_of(int job) const {
    std::set<std::string> out;
    for (const auto& [node, gpus] : place_of(job)) out.insert(node);
    return out;
  }
  /// Why a job would wait; empty if it would not, or nothing is said.
  [[nodiscard]] std::string why(int job) const {
    for (const json& e : all("would_wait"))
      if (e["job"] == job) return e["why"].get<std::string>();
    return {};
  }
  [[nodiscard]] std::set<std::string> lost() const {
    std::set<std::string> out;
    for (const json& e : all("node_lost")) out.insert(e["node"].get<std::string>());
    return out;
  }
};

/// Runs the pilot in `dir` with the commands in `commands` before all others.
inline sight look_at(const std::filesystem::path& dir, const std::filesystem::path& commands,
                     const std::string& arguments,
                     const std::vector<std::string>& environment = {}) {
  const scratch_dir scratch;
  std::vector<std::string> env{"PATH=" + commands.string() + ":" + std::getenv("PATH")};
  env.insert(env.end(), environment.begin(), environment.end());
  const auto r = pilot::run_process({"sh", "-c",
                                     "cd '" + dir.string() +
                                         "' && exec " HEDDLE_BIN_DIR
                                         "/heddle-slurm-pilot --dry-run --once --state " +
                                         scratch / "state" + " " + arguments},
                                    60, env);
  REQUIRE_MESSAGE(r.status == 0, r.err);
  sight s;
  std::istringstream in(r.out);
  for (std::string line; std::getline(in, line);) s.events.push_back(json::parse(line));
  return s;
}

/// A Slurm of a test's own: `write` squeue.json or squeue.txt, sinfo.json or sinfo.txt, topology.txt
/// and, for `scontrol show nodes --json`, nodes.json.
class still_slurm {
 public:
  still_slurm() {
    command("squeue", R"(case " $* " in *" --json "*) f=squeue.json;; *) f=squeue.txt;; esac)");
    command("sinfo", R"(case " $* " in *" --json "*) f=sinfo.json;; *) f=sinfo.txt;; esac)");
    command("scontrol", R"(case "$*" in "show topology") f=topology.txt;; *) f=nodes.json;; esac)");
  }
  void write(const std::string& file, const std::string& text) const { dir_.write(file, text); }
  void write(const std::string& file, const char* key, const std::vector<json>& list) const {
    write(file, json{{key, list}}.dump());
  }
  [[nodiscard]] sight look(const std::string& arguments = "") const {
    return look_at(dir_.path(), dir_.path(), arguments);
  }

 private:
  void command(const std::string& name, const std::string& choice) const {
    const std::string file = dir_.write(
        name, "#!/bin/sh\n" + choice + "\ncd " + dir_.path().string() +
                  "\n[ -f $f ] && exec cat $f\necho \"unrecognized option\" >&2\nexit 1\n");
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  }
  scratch_dir dir_;
};

}  // namespace heddle::test
