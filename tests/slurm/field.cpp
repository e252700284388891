// Situations met in the field: what the pilot would do about them.
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "slurm/still_slurm.hpp"
#include "support/shared_data.hpp"

namespace {

using namespace heddle;
using test::json;
using nodes = std::set<std::string>;

/// A job of squeue --json, in the form of 22.05, with changes.
json job(int id, const json& changes) {
  json j{{"job_id", id},
         {"job_state", "PENDING"},
         {"state_reason", "JobHeldUser"},
         {"priority", 0},
         {"array_job_id", 0},
         {"het_job_id", 0},
         {"dependency", ""},
         {"partition", "p"},
         {"node_count", 1},
         {"tasks", 1},
         {"nodes", ""},
         {"required_nodes", ""},
         {"submit_time", id},
         {"time_limit", 60},
         {"restart_cnt", 0},
         {"tres_per_job", ""}};
  j.update(changes);
  return j;
}
json running(int id, const std::string& at, const json& changes) {
  json j =
      job(id, {{"job_state", "RUNNING"}, {"state_reason", "None"}, {"priority", 9}, {"nodes", at}});
  j.update(changes);
  return j;
}
json asks(int id, int gpus) {
  return job(id, {{"tres_per_job", "gres:gpu:" + std::to_string(gpus)}});
}

json node(const std::string& name, const json& changes = json::object()) {
  json n{{"name", name}, {"gres", "gpu:4"}, {"state", "mixed"}, {"state_flags", json::array()}};
  n.update(changes);
  return n;
}

/// Three nodes of four GPUs on two leafs.
struct three_nodes : test::still_slurm {
  three_nodes() {
    write("topology.txt", "SwitchName=l1 Level=0 LinkSpeed=1 Nodes=n1\n"
                          "SwitchName=l2 Level=0 LinkSpeed=1 Nodes=n[2-3]\n"
                          "SwitchName=s Level=1 LinkSpeed=1 Nodes=n[1-3] Switches=l[1-2]\n");
    write("sinfo.json", "nodes", {node("n1"), node("n2"), node("n3")});
  }
  void jobs(const std::vector<json>& list) const { write("squeue.json", "jobs", list); }
};

test::sight shared_case(const std::filesystem::path& field, const std::string& directory,
                        const std::vector<std::string>& env, const std::string& arguments = "") {
  std::vector<std::string> all{"FAKE=."};
  all.insert(all.end(), env.begin(), env.end());
  return test::look_at(field / directory, field / "fake", "--spines 4 " + arguments, all);
}

}  // namespace

TEST_CASE("GPUs of running jobs are counted wherever Slurm tells them") {
  HEDDLE_SHARED_FILE(field, "cases/field");
  for (const char* file : {"per-socket", "requested", "allocated", "detail"}) {
    CAPTURE(file);
    const auto s = shared_case(field, "01-running-gpus-told-elsewhere",
                               {std::string("SQUEUE=") + file + ".json"});
    const nodes at = s.nodes_of(2);
    CHECK(at.size() == 1);
    CHECK(!at.contains("node01"));
    CHECK(!at.empty());
  }
  const auto s = shared_case(field, "02-held-per-socket", {});
  CHECK(s.place_of(2).size() == 1);
  CHECK(s.place_of(2).begin()->second.size() == 4);
}

TEST_CASE("nodes are read from every version's listing") {
  HEDDLE_SHARED_FILE(field, "cases/field");
  for (const char* file :
       {"sinfo-22.05", "sinfo-23.02", "sinfo-24.05", "sinfo-24.11", "nodes-24.11"}) {
    CAPTURE(file);
    const auto s =
        shared_case(field, "03-sinfo-of-later-slurm", {std::string("SINFO=") + file + ".json"});
    CHECK(s.nodes_of(2) == nodes{"node02"});
  }
}

