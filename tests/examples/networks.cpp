// Networks in the forms that clusters describe them in, given to the programs.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/run.hpp"
#include "support/shared_data.hpp"

namespace {

using namespace heddle;
using namespace heddle::test;
using nlohmann::json;

/// What the per-job CSV says of a job.
struct row {
  std::string start, leafs, servers, slowdown;
};

struct simulated {
  outcome o;
  std::vector<row> jobs;
};

/// Runs heddle-simulate; `arguments` with `@` for the directory of the case.
simulated simulate(const std::filesystem::path& in, std::string arguments) {
  const scratch_dir dir;
  for (auto at = arguments.find('@'); at != std::string::npos; at = arguments.find('@'))
    arguments.replace(at, 1, in.string() + "/");
  simulated s{run("heddle-simulate", arguments + " --per-job " + dir / "out.csv"), {}};
  std::istringstream lines(content_of(dir / "out.csv"));
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    std::vector<std::string> cells(1);
    for (char c : line)
      if (c == ',')
        cells.emplace_back();
      else
        cells.back() += c;
    s.jobs.push_back({cells.at(2), cells.at(5), cells.at(6), cells.at(7)});
  }
  return s;
}

std::string jobs_of(const scratch_dir& dir, const std::vector<int>& gpus) {
  std::string text = "job_id,submit_s,gpus,duration_s\n";
  for (std::size_t i = 0; i < gpus.size(); ++i)
    text += std::to_string(i) + ",0," + std::to_string(gpus[i]) + ",100\n";
  return dir.write("jobs" + std::to_string(gpus.front()) + ".csv", text);
}

/// A case of the field, what to run on it, and on how many leafs and servers its jobs then are.
struct field_case {
  const char* directory;
  const char* arguments;
  std::vector<std::string> leafs, servers;
};

}  // namespace

TEST_CASE("networks from the field are read as what they are, straight and as cluster JSON") {
  HEDDLE_SHARED_FILE(field, "cases/field");
  const std::vector<field_case> cases{
      {"05-topology-no-common-switch",
       "@halls.conf --gpus-per-server 4 --spines 2 --jobs @halls.csv",
       {"2", "2"},
       {"3", "3"}},
      {"05-topology-no-common-switch",
       "@lone-leaf.conf --gpus-per-server 4 --spines 2 --jobs @jobs.csv",
       {"1", "1"},
       {"2", "2"}},
      {"05-topology-no-common-switch",
       "@lone-leafs.conf --gpus-per-server 4 --jobs @jobs.csv",
       {"1", "1"},
       {"2", "2"}},
      {"06-topology-placeholder",
       "@topology.conf --gpus-per-server 4 --spines 4 --jobs @jobs.csv",
       {"2"},
       {"4"}},
      {"07-topology-node-twice",
       "@topology.conf --gpus-per-server 4 --spines 4 --jobs @jobs.csv",
       {"2"},
       {"5"}},
      {"08-topology-trailing-comma",
       "@topology.conf --gpus-per-server 4 --spines 4 --jobs @jobs.csv",
       {"2"},
       {"4"}},
      {"09-topology-three-tiers",
       "@three.conf --gpus-per-server 4 --spines 2 --links-per-pair 1 --jobs @jobs.csv",
       {"4", "2", "1"},
       {"8", "4", "2"}},
      {"09-topology-three-tiers",
       "@four.conf --gpus-per-server 4 --spines 2 --links-per-pair 1 --jobs @jobs.csv",
       {"4", "2", "1"},
       {"8", "4", "2"}},
      {"10-topology-block",
       "@topology.conf --gpus-per-server 4 --spines 4 --jobs @jobs.csv",
       {"3", "1"},
       {"8", "3"}},
      {"10-topology-block",
       "@shown.txt --gpus-per-server 4 --spines 4 --jobs @jobs.csv",
       {"3", "1"},
       {"8", "3"}},
      {"11-topology-yaml",
       "@tree.yaml --gpus-per-server 4 --spines 4 --jobs @jobs.csv",
       {"2", "1"},
       {"4", "2"}},
      {"11-topology-yaml",
       "@block.yaml --gpus-per-server 4 --spines 4 --jobs @jobs.csv",
       {"2", "1"},
       {"4", "2"}},
      {"12-one-switch", "@ibnetdiscover.txt --jobs @jobs.csv", {"1", "1"}, {"3", "2"}},
      {"12-one-switch",
       "@topology.conf --gpus-per-server 2 --jobs @jobs.csv",
       {"1", "1"},
       {"3", "2"}},
      {"13-ib-rails", "@ibnetdiscover.txt --jobs @jobs.csv", {}, {"8", "4", "1"}},
      {"14-ib-three-tiers",
       "@ibnetdiscover.txt --jobs @jobs.csv",
       {"4", "2", "1"},
       {"8", "4", "2"}},
  };
  for (const field_case& c : cases) {
    CAPTURE(c.directory);
    CAPTURE(c.arguments);
    const auto in = field / c.directory;
    const simulated s = simulate(in, std::string("--place packed --cluster ") + c.arguments);
    CAPTURE(s.o.err);
    REQUIRE(s.o.status == 0);
    REQUIRE(s.jobs.size() == c.servers.size());
    for (std::size_t i = 0; i < s.jobs.size(); ++i) {
      if (!c.leafs.empty()) CHECK(s.jobs[i].leafs == c.leafs[i]);
      CHECK(s.jobs[i].servers == c.servers[i]);
    }

    // As JSON it is the same network.
    const scratch_dir dir;
    std::string network = c.arguments, jobs;
    for (auto at = network.find('@'); at != std::string::npos; at = network.find('@'))
      network.replace(at, 1, in.string() + "/");
    jobs = network.substr(network.find("--jobs "));
    network.resize(network.find("--jobs "));
    const outcome converted =
        run("heddle-convert", "cluster " + network + " --out " + dir / "c.json");
    CAPTURE(converted.err);
    REQUIRE(converted.status == 0);
    const simulated again = simulate(in, "--place packed --cluster " + dir / "c.json " + jobs);
    CAPTURE(again.o.err);
    REQUIRE(again.o.status == 0);
    CHECK(json::parse(again.o.out)["mean_jct_s"] == json::parse(s.o.out)["mean_jct_s"]);
    REQUIRE(again.jobs.size() == s.jobs.size());
    for (std::size_t i = 0; i < s.jobs.size(); ++i) {
      CHECK(again.jobs[i].start == s.jobs[i].start);
      CHECK(again.jobs[i].leafs == s.jobs[i].leafs);
      CHECK(again.jobs[i].servers == s.jobs[i].servers);
    }
  }
}

