// Lists of jobs and odd texts as they are met in the field, through the programs.
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/run.hpp"
#include "support/shared_data.hpp"

namespace {

using namespace heddle;
using namespace heddle::test;

const std::string cluster =
    R"({"fabric": "leaf_spine", "leafs": 2, "spines": 2, "servers_per_leaf": 2, "gpus_per_server": 8})";
const std::string accounting =
    "JobID|Submit|Start|End|ElapsedRaw|AllocTRES|State\n"
    "7+0|2024-01-01T10:00:00|2024-01-01T10:05:00|2024-01-01T11:05:00|3600|gres/gpu=8|COMPLETED\n"
    "7+1|2024-01-01T10:00:00|2024-01-01T10:05:00|2024-01-01T11:05:00|3600|gres/gpu=4|COMPLETED\n"
    "8|2024-01-01T10:01:00|2024-01-01T10:05:00|2024-01-01T11:05:00|3600|cpu=4|COMPLETED\n"
    "9.batch|2024-01-01T10:01:00|2024-01-01T10:05:00|2024-01-01T11:05:00|3600|cpu=4|COMPLETED\n";

/// `submit,gpus,duration` of the rows of a jobs CSV, apart by blanks.
std::string jobs_in(const std::string& csv) {
  std::istringstream in(csv);
  std::string line, out;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::size_t from = line.find(',') + 1, end = from;
    for (int i = 0; i < 3; ++i) end = line.find(',', end) + 1;
    out += (out.empty() ? "" : " ") + line.substr(from, end - from - 1);
  }
  return out;
}
bool is_one_line(const std::string& text) {
  return !text.empty() && text.find('\n') == text.size() - 1;
}
std::string quoted(const std::filesystem::path& p) { return "'" + p.string() + "'"; }

}  // namespace

TEST_CASE("heddle-convert reads the jobs of every source of the field") {
  HEDDLE_SHARED_FILE(field, "cases/field");
  struct source {
    const char *from, *file, *jobs, *told;
  };
  for (const source& s : std::vector<source>{
           {"sacct", "32-sacct-het-job/sacct.txt", "0,12,3600 600,1,600 600,1,600",
            "1 row of a step, 1 row of a further component of a heterogeneous job\n"},
           {"sacct", "33-jobs-from-sacct/sacct.txt",
            "0,1,900 600,8,7200 2400,4,3600 3000,4,3600 4200,2,3600",
            "2 jobs that never ran, 1 job without GPUs, 2 rows of steps\n"},
           {"sacct", "33-jobs-from-sacct/parsable.txt",
            "0,1,900 600,8,7200 2400,4,3600 3000,4,3600 4200,2,3600",
            "2 jobs that never ran, 1 job without GPUs, 2 rows of steps\n"},
           {"swf", "34-jobs-from-swf/log.swf", "0,4,100 50,8,200 120,2,30",
            "1 job that never ran, 1 job that ran for no time\n"},
           {"philly", "35-jobs-from-philly/cluster_job_log", "0,4,660 1200,1,600",
            "1 job that never ran\n"},
           {"helios", "36-jobs-from-tables/helios.csv", "0,4,600 60,16,600",
            "1 job without GPUs\n"},
           {"acme", "36-jobs-from-tables/acme.csv", "0,16,600 300,8,60", ""},
           {"alibaba", "36-jobs-from-tables/alibaba.csv", "0,2,890 100,1,600",
            "1 job without GPUs\n"}}) {
    CAPTURE(s.file);
    const std::string file = quoted(field / s.file);
    const outcome named = run("heddle-convert", std::string("jobs --from ") + s.from + " " + file);
    CHECK(named.status == 0);
    CHECK(jobs_in(named.out) == s.jobs);
    CHECK(named.err.ends_with(s.told));
    const outcome found = run("heddle-convert", "jobs " + file);
    CHECK(found.out == named.out);
    const outcome strict = run("heddle-convert", "jobs --strict " + file);
    CHECK(strict.status == (*s.told ? 2 : 0));
    CHECK(strict.out.empty() == (*s.told != 0));
  }
}