TEST_CASE("nodes that Slurm would wake are used and lost ones are not") {
  HEDDLE_SHARED_FILE(field, "cases/field");
  for (const char* form : {"json", "text"}) {
    CAPTURE(form);
    const auto s = shared_case(field, "04-node-states", {std::string("FAKE=") + form});
    CHECK(s.nodes_of(1) == nodes{"node01", "node02", "node03", "node04", "node05"});
    CHECK(s.lost() == nodes{"node06", "node07", "node08", "node09", "node10"});
  }
}

TEST_CASE("a running job of which nothing tells its GPUs keeps its nodes") {
  three_nodes slurm;
  slurm.jobs({running(1, "n1", {{"gres_detail", json::array()}}), asks(2, 4), asks(3, 8)});
  auto s = slurm.look("--backfill greedy");
  CHECK(!s.nodes_of(2).contains("n1"));
  REQUIRE(s.all("gpus_unknown").size() == 1);
  CHECK(s.all("gpus_unknown")[0]["job"] == 1);
  // Where the node tells how many are in use, they are as many, and which ones if that is told.
  slurm.write("sinfo.json", "nodes",
              {node("n1", {{"gres_used", "gpu:3(IDX:0,2-3)"}}), node("n2"), node("n3")});
  slurm.jobs({running(1, "n1", json::object()), asks(2, 8), asks(3, 1)});
  s = slurm.look("--place packed");
  CHECK(s.all("gpus_unknown").empty());
  CHECK(s.nodes_of(2) == nodes{"n2", "n3"});
  CHECK(s.place_of(3) == std::map<std::string, std::set<int>>{{"n1", {1}}});
  // A job of processors alone, beside GPUs that nobody uses.
  slurm.write("sinfo.json", "nodes",
              {node("n1", {{"gres_used", "gpu:0(IDX:N/A)"}}), node("n2"), node("n3")});
  slurm.jobs({running(1, "n1", json::object()), asks(2, 4), asks(3, 8)});
  s = slurm.look();
  CHECK(s.nodes_of(2) == nodes{"n1"});
  CHECK(s.nodes_of(3) == nodes{"n2", "n3"});
}

TEST_CASE("GPUs in use by jobs that are not shown are left alone and so is a node that is full") {
  three_nodes slurm;
  slurm.write("sinfo.json", "nodes",
              {node("n1", {{"gres_used", "gpu:a:2(IDX:0,3)"}}),
               node("n2", {{"state", "allocated"}}), node("n3", {{"state", "down"}})});
  slurm.jobs({asks(1, 2), asks(2, 1)});
  const auto s = slurm.look();
  CHECK(s.place_of(1) == std::map<std::string, std::set<int>>{{"n1", {1, 2}}});
  CHECK(s.why(2) == "heddle: waits, fewer GPUs are free than it asks for");
}

TEST_CASE("jobs that start, are stopped or end keep their GPUs as those that run") {
  three_nodes slurm;
  const json holds{{"tres_per_node", "gres:gpu:4"}};
  const auto in = [&](int id, const char* at, const json& state) {
    json j = running(id, at, holds);
    j["job_state"] = state;
    return j;
  };
  for (const json& state :
       {json("SUSPENDED"), json{"RUNNING", "CONFIGURING"}, json("COMPLETING"),
        json{"COMPLETED", "COMPLETING"}, json("STOPPED"), json{"PREEMPTED", "COMPLETING"},
        json{"RUNNING", "POWER_UP_NODE"}, json("RESIZING")}) {
    CAPTURE(state.dump());
    slurm.jobs({in(1, "n1", state), in(4, "n2", state), asks(2, 4)});
    CHECK(slurm.look().nodes_of(2) == nodes{"n3"});
  }
  slurm.jobs({in(1, "n[1-3]", json("PREEMPTED")), asks(2, 12)});
  CHECK(slurm.look("--place packed").nodes_of(2).size() == 3);
}

