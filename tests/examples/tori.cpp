// The programs on tori and cubes, as their users run them.
#include "support/run.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/json_lines.hpp"

namespace {

using heddle::test::content_of;
using heddle::test::json_lines;
using heddle::test::outcome;
using heddle::test::run;
using heddle::test::scratch_dir;
using nlohmann::json;

const std::string cubes = R"({"fabric": "cubes", "cubes": 4})";
const std::string torus = R"({"fabric": "torus", "sides": "8x4x4"})";
const std::string meshes = "job_id,submit_s,gpus,duration_s,shape\n0,0,64,100,4x4x4\n"
                           "1,10,100,200,100x1x1\n2,20,32,50,\n3,30,128,10,8x4x4\n";

outcome simulate(const scratch_dir& dir, const std::string& cluster, const std::string& jobs,
                 const std::string& options) {
  return run("heddle-simulate", "--cluster " + dir.write("c.json", cluster) + " --jobs " +
                                    dir.write("j.csv", jobs) + " " + options);
}
outcome place(const scratch_dir& dir, const std::string& cluster, const std::string& ops,
              const std::string& options) {
  return run("heddle-place", "--cluster " + dir.write("c.json", cluster) + " --ops " +
                                 dir.write("ops.jsonl", ops) + " " + options);
}

}  // namespace

TEST_CASE("heddle-simulate runs jobs with shapes, and without, on a torus and on cubes") {
  for (const std::string& cluster : {cubes, torus}) {
    const scratch_dir dir;
    CAPTURE(cluster);
    const std::string out = " --report " + dir / "r.json" + " --per-job " + dir / "p.csv" +
                            " --html " + dir / "p.html" + " --decisions " + dir / "d.log ";
    const outcome first = simulate(dir, cluster, meshes, "--backfill easy" + out);
    CHECK(first.err == "");
    REQUIRE(first.status == 0);
    const json r = json::parse(content_of(dir / "r.json"));
    CHECK(r["finished"] == 4);
    CHECK(r["energy_j"] > 0);
    CHECK(content_of(dir / "d.log").find(" shape 4x4x4") != std::string::npos);
    const std::string page = content_of(dir / "p.html");
    CHECK(page.find(cluster == torus ? "a torus 8x4x4" : "4 cubes of 4") != std::string::npos);
    CHECK(page.find("dimension_order") != std::string::npos);
    // Elastic jobs within a budget of power run by the same names.
    const outcome elastic =
        simulate(dir, cluster, meshes, "--allocate powerflow --power-budget-w 1e6" + out);
    CHECK(elastic.err == "");
    CHECK(elastic.status == 0);
    CHECK(json::parse(content_of(dir / "r.json"))["finished"] == 4);
  }
}

TEST_CASE("jobs anywhere on a torus slow each other down, and those in meshes do not") {
  const std::string talk =
      "job_id,submit_s,gpus,duration_s,collective,comm_share\n"
      "0,0,32,100,all_to_all,.5\n1,0,32,100,all_to_all,.5\n2,0,32,100,ring,.5\n";
  const scratch_dir dir;
  const auto mean_slowdown = [&](const std::string& options) {
    const outcome o = simulate(dir, torus, talk, options);
    REQUIRE(o.status == 0);
    return json::parse(o.out)["mean_slowdown"].get<double>();
  };
  CHECK(mean_slowdown("--place random") > 1.05);
  CHECK(mean_slowdown("--place folded") == 1);
  CHECK(mean_slowdown("--place best_fit --closed") == 1);
  CHECK(mean_slowdown("--place random --route ideal") == 1);
}

