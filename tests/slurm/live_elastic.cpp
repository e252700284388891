// An elastic job on a real Slurm: moved by checkpoint and restart, on GPUs that are not there.
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "background_pilot.hpp"
#include "private_slurm.hpp"
#include "slurm/trainer/training.hpp"
#include "support/run.hpp"

using namespace heddle;
using test::must;

// A real program ends when it ends: this test waits for it.
TEST_CASE("an elastic job on a real Slurm is grown and shrunk twice and does all its work once") {
  const test::scratch_dir dir;
  const test::private_slurm slurm(dir, {"--leafs", "2", "--nodes-per-leaf", "2", "--gpus", "4"});
  if (!slurm.is_up()) {
    MESSAGE("[skipped] no Slurm of its own here: ", slurm.why_not());
    return;
  }
  for (const char* name : {"reports", "hooks", "gpus"})
    std::filesystem::create_directory(dir / name);
  constexpr std::uint64_t samples = 60'000;
  const std::string script = dir.write("job.sh",
                                       R"(#!/bin/bash
exec )" HEDDLE_TRAINER " dir=" + dir / "reports/$SLURM_JOB_ID" +
                                           " ranks=" + dir / "hooks/$SLURM_JOB_ID/ranks.csv" +
                                           " gpus_in=" + dir / "gpus" +
                                           " samples=" + std::to_string(samples) +
                                           " model=gpt2 batch=8 scale=80 report_s=0.5\n");
  std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  const auto submit = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"sbatch", "--parsable", "--hold", "--output=/dev/null",
                                 "--chdir=" + dir.path().string()});
    const std::string id = must(words);
    return id.substr(0, id.find_first_of("\n;"));
  };
  const std::string id =
      submit({"--gpus=8", "--comment=model=gpt2 elastic=2-8 notice=USR1@60", script});
  const std::string log = dir / "log";
  const std::vector<std::string> words{"--state",    dir / "book",  "--log",      log,
                                       "--hooks",    dir / "hooks", "--interval", "0.5",
                                       "--spines",   "8",           "--settle",   "2",
                                       "--allocate", "powerflow",   "--reports",  dir / "reports"};
  const auto sizes = [&] {  // of its starts
    std::vector<std::size_t> out;
    for (const auto& line : test::lines_of(log))
      if (line["event"] == "started" && line["job"] == std::stoul(id))
        out.push_back(line["ranks"].size());
    return out;
  };
  const auto comes_to = [&](std::size_t starts) {
    return test::wait_for(120, [&] { return sizes().size() >= starts; });
  };
  test::background_pilot first{words};
  CHECK(comes_to(1));
  (void)submit({"--gpus=12", "--wrap", "sleep 2"});
  CHECK(comes_to(3));  // it gives way, and comes back
  first.end(SIGKILL);
  test::background_pilot second{words};
  (void)submit({"--gpus=12", "--wrap", "sleep 2"});
  CHECK(comes_to(5));
  const std::string kept = dir / ("reports/" + id + "/checkpoint");
  CHECK(test::wait_for(200, [&] {
    const auto t = test::training::read(kept);
    return t && t->done == samples;
  }));
  CHECK(test::wait_for(30, [&] { return must({"squeue", "-h", "-a"}).empty(); }));
  CHECK(second.end(SIGTERM) == 0);

  const auto t = test::training::read(kept);
  REQUIRE_MESSAGE(t, test::content_of(log));
  CHECK_MESSAGE(t->proves(samples), t->text());
  const std::vector<std::size_t> wanted{8, 4, 8, 4, 8};
  CHECK_MESSAGE(sizes() == wanted, test::content_of(log));
  // Each start works with what it was given.
  std::vector<std::size_t> worked;
  for (const test::trained_part& p : t->ledger)
    if (const auto gpus = static_cast<std::size_t>(p.gpus); worked.empty() || worked.back() != gpus)
      worked.push_back(gpus);
  CHECK(worked == wanted);
  int moved = 0;
  for (const auto& line : test::lines_of(log)) {
    CAPTURE(line.dump());
    for (const char* bad : {"refused", "elsewhere", "lost", "deaf", "odd_report", "foreign"})
      CHECK(line["event"] != bad);
    if (line["event"] != "moved") continue;
    ++moved;
    CHECK(line["pause_s"] > 0);
    MESSAGE("a move costs ", line["pause_s"].get<double>(), " s, the next is taken for ",
            line["price_s"].get<double>(), " s");
  }
  CHECK(moved >= 3);  // what the pilot that was killed was about may stay unmeasured
}