TEST_CASE(
    "programs take accounting where they take jobs, packed or not, and say what they pass over") {
  const scratch_dir dir;
  dir.write("c.json", cluster);
  dir.write("s.txt", accounting);
  const outcome converted = run("heddle-convert", "jobs --from sacct " + dir / "s.txt");
  REQUIRE(converted.status == 0);
  CHECK(jobs_in(converted.out) == "0,12,3600");
  dir.write("j.csv", converted.out);
  const auto simulate = [&](const std::string& rest, const std::string& input = "") {
    return run("heddle-simulate", "--cluster " + dir / "c.json --place packed --jobs " + rest +
                                      " --per-job " + dir / "out.csv" + input);
  };
  REQUIRE(simulate(dir / "j.csv").status == 0);
  const std::string expected = content_of(dir / "out.csv");
  REQUIRE(std::system(("gzip -k " + dir / "s.txt").c_str()) == 0);
  for (const auto& [jobs, input] : {std::pair{dir / "s.txt", std::string()},
                                    {dir / "s.txt.gz", std::string()},
                                    {std::string("-"), " <" + dir / "s.txt.gz"}}) {
    CAPTURE(jobs);
    const outcome o = simulate(jobs, input);
    CHECK(o.status == 0);
    CHECK(content_of(dir / "out.csv") == expected);
    CHECK(o.err.ends_with(
        "1 job; passed over: 1 job without GPUs, 1 row of a step, 1 row of a further "
        "component of a heterogeneous job\n"));
    CHECK(is_one_line(o.err));
  }
  std::filesystem::remove(dir / "out.csv");
  const outcome strict = simulate(dir / "s.txt --strict");
  CHECK(strict.status == 2);
  CHECK(strict.err.find("expected nothing to pass over (--strict), got 1 job without GPUs") !=
        std::string::npos);
  CHECK_FALSE(std::filesystem::exists(dir / "out.csv"));

  dir.write("grid.json", R"({"clusters": ["c.json"], "jobs": ["s.txt"], "seeds": [0, 1]})");
  const std::string sweep = "--grid " + dir / "grid.json --out " + dir / "rows.csv";
  const outcome swept = run("heddle-sweep", sweep);
  CHECK(swept.status == 0);
  CHECK(is_one_line(swept.err));  // once for all runs
  std::filesystem::remove(dir / "rows.csv");
  CHECK(run("heddle-sweep", sweep + " --strict").status == 2);
}

TEST_CASE("what two publishers' tables have in common is asked for") {
  const scratch_dir dir;
  dir.write("c.json", cluster);
  dir.write("t.csv", "job_id,gpu_num,state,submit_time,start_time,end_time,duration\n"
                     "a,4,COMPLETED,0,10,70,100\n");
  const std::string simulate = "--cluster " + dir / "c.json --jobs " + dir / "t.csv ";
  const outcome o = run("heddle-simulate", simulate);
  CHECK(o.status == 2);
  CHECK(o.err.find(
            "t.csv:1: expected --jobs-from helios or acme, got columns that all of these have") !=
        std::string::npos);
  CHECK(run("heddle-simulate", simulate + "--jobs-from acme").status == 0);
  CHECK(run("heddle-simulate", simulate + "--jobs-from slurm")
            .err.find("--jobs-from: expected one of csv, "
                      "sacct") != std::string::npos);
  CHECK(jobs_in(run("heddle-convert", "jobs --from helios " + dir / "t.csv").out) == "0,4,100");
  CHECK(jobs_in(run("heddle-convert", "jobs --from acme " + dir / "t.csv").out) == "0,4,60");
  CHECK(run("heddle-convert", "jobs " + dir / "t.csv").err.find("expected --from helios or acme") !=
        std::string::npos);
}

TEST_CASE("heddle-convert writes workload logs that it reads back") {
  const scratch_dir dir;
  dir.write("j.csv", "job_id,submit_s,gpus,duration_s,model,vc\n0,0,4,100,bert,a\n1,60,1,5,,b\n");
  const outcome o = run("heddle-convert", "jobs --to swf " + dir / "j.csv --out " + dir / "l.swf");
  CHECK(o.status == 0);
  CHECK(o.err.ends_with("no field for it: model\n"));
  const outcome back = run("heddle-convert", "jobs " + dir / "l.swf");
  CHECK(jobs_in(back.out) == "0,4,100 60,1,5");
}

TEST_CASE("another text where jobs are wanted is named for what it is") {
  const scratch_dir dir;
  dir.write("c.json", cluster);
  for (const auto& [text, kind] : std::vector<std::pair<std::string, std::string>>{
           {"jobs:\n  - job_id: 0\n", "YAML"},
           {"{\"jobs\": [{\"job_id\": 0}]}\n", "JSON"},
           {"2024-01-01 10:00:00 INFO started\n", "a log"},
           {"job_id;submit_s;gpus;duration_s\n0;0;4;100\n", "fields set apart by \";\""},
           {"vendid=0x2c9\nswitchguid=0x1(1)\nSwitch\t8 \"S-1\"\t\t# \"l\" enhanced port 0\n",
            "ibnetdiscover output; give it as --cluster"},
           {cluster, "a cluster file; give it as --cluster"}}) {
    CAPTURE(kind);
    const outcome o =
        run("heddle-simulate", "--cluster " + dir / "c.json --jobs " + dir.write("jobs.txt", text));
    CHECK(o.status == 2);
    CHECK(
        o.err.find(
            "jobs.txt:1: expected a CSV file with the columns job_id, submit_s, gpus, duration_s, "
            "got what looks like " +
            kind) != std::string::npos);
    CHECK(is_one_line(o.err));
  }
}