TEST_CASE("heddle-simulate says what does not go together on tori") {
  struct bad_case {
    std::string cluster, jobs, options, message;
  };
  const std::string clos =
      R"({"fabric": "leaf_spine", "leafs": 4, "spines": 8, "servers_per_leaf": 8, "gpus_per_server": 8})";
  const std::vector<bad_case> cases{
      {torus, meshes, "--place vclos",
       "--place: expected spread, random, packed, one_server, torus_first_fit, folded or best_fit, "
       "since the cluster is a torus, got vclos"},
      {cubes, meshes, "--place packed",
       "--place: expected reconfigured or folded_reconfigured, since the cluster is of cubes, got "
       "packed"},
      {clos, meshes, "--place folded", "since the cluster is of leafs and spines, got folded"},
      {torus, meshes, "--place packed",
       "--place: expected a policy that places meshes, since job 0 asks for 4x4x4, got packed"},
      {torus, meshes, "--route ecmp",
       "--route: expected dimension_order or ideal, since the cluster has no leafs and spines, got "
       "ecmp"},
      {clos, meshes, "--route dimension_order", "--route: expected one of ecmp, "},
      {cubes, meshes, "--contention flow",
       "--contention: expected steady, since the cluster has no leafs and spines, got flow"},
      {torus, meshes, "--move-gpus 8 --place folded",
       "--move-gpus 8: expected a --place on leafs and spines, since meshes do not migrate, got "
       "--place folded"},
      {clos, meshes, "--closed",
       "--closed: expected a policy of meshes as --place, got \"packed\""},
      {torus, meshes, "--twisted",
       "--twisted: expected a policy on cubes as --place, got \"folded\""},
      {"{\"fabric\": \"torus\",\n\"sides\": \"8x0\"}", meshes, "",
       "c.json:2: expected sides as sides, like \"16x16x16\", got \"8x0\""},
      {"{\"fabric\": \"torus\", \"sides\": \"8x6\",\n\"host\": \"3x4\"}", meshes, "",
       "c.json:2: expected a block that divides 8x6, got 3x4"},
      {"{\"fabric\": \"cubes\",\n\"side\": 3}", meshes, "",
       "c.json:2: expected 2 or 4 chips, got 3"},
      {R"({"fabric": "cubes", "leafs": 3})", meshes, "", "c.json:1: "},
  };
  for (const bad_case& c : cases) {
    const scratch_dir dir;
    const outcome o = simulate(dir, c.cluster, c.jobs, c.options);
    CAPTURE(c.options);
    CHECK(o.status == 2);
    CHECK(o.out == "");
    CHECK_MESSAGE(o.err.find(c.message) != std::string::npos, o.err);
  }
  // One that fits nowhere waits for ever, and that is said.
  const scratch_dir dir;
  const outcome o =
      simulate(dir, torus, "job_id,submit_s,gpus,duration_s,shape\n0,0,16,10,16x1x1\n",
               "--place torus_first_fit");
  CHECK(o.status == 1);
  CHECK(o.err.find("1 jobs wait for ever: job 0") != std::string::npos);
}

TEST_CASE("heddle-convert takes tori and cubes, and says what topology.conf cannot") {
  const scratch_dir dir;
  for (const auto& [text, words] :
       {std::pair{std::string{cubes},
                  "topology.conf knows trees of switches, and cubes have chips"},
        std::pair{std::string{torus}, "and torus has chips linked to one another"}}) {
    const std::string c = dir.write("c.json", text);
    const outcome same = run("heddle-convert", "cluster " + c + " --to json");
    CHECK(same.err == "");
    CHECK(same.status == 0);
    CHECK(json::parse(same.out) == json::parse(text));
    const outcome slurm = run("heddle-convert", "cluster " + c + " --to topology.conf");
    CHECK(slurm.status == 1);
    CHECK(slurm.out == "");
    CHECK_MESSAGE(slurm.err.find(words) != std::string::npos, slurm.err);
  }
  const outcome bad = run("heddle-convert", "cluster " + dir.write("b.json", R"({"fabric": "torus",
"sides": "4x0"})"));
  CHECK(bad.status == 2);
  CHECK(bad.err.find("b.json:2: expected sides as sides") != std::string::npos);
}