TEST_CASE("what is no whole network from the field is told") {
  HEDDLE_SHARED_FILE(field, "cases/field");
  const auto halls = field / "05-topology-no-common-switch";
  const simulated two = simulate(
      halls,
      "--place packed --cluster @halls.conf --gpus-per-server 4 --spines 2 --jobs @halls.csv");
  CHECK(two.jobs[0].start == "0");
  CHECK(two.jobs[1].start == "1");
  CHECK(two.o.err.find("2 islands, and no job spans two: leaf1 and leaf2 (16 GPUs); leaf3 and "
                       "leaf4 (16 GPUs)") != std::string::npos);
  for (const char* place : {"packed", "spread", "random", "locality", "buddy", "topology_aware",
                            "hived", "relaxed", "patched", "vclos"}) {
    CAPTURE(place);
    const simulated s = simulate(
        halls,
        std::string(
            "--cluster @halls.conf --gpus-per-server 4 --spines 2 --jobs @across.csv --place ") +
            place);
    CHECK(s.o.status == 1);
    CHECK(s.o.err.find("for ever") != std::string::npos);
  }
  const simulated twice = simulate(
      field / "07-topology-node-twice",
      "--place packed --cluster @topology.conf --gpus-per-server 4 --spines 4 --jobs @jobs.csv");
  CHECK(twice.o.err.find("node \"node02\" under \"leaf1\" (line 1) and again under \"leaf2\" (line "
                         "2): counted once, under the first") != std::string::npos);
  const simulated many = simulate(field / "07-topology-node-twice",
                                  "--place packed --cluster @topology.conf --gpus-per-server 4 "
                                  "--spines 4 --jobs @too-many.csv");
  CHECK(many.o.status == 2);
  CHECK(many.o.err.find("20") != std::string::npos);

  // A job of one leaf has room for a leaf's GPUs and no more; of the cluster for all and no more.
  const scratch_dir dir;
  struct room {
    const char* directory;
    const char* arguments;
    int leaf, all;
  };
  for (const room& r :
       {room{"09-topology-three-tiers", "@three.conf --gpus-per-server 4 --spines 2", 8, 32},
        room{"10-topology-block", "@topology.conf --gpus-per-server 4 --spines 4", 12, 32},
        room{"14-ib-three-tiers", "@ibnetdiscover.txt", 4, 16},
        room{"13-ib-rails", "@ibnetdiscover.txt", 32, 64}}) {
    CAPTURE(r.directory);
    const auto status = [&](int gpus, const char* place) {
      return simulate(field / r.directory, std::string("--cluster ") + r.arguments + " --place " +
                                               place + " --jobs " + jobs_of(dir, {gpus}))
          .o.status;
    };
    CHECK(status(r.leaf, "one_leaf") == 0);
    CHECK(status(r.leaf + 1, "one_leaf") == 1);
    CHECK(status(r.all, "packed") == 0);
    CHECK(status(r.all + 1, "packed") == 2);
  }
}

