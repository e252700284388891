#include "support/run.hpp"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/dice.hpp"
#include "support/json_lines.hpp"

namespace {

using heddle::test::dice;
using heddle::test::json_lines;
using heddle::test::optical_cluster;
using heddle::test::outcome;
using heddle::test::run;
using heddle::test::scratch_dir;
using nlohmann::json;

const std::string small_cluster =
    R"({"fabric": "leaf_spine", "leafs": 4, "spines": 4, "servers_per_leaf": 2, "gpus_per_server": 2})";

std::string place_op(int job, int gpus) {
  return json{{"op", "place"}, {"job", job}, {"gpus", gpus}}.dump() + "\n";
}
std::string release_op(int job) { return json{{"op", "release"}, {"job", job}}.dump() + "\n"; }

outcome answers(const scratch_dir& dir, const std::string& cluster, const std::string& ops,
                const std::string& options) {
  return run("heddle-place", "--cluster " + dir.write("c.json", cluster) + " --ops " +
                                 dir.write("ops.jsonl", ops) + " " + options);
}

}  // namespace

TEST_CASE("heddle-place answers each operation with a line") {
  const scratch_dir dir;
  const auto part_op = [](const char* op, const char* part, const json& which) {
    return json{{"op", op}, {part, which}}.dump() + "\n";
  };
  std::string ops = place_op(1, 6) + "\n" + place_op(2, 5);
  ops += part_op("fail", "link", {3, 0}) + part_op("fail", "server", 0) + place_op(3, 6);
  ops += release_op(1) + part_op("repair", "server", 0) + place_op(3, 6);
  for (int s = 0; s < 4; ++s) ops += part_op("fail", "spine", s);
  ops += place_op(4, 5) + place_op(5, 100) + release_op(5);
  const outcome r = answers(dir, small_cluster, ops, "--verify");
  REQUIRE(r.status == 0);
  CHECK(r.err.empty());
  const std::vector<json> out = json_lines(r.out);
  REQUIRE(out.size() == 15);
  CHECK(out[0]["job"] == 1);
  CHECK(out[0]["status"] == "placed");
  CHECK(out[0]["gpus"] == json::array({0, 1, 2, 3, 4, 5}));
  CHECK(out[0]["links"] == json{{0, 0, 1}, {0, 1, 1}, {1, 0, 1}, {1, 1, 1}});
  CHECK(out[0]["circuits"].empty());
  CHECK(out[0]["moved"].empty());
  CHECK(out[0]["us"].is_number());
  CHECK(out[0]["isolated"] == true);
  CHECK(out[1]["status"] == "placed");
  CHECK(out[2] == json{{"status", "failed"}, {"hit", json::array()}});
  CHECK(out[3] == json{{"status", "failed"}, {"hit", {1}}});
  CHECK(out[4] == json{{"job", 3}, {"status", "waiting"}, {"reason", "gpus"}, {"proved", true}});
  CHECK(out[5] == json{{"job", 1}, {"status", "released"}});
  CHECK(out[6] == json{{"status", "repaired"}});
  CHECK(out[7]["status"] == "placed");
  CHECK(out[8]["hit"].size() == 1);  // job 3
  CHECK(out[12] == json{{"job", 4},
                        {"status", "waiting"},
                        {"reason", "network_fragmentation"},
                        {"proved", true}});
  CHECK(out[13]["reason"] == "gpus");
  CHECK(out[14]["status"] == "released");
}