TEST_CASE(
    "the texts of the field are read or named, and repeated columns matter where they are used") {
  HEDDLE_SHARED_FILE(field, "cases/field");
  const auto simulate = [&](const std::string& directory, const std::string& jobs) {
    return run("heddle-simulate", "--cluster " + quoted(field / directory / "cluster.json") +
                                      " --jobs " + quoted(field / directory / jobs));
  };
  for (const char* jobs : {"jobs.yaml", "jobs.json", "run.log", "semicolon.txt"}) {
    const outcome o = simulate("30-csv-other-text", jobs);
    CHECK(o.status == 2);
    CHECK(o.err.find("columns job_id, submit_s, gpus, duration_s, got what looks like ") !=
          std::string::npos);
  }
  for (const char* jobs : {"sacct.txt", "jobs.swf"}) {
    const outcome o = simulate("30-csv-other-text", jobs);
    CHECK(o.status == 0);
    CHECK(o.err.find("(heddle-convert jobs --from ") != std::string::npos);
  }
  CHECK(simulate("31-csv-repeated-column", "jobs.csv").status == 0);
  const outcome twice = simulate("31-csv-repeated-column", "asked-for.csv");
  CHECK(twice.status == 2);
  CHECK(twice.err.find("expected each column once, got \"gpus\" twice") != std::string::npos);
}

TEST_CASE("keys that nobody reads and keys that stand twice are refused by every program") {
  HEDDLE_SHARED_FILE(field, "cases/field");
  const scratch_dir dir;
  struct wrong {
    std::string program, arguments, where, got;
  };
  const std::string unknown = quoted(field / "28-json-unknown-key") + "/",
                    twice = quoted(field / "29-json-duplicate-key") + "/";
  const std::string with_jobs = " --jobs " + unknown + "jobs.csv";
  for (const wrong& w : std::vector<wrong>{
           {"heddle-simulate", "--cluster " + unknown + "cluster-top.json" + with_jobs,
            "cluster-top.json:2", "\"link_gpbs\", which is near link_gbps"},
           {"heddle-simulate", "--cluster " + unknown + "cluster-power.json" + with_jobs,
            "cluster-power.json:2", "\"gpu_idle\", which is near gpu_idle_w"},
           {"heddle-simulate", "--cluster " + unknown + "cluster-ocs.json" + with_jobs,
            "cluster-ocs.json:2", "\"leaf_fibers\", which is near leaf_fibres"},
           {"heddle-simulate", "--cluster " + unknown + "cluster-misplaced.json" + with_jobs,
            "cluster-misplaced.json:2", "\"ocs\""},
           {"heddle-advise", "--cluster " + unknown + "cluster-top.json" + with_jobs,
            "cluster-top.json:2", "\"link_gpbs\""},
           {"heddle-share", unknown + "share.json", "share.json:2", "\"scale_factor\""},
           {"heddle-allocate", unknown + "allocate.json", "allocate.json:1",
            "\"require-one\", which is near require_one"},
           {"heddle-place", "--cluster " + unknown + "cluster.json --ops " + unknown + "ops.jsonl",
            "ops.jsonl:1", "\"tennant\""},
           {"heddle-route",
            "--cluster " + unknown + "cluster.json --jobs " + unknown + "placed.jsonl",
            "placed.jsonl:1", "\"colective\", which is near collective"},
           {"heddle-rewire", unknown + "rewire.json", "rewire.json:1",
            "\"leaf_fibers\", which is near leaf_fibres"},
           {"heddle-sweep", "--grid " + unknown + "grid.json --out " + dir / "out.csv",
            "grid.json:2", "\"backfill\", which is near backfills"},
           {"heddle-simulate", "--cluster " + twice + "cluster.json" + with_jobs, "cluster.json:2",
            "\"leafs\" twice"},
           {"heddle-simulate", "--cluster " + twice + "cluster-power.json" + with_jobs,
            "cluster-power.json:2", "\"switch_w\" twice"},
           {"heddle-place", "--cluster " + twice + "good.json --ops " + twice + "ops.jsonl",
            "ops.jsonl:1", "\"gpus\" twice"},
           {"heddle-share", twice + "share.json", "share.json:2", "\"weight\" twice"}}) {
    CAPTURE(w.program);
    CAPTURE(w.got);
    const outcome o = run(w.program, w.arguments);
    CHECK(o.status == 2);
    CHECK_MESSAGE(o.err.find(w.where + ": expected ") != std::string::npos, o.err);
    CHECK_MESSAGE(o.err.find("got " + w.got) != std::string::npos, o.err);
    CHECK(is_one_line(o.err));
    CHECK(o.out.empty());
  }
  CHECK(dir.entries() == 0);
}

TEST_CASE("fifo gives nothing to what can run nowhere on the cluster of the field") {
  HEDDLE_SHARED_FILE(field, "cases/field/27-share-fifo-absent-type");
  const auto shares = [&](const char* file) {
    const outcome o = run("heddle-share", "--policy fifo " + quoted(field / file));
    REQUIRE(o.status == 0);
    return nlohmann::json::parse(o.out)["x"].dump();
  };
  CHECK(shares("share.json") == "[[0.0,0.0],[1.0,0.0],[1.0,0.0]]");
  CHECK(shares("too-wide.json") == "[[0.0,0.0],[0.0,1.0],[1.0,0.0]]");
}