TEST_CASE("heddle-place places meshes, fails parts of cubes, and draws what there is") {
  const scratch_dir dir;
  const std::string ops = R"({"op": "place", "job": 1, "shape": "8x4x4"}
{"op": "place", "job": 2, "gpus": 24}
{"op": "fail", "cube": 0}
{"op": "place", "job": 3, "shape": "4x4x4"}
{"op": "fail", "ocs": 5}
{"op": "fail", "link": [70, 0]}
{"op": "place", "job": 4, "gpus": 4096}
{"op": "release", "job": 1}
{"op": "repair", "cube": 0}
{"op": "place", "job": 5, "gpus": 64, "shape": "64x1x1"}
)";
  const outcome o = place(dir, cubes, ops, "--verify --svg " + dir / "p.svg");
  CHECK(o.err == "");
  REQUIRE(o.status == 0);
  const std::vector<json> out = json_lines(o.out);
  REQUIRE(out.size() == 10);
  CHECK(out[0]["status"] == "placed");
  CHECK(out[0]["shape"] == "8x4x4");
  CHECK(out[0]["gpus"].size() == 128);
  CHECK(out[0]["circuits"].size() == 16);
  CHECK(out[0]["isolated"] == true);
  CHECK(!out[0].contains("links"));
  CHECK(out[1]["shape"] == "4x3x2");  // what communicates best of 24
  CHECK(out[2]["hit"] == json::array({1}));
  CHECK(out[3]["status"] == "placed");
  CHECK(out[5]["status"] == "failed");
  CHECK(out[6]["reason"] == "gpus");
  CHECK(out[9]["shape"] == "64x1x1");
  CHECK(out[9]["isolated"] == true);
  const std::string svg = content_of(dir / "p.svg");
  CHECK(svg.find("Placed by folded_reconfigured") != std::string::npos);
  CHECK(svg.find("out of order:") == std::string::npos);  // cube 0 works again
  CHECK(svg.find("mesh 4x4x4, 1 cube, 0 circuits (job 3)") != std::string::npos);

  const outcome t = place(dir, torus,
                          "{\"op\": \"place\", \"job\": 1, \"shape\": \"4x4x4\"}\n"
                          "{\"op\": \"fail\", \"link\": [0, 2]}\n"
                          "{\"op\": \"fail\", \"gpu\": 1}\n{\"op\": \"fail\", \"gpu\": 127}\n",
                          "--policy best_fit --verify --svg " + dir / "t.svg");
  CHECK(t.err == "");
  CHECK(json_lines(t.out)[0]["isolated"] == true);
  CHECK(!json_lines(t.out)[0].contains("circuits"));
  CHECK(json_lines(t.out)[1]["hit"] == json::array({1}));
  CHECK(content_of(dir / "t.svg").find("out of order: 1 GPU<") != std::string::npos);
  CHECK(content_of(dir / "t.svg").find("a torus 8x4x4 in 4 layers") != std::string::npos);

  struct bad_case {
    std::string cluster, op, options, message;
  };
  for (const bad_case& c : std::vector<bad_case>{
           {cubes, R"({"op": "place", "job": 1, "shape": "4x"})", "", "expected sides as shape"},
           {cubes, R"({"op": "place", "job": 1, "shape": "4x4", "gpus": 8})", "",
            "expected as many GPUs as the shape has cells, got 8"},
           {cubes, R"({"op": "fail", "leaf": 0})", "",
            "expected a fabric of leafs and spines, or no leaf"},
           {torus, R"({"op": "fail", "cube": 0})", "", "expected a fabric of cubes, or no cube"},
           {torus, R"({"op": "fail", "ocs": 0})", "", "expected an optical fabric, or no ocs"},
           {cubes, R"({"op": "fail", "link": [0, 3]})", "", "expected dimension from 0 to 2"},
           {cubes, R"({"op": "fail", "link": [5, 0]})", "", "of a link that there is"},
           {torus, R"({"op": "place", "job": 1, "shape": "2x2"})", "--policy packed",
            "expected no shape, as --policy packed places no meshes"},
           {torus, "", "--policy jigsaw", "--policy: expected spread, random"},
           {torus, "", "--policy packed --closed",
            "--closed: expected a policy of meshes as --policy"}}) {
    CAPTURE(c.op);
    const outcome bad = place(dir, c.cluster, c.op + "\n", c.options);
    CHECK(bad.status == 2);
    CHECK_MESSAGE(bad.err.find(c.message) != std::string::npos, bad.err);
  }
}

