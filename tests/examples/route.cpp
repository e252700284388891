#include "support/run.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/json_lines.hpp"

namespace {

using heddle::test::content_of;
using heddle::test::json_lines;
using heddle::test::optical_cluster;
using heddle::test::outcome;
using heddle::test::run;
using heddle::test::scratch_dir;
using nlohmann::json;

const std::string small_cluster =
    R"({"fabric": "leaf_spine", "leafs": 2, "spines": 2, "servers_per_leaf": 1, "gpus_per_server": 4})";
outcome routed(const scratch_dir& dir, const std::string& cluster, const std::string& jobs,
               const std::string& options) {
  return run("heddle-route", "--cluster " + dir.write("c.json", cluster) + " --jobs " +
                                 dir.write("jobs.jsonl", jobs) + " " + options);
}

struct bad_case {
  std::string jobs, options, message;
};

}  // namespace

TEST_CASE("heddle-route tells loads and times of each phase and what jobs cost one another") {
  const scratch_dir dir;
  // Both jobs go up link 0 of their leaf by source routing, for both GPUs stand at 0 or 2 there.
  const std::string jobs = R"({"job": 1, "gpus": [0, 4], "collective": "all_to_all", "bytes": 1e9}
{"job": 2, "gpus": [2, 6], "collective": "all_to_all", "bytes": 1e9})";
  const outcome r = routed(dir, small_cluster, jobs, "--route source");
  REQUIRE(r.status == 0);
  const std::vector<json> out = json_lines(r.out);
  REQUIRE(out.size() == 2);
  for (const json& j : out) {
    CHECK(j["slowdown"] == 2);
    CHECK(j["isolated"] == false);
    REQUIRE(j["phases"].size() == 1);
    CHECK(j["phases"][0]["max_link_load"] == 2);
    CHECK(j["phases"][0]["time_s"] == 0.16);  // 8 Gbit at 50 Gb/s
    CHECK(j["phases"][0]["undisturbed_s"] == 0.08);
  }
  const std::vector<json> ideal = json_lines(routed(dir, small_cluster, jobs, "--route ideal").out);
  for (const json& j : ideal) {
    CHECK(j["slowdown"] == 1);
    CHECK(j["isolated"] == true);
    CHECK(j["phases"][0]["max_link_load"] == 0);
  }
}

TEST_CASE("heddle-route finds jobs with links of their own isolated whatever the routing") {
  const scratch_dir dir;
  const std::string jobs =
      R"({"job": 1, "gpus": [0, 1, 4, 5], "collective": "halving_doubling", "bytes": 4e8,
"links": [[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]]})";
  std::string one_line = jobs;
  for (char& c : one_line)
    if (c == '\n') c = ' ';
  for (const char* route : {"ecmp", "balanced", "source", "coloured", "ideal"}) {
    const outcome r = routed(dir, small_cluster, one_line, std::string("--route ") + route);
    REQUIRE(r.status == 0);
    const std::vector<json> out = json_lines(r.out);
    REQUIRE(out.size() == 1);
    CHECK(out[0]["slowdown"] == 1);
    CHECK(out[0]["isolated"] == true);
    CHECK(out[0]["steady_slowdown"] == 1);
    REQUIRE(out[0]["phases"].size() == 4);
    for (const json& p : out[0]["phases"]) CHECK(p["max_link_load"] <= 1);
    CHECK(out[0]["phases"][1]["max_link_load"] == 1);  // the one between the leafs
  }
}

TEST_CASE("heddle-route reads what heddle-place writes") {
  const scratch_dir dir;
  for (const auto& [cluster, policy] :
       {std::pair{small_cluster, "vclos"}, {optical_cluster, "ocs_vclos"}}) {
    const std::string ops = R"({"op": "place", "job": 1, "gpus": 6}
{"op": "place", "job": 2, "gpus": 200}
{"op": "place", "job": 3, "gpus": 2}
)";
    const outcome placed =
        run("heddle-place", "--cluster " + dir.write("c.json", cluster) + " --ops " +
                                dir.write("ops.jsonl", ops) + " --policy " + policy);
    REQUIRE(placed.status == 0);
    const outcome r = routed(dir, cluster, placed.out,
                             "--collective ring --bytes 1e8 --table " + dir / "table.csv");
    REQUIRE(r.status == 0);
    const std::vector<json> out = json_lines(r.out);
    REQUIRE(out.size() == 2);
    for (const json& j : out) {
      CHECK(j["isolated"] == true);
      CHECK(j["slowdown"] == 1);
    }
    const std::string table = content_of(dir / "table.csv");
    CHECK(table.starts_with("job,source_gpu,target_gpu,spine,up_lane,down_lane\n1,"));
  }
}