TEST_CASE("no policy of heddle-place joins leafs that no spine joins any more") {
  HEDDLE_SHARED_FILE(in, "cases/field/15-place-over-missing-links");
  for (const char* policy :
       {"packed", "spread", "random", "locality", "buddy", "topology_aware", "hived"}) {
    CAPTURE(policy);
    const outcome o =
        run("heddle-place", "--cluster " + (in / "cluster.json").string() + " --ops " +
                                (in / "ops.jsonl").string() + " --verify --policy " + policy);
    REQUIRE(o.status == 0);
    std::istringstream lines(o.out);
    std::string line;
    std::vector<json> answers;
    while (std::getline(lines, line)) answers.push_back(json::parse(line));
    REQUIRE(answers.size() == 8);
    CHECK(answers[4]["status"] == "waiting");
    CHECK(answers[4]["reason"] == "network_fragmentation");
    REQUIRE(answers[6]["status"] == "placed");
    REQUIRE(answers[7]["status"] == "placed");
    const int half = answers[6]["gpus"][0].get<int>() / 4;
    for (const json& g : answers[6]["gpus"]) CHECK(g.get<int>() / 4 == half);
    for (const json& g : answers[7]["gpus"]) CHECK(g.get<int>() / 4 == 1 - half);
  }
}

TEST_CASE("clusters may be packed, on standard input, and go back to topology.conf") {
  const scratch_dir dir;
  const std::string conf =
      dir.write("t.conf", "SwitchName=core Switches=s[1-2]\nSwitchName=s1 Switches=a,b\n"
                          "SwitchName=s2 Switches=c,d\nSwitchName=a Nodes=n[01-02]\n"
                          "SwitchName=b Nodes=n[03-04]\nSwitchName=c Nodes=n[05-06]\n"
                          "SwitchName=d Nodes=n[07-08]\n");
  const std::string options = " --gpus-per-server 4 --spines 2";
  const outcome plain = run("heddle-convert", "cluster " + conf + options);
  REQUIRE(plain.status == 0);
  const json j = json::parse(plain.out);
  CHECK(j["tiers"] == 3);
  CHECK(j["pods"] == 2);
  CHECK(j["leafs_per_pod"] == 2);
  CHECK(j["spines_per_pod"] == 2);
  CHECK(j["names"]["servers"][7] == "n08");
  std::vector<std::string> packers{"gzip"};
  if (std::system("zstd --version > /dev/null 2>&1") == 0) packers.emplace_back("zstd -q");
  for (const std::string& pack : packers) {
    const std::string packed = dir / "packed";
    REQUIRE(std::system((pack + " -c " + conf + " > " + packed).c_str()) == 0);
    CHECK(run("heddle-convert", "cluster " + packed + options).out == plain.out);
    CHECK(run("heddle-convert", "cluster -" + options + " < " + packed).out == plain.out);
    REQUIRE(std::system((pack + " -c " + conf + " | head -c 60 > " + packed).c_str()) == 0);
    const outcome cut = run("heddle-convert", "cluster " + packed + options);
    CHECK(cut.status == 2);
    CHECK(cut.err.find(":1: expected whole ") != std::string::npos);
  }
  const std::string file = dir.write("c.json", plain.out);
  CHECK(run("heddle-convert", "cluster " + file).out.find("\"spines_per_pod\": 2") !=
        std::string::npos);
  const outcome back = run("heddle-convert", "cluster --to topology.conf " + file);
  REQUIRE(back.status == 0);
  const std::string again = dir.write("again.conf", back.out);
  CHECK(run("heddle-convert", "cluster " + again + options).out == plain.out);
  CHECK(back.out.find(
            "# read by heddle with --gpus-per-server 4 --spines 2 --links-per-pair 1\n") == 0);

  // Of names alone no links are made up.
  const std::string jobs = jobs_of(dir, {32, 16});
  const outcome names =
      run("heddle-simulate",
          "--cluster " + conf + " --gpus-per-server 4 --place packed --jobs " + jobs);
  CHECK(names.status == 0);
  CHECK(names.err.find("names switches, not links") != std::string::npos);
  const outcome vclos = run(
      "heddle-simulate", "--cluster " + conf + " --gpus-per-server 4 --place vclos --jobs " + jobs);
  CHECK(vclos.status == 2);
  CHECK(vclos.err.find("--spines says how many") != std::string::npos);

  for (const auto& [arguments, error] : std::vector<std::pair<std::string, std::string>>{
           {conf, "--gpus-per-server: expected a number, since "},
           {file + " --spines 2", "--spines: expected nothing, since "},
           {jobs, "jobs CSV, which is given as --jobs"},
           {dir.write("x", "hello\n"), "got \"hello\""},
           {conf + " --from ibnetdiscover", "expected a number of ports of at most 255"}}) {
    const outcome o = run("heddle-convert", "cluster " + arguments);
    CAPTURE(o.err);
    CHECK(o.status == 2);
    CHECK(o.err.find(error) != std::string::npos);
  }
}