TEST_CASE("heddle-place gives no GPU and no link to two jobs under any policy") {
  const std::string cluster =
      R"({"fabric": "leaf_spine", "leafs": 6, "spines": 8, "servers_per_leaf": 2, "gpus_per_server": 4})";
  for (const char* policy : {"spread", "random", "packed", "locality", "one_server", "one_leaf",
                             "buddy", "vclos", "vclos_even", "relaxed", "patched", "jigsaw", "laas",
                             "topology_aware", "hived", "segments", "groups"}) {
    CAPTURE(policy);
    const scratch_dir dir;
    dice d{7};
    std::string ops;
    std::vector<std::pair<char, int>> asked;
    std::vector<int> jobs;
    for (int i = 0; i < 300; ++i)
      if (!jobs.empty() && d.chance(.4)) {
        const std::size_t k = d.index(jobs.size());
        ops += release_op(jobs[k]);
        jobs.erase(jobs.begin() + static_cast<std::ptrdiff_t>(k));
      } else {
        ops += place_op(i, d.between(1, 14));
        jobs.push_back(i);
      }
    const outcome r = answers(dir, cluster, ops, std::string("--policy ") + policy);
    REQUIRE(r.status == 0);
    std::set<std::pair<int, json>> held;  // of a job: its GPUs and links
    std::set<json> taken;
    int placed = 0;
    for (const json& line : json_lines(r.out)) {
      if (line["status"] == "placed") {
        ++placed;
        for (const auto& key : {"gpus", "links"})
          for (const json& part : line[key]) {
            REQUIRE(taken.insert(part).second);
            held.insert({line["job"].get<int>(), part});
          }
      } else if (line["status"] == "released") {
        const int job = line["job"];
        for (auto at = held.lower_bound({job, json{}}); at != held.end() && at->first == job;) {
          taken.erase(at->second);
          at = held.erase(at);
        }
      }
    }
    CHECK(placed > 40);
  }
}

TEST_CASE(
    "heddle-place places circuits on an optical fabric and the fixed policies on its even wiring") {
  const scratch_dir dir;
  const outcome ocs =
      answers(dir, optical_cluster,
              place_op(1, 8) + R"({"op": "fail", "ocs": 0})" + "\n" + place_op(2, 5) +
                  R"({"op": "fail", "fibre": ["leaf", 1, 2]})" + "\n",
              "--policy ocs_vclos --verify");
  REQUIRE(ocs.err.empty());
  REQUIRE(ocs.status == 0);
  const std::vector<json> out = json_lines(ocs.out);
  REQUIRE(out[0]["status"] == "placed");
  CHECK(out[0]["links"].empty());
  CHECK(out[0]["circuits"].size() == 8);
  for (const json& c : out[0]["circuits"]) {
    CHECK(c[0].get<int>() < 4);
    CHECK(c[2].get<int>() < 2);
  }
  CHECK(out[0]["isolated"] == true);
  CHECK(out[1]["hit"] == json::array({1}));
  const outcome fixed = answers(dir, optical_cluster, place_op(1, 8), "--policy vclos --verify");
  REQUIRE(fixed.status == 0);
  CHECK(json_lines(fixed.out)[0]["links"].size() ==
        4);  // two lanes to each of two spines, of two leafs
}

TEST_CASE("heddle-place keeps tenants to their quotas") {
  const scratch_dir dir;
  const std::string ops = R"({"op": "place", "job": 1, "gpus": 2, "vc": "a"})"
                          "\n"
                          R"({"op": "place", "job": 2, "gpus": 1, "vc": "a"})"
                          "\n"
                          R"({"op": "place", "job": 3, "gpus": 2, "vc": "b"})"
                          "\n";
  const outcome r = answers(dir, small_cluster, ops, "--policy hived --quota a:1:2 --quota b:7:2");
  REQUIRE(r.status == 0);
  const std::vector<json> out = json_lines(r.out);
  CHECK(out[0]["status"] == "placed");
  CHECK(out[1]["reason"] == "gpus");
  CHECK(out[2]["status"] == "placed");
}

