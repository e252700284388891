// The pilot on a real Slurm whose nodes have GPUs of two types.
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
#include "support/run.hpp"

namespace {

using namespace heddle;
using test::must;

struct request {
  std::vector<std::string> words;
  int gpus;
  std::string type;  // that it must have; empty: one type, whichever
};

}  // namespace

// A real program ends when it ends: this test waits for it.
TEST_CASE("a real Slurm with GPUs of two types runs each job on GPUs of one that it may have") {
  const test::scratch_dir dir;
  const test::private_slurm slurm(
      dir, {"--leafs", "2", "--nodes-per-leaf", "2", "--gpus", "4", "--types", "a100,v100"});
  if (!slurm.is_up()) {
    MESSAGE("[skipped] no Slurm of its own here: ", slurm.why_not());
    return;
  }
  const std::map<std::string, std::string> type_of{
      {"n0", "a100"}, {"n1", "v100"}, {"n2", "a100"}, {"n3", "v100"}};
  const std::vector<request> requests{{{"--gres=gpu:a100:4"}, 4, "a100"},
                                      {{"--gpus=v100:8"}, 8, "v100"},
                                      {{"--gpus=8"}, 8, ""},
                                      {{"--gpus-per-node=a100:2", "--nodes=2"}, 4, "a100"},
                                      {{"--gpus=2"}, 2, ""},
                                      {{"--gres=gpu:v100:1"}, 1, "v100"},
                                      {{"--gpus=8"}, 8, ""},
                                      {{"--gpus=a100:8"}, 8, "a100"}};
  const std::string log = dir / "log";
  std::map<std::uint32_t, request> jobs;
  for (const request& r : requests) {
    auto words = r.words;
    words.insert(words.begin(), {"sbatch", "--parsable", "--output=/dev/null", "--hold"});
    words.insert(words.end(), {"--wrap", std::string("echo $SLURM_JOB_ID $SLURM_JOB_NODELIST >> ") +
                                             log + ".ran; sleep 0.5"});
    jobs.emplace(static_cast<std::uint32_t>(std::stoul(must(words))), r);
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(90);
  std::size_t ran = 0;
  for (bool json = true; ran < jobs.size() && std::chrono::steady_clock::now() < end;
       json = !json) {
    (void)must({HEDDLE_BIN_DIR "/heddle-slurm-pilot", "--once", "--read", json ? "json" : "text",
                "--state", dir / "book", "--log", log, "--spines", "8", "--backfill", "easy"});
    const std::string lines = test::content_of(log + ".ran");
    ran = static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n'));
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  CHECK_MESSAGE(ran == jobs.size(), (must({"squeue", "-a"}) + test::content_of(log)));

  std::istringstream lines(test::content_of(log));
  std::size_t placed = 0;
  for (std::string text; std::getline(lines, text);) {
    CAPTURE(text);
    const auto line = nlohmann::json::parse(text);
    const std::string event = line["event"];
    for (const char* bad : {"refused", "taken_back", "elsewhere", "lost", "hold", "gpus_unknown"})
      CHECK(event != bad);
    if (event != "placed") continue;
    ++placed;
    const request& r = jobs.at(line["job"]);
    CHECK(static_cast<int>(line["ranks"].size()) == r.gpus);
    std::set<std::string> types;
    for (const auto& rank : line["ranks"]) types.insert(type_of.at(rank[0].get<std::string>()));
    CHECK(types.size() == 1);
    if (!r.type.empty()) CHECK(types == std::set{r.type});
  }
  CHECK(placed == jobs.size());
}
