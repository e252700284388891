// The pilot on a real Slurm: slurmctld and 16 slurmd of this machine's own (private_slurm.sh).
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <heddle/route/verify.hpp>

#include "background_pilot.hpp"
#include "private_slurm.hpp"
#include "slurm_pilot/machine.hpp"
#include "slurm_pilot/process.hpp"
#include "slurm_pilot/read_nodes.hpp"
#include "support/run.hpp"

namespace {

using namespace heddle;
using namespace heddle::pilot;
using test::background_pilot;
using test::lines_of;
using test::must;
using test::private_slurm;
using test::wait_for;

fabric::placement placement_in(const nlohmann::json& line, const site& m) {
  fabric::placement p;
  for (const auto& r : line.at("ranks"))
    p.gpus.push_back(m.gpu(m.server_named.at(r[0].get<std::string>()), r[1].get<int>()));
  for (const auto& k : line.at("links"))
    p.links.push_back({m.leaf_named.at(k[0].get<std::string>()), spine_id{k[1].get<int>()},
                       k[2].get<std::uint32_t>()});
  std::sort(p.links.begin(), p.links.end());
  return p;
}

std::set<std::string> hosts_in(const nlohmann::json& line) {
  std::set<std::string> out;
  for (const auto& r : line.at("ranks")) out.insert(r[0].get<std::string>());
  return out;
}

}  // namespace

// A real program ends when it ends: this test waits for it, unlike all others.
TEST_CASE("a real Slurm runs 60 jobs where heddle wants them through the loss of a node and of the "
          "pilot") {
  const test::scratch_dir dir;
  private_slurm slurm{dir};
  if (!slurm.is_up()) {
    MESSAGE("[skipped] no Slurm of its own here: ", slurm.why_not());
    return;
  }

  // Every job writes where it is, starts a step on each of its nodes, sleeps, and says that it ends.
  const std::string script = dir.write(
      "job.sh", R"(#!/bin/bash
out=)" + dir.path().string() +
                    R"(/runs/$SLURM_JOB_ID
echo "begin $SLURM_JOB_NODELIST ${SLURM_RESTART_COUNT:-0} $CUDA_VISIBLE_DEVICES" >> $out
if [[ $1 == ranks ]]; then
  SLURM_HOSTFILE=)" +
                    dir.path().string() +
                    R"(/hooks/$SLURM_JOB_ID/hosts srun --overlap --distribution=arbitrary -n $2 \
    bash -c 'echo "rank $SLURM_PROCID $SLURMD_NODENAME" >> '$out