TEST_CASE("heddle-place cuts jobs into pieces of NVLink domains and says how far groups of ranks "
          "are spread") {
  const scratch_dir dir;
  const std::string racks = R"({"preset": "nvl72", "units": 3})";
  const outcome pieces = answers(dir, racks, place_op(1, 96) + place_op(2, 96) + place_op(3, 4),
                                 "--policy segments --promised 16 --piece 1:1 --piece 8:16");
  REQUIRE(pieces.status == 0);
  std::vector<json> out = json_lines(pieces.out);
  const auto of_rack = [](const json& line) {
    std::vector<int> n(3, 0);
    for (const json& g : line["gpus"]) ++n[g.get<std::size_t>() / 72];
    return n;
  };
  CHECK(of_rack(out[0]) == std::vector{48, 48, 0});
  CHECK(out[1]["status"] == "waiting");  // 12 + 12 trays: one rack has 16 left, two have 4
  CHECK(of_rack(out[2]) == std::vector{4, 0, 0});

  const std::string tiers =
      R"({"fabric": "leaf_spine", "tiers": 3, "pods": 2, "leafs_per_pod": 2, "servers_per_leaf": 2, )"
      R"("gpus_per_server": 4, "spines_per_pod": 8, "cores": 16, "core_links_per_spine": 2})";
  const outcome groups =
      answers(dir, tiers,
              R"({"op": "place", "job": 1, "gpus": 16, "tensor": 2, "pipeline": 2})"
              "\n" +
                  place_op(2, 16),
              "--policy groups --tensor 4 --pipeline 4");
  REQUIRE(groups.status == 0);
  out = json_lines(groups.out);
  // Two stages of four replicas on two leafs: two replicas under each, so that only the two rows cross.
  CHECK(out[0]["spread"] == json{{"tensor", 0.0}, {"pipeline", 0.0}, {"data", 1.0}});
  CHECK(out[1]["spread"] == json{{"tensor", 0.0}, {"pipeline", 1.0}, {"data", 0.0}});
  for (const auto& [flags, says] :
       {std::pair{"--policy packed --piece 1:1",
                  "--piece: expected segments as --policy, got \"packed\""},
        {"--policy segments --piece 1", "--piece: expected FROM:SERVERS, got \"1\""},
        {"--policy vclos --tensor 4", "--tensor: expected groups as --policy, got \"vclos\""}}) {
    const outcome wrong = answers(dir, tiers, place_op(1, 1), flags);
    CHECK(wrong.status == 2);
    CHECK(wrong.err.find(says) != std::string::npos);
  }
}

TEST_CASE("heddle-place on three tiers owns links to cores that can fail, and draws all tiers") {
  const scratch_dir dir;
  const std::string tiers =
      R"({"fabric": "leaf_spine", "tiers": 3, "pods": 2, "leafs_per_pod": 2, "servers_per_leaf": 2, )"
      R"("gpus_per_server": 4, "spines_per_pod": 8, "cores": 16, "core_links_per_spine": 2})";
  const std::string ops = place_op(1, 24) +
                          R"({"op": "fail", "core": 0})"
                          "\n" +
                          release_op(1) + place_op(2, 24) +
                          R"({"op": "repair", "core": 0})"
                          "\n"
                          R"({"op": "fail", "core_link": [0, 1]})"
                          "\n" +
                          place_op(3, 8);
  const std::string picture = dir / "tiers.svg";
  const outcome r = answers(dir, tiers, ops, "--verify --svg " + picture);
  REQUIRE(r.err.empty());
  REQUIRE(r.status == 0);
  const std::vector<json> out = json_lines(r.out);
  CHECK(out[0]["isolated"] == true);
  CHECK(out[0]["core_links"].size() == 24);  // 8 spines of two pods: 2 + 1
  CHECK(out[1]["hit"] == json::array({1}));
  CHECK(out[3]["status"] == "waiting");  // 8 spines with two links up, one of which leads nowhere
  CHECK(out[5]["hit"].empty());
  CHECK(out[6]["status"] == "placed");
  const std::string svg = heddle::test::content_of(picture);
  CHECK(svg.find("16 cores") != std::string::npos);
  CHECK(svg.find("4 leafs with 8 GPUs each") != std::string::npos);

  const outcome rails = answers(
      dir,
      R"({"fabric": "leaf_spine", "units": 2, "servers_per_unit": 2, "gpus_per_server": 4, "rails": 4, "planes": 2, "spines": 16})",
      place_op(1, 16), "--verify --svg " + picture);
  REQUIRE(rails.status == 0);
  CHECK(json_lines(rails.out)[0]["isolated"] == true);
  CHECK(heddle::test::content_of(picture).find(
            "2 units with 8 leafs (4 rails, 2 planes) and 8 GPUs each") != std::string::npos);
}