TEST_CASE("heddle-route reads standard input and gives the same bytes twice") {
  const scratch_dir dir;
  const std::string jobs = dir.write(
      "jobs.jsonl", R"({"job": 7, "gpus": [0, 1, 2, 5, 6], "collective": "all_to_all", "bytes": 1e7}
)");
  const std::string cluster = dir.write("c.json", small_cluster);
  const outcome a = run("heddle-route", "--cluster " + cluster + " --seed 3 < " + jobs);
  const outcome b = run("heddle-route", "--cluster " + cluster + " --seed 3 --jobs " + jobs);
  REQUIRE(a.status == 0);
  CHECK(a.out == b.out);
  const outcome none = run("heddle-route", "--cluster " + cluster + " < /dev/null");
  CHECK(none.status == 0);
  CHECK(none.out.empty());
}

TEST_CASE("heddle-route takes a training step in place of a collective") {
  const scratch_dir dir;
  // Tensor ranks fill a server each, two replicas: rings of four inside, of two across.
  const std::string job =
      R"({"job": 1, "gpus": [0, 1, 2, 3, 4, 5, 6, 7], "training_step": {"tensor": 4, "micro_batches": 2, "tensor_bytes": 4e8, "data_bytes": 1e9}})";
  const outcome r = routed(dir, small_cluster, job, "--route ideal --table " + dir / "t.csv");
  REQUIRE_MESSAGE(r.status == 0, r.err);
  const json out = json::parse(r.out);
  CHECK(out["collective"] == "training_step");
  CHECK(out["slowdown"] == 1);
  CHECK(out["isolated"] == true);
  REQUIRE(out["phases"].size() == 2);
  CHECK(out["phases"][0]["repeat"] == 2 * 4 * 6);  // micro-batches, times, 2 (N - 1)
  CHECK(out["phases"][0]["flows"] == 16);
  CHECK(out["phases"][0]["undisturbed_s"] == 0.0008);  // two flows of D/8 at 1000 Gb/s
  CHECK(out["phases"][1]["repeat"] == 2);
  CHECK(out["phases"][1]["undisturbed_s"] == 0.04);  // two flows of D/4 at 100 Gb/s
  // Over two links a leaf the replicas meet themselves; the table has all pairs across.
  const json shared =
      json::parse(routed(dir, small_cluster, job, "--route source --table " + dir / "t.csv").out);
  CHECK(shared["isolated"] == false);
  CHECK(shared["slowdown"] > 1);
  const std::string table = content_of(dir / "t.csv");
  CHECK(std::count(table.begin(), table.end(), '\n') == 1 + 8);
}