TEST_CASE("every held job that is not placed is told why") {
  three_nodes slurm;
  json array = asks(1, 1), part = asks(2, 1), after = asks(3, 1);
  array["array_job_id"] = 1;
  part["het_job_id"] = {{"set", true}, {"infinite", false}, {"number", 2}};
  after["dependency"] = "afterok:9(unfulfilled)";
  slurm.jobs({array, part, after, job(4, json::object()),
              job(5, {{"tres_per_node", "gres/shard:2"}}),
              job(6, {{"tres_per_node", "gres:gpu:a:1,gres:gpu:b:1"}}),
              job(7, {{"tres_per_socket", "gres:gpu:1"}}), asks(8, 13), asks(9, 8), asks(10, 8),
              asks(11, 1)});
  const auto s = slurm.look();
  CHECK(s.why(1) == "heddle: arrays and heterogeneous jobs are left alone");
  CHECK(s.why(2) == s.why(1));
  CHECK(s.why(3) == "heddle: waits for the jobs that it depends on");
  CHECK(s.why(4) == "heddle: left alone, it asks for no GPUs");
  CHECK(s.why(5) == "heddle: left alone, it asks for parts of GPUs (shard, mps)");
  CHECK(s.why(6) == "heddle: left alone, it asks for GPUs of several types");
  CHECK(s.why(7) ==
        "heddle: left alone, it asks for GPUs per socket, and nothing tells the number of sockets");
  CHECK(s.why(8) == "heddle: waits for ever, it asks for 13 GPUs and the cluster has 12");
  CHECK(s.nodes_of(9).size() == 2);
  CHECK(s.why(10) == "heddle: waits, fewer GPUs are free than it asks for");
  CHECK(s.why(11) == "heddle: waits behind job 10");
}

TEST_CASE("a job gets GPUs of its type in its partition, and nodes of its own if it wants them") {
  three_nodes slurm;
  const auto in = [&](const char* name, const char* gres, json partitions) {
    return node(name, {{"gres", gres}, {"partitions", std::move(partitions)}});
  };
  slurm.write(
      "sinfo.json", "nodes",
      {in("n1", "gpu:a:4", {"p", "q"}), in("n2", "gpu:b:4", {"p"}), in("n3", "gpu:b:4", {"q"})});
  json in_q = job(1, {{"tres_per_node", "gres:gpu:b:2"}, {"partition", "q"}});
  slurm.jobs({in_q, job(2, {{"tres_per_node", "gres/gpu:b:2"}}),
              job(3, {{"tres_per_node", "gres:gpu:c:1"}}),
              job(4, {{"tres_per_job", "gres:gpu:b:8"}})});
  auto s = slurm.look("--backfill greedy");
  CHECK(s.nodes_of(1) == nodes{"n3"});
  CHECK(s.nodes_of(2) == nodes{"n2"});
  CHECK(s.why(3) ==
        "heddle: waits for ever, it asks for 1 GPUs and the servers that it may have hold 0");
  CHECK(s.why(4) ==
        "heddle: waits for ever, it asks for 8 GPUs and the servers that it may have hold 4");

  // One that finds no GPUs of its type does not stand for another that asks for as many.
  slurm.jobs({job(1, {{"tres_per_node", "gres:gpu:b:4"}}),
              job(2, {{"tres_per_node", "gres:gpu:b:4"}}),
              job(3, {{"tres_per_node", "gres:gpu:a:4"}})});
  s = slurm.look("--backfill greedy");
  CHECK(s.nodes_of(1) == nodes{"n2"});
  CHECK(s.nodes_of(2).empty());
  CHECK(s.nodes_of(3) == nodes{"n1"});

  json alone = asks(2, 1);
  alone["shared"] = "none";
  slurm.write("sinfo.json", "nodes", {node("n1"), node("n2"), node("n3", {{"state", "down"}})});
  slurm.jobs({running(1, "n1", {{"gres_detail", {"gpu:1(IDX:0)"}}}), alone, asks(3, 1)});
  s = slurm.look();
  CHECK(s.place_of(2) == std::map<std::string, std::set<int>>{{"n2", {0, 1, 2, 3}}});
  CHECK(s.nodes_of(3) == nodes{"n1"});

  // Two GPUs of each of two sockets are four of a node, not two of each of two nodes.
  const json sockets{{"tres_per_socket", "gres:gpu:2"}, {"sockets_per_node", 2}};
  slurm.jobs({running(1, "n[1-3]", {{"tres_per_node", "gres:gpu:2"}}), job(2, sockets)});
  CHECK(slurm.look().why(2).starts_with("heddle: waits, enough GPUs are free, but not"));
  slurm.jobs({job(2, sockets)});
  CHECK(slurm.look().place_of(2).size() == 1);
}