TEST_CASE("heddle-place moves what failures hit on cubes to spare ones, or places it anew") {
  const scratch_dir dir;
  const std::string ops = R"({"op": "place", "job": 1, "shape": "8x4x4"}
{"op": "place", "job": 2, "shape": "4x4x4"}
{"op": "move", "job": 1}
{"op": "fail", "cube": 1}
{"op": "move", "job": 1}
{"op": "fail", "ocs": 3}
{"op": "move", "job": 1}
{"op": "fail", "ocs": 20}
{"op": "fail", "ocs": 40}
{"op": "move", "job": 1}
{"op": "move", "job": 2}
)";
  const outcome o = place(dir, R"({"fabric": "cubes", "cubes": 5, "switching_ms": 20})", ops,
                          "--policy reconfigured --verify");
  CHECK(o.err == "");
  REQUIRE(o.status == 0);
  const std::vector<json> out = json_lines(o.out);
  REQUIRE(out.size() == 11);
  CHECK(out[2] == json{{"job", 1}, {"status", "stays"}});
  CHECK(out[4]["status"] == "moved");
  CHECK(out[4]["cubes"] == json::parse("[[1, 3]]"));
  CHECK(out[4]["down"].size() == 16);
  CHECK(out[4]["up"].size() == 16);
  CHECK(out[4]["switching_ms"] == 20);
  CHECK(out[4]["isolated"] == true);
  for (std::size_t r = 0; r < 128; ++r) {
    const int was = out[0]["gpus"][r], is = out[4]["gpus"][r];
    CHECK(is == (was / 64 == 1 ? was + 128 : was));
  }
  // No other OCS serves that position: the slice lies along another dimension then, if one is left.
  CHECK(out[6]["status"] == "placed");
  CHECK(out[6]["up"].size() == 16);
  CHECK(out[6]["up"][0][0] >= 16);
  CHECK(out[6]["isolated"] == true);
  CHECK(out[9]["status"] == "stays");
  CHECK(out[9]["proved"] == true);
  CHECK(out[10]["status"] == "stays");  // it has no circuits
  CHECK(place(dir, torus, R"({"op": "move", "job": 1})", "")
            .err.find("expected a fabric of cubes, or no move") != std::string::npos);
  CHECK(place(dir, cubes, R"({"op": "move", "job": 1})", "")
            .err.find("expected a job that holds something, got job 1") != std::string::npos);
}

TEST_CASE("heddle-tori draws slices of a mix and says what failed hosts leave") {
  const scratch_dir dir;
  const std::string on = "--cluster " + dir.write("c.json", cubes) + " " +
                         dir.write("t.json", R"({"fabric": "torus", "sides": "8x8x4"})");
  const std::string mix = dir.write("m.csv", "x,y,z,share_pct\n4,4,4,50\n2,2,1,30\n4,4,8,20\n");
  const std::string runs = dir.write("d.csv", "duration_s\n10\n20\n1000\n");
  const std::string drawn =
      on + " --mix " + mix + " --durations " + runs + " --loads .5 .9 --slices 40 --seeds 3";
  const outcome first = run("heddle-tori", drawn);
  CHECK(first.err == "");
  CHECK(first.status == 0);
  CHECK(first.out.find("| 0.50 | cubes | `reconfigured` | 120 of 120 |") != std::string::npos);
  CHECK(first.out.find("| 0.90 | torus | `best_fit` | 120 of 120 |") != std::string::npos);
  CHECK(run("heddle-tori", drawn).out == first.out);
  const outcome twisted = run("heddle-tori", drawn + " --place reconfigured --twisted");
  CHECK(twisted.err == "");
  CHECK(twisted.status == 0);

  const outcome none = run("heddle-tori", on + " --outages 0 100 --slice 4x4x8 --seeds 2");
  CHECK(none.err == "");
  CHECK(none.out.find("| 0.0 | cubes | `reconfigured` | 256 | 256 | 100.0 |") != std::string::npos);
  CHECK(none.out.find("| 0.0 | torus | `torus_first_fit` | 256 | 256 | 100.0 |") !=
        std::string::npos);
  CHECK(none.out.find("| 100.0 | cubes | `folded_reconfigured` | 0 | 0 | 0.0 |") !=
        std::string::npos);
  for (const auto& [options, message] : std::vector<std::pair<std::string, std::string>>{
           {on, "--jobs: expected one of --jobs, --mix and --outages, got none"},
           {on + " --mix " + mix, "--mix: expected --durations beside it"},
           {on + " --outages 101", "--outages: expected percents from 0 to 100"},
           {on + " --outages 1 --place vclos", "--place: expected one of torus_first_fit, folded"},
           {"--outages 1 --cluster " + dir.write("l.json", R"({"fabric": "leaf_spine", "leafs": 1,
             "spines": 1, "servers_per_leaf": 1, "gpus_per_server": 1})"),
            "expected a torus or cubes, whose jobs ask for meshes, got leaf_spine"}}) {
    const outcome bad = run("heddle-tori", options);
    CHECK(bad.status == 2);
    CHECK_MESSAGE(bad.err.find(message) != std::string::npos, bad.err);
  }
}
