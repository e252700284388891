#include "slurm_pilot/read_slurm.hpp"

#include <initializer_list>
#include <random>
#include <string>
#include <tuple>
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
    j.gpus_on.clear();
  }
  for (job_report& j : text) j.gpus_on.clear();
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
  auto json = read_nodes_json(test::sinfo_json), text = read_nodes_text(test::sinfo_text);
  CHECK(json[2].why == "idle+drain");
  CHECK(text[2].why == "drained");
  for (node_report& n : json) n.why.clear();
  for (node_report& n : text) n.why.clear();
  CHECK(json == text);
  const std::vector<node_report> right{{.name = "n0", .gpus = 8, .types = {""}},
                                       {.name = "n1", .gpus = 8, .full = true, .types = {"a100"}},
                                       {.name = "n2", .gpus = 8, .usable = false, .types = {""}},
                                       {.name = "n3", .gpus = 8, .usable = false, .types = {""}},
                                       {.name = "n4", .gpus = 8, .usable = false, .types = {""}},
                                       {.name = "n5"}};
  CHECK(json == right);
}

TEST_CASE("numbers and states in the form of later Slurm versions are read") {
  const auto jobs = read_jobs_json(test::squeue_json_later);
  REQUIRE(jobs.size() == 1);
  CHECK(jobs[0].phase == job_phase::running);
  CHECK(jobs[0].gpus == 2);
  CHECK(jobs[0].whole);
  CHECK(jobs[0].limit_s == 0);
  CHECK(jobs[0].gpu_numbers == std::vector<std::vector<int>>{{1, 3}});
  const auto nodes = read_nodes_json(test::sinfo_json_later);
  REQUIRE(nodes.size() == 2);
  CHECK(nodes[0].usable);
  CHECK(!nodes[1].usable);
  CHECK(nodes[1].gpus == 8);
}

TEST_CASE("nodes that stand in a group have GPUs of their own only where something tells them") {
  const auto nodes = read_nodes_json(R"json({"sinfo": [
    {"node": {"state": ["IDLE"]}, "nodes": {"nodes": ["a", "b", "c"]}, "gres": {"total": "gpu:8", "used": ""},
     "partition": {"name": "p"}},
    {"node": {"state": ["IDLE"]}, "nodes": {"nodes": ["b"]}, "gres": {"total": "gpu:4(S:0)", "used": "gpu:1(IDX:2)"},
     "partition": {
  "name" : "q"
}
},
    {"node": {"state": ["MIXED", "DRAIN"]}, "nodes": {"nodes": ["c"]}, "gres": {"total": null}, "partition": {}}]
})json");
  REQUIRE(nodes.size() == 3);
  CHECK(nodes[0].gpus == 8);
  CHECK(nodes[0].gpus_told);
  CHECK(nodes[1].gpus == 4);
  CHECK(nodes[1].gpus_told);
  CHECK(nodes[1].used == 1);
  CHECK(nodes[1].used_numbers == std::vector<int>{2});
  CHECK(nodes[1].partitions == std::vector<std::string>{"p", "q"});
  CHECK(!nodes[2].usable);
  CHECK(nodes[2].why == "mixed+drain");
  CHECK(!lacks_gpus(nodes));
  CHECK(lacks_gpus(read_nodes_json(
      R"({"sinfo": [{"node": {"state": "idle"}, "nodes": {"nodes": "n[1-2]"}, "gres": {"total": "gpu:8"}}]})")));
}

TEST_CASE("names and comments of any bytes do not stop the reading") {
  // Neither UTF-8 nor without line breaks; a number that is none.
  const std::string json = "{\"jobs\": [{\"job_id\": 7, \"name\": \"caf\xe9 \xf0\x9f\x98\x80 "
                           "\xed\xa0\x80\", \"comment\": "
                           "\"a \\\"b\\\" NaN\nmodel=bert\", \"billable_tres\": NaN, \"x\": "
                           "[-Infinity, -1], \"priority\": 0,"
                           "\"job_state\": \"PENDING\", \"state_reason\": \"JobHeldUser\", "
                           "\"tres_per_job\": \"gres:gpu:2\"}]}";
  const auto jobs = read_jobs_json(json);
  REQUIRE(jobs.size() == 1);
  CHECK(jobs[0].phase == job_phase::held);
  CHECK(jobs[0].gpus == 2);
  CHECK(jobs[0].hints == "a \"b\" NaN model=bert");

  const auto text =
      read_jobs_text("RUNNING|2|4|2|2|N/A|gres:gpu:2|N/A|N/"
                     "A|*|cpu=2,node=2|OK|UNLIMITED|1795380536|0|2|N/A|(null)|None||"
                     "n[0-1]|main|(null)|a\nb|c \xc3\xa9\n5|not a job\n     \n"
                     "PENDING|1|0|1|1|N/A|N/A|N/A|gres:gpu:2|2|cpu=1|NO|1:00|1795380536|0|1|N/"
                     "A|(null)|JobHeldUser|||main|"
                     "heddle: waits|x   \n");
  REQUIRE(text.size() == 2);
  CHECK(text[0].gpus == 4);
  CHECK(text[0].exclusive);
  CHECK(text[0].explanation == "heddle: waits");
  CHECK(text[0].hints == "x");
  CHECK(text[1].gpus == 4);
  CHECK(text[1].gpus_on == std::vector<int>{2, 2});
  CHECK(text[1].hints == "a\nb|c \xc3\xa9\n5|not a job");
  CHECK_THROWS_AS((void)read_jobs_text("RUNNING|2|4|2|2\n"), input_error);
  CHECK_THROWS_AS((void)read_jobs_text("error: no jobs\n"), input_error);
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
                       "scontrol show topology: expected a tree of switches or blocks "
                       "(TopologyPlugin=topology/tree, topology/block), got nothing",
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

TEST_CASE("the version of Slurm is found in what its commands say") {
  CHECK(version_in("slurm-wlm 22.05.8\n") == 2205);
  CHECK(version_in("slurm 24.11.1-1\n") == 2411);
  CHECK(version_in("slurm 23.11.0-0rc1\n") == 2311);
  CHECK(version_in("") == 0);
  CHECK(version_in("1|PENDING|0|5\n") == 0);
}