TEST_CASE("cluster files say units, rails, planes, domains, tiers and GPU types") {
  const scratch_dir dir;
  const std::string jobs = jobs_of(dir, {8});
  const auto refusal = [&](const std::string& keys) {
    const std::string file = dir.write("c.json", R"({"fabric": "leaf_spine", )" + keys + "}");
    const outcome o =
        run("heddle-simulate", "--place packed --cluster " + file + " --jobs " + jobs);
    return o.status == 0
               ? "accepted"
               : o.err.substr(o.err.find("c.json:") == std::string::npos ? 0
                                                                         : o.err.find("c.json:"));
  };
  const std::string unit = R"("servers_per_unit": 4, "gpus_per_server": 8, )";
  CHECK(refusal(unit + R"("units": 2, "rails": 8, "spines": 4)") == "accepted");
  CHECK(refusal(unit +
                R"("units": 2, "rails": 4, "planes": 2, "spines": 4, "cards_per_server": 4)") ==
        "accepted");
  CHECK(refusal(unit + R"("units": 2, "spines": 0, "domain_servers": 2)") == "accepted");
  CHECK(
      refusal(
          unit +
          R"("tiers": 3, "pods": 2, "leafs_per_pod": 2, "spines_per_pod": 2, "cores": 4, "core_links_per_spine": 2)") ==
      "accepted");
  CHECK(
      refusal(
          unit +
          R"("units": 4, "spines": 2, "gpu_types": [{"name": "a100", "units": [0, 1]}, {"name": "v100", "units": [2, 3]}])") ==
      "accepted");
  CHECK(
      refusal(
          unit +
          R"("units": 2, "spines": 2, "gpu_types": [{"name": "a100", "units": [0, 1]}, {"name": "v100", "servers": [1, 2]}])") ==
      "accepted");
  CHECK(refusal(unit +
                R"("units": 2, "spines": 2, "gpu_types": [{"name": "v100", "servers": [1, 99]}])")
            .find("expected a server from 0 to ") != std::string::npos);
  CHECK(refusal(unit + R"("units": 2, "leafs": 2, "spines": 4)")
            .find("c.json:1: expected units or leafs, got both") == 0);
  CHECK(refusal(unit + R"("units": 2, "rails": 3, "spines": 4)")
            .find("ports.rails: expected a divisor of the 8 cards of a server, got 3") !=
        std::string::npos);
  CHECK(refusal(unit + R"("tiers": 3, "leafs": 2, "spines": 4)")
            .find("leafs_per_pod and spines_per_pod in three tiers, got leafs") !=
        std::string::npos);
  CHECK(refusal(unit + R"("units": 2, "spines": 4, "cores": 2)")
            .find("\"tiers\": 3 beside cores, got two tiers") != std::string::npos);
}