TEST_CASE("a listing of nodes in groups is not relied on for the GPUs of each") {
  three_nodes slurm;
  const auto group = [](json names, const char* gres) {
    return json{{"node", {{"state", {"IDLE"}}}},
                {"nodes", {{"nodes", std::move(names)}}},
                {"gres", {{"total", gres}, {"used", ""}}},
                {"partition", {{"name", "p"}}}};
  };
  slurm.write("sinfo.json", "sinfo", {group({"n1"}, "gpu:4"), group({"n2", "n3"}, "gpu:4")});
  slurm.jobs({asks(1, 8)});
  auto s = slurm.look("--place packed");
  CHECK(s.nodes_of(1) == nodes{"n1", "n2"});
  CHECK(s.lost() == nodes{"n3"});
  // It has half as many: as text tells, or scontrol.
  slurm.jobs({asks(1, 8), asks(2, 2), asks(3, 1)});
  slurm.write("sinfo.txt",
              "n1|idle|gpu:4|gpu:0|p|\nn2|idle|gpu:4|gpu:0|p|\nn3|idle|gpu:2|gpu:0|p|\n");
  s = slurm.look("--place packed");
  CHECK(s.lost().empty());
  CHECK(s.nodes_of(1) == nodes{"n1", "n2"});
  CHECK(s.nodes_of(2) == nodes{"n3"});
  CHECK(s.why(3) == "heddle: waits, fewer GPUs are free than it asks for");
  slurm.write("nodes.json", "nodes", {node("n1"), node("n2"), node("n3", {{"gres", "gpu:1"}})});
  s = slurm.look("--place packed");
  CHECK(s.why(2) == "heddle: waits, fewer GPUs are free than it asks for");
}

TEST_CASE("without JSON the pilot sees what it sees with it, but for the numbers of GPUs") {
  three_nodes slurm;
  slurm.write("sinfo.json", "");
  slurm.write("sinfo.txt", "n1|mixed|gpu:4|gpu:2|p|\nn2|idle+cloud+powered_down|gpu:4|gpu:0|p|\n"
                           "n3|mixed+drain|gpu:4|gpu:0|p|\n");
  slurm.write("squeue.txt", "RUNNING|1|4|1|1|N/A|N/A|N/A|N/A|*|cpu=2,node=1,gres/"
                            "gpu=2|OK|UNLIMITED|1795380536|0|1|N/A|(null)|"
                            "None||n1|p|(null)|two\nlines\n"
                            "PENDING|2|0|1|1|N/A|N/A|N/A|gres:gpu:2|2|cpu=1|OK|UNLIMITED|2|0|2|N/"
                            "A|(null)|JobHeldUser|||p|(null)|\n"
                            "PENDING|3|0|1|1|N/A|gres:gpu:2|N/A|N/A|*|cpu=1|OK|UNLIMITED|3|0|3|N/"
                            "A|(null)|JobHeldUser|||p|(null)|\n"
                            "PENDING|4|0|1|1|N/A|gres:gpu:1|N/A|N/"
                            "A|*|cpu=1|OK|UNLIMITED|4|0|4_[1-9]|N/A|(null)|JobHeldUser|||p|"
                            "(null)|(null)\n");
  const auto s = slurm.look("--read text");
  CHECK(s.nodes_of(2) == nodes{"n2"});
  CHECK(s.place_of(3) == std::map<std::string, std::set<int>>{{"n1", {2, 3}}});
  CHECK(!s.why(4).empty());
  CHECK(s.lost() == nodes{"n3"});
}