fi
sleep $3
echo end >> $out
)");
  std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  std::filesystem::create_directory(dir / "runs");
  std::filesystem::create_directory(dir / "hooks");

  const int sizes[]{8, 1, 16, 4, 32, 2, 64, 8, 24, 40, 1, 48};
  std::map<std::uint32_t, int> gpus;
  std::set<std::uint32_t> with_ranks;
  for (int i = 0; i < 60; ++i) {
    const int n = sizes[i % 12];
    const bool ranks = i % 12 == 2;
    const std::string id =
        must({"sbatch", "--parsable", "--hold", std::string("--gpus=") + std::to_string(n), "-n",
              ranks ? std::to_string(n) : "1", "--comment=collective=all_to_all",
              "--chdir=" + dir.path().string(), "--output=/dev/null", script,
              ranks ? "ranks" : "plain", std::to_string(n), std::to_string(1 + i % 3)});
    gpus[static_cast<std::uint32_t>(std::stoul(id))] = n;
    if (ranks) with_ranks.insert(static_cast<std::uint32_t>(std::stoul(id)));
  }
  const std::string log = dir / "log";
  const std::vector<std::string> words{
      "--state", dir / "book", "--log", log,       "--hooks",     dir / "hooks", "--interval",
      "0.5",     "--spines",   "32",    "--order", "fewest_gpus", "--backfill",  "greedy"};
  const auto ended = [&] {
    std::size_t n = 0;
    for (const auto& [id, size] : gpus)
      n += test::content_of(dir / (std::string("runs/") + std::to_string(id))).ends_with("end\n");
    return n;
  };
  const auto node_of = [&](std::uint32_t id) {
    for (const auto& line : lines_of(log))
      if (line["event"] == "started" && line["job"] == id)
        return line["ranks"][0][0].get<std::string>();
    return std::string{};
  };

  background_pilot first{words};
  CHECK(wait_for(60, [&] { return ended() >= 8; }));
  first.end(SIGKILL);  // in the middle of what it may be doing
  // A job that will be running when its node is lost.
  const auto long_id = static_cast<std::uint32_t>(
      std::stoul(must({"sbatch", "--parsable", "--hold", "--gpus=8", "--output=/dev/null", script,
                       "plain", "8", "10"})));
  gpus[long_id] = 8;
  background_pilot second{words};
  std::string lost_node;
  CHECK(wait_for(60, [&] { return !(lost_node = node_of(long_id)).empty(); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  slurm.kill_node(lost_node);
  second.end(SIGKILL);
  background_pilot third{words};
  const bool all = wait_for(150, [&] { return ended() == gpus.size(); });
  CHECK_MESSAGE(all, ended() << " of " << gpus.size() << " ended");
  // A node that comes back is used again.
  slurm.start_node(lost_node);
  CHECK(wait_for(30, [&] { return test::content_of(log).find("node_back") != std::string::npos; }));
  CHECK(wait_for(
      20, [&] { return test::content_of(dir / "book").find("\"id\"") == std::string::npos; }));
  CHECK(third.end(SIGTERM) == 0);

  // None lost, none run twice: each began once more than Slurm started it again, and ended once.
  std::map<std::uint32_t, std::vector<std::string>> begun;
  int restarts = 0;
  for (const auto& [id, size] : gpus) {
    CAPTURE(id);
    std::istringstream in(test::content_of(dir / (std::string("runs/") + std::to_string(id))));
    int ends = 0;
    std::map<int, std::string> rank_host;
    for (std::string word; in >> word;) {
      if (word == "begin") {
        std::string nodes;
        int count = -1;
        in >> nodes >> count;
        CHECK(count == static_cast<int>(begun[id].size()));
        begun[id].push_back(nodes);
        in.ignore(1000, '\n');
      } else if (word == "rank") {
        int r = 0;
        in >> r;
        in >> rank_host[r];
      } else if (word == "end") {
        ++ends;
      }
    }
    CHECK(ends == 1);
    restarts += static_cast<int>(begun[id].size()) - 1;
    if (with_ranks.contains(id)) CHECK(rank_host.size() == static_cast<std::size_t>(size));
    // Ranks ran on the hosts in the order of the last placement.
    if (!rank_host.empty()) {
      nlohmann::json last;
      for (const auto& line : lines_of(log))
        if (line["event"] == "placed" && line["job"] == id) last = line;
      for (const auto& [r, host] : rank_host)
        CHECK(last["ranks"][static_cast<std::size_t>(r)][0] == host);
    }
  }
  CHECK(restarts >= 1);
  CHECK(begun[long_id].size() == 2);

  // Every run was on the nodes that the log has, and at every moment all jobs were isolated.
  const machine<fabric::leaf_spine> m =
      make_machine(must({"scontrol", "show", "topology"}),
                   read_nodes_json(must({"sinfo", "--json"})), {.spines = 32});
  fabric::ledger held{m.dc};
  std::map<std::uint32_t, std::vector<std::set<std::string>>> placed;
  int checks = 0, opened = 0, crossing = 0;
  std::map<std::uint32_t, fabric::placement> booked;  // by one look: its lines have one time
  const auto close_look = [&] {
    for (const auto& [id, p] : booked) held.release(job_id{id});
    for (const auto& [id, p] : booked)
      REQUIRE(held.reserve(job_id{id}, p) == fabric::reserve_status::reserved);
    checks += static_cast<int>(booked.size());
    booked.clear();
    CHECK(route::verify_isolated(
        held, [](job_id) { return collective::all_to_all; }, route::source{}));
  };
  double now_s = 0;
  for (const auto& line : lines_of(log)) {
    const std::string event = line["event"];
    CAPTURE(line.dump());
    CHECK(event != "foreign");
    CHECK(event != "elsewhere");
    CHECK(event != "lost");
    if (line["time_s"].get<double>() != now_s) close_look();
    now_s = line["time_s"];
    if (event == "opened") {
      ++opened;
      held = fabric::ledger{m.dc};
      for (const auto& j : line["jobs"]) {
        const std::uint32_t id = j["job"];
        booked[id] = placement_in(j, m);
        // A placement that was saved, and its pilot killed before it noted it.
        if (placed[id].empty() || placed[id].back() != hosts_in(j))
          placed[id].push_back(hosts_in(j));
      }
    } else if (event == "placed" || event == "renumbered" || event == "started") {
      const std::uint32_t id = line["job"];
      booked[id] = placement_in(line, m);
      if (event == "placed") placed[id].push_back(hosts_in(line));
      crossing += event == "placed" && !booked[id].links.empty();
    } else if (event == "ended" || event == "requeued" || event == "taken_back" ||
               event == "refused") {
      held.release(job_id{line["job"].get<std::uint32_t>()});
      booked.erase(line["job"].get<std::uint32_t>());
    }
  }
  close_look();
  CHECK(opened == 3);
  CHECK(checks >= 120);
  CHECK(crossing >= 10);
  for (const auto& [id, runs] : begun)
    for (const std::string& list : runs) {
      const auto nodes = pilot::detail::hosts(list);
      const std::set<std::string> ran(nodes.begin(), nodes.end());
      CAPTURE(id);
      CHECK(std::find(placed[id].begin(), placed[id].end(), ran) != placed[id].end());
    }
}

TEST_CASE(
    "heddle-slurm-pilot has help and a version and says in one line what is wrong with its use") {
  CHECK(test::run("heddle-slurm-pilot", "--help").out.find("--dry-run") != std::string::npos);
  CHECK(test::run("heddle-slurm-pilot", "--version").out.starts_with("heddle-slurm-pilot "));
  const test::scratch_dir dir;
  const auto fails = [&](const std::string& options, const std::string& message, int status) {
    CAPTURE(options);
    const test::outcome o = test::run("heddle-slurm-pilot", options);
    CHECK(o.status == status);
    CHECK(o.out.empty());
    CHECK_MESSAGE(o.err.find(message) != std::string::npos, o.err);
    CHECK(std::count(o.err.begin(), o.err.end(), '\n') == 1);
  };
  const std::string state = "--once --state " + dir / "book ";
  fails("--once", "--state is required", 2);
  fails(state + "--place best", "--place: best not in", 2);
  fails(state + "--place ocs_vclos",
        "--place: expected another one without --ocs-switches, got ocs_vclos", 2);
  fails(state + "--place vclos --ocs-switches 4",
        "--place: expected ocs_vclos on an optical network", 2);
  fails(state + "--gpu voodoo", "--gpu: expected a GPU of the catalogue", 2);
  CHECK(dir.entries() == 0);
}