TEST_CASE("heddle-place says what a relaxed placement costs and what is not isolated") {
  const scratch_dir dir;
  const std::string ops = place_op(1, 6) + place_op(2, 5) + place_op(3, 5);
  const outcome r = answers(dir, small_cluster, ops, "--policy relaxed --verify");
  REQUIRE(r.status == 0);
  const std::vector<json> out = json_lines(r.out);
  CHECK(out[0]["predicted_slowdown"] == 1);
  for (const json& line : out)
    if (line["status"] == "placed") CHECK(line["isolated"] == (line["predicted_slowdown"] == 1));
}

TEST_CASE("heddle-place exits with status 2 and one line on bad input") {
  const scratch_dir dir;
  const auto error_of = [&](const std::string& ops, const std::string& options = "") {
    const outcome r = answers(dir, small_cluster, ops, options);
    CHECK(r.status == 2);
    CHECK(r.err.find('\n') == r.err.size() - 1);
    const std::size_t at = r.err.find("ops.jsonl:");
    return at == std::string::npos ? r.err : r.err.substr(at);
  };
  CHECK(error_of("nonsense\n") == "ops.jsonl:1: expected a JSON object, got nonsense\n");
  CHECK(error_of("[1]\n") == "ops.jsonl:1: expected a JSON object, got [1]\n");
  CHECK(error_of(place_op(1, 1) + "{}\n") ==
        "ops.jsonl:2: expected place, release, move, fail or repair as op, got nothing\n");
  CHECK(error_of(place_op(1, 0)) ==
        "ops.jsonl:1: expected a number of GPUs of at least 1, got 0\n");
  CHECK(error_of(place_op(-1, 1)) == "ops.jsonl:1: expected a job id, got -1\n");
  CHECK(error_of(place_op(1, 1) + place_op(1, 1)) ==
        "ops.jsonl:2: expected a job that holds nothing yet, got job 1\n");
  CHECK(error_of(release_op(1)) == "ops.jsonl:1: expected a job that was placed, got job 1\n");
  CHECK(error_of(R"({"op": "fail", "gpu": 16})") ==
        "ops.jsonl:1: expected gpu from 0 to 15, got 16\n");
  CHECK(error_of(R"({"op": "fail", "ocs": 0})") ==
        "ops.jsonl:1: expected an optical fabric, or no ocs, got 0\n");
  CHECK(error_of(R"({"op": "fail"})") ==
        "ops.jsonl:1: expected a gpu, server, leaf, spine, core, cube, ocs, "
        "link, core_link or fibre, got {\"op\":\"fail\"}\n");
  CHECK(error_of(R"({"op": "fail", "link": [0]})") ==
        "ops.jsonl:1: expected [leaf, spine] as link, got [0]\n");
  CHECK(error_of("", "--policy best").find("--policy: expected one of spread,") !=
        std::string::npos);
  CHECK(error_of("", "--policy hived --quota a:b:c") ==
        "heddle-place: --quota: expected TENANT:CELLS:GPUS_PER_CELL, got \"a:b:c\"\n");
  CHECK(error_of("", "--policy ocs_vclos").find("a leaf_spine_ocs fabric for ocs_vclos") !=
        std::string::npos);
  CHECK(run("heddle-place", "--cluster " + dir / "none.json").status == 2);
  // The lines before the bad one have been answered.
  CHECK(json_lines(answers(dir, small_cluster, place_op(1, 1) + "x\n", "").out).size() == 1);
}
