// The pilot on a real Slurm with jobs that ask for GPUs in all the ways that sbatch has.
#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "private_slurm.hpp"
#include "slurm_pilot/process.hpp"
#include "slurm_pilot/read_fields.hpp"
#include "support/run.hpp"

namespace {

using namespace heddle;
using test::must;

struct request {
  std::vector<std::string> words;
  int gpus, nodes;
};

}  // namespace

// A real program ends when it ends: this test waits for it.
TEST_CASE(
    "a real Slurm runs jobs that ask for GPUs in every way on the GPUs that the pilot chose") {
  const test::scratch_dir dir;
  const test::private_slurm slurm(dir, {"--leafs", "2", "--nodes-per-leaf", "2", "--gpus", "4"});
  if (!slurm.is_up()) {
    MESSAGE("[skipped] no Slurm of its own here: ", slurm.why_not());
    return;
  }
  const std::vector<request> requests{
      {{"--gpus=4"}, 4, 1},
      {{"--gpus=8"}, 8, 2},
      {{"--gpus-per-node=2", "--nodes=2"}, 4, 1},
      {{"--gres=gpu:3"}, 3, 1},
      {{"--gpus-per-task=1", "--ntasks=4"}, 4, 1},
      {{"--gpus-per-task=2", "--ntasks=2", "--nodes=2"}, 4, 1},
      {{"--gpus-per-socket=2", "--sockets-per-node=2", "--ntasks=2"}, 4, 1},
      {{"--exclusive", "--gpus=2"}, 4, 1}};
  for (const char* reading : {"json", "text"}) {
    CAPTURE(reading);
    const std::string log = dir / reading;
    const auto submit = [&](std::vector<std::string> words, const char* run_for) {
      words.insert(words.begin(), {"sbatch", "--parsable", "--output=/dev/null"});
      words.insert(words.end(), {"--wrap", std::string("echo $SLURM_JOB_ID $SLURM_JOB_NODELIST "
                                                       "$CUDA_VISIBLE_DEVICES >> ") +
                                               log + ".ran; sleep " + run_for});
      return static_cast<std::uint32_t>(std::stoul(must(words)));
    };
    // Of others: on each node two GPUs for a while, in a field of their own.
    const auto other =
        submit({"--gpus-per-task=1", "--ntasks=8", "--nodes=4", "--ntasks-per-node=2"}, "6");
    std::map<std::uint32_t, request> jobs;
    for (const request& r : requests) {
      auto words = r.words;
      words.push_back("--hold");
      jobs.emplace(submit(words, "0.5"), r);
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(90);
    while (must({"squeue", "-h", "-t", "R", "-j", std::to_string(other)}).empty() &&
           std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    std::size_t ran = 0;
    while (ran < jobs.size() && std::chrono::steady_clock::now() < end) {
      (void)must({HEDDLE_BIN_DIR "/heddle-slurm-pilot", "--once", "--read", reading, "--state",
                  dir / "book", "--log", log, "--spines", "8", "--backfill", "greedy"});
      ran = 0;
      std::istringstream in(test::content_of(log + ".ran"));
      for (std::string line; std::getline(in, line);)
        ran += !line.starts_with(std::to_string(other) + " ");
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    CHECK_MESSAGE(ran == jobs.size(), (must({"squeue", "-a"}) + test::content_of(log)));

    std::map<std::uint32_t, std::map<std::string, int>> placed;
    std::istringstream lines(test::content_of(log));
    int others = 0;
    for (std::string text; std::getline(lines, text);) {
      CAPTURE(text);
      const auto line = nlohmann::json::parse(text);
      const std::string event = line["event"];
      for (const char* bad : {"refused", "taken_back", "elsewhere", "lost", "hold", "gpus_unknown"})
        CHECK(event != bad);
      if (event == "foreign") CHECK(line["job"] == other);
      // Every look begins anew with it; at its end its nodes leave it one by one.
      if (event == "foreign" && others++ == 0) CHECK(line["ranks"].size() == 8);
      if (event != "placed") continue;
      for (const auto& r : line["ranks"]) ++placed[line["job"]][r[0].get<std::string>()];
    }
    std::istringstream in(test::content_of(log + ".ran"));
    std::uint32_t id = 0;
    for (std::string nodes, gpus; in >> id >> nodes >> gpus;) {
      CAPTURE(id);
      if (id == other) continue;
      const request& r = jobs.at(id);
      int total = 0;
      std::set<std::string> chosen;
      for (const auto& [node, n] : placed[id]) {
        chosen.insert(node);
        total += n;
      }
      CHECK(total == r.gpus);
      CHECK(static_cast<int>(chosen.size()) >= r.nodes);
      const auto at = pilot::detail::hosts(nodes);
      CHECK(std::set<std::string>(at.begin(), at.end()) == chosen);
      // As many of the first node's GPUs as were chosen there; an exclusive job may be shown fewer.
      if (r.words.front() != "--exclusive")
        CHECK(std::count(gpus.begin(), gpus.end(), ',') + 1 == placed[id][at.front()]);
    }
    while (!must({"squeue", "-h", "-a"}).empty() && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}
