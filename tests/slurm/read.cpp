#include "slurm_pilot/read_slurm.hpp"

#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "slurm/samples.hpp"
#include "slurm_pilot/machine.hpp"

namespace {
using namespace heddle;
using namespace heddle::pilot;
}  // namespace

TEST_CASE("squeue is read the same from JSON and from fields but for what fields cannot tell") {
  auto json = read_jobs_json(test::squeue_json), text = read_jobs_text(test::squeue_text);
  REQUIRE(json.size() == 6);
  CHECK(json[0].gpu_numbers == std::vector<std::vector<int>>(2, {0, 1, 2, 3, 4, 5, 6, 7}));
  CHECK(json[0].explanation == "heddle: y");
  for (job_report& j : json) {
    j.gpu_numbers.clear();
    j.explanation.clear();
  }
  for (std::size_t i = 0; i < json.size(); ++i) {
    CAPTURE(i);
    CHECK(json[i].phase == text[i].phase);
    CHECK(json[i] == text[i]);
  }
}

TEST_CASE("squeue's records become what they mean") {
  const auto jobs = read_jobs_json(test::squeue_json);
  const auto is = [&](std::size_t i, job_phase phase, int gpus) {
    CHECK(jobs[i].id == i + 1);
    CHECK(jobs[i].phase == phase);
    CHECK(jobs[i].gpus == gpus);
  };
  is(0, job_phase::running, 16);
  is(1, job_phase::pending, 8);  // of nodes
  is(2, job_phase::held, 16);    // of tasks
  is(3, job_phase::held, 2);
  is(4, job_phase::completing, 16);
  is(5, job_phase::ended, 0);
  CHECK(jobs[0].nodes == std::vector<std::string>{"n3", "n10"});
  CHECK(jobs[0].limit_s == 365 * 86400.0);
  CHECK(jobs[1].restarts == 1);
  CHECK(jobs[1].limit_s == 300);
  CHECK(jobs[1].required == std::vector<std::string>{"n6", "n7"});
  CHECK(!jobs[3].whole);
  CHECK(jobs[4].depends);
}

TEST_CASE("a job that Slurm holds for a fault of its own is not taken for a held one") {
  std::string text = test::squeue_json;
  const auto at = text.find("JobHeldUser");
  text.replace(at, 11, "JobHoldMaxRequeue");
  CHECK(read_jobs_json(text)[2].phase == job_phase::pending);
}

TEST_CASE("sinfo is read the same from JSON and from fields") {
  const auto nodes = read_nodes_json(test::sinfo_json);
  CHECK(nodes == read_nodes_text(test::sinfo_text));
  CHECK(nodes == std::vector<node_report>{{"n0", 8, true},
                                          {"n1", 8, true},
                                          {"n2", 8, false},
                                          {"n3", 8, false},
                                          {"n4", 8, false},
                                          {"n5", 0, true}});
}

TEST_CASE("numbers and states in the form of later Slurm versions are read") {
  const auto jobs = read_jobs_json(test::squeue_json_later);
  REQUIRE(jobs.size() == 1);
  CHECK(jobs[0].phase == job_phase::running);
  CHECK(jobs[0].gpus == 2);
  CHECK(jobs[0].whole);
  CHECK(jobs[0].limit_s == 0);
  CHECK(jobs[0].gpu_numbers == std::vector<std::vector<int>>{{1, 3}});
  CHECK(read_nodes_json(test::sinfo_json_later) ==
        std::vector<node_report>{{"n0", 8, true}, {"n1", 8, false}});
}

TEST_CASE("lists of resources are counted in GPUs alone") {
  CHECK(pilot::detail::gpus_in("gres:gpu:8") == 8);
  CHECK(pilot::detail::gpus_in("gpu:a100:4,gpu:v100:2,nic:2") == 6);
  CHECK(pilot::detail::gpus_in("gpu:a100:4(S:0-1,2),shard:16") == 4);
  CHECK(pilot::detail::gpus_in("gres/gpu=3") == 3);
  CHECK(pilot::detail::gpus_in("gpu") == 1);
  CHECK(pilot::detail::gpus_in("gpu:a100") == 1);
  CHECK(pilot::detail::gpus_in("gpumem:4") == 0);
  CHECK(pilot::detail::gpus_in("") == 0);
  CHECK(pilot::detail::gpu_numbers_in("gpu:a100:3(IDX:0-1,7)") == std::vector<int>{0, 1, 7});
  CHECK(pilot::detail::gpu_numbers_in("gpu:0(IDX:N/A)").empty());
}