TEST_CASE("heddle-route says in one line what is wrong with its input and writes nothing") {
  const std::string good = R"({"job": 1, "gpus": [0, 4], "collective": "ring", "bytes": 1})";
  const std::vector<bad_case> cases{
      {"nonsense", "", "jobs.jsonl:1: expected a JSON object, got nonsense"},
      {good + "\n" + good, "", "jobs.jsonl:2: expected each job once, got 1"},
      {R"({"job": 1, "gpus": [0, 8], "collective": "ring", "bytes": 1})", "",
       "jobs.jsonl:1: expected a gpu from 0 to 7, got 8"},
      {R"({"job": 1, "gpus": [0, 0], "collective": "ring", "bytes": 1})", "",
       "jobs.jsonl:1: expected each GPU once, got [0,0]"},
      {good + "\n" + R"({"job": 2, "gpus": [4], "collective": "ring", "bytes": 1})", "",
       "jobs.jsonl:2: expected GPUs that no other job holds, got [4]"},
      {R"({"job": 1, "gpus": [], "collective": "ring", "bytes": 1})", "",
       "jobs.jsonl:1: expected an array of GPUs as gpus, got []"},
      {R"({"job": 1, "gpus": [0], "collective": "rings", "bytes": 1})", "", "got \"rings\""},
      {R"({"job": 1, "gpus": [0], "collective": "ring"})", "",
       "jobs.jsonl:1: expected a positive number as bytes, got nothing"},
      {R"({"job": 1, "gpus": [0], "collective": "ring", "bytes": -1})", "",
       "jobs.jsonl:1: expected a positive number as bytes, got -1"},
      {R"({"job": 1.5, "gpus": [0], "collective": "ring", "bytes": 1})", "",
       "jobs.jsonl:1: expected a job id as job, got 1.5"},
      {R"({"job": 1, "gpus": [0, 4], "collective": "ring", "bytes": 1, "links": [[0, 5, 1]]})", "",
       "jobs.jsonl:1: expected a spine from 0 to 1, got 5"},
      {R"({"job": 1, "gpus": [0, 4], "collective": "ring", "bytes": 1, "links": [[0, 1, 2]]})", "",
       "jobs.jsonl:1: expected links that are there and that no other job holds, got [0,1,2]"},
      {R"({"job": 1, "gpus": [0, 4], "collective": "ring", "bytes": 1, "circuits": [[0, 0, 1]]})",
       "", "jobs.jsonl:1: expected links, for the fabric has no circuits, got [0,0,1]"},
      {R"({"job": 1, "gpus": [0, 4], "collective": "ring", "training_step": {}})", "",
       "jobs.jsonl:1: expected a collective or a training_step, got \"ring\""},
      {R"({"job": 1, "gpus": [0, 4], "training_step": {"tensor": 4}})", "",
       "jobs.jsonl:1: training_step: expected tensor · data · pipeline = 2 ranks, got 4"},
      {R"({"job": 1, "gpus": [0, 4], "training_step": {"tensors": 2}})", "",
       "jobs.jsonl:1: expected keys of a training step: tensor, data, pipeline, expert, "
       "micro_batches, and bytes, times or collective of each, got \"tensors\""},
      {R"({"job": 1, "gpus": [0, 4], "training_step": {"tensor": 1.5}})", "",
       "jobs.jsonl:1: expected a whole number as tensor, got 1.5"},
      {R"({"job": 1, "gpus": [0, 4], "training_step": {"tensor": 0}})", "",
       "jobs.jsonl:1: training_step.tensor: expected at least 1, got 0"},
      {R"({"job": 1, "gpus": [0, 4], "training_step": {"data_bytes": -1}})", "",
       "jobs.jsonl:1: training_step.data_bytes: expected at least 0, got -1"},
      {R"({"job": 1, "gpus": [0, 4], "training_step": {"data_collective": "rings"}})", "",
       "jobs.jsonl:1: expected a collective as data_collective, got \"rings\""},
      {good, "--route fastest",
       "--route: expected one of ecmp, balanced, crux, source, coloured, ideal, got \"fastest\""},
      {good, "--collective circle", "--collective: expected one of none, ring, "},
  };
  for (const bad_case& c : cases) {
    CAPTURE(c.message);
    const scratch_dir dir;
    const outcome r = routed(dir, small_cluster, c.jobs, c.options + " --table " + dir / "t.csv");
    CHECK(r.status == 2);
    CHECK(r.out.empty());
    CHECK(r.err.starts_with("heddle-route: "));
    CHECK(r.err.find(c.message) != std::string::npos);
    CHECK(r.err.find('\n') == r.err.size() - 1);
    CHECK(dir.entries() == 2);
  }
  const outcome shared = [] {
    const scratch_dir dir;
    return routed(dir, optical_cluster,
                  R"({"job": 1, "gpus": [0, 4], "collective": "ring", "bytes": 1})", "");
  }();
  CHECK(shared.status == 2);
  CHECK(shared.err.find("circuits for every job under several leafs") != std::string::npos);
  CHECK(run("heddle-route", "").status == 2);
}

TEST_CASE("a run of heddle-route that would simulate too many flows ends with status 1") {
  const scratch_dir dir;
  const outcome r =
      routed(dir, small_cluster, R"({"job": 1, "gpus": [0, 4], "collective": "ring", "bytes": 1})",
             "--iterations 1000 --most-flows 100");
  CHECK(r.status == 1);
  CHECK(r.out.empty());
  CHECK(r.err.find("raise --most-flows") != std::string::npos);
}

TEST_CASE("the steady model is near the flow simulation on two hundred random mixes of jobs") {
  constexpr double median_error = .05, error_of_95_in_100 = .20;
  const outcome r = run("heddle-route", "--compare-models 200");
  REQUIRE(r.status == 0);
  const json found = json::parse(r.out);
  CHECK(found["mixes"] == 200);
  CHECK(found["jobs"] > 500);
  for (const char* of : {"error_of_communication_slowdown", "error_of_job_slowdown"}) {
    CHECK(found[of]["median"] <= median_error);
    CHECK(found[of]["p95"] <= error_of_95_in_100);
  }
}