TEST_CASE(
    "no job crosses parts of the network that no switch joins, and one larger than each is told") {
  three_nodes slurm;
  std::vector<json> all;
  for (int i = 1; i <= 8; ++i) all.push_back(node("n" + std::to_string(i)));
  slurm.write("sinfo.json", "nodes", all);
  const char* halls = "SwitchName=l1 Level=0 LinkSpeed=1 Nodes=n[1-2]\n"
                      "SwitchName=l2 Level=0 LinkSpeed=1 Nodes=n[3-4]\n"
                      "SwitchName=l3 Level=0 LinkSpeed=1 Nodes=n[5-6]\n"
                      "SwitchName=l4 Level=0 LinkSpeed=1 Nodes=n[7-8]\n"
                      "SwitchName=s1 Level=1 LinkSpeed=1 Nodes=n[1-4] Switches=l[1-2]\n"
                      "SwitchName=s2 Level=1 LinkSpeed=1 Nodes=n[5-8] Switches=l[3-4]\n";
  const char* lone = "SwitchName=l1 Level=0 LinkSpeed=1 Nodes=n[1-4]\n"
                     "SwitchName=l2 Level=0 LinkSpeed=1 Nodes=n[5-8]\n";
  const std::string never = "heddle: waits for ever, it asks for 24 GPUs and the largest part of "
                            "the network that switches "
                            "join has 16";
  for (const char* place : {"packed", "vclos"})
    for (const char* tree : {halls, lone}) {
      CAPTURE(place);
      CAPTURE(tree);
      slurm.write("topology.txt", tree);
      slurm.jobs({asks(1, 24), asks(2, 16), asks(3, 16)});
      const auto s = slurm.look("--place " + std::string(place));
      CHECK(s.why(1) == never);
      const nodes one{"n1", "n2", "n3", "n4"}, other{"n5", "n6", "n7", "n8"};
      CHECK((s.nodes_of(2) == one || s.nodes_of(2) == other));
      CHECK(s.nodes_of(3) == (s.nodes_of(2) == one ? other : one));
    }
  // Blocks are joined by a network above them.
  slurm.write("topology.txt", "BlockName=b1 BlockIndex=0 Nodes=n[1-3] BlockSize=2\n"
                              "BlockName=b2 BlockIndex=1 Nodes=n[4-6] BlockSize=2\n"
                              "BlockName=b3 BlockIndex=2 Nodes=n[7-8] BlockSize=2\n"
                              "AggregatedBlock=b[1-2] BlockIndex=3 Nodes=n[1-6] BlockSize=4\n");
  slurm.jobs({asks(1, 24), asks(2, 8)});
  const auto s = slurm.look();
  CHECK(s.nodes_of(1).size() == 6);
  CHECK(s.nodes_of(2).size() == 2);
}

TEST_CASE("the two halls of the field through the pilot") {
  HEDDLE_SHARED_FILE(field, "cases/field");
  const char* directory = "16-place-across-two-halls";
  auto s = shared_case(field, directory, {"SQUEUE=squeue-24.json"}, "--place packed");
  CHECK(s.why(1) ==
        "heddle: waits for ever, it asks for 24 GPUs and the largest part of the network that "
        "switches join has 16");
  s = shared_case(field, directory, {"SQUEUE=squeue-16.json"}, "--place packed");
  const nodes at = s.nodes_of(1);
  CHECK((at == nodes{"node01", "node02", "node03", "node04"} ||
         at == nodes{"node05", "node06", "node07", "node08"}));
}