TEST_CASE("output that is cut or garbled is refused or read and never more") {
  const std::vector<std::string> whole{test::squeue_json, test::sinfo_json, test::squeue_text,
                                       test::sinfo_text, test::topology_shown};
  std::mt19937 dice{11};
  const auto try_all = [](const std::string& text) {
    const auto guarded = [](auto&& f) {
      try {
        f();
      } catch (const input_error&) {
      }
    };
    guarded([&] { (void)read_jobs_json(text); });
    guarded([&] { (void)read_nodes_json(text); });
    guarded([&] { (void)read_jobs_text(text); });
    guarded([&] { (void)read_nodes_text(text); });
    guarded([&] { (void)make_machine(text, read_nodes_text(test::sinfo_text)); });
  };
  for (const std::string& text : whole)
    for (int round = 0; round < 300; ++round) {
      std::string other = text.substr(0, dice() % text.size());
      for (int k = 0; k < 3 && !other.empty(); ++k)
        other[dice() % other.size()] = static_cast<char>(dice() % 128);
      CAPTURE(round);
      try_all(other);
    }
  CHECK_THROWS_AS((void)read_jobs_json("[]"), input_error);
  CHECK_THROWS_AS((void)read_jobs_text("1|RUNNING"), input_error);
}

TEST_CASE("Slurm's tree becomes a network with as many spines as told") {
  std::vector<node_report> nodes;
  for (int i = 0; i < 16; ++i)
    nodes.push_back({std::string("n") + std::to_string(i), i == 15 ? 4 : 8, true});
  const machine<fabric::leaf_spine> m = make_machine(test::topology_shown, nodes);
  CHECK(m.dc.leafs() == 4);
  CHECK(m.dc.spines() == 32);
  CHECK(m.dc.gpus() == 124);
  CHECK(m.hosts[9] == "n9");
  CHECK(m.dc.leaf_of(m.gpu(m.server_named.at("n9"), 0)) == m.leaf_named.at("leaf2"));
  CHECK(m.host_of(m.gpu(m.server_named.at("n9"), 3)) == "n9");
  CHECK(m.number_of(m.gpu(m.server_named.at("n9"), 3)) == 3);
  CHECK(!m.gpu(m.server_named.at("n15"), 4).valid());
  CHECK(
      make_machine(test::topology_shown, nodes, {.spines = 16, .links_per_pair = 2}).dc.uplinks() ==
      32);

  CHECK_THROWS_WITH_AS((void)make_machine("", nodes),
                       "scontrol show topology: expected a tree of switches "
                       "(TopologyPlugin=topology/tree), got nothing",
                       input_error);
  const char* two_tops = "SwitchName=leaf0 Level=0 LinkSpeed=1 Nodes=n[0-7]\nSwitchName=leaf1 "
                         "Level=0 LinkSpeed=1 Nodes=n[8-15]\n"
                         "SwitchName=s0 Level=1 LinkSpeed=1 Nodes=n[0-15] Switches=leaf[0-1]\n"
                         "SwitchName=s1 Level=1 LinkSpeed=1 Nodes=n[0-15] Switches=leaf[0-1]\n";
  CHECK(make_machine(two_tops, nodes).dc.spines() == 64);
  CHECK_THROWS_AS((void)make_machine(two_tops, nodes, {.spines = 7}), input_error);
  const machine<fabric::leaf_spine> one =
      make_machine("SwitchName=leaf0 Level=0 LinkSpeed=1 Nodes=n[0-3]\n", nodes);
  CHECK(one.dc.gpus() == 32);
  CHECK(one.dc.leafs() == 1);
}
