#include "support/run.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <heddle/trace/synthetic.hpp>

#include "support/shared_data.hpp"

namespace {

using namespace heddle;
using namespace heddle::test;

const std::string small_cluster =
    R"({"fabric": "leaf_spine", "leafs": 4, "spines": 8, "servers_per_leaf": 2, "gpus_per_server": 4})";
const std::string few_jobs =
    "job_id,submit_s,gpus,duration_s\n0,0,4,100\n1,10,16,200\n2,20,1,50\n3,30,32,10\n";

std::string cluster_of(int leafs) {
  return R"({"fabric": "leaf_spine", "leafs": )" + std::to_string(leafs) +
         R"(, "spines": 32, "servers_per_leaf": 4, "gpus_per_server": 8})";
}

std::string as_csv(const std::vector<job>& jobs) {
  std::string out = "job_id,submit_s,gpus,duration_s\n";
  for (const job& j : jobs)
    out += std::to_string(j.id.value) + ',' + std::to_string(j.submit_s) + ',' +
           std::to_string(j.gpus) + ',' + std::to_string(j.duration_s) + '\n';
  return out;
}

/// A report without the times that were measured.
std::string without_times(const std::string& report) {
  nlohmann::json j = nlohmann::json::parse(report);
  j.erase("decide_us_p50");
  j.erase("decide_us_p99");
  return j.dump();
}

/// The column of a per-job CSV.
std::vector<double> column(const std::string& csv, std::size_t index) {
  std::vector<double> out;
  for (std::size_t at = csv.find('\n') + 1; at < csv.size(); at = csv.find('\n', at) + 1) {
    std::size_t field = at;
    for (std::size_t k = 0; k < index; ++k) field = csv.find(',', field) + 1;
    out.push_back(std::stod(csv.substr(field)));
  }
  return out;
}

struct bad_case {
  const char* what;
  std::string cluster, jobs, options, message;
};

}  // namespace

TEST_CASE("heddle-simulate says in one line what is wrong with its input and writes nothing") {
  const std::vector<bad_case> cases{
      {"missing column", small_cluster, "job_id,submit_s,gpus\n0,0,1\n", "",
       "jobs.csv:1: expected a column \"duration_s\", got \"job_id,submit_s,gpus\""},
      {"negative duration", small_cluster, "job_id,submit_s,gpus,duration_s\n0,0,1,5\n1,2,1,-3\n",
       "", "jobs.csv:3: expected a run time above 0 s as duration_s, got \"-3\""},
      {"larger than the cluster", small_cluster, "job_id,submit_s,gpus,duration_s\n7,0,33,5\n", "",
       "jobs.csv:2: expected at most the cluster's 32 GPUs as gpus, got \"33\""},
      {"duplicate id", small_cluster, "job_id,submit_s,gpus,duration_s\n7,0,1,5\n7,1,1,5\n", "",
       "jobs.csv:3: expected each job once as job_id, got \"7\""},
      {"not a number", small_cluster, "job_id,submit_s,gpus,duration_s\n7,0,many,5\n", "",
       "jobs.csv:2: expected a number of GPUs of at least 1 as gpus, got \"many\""},
      {"truncated row", small_cluster, "job_id,submit_s,gpus,duration_s\n0,0,1,5\n1,0,", "",
       "jobs.csv:3: expected 4 fields, got 3"},
      {"binary file", small_cluster, std::string("job_id,submit_s\0,gpus\n", 22), "",
       "jobs.csv:1: expected a text file, got a binary one (a zero byte)"},
      {"empty file", small_cluster, "", "",
       "jobs.csv:1: expected a header line, got an empty file"},
      {"unknown order", small_cluster, few_jobs, "--order lifo", "--order: expected one of fifo, "},
      {"unknown placement", small_cluster, few_jobs, "--place best",
       "--place: expected one of spread, random, packed, locality, one_server, one_leaf, buddy, "
       "vclos, "
       "vclos_even, ocs_vclos, relaxed, patched, jigsaw, laas, topology_aware, hived, segments, "
       "groups, "
       "torus_first_fit, folded, best_fit, reconfigured, folded_reconfigured, got \"best\""},
      {"misspelt placement", small_cluster, few_jobs, "--place vlcos",
       "folded_reconfigured, got \"vlcos\", which is near vclos\n"},
      {"unknown routing", small_cluster, few_jobs, "--route x",
       "--route: expected one of ecmp, balanced, crux, source, coloured, ideal, got \"x\""},
      {"unknown allocation", small_cluster, few_jobs, "--allocate x",
       "--allocate: expected one of requested, powerflow, optimal, throughput_marginal, zeus, "
       "price_path, max_min, rounds_max_min, rounds_finish_time, rounds_makespan, "
       "rounds_goodput, rounds_by_time_left, got \"x\""},
      {"unknown backfill", small_cluster, few_jobs, "--backfill x",
       "--backfill: expected one of none, greedy, easy, conservative, got \"x\""},
      {"backfill beside an elastic allocation", small_cluster, few_jobs,
       "--allocate max_min --backfill conservative",
       "--backfill conservative: expected --allocate requested or zeus, since an elastic "
       "allocation gives and takes GPUs itself, got --allocate max_min\n"},
      {"preemption beside an elastic allocation", small_cluster, few_jobs,
       "--allocate powerflow --preempt",
       "--preempt: expected --allocate requested or zeus, since an elastic allocation gives and "
       "takes GPUs itself, got --allocate powerflow\n"},
      {"migration beside an elastic allocation", small_cluster, few_jobs,
       "--allocate optimal --move-gpus 8", "--move-gpus 8: expected --allocate requested or zeus"},
      {"preemption under conservative backfill", small_cluster, few_jobs,
       "--backfill conservative --preempt",
       "--preempt: expected another --backfill, since nobody makes room for a job under this one, "
       "got --backfill conservative\n"},
      {"migration on circuits", small_cluster, few_jobs, "--place ocs_vclos --move-gpus 8",
       "--move-gpus 8: expected a --place on fixed links, since jobs on circuits do not migrate, "
       "got --place ocs_vclos\n"},
      {"circuits on fixed links", small_cluster, few_jobs, "--place ocs_vclos",
       "--place: expected a cluster of leaf_spine_ocs for ocs_vclos, got another"},
      {"an optical cluster without circuits",
       R"({"fabric": "leaf_spine_ocs", "leafs": 4, "spines": 8, "servers_per_leaf": 2,
           "gpus_per_server": 4})",
       few_jobs, "", "cluster.json:1: expected an object as ocs"},
      {"an unknown fabric", R"({"fabric": "mesh"})", few_jobs, "",
       "cluster.json:1: expected one of leaf_spine, leaf_spine_ocs, pods, torus, cubes as fabric, "
       "got \"mesh\""},
      {"resume without a log", small_cluster, few_jobs, "--resume",
       "--resume: expected a log named by --decisions, got none"},
      {"negative patience", small_cluster, few_jobs, "--patience-s=-1",
       "--patience-s: expected a time of at least 0 s, got -1"},
      {"cut JSON", "{\"fabric\": \"leaf_spine\",\n\"leafs\": ", few_jobs, "",
       "cluster.json:2: expected JSON, got the end of the file"},
      {"no leafs", "{\"fabric\": \"leaf_spine\",\n\"leafs\": 0}", few_jobs, "",
       "cluster.json:2: expected leafs as a whole number of at least 1, got 0"},
      {"unknown GPU", small_cluster.substr(0, small_cluster.size() - 1) + ",\n\"gpu\": \"voodoo\"}",
       few_jobs, "", "cluster.json:2: expected one of "},
      {"bad option", small_cluster, few_jobs, "--seed x", "heddle-simulate: "},
  };
  for (const bad_case& c : cases) {
    CAPTURE(c.what);
    const scratch_dir dir;
    const std::string cluster = dir.write("cluster.json", c.cluster);
    const std::string jobs = dir.write("jobs.csv", c.jobs);
    const outcome o = run("heddle-simulate", "--cluster " + cluster + " --jobs " + jobs +
                                                 " --report " + dir / "report.json" +
                                                 " --per-job " + dir / "jobs_out.csv " + c.options);
    CHECK(o.status == 2);
    CHECK(o.out == "");
    CHECK_MESSAGE(o.err.find(c.message) != std::string::npos, o.err);
    CHECK(o.err.starts_with("heddle-simulate: "));
    CHECK(o.err.find('\n') == o.err.size() - 1);
    CHECK(dir.entries() == 2);
  }
}

TEST_CASE("heddle-simulate exits 1 where a good request cannot be met") {
  const scratch_dir dir;
  const std::string files = "--cluster " + dir.write("c.json", small_cluster) + " --jobs " +
                            dir.write("j.csv", few_jobs) + " --report " + dir / "r.json ";
  const outcome low = run("heddle-simulate", files + "--power-budget-w 10");
  CHECK(low.status == 1);
  CHECK(low.err.find("below what the idle cluster draws") != std::string::npos);
  const outcome never = run("heddle-simulate", files + "--place one_leaf");
  CHECK(never.status == 1);
  CHECK(never.err.find("3 jobs wait for ever: job 1, first in the queue") != std::string::npos);
  CHECK(never.err.find("gpu_fragmentation: it wants 16 GPUs; 32 of 32 are up and idle") !=
        std::string::npos);
  CHECK(nlohmann::json::parse(content_of(dir / "r.json"))["stuck"]["jobs"] == 3);
}

TEST_CASE("heddle-simulate says what a run did that cannot end, and which number is short") {
  const scratch_dir dir;
  const std::string files =
      "--cluster " + dir.write("c.json", R"({"fabric": "leaf_spine", "leafs": 1, "spines": 1,
                              "servers_per_leaf": 2, "gpus_per_server": 4})") +
      " --jobs " +
      dir.write("j.csv", "job_id,submit_s,gpus,duration_s\n0,0,4,5\n1,20,8,10\n2,21,4,10\n") +
      " --report " + dir / "r.json" + " --per-job " + dir / "p.csv" + " --html " + dir / "p.html ";
  // One of two servers leaves at 10 for good.
  const std::string away = " --failures " + dir.write("away.csv", "t_ms,event,node\n0,add,0\n"
                                                                  "0,add,1\n10000,remove,1\n");
  const outcome gone = run("heddle-simulate", files + "--backfill easy" + away);
  CHECK(gone.status == 1);
  CHECK(gone.err.find("1 jobs wait for ever: job 1") != std::string::npos);
  CHECK(gone.err.find("gpus: it wants 8 GPUs, 4 of 8 are up, 1 server is away for good\n") !=
        std::string::npos);
  const nlohmann::json r = nlohmann::json::parse(content_of(dir / "r.json"));
  CHECK(r["jobs"] == 3);
  CHECK(r["finished"] == 2);
  CHECK(r["stuck"]["first"] == 1);
  CHECK(r["stuck"]["wait_reason"] == "gpus");
  CHECK(content_of(dir / "p.csv").find("\n1,20,,,8,,,,,,gpus\n2,21,21,31,4,") != std::string::npos);
  // What the idle cluster leaves of the budget is too little.
  const outcome power = run("heddle-simulate", files + "--power-budget-w 4000");
  CHECK(power.status == 1);
  CHECK(power.err.find("budget: the power budget of 4000 W is less than the ") !=
        std::string::npos);
  CHECK(power.err.find("W more that it takes on ") != std::string::npos);
}

TEST_CASE("heddle-simulate says that a depth of backfill has cut the queue short") {
  const scratch_dir dir;
  std::string jobs = "job_id,submit_s,gpus,duration_s\n0,0,6,1000\n";
  for (int i = 1; i <= 12; ++i) jobs += std::to_string(i) + ",1,8,10\n";
  const std::string files =
      "--cluster " + dir.write("c.json", R"({"fabric": "leaf_spine", "leafs": 1, "spines": 1,
                              "servers_per_leaf": 1, "gpus_per_server": 8})") +
      " --jobs " + dir.write("j.csv", jobs + "13,2,1,5\n") + " --per-job " + dir / "p.csv";
  for (const std::string backfill : {"greedy", "easy", "conservative"}) {
    const outcome whole = run("heddle-simulate", files + " --backfill " + backfill);
    CHECK(whole.err == "");
    CHECK(column(content_of(dir / "p.csv"), 2).back() == 2);
    const outcome cut =
        run("heddle-simulate", files + " --backfill-depth 11 --backfill " + backfill);
    CHECK(cut.status == 0);
    CHECK(cut.err.find("behind the first 11 unseen (--backfill-depth)") != std::string::npos);
    CHECK(column(content_of(dir / "p.csv"), 2).back() > 1000);
  }
}

TEST_CASE("heddle-simulate has help and a version") {
  CHECK(run("heddle-simulate", "--help").status == 0);
  CHECK(run("heddle-simulate", "--help").out.find("--power-budget-w") != std::string::npos);
  CHECK(run("heddle-simulate", "--version").out.starts_with("heddle-simulate "));
}

TEST_CASE(
    "heddle-simulate reports each job and each event of a small trace as worked out by hand") {
  const scratch_dir dir;
  const outcome o =
      run("heddle-simulate", "--cluster " + dir.write("c.json", small_cluster) +
                                 " --jobs - --per-job " + dir / "j.csv" + " --timeline " +
                                 dir / "t.csv" + " < " + dir.write("in.csv", few_jobs));
  REQUIRE(o.status == 0);
  const nlohmann::json r = nlohmann::json::parse(o.out);
  // Jobs 0, 1, 2 run at once; job 3 needs all 32 GPUs and waits until job 1 ends at 210.
  CHECK(r["finished"] == 4);
  CHECK(r["mean_jwt_s"] == (210.0 - 30) / 4);
  CHECK(r["mean_jct_s"] == (100.0 + 200 + 50 + 190) / 4);
  CHECK(r["makespan_s"] == 220.0);
  CHECK(r["share_waiting"] == 0.25);
  CHECK(r["gpu_utilization"].get<double>() ==
        doctest::Approx((4 * 100 + 16 * 200 + 50 + 320) / (32 * 220.0)));
  CHECK(column(content_of(dir / "j.csv"), 2) == std::vector<double>{0, 10, 20, 210});
  CHECK(content_of(dir / "j.csv").find("3,30,210,220,32,4,8,1,") != std::string::npos);
  CHECK(content_of(dir / "j.csv").find(",gpus\n") != std::string::npos);
  CHECK(
      content_of(dir / "t.csv").starts_with("time_s,used_gpus,running,waiting,power_w\n0,4,1,0,"));
}

TEST_CASE("heddle-simulate gives run times under vclos that equal those of the ideal network") {
  const scratch_dir dir;
  const std::string jobs = dir.write("jobs.csv", as_csv(trace::vclos_workload{.jobs = 600}()));
  const std::string common = "--cluster " + dir.write("c.json", cluster_of(16)) + " --jobs " +
                             jobs + " --workload vclos --report " + dir / "r.json";
  const auto slowdowns = [&](const std::string& options) {
    REQUIRE(run("heddle-simulate", common + " --per-job " + dir / "p.csv" + options).status == 0);
    return column(content_of(dir / "p.csv"), 7);
  };
  const std::vector<double> ones(600, 1.0);
  CHECK(slowdowns(" --place packed --route ideal") == ones);
  CHECK(slowdowns(" --place vclos --route ecmp") == ones);
  CHECK(slowdowns(" --place vclos_even --route ecmp") == ones);
  const std::vector<double> shared = slowdowns(" --place packed --route ecmp");
  CHECK(*std::min_element(shared.begin(), shared.end()) >= 1);
  CHECK(*std::max_element(shared.begin(), shared.end()) > 1.1);
}

TEST_CASE("heddle-simulate replays whole real clusters, with the same bytes each time") {
  const std::vector<std::pair<const char*, int>> traces{{"data/jobs/msr_itp_c04.csv", 64},
                                                        {"data/jobs/philly_all.csv", 80}};
  for (const auto& [name, leafs] : traces) {
    HEDDLE_SHARED_FILE(trace, name);
    CAPTURE(name);
    const scratch_dir dir;
    for (const std::string place : {"vclos", "packed"}) {
      CAPTURE(place);
      const auto replay = [&](const std::string& n) {
        return run("heddle-simulate",
                   "--cluster " + dir.write("c.json", cluster_of(leafs)) + " --jobs " +
                       trace.string() + " --workload vclos --seed 3 --place " + place +
                       " --per-job " + dir / ("p" + n) + " --timeline " + dir / ("t" + n));
      };
      const outcome first = replay("1"), second = replay("2");
      REQUIRE(first.status == 0);
      const nlohmann::json r = nlohmann::json::parse(first.out);
      CHECK(r["jobs"].get<int>() > 15000);
      CHECK(r["finished"] == r["jobs"]);
      CHECK(without_times(first.out) == without_times(second.out));
      CHECK(content_of(dir / "p1") == content_of(dir / "p2"));
      CHECK(content_of(dir / "t1") == content_of(dir / "t2"));
    }
  }
}

namespace {

const std::string optical_cluster =
    R"({"fabric": "leaf_spine_ocs", "leafs": 8, "spines": 8, "servers_per_leaf": 4,
        "gpus_per_server": 8, "ocs": {"switches": 32, "leaf_fibres": 1, "spine_fibres": 2}})";
const std::string pods_cluster =
    R"({"fabric": "pods", "pods": 2, "leafs": 4, "spines": 32, "servers_per_leaf": 4,
        "gpus_per_server": 8, "ocs": {"switches": 32}})";

}  // namespace

TEST_CASE("heddle-simulate knows every policy by name on every fabric that it can run on") {
  const scratch_dir dir;
  const std::string jobs =
      dir.write("jobs.csv", as_csv(trace::vclos_workload{.jobs = 60, .cluster_gpus = 256}()));
  const std::string fixed = dir.write("fixed.json", cluster_of(8)),
                    optical = dir.write("optical.json", optical_cluster),
                    pods = dir.write("pods.json", pods_cluster);
  const auto finished = [&](const std::string& cluster, const std::string& options) {
    CAPTURE(options);
    const outcome o = run("heddle-simulate", "--cluster " + cluster + " --jobs " + jobs +
                                                 " --workload vclos " + options);
    REQUIRE_MESSAGE(o.status == 0, o.err);
    const nlohmann::json r = nlohmann::json::parse(o.out);
    CHECK(r["finished"] == 60);
    double parts = 0;
    for (const auto& [key, joules] : r["energy_parts_j"].items()) parts += joules.get<double>();
    CHECK(parts == doctest::Approx(r["energy_j"].get<double>()).epsilon(1e-9));
    return r;
  };
  for (const std::string route : {"ecmp", "balanced", "source", "coloured", "ideal"})
    finished(fixed, "--place packed --route " + route);
  for (const std::string place :
       {"spread", "random", "packed", "locality", "buddy", "vclos", "vclos_even", "relaxed",
        "patched", "jigsaw", "laas", "topology_aware", "hived"}) {
    const nlohmann::json r = finished(fixed, "--place " + place);
    const bool isolated =
        place == "vclos" || place == "vclos_even" || place == "jigsaw" || place == "laas";
    if (isolated) CHECK(r["mean_slowdown"] == 1.0);
  }
  CHECK(finished(optical, "--place ocs_vclos")["mean_slowdown"] == 1.0);
  CHECK(finished(optical, "--place vclos")["mean_slowdown"] == 1.0);
  CHECK(finished(optical, "--place packed --route source")["mean_slowdown"] >= 1.0);
  finished(pods, "--place packed --limit 60");
  for (const std::string allocate : {"requested", "powerflow", "optimal", "throughput_marginal",
                                     "zeus", "max_min", "price_path"})
    finished(fixed, "--allocate " + allocate);
  for (const std::string order :
       {"fifo", "fewest_gpus", "shortest", "shortest_remaining", "deadline", "least_attained"})
    finished(fixed, "--preempt --order " + order);
  for (const std::string backfill : {"", "none", "greedy", "easy", "conservative"})
    finished(fixed, "--place vclos --backfill " + backfill);
  finished(fixed, "--place vclos --move-gpus 64");
  finished(fixed, "--place vclos --joint --patience-s 500 --backfill greedy");
  CHECK(finished(fixed, "--off-after-s 60")["wake_ups"] > 0);
}

TEST_CASE(
    "heddle-simulate goes on where its log of decisions was cut and ends with the same bytes") {
  const scratch_dir dir;
  const std::string common =
      "--cluster " + dir.write("c.json", cluster_of(8)) + " --jobs " +
      dir.write("j.csv", as_csv(trace::vclos_workload{.jobs = 80, .cluster_gpus = 256}())) +
      " --workload vclos --place packed --route balanced --order least_attained --preempt "
      "--decisions " +
      dir / "log" + " --off-after-s 300 --report " + dir / "r.json" + " --per-job " + dir / "p.csv";
  REQUIRE(run("heddle-simulate", common).status == 0);
  const std::string log = content_of(dir / "log"), jobs = content_of(dir / "p.csv"),
                    report = without_times(content_of(dir / "r.json"));
  for (const double part : {0.0, 0.03, 0.41, 0.77, 1.0}) {
    CAPTURE(part);
    dir.write("log",
              log.substr(0, static_cast<std::size_t>(part * static_cast<double>(log.size()))));
    const outcome o = run("heddle-simulate", common + " --resume");
    // A log cut in its first line is no log.
    REQUIRE_MESSAGE(o.status == (part == 0.0 ? 2 : 0), o.err);
    if (part == 0.0) continue;
    CHECK(content_of(dir / "log") == log);
    CHECK(content_of(dir / "p.csv") == jobs);
    CHECK(without_times(content_of(dir / "r.json")) == report);
  }
  // A log of another run is refused.
  dir.write("log", log);
  const outcome other = run("heddle-simulate", common + " --resume --limit 40 --from 100");
  CHECK(other.status == 2);
}

TEST_CASE("heddle-simulate replays failures and counts carbon and cost") {
  const scratch_dir dir;
  const outcome o =
      run("heddle-simulate",
          "--cluster " + dir.write("c.json", small_cluster) + " --jobs " +
              dir.write("j.csv", few_jobs) + " --checkpoint-s 30 --failures " +
              dir.write("f.csv", "t_ms,event,node\n0,add,0\n0,add,1\n0,add,2\n0,add,3\n0,add,4\n"
                                 "0,add,5\n0,add,6\n0,add,7\n50000,remove,0\n90000,add,0\n") +
              " --carbon " + dir.write("g.csv", "time_s,value\n0,400\n") + " --price " +
              dir.write("m.csv", "time_s,value\n0,0.1\n100,0.3\n"));
  REQUIRE_MESSAGE(o.status == 0, o.err);
  const nlohmann::json r = nlohmann::json::parse(o.out);
  CHECK(r["finished"] == 4);
  CHECK(r["failures"] == 1);
  CHECK(r["restarts"] == 1);
  CHECK(r["lost_gpu_s"] == 4 * 20.0);  // job 0 on server 0, 20 s after its checkpoint at 30 s
  CHECK(r["carbon_g"].get<double>() == doctest::Approx(r["energy_j"].get<double>() / 3.6e6 * 400));
  CHECK(r["cost"].get<double>() > r["energy_j"].get<double>() / 3.6e6 * 0.1);
}

TEST_CASE("heddle-simulate keeps within an energy budget or says that it cannot") {
  const scratch_dir dir;
  const std::string common = "--cluster " + dir.write("c.json", small_cluster) + " --jobs " +
                             dir.write("j.csv", few_jobs) + " ";
  const nlohmann::json free = nlohmann::json::parse(run("heddle-simulate", common).out);
  const double used = free["energy_j"];
  CHECK(
      run("heddle-simulate", common + "--energy-budget-j " + std::to_string(used * 1.01)).status ==
      0);
  const outcome short_of =
      run("heddle-simulate", common + "--energy-budget-j " + std::to_string(used / 2));
  CHECK(short_of.status == 1);
  CHECK(short_of.err.find("budget: the energy budget is used up") != std::string::npos);
}

TEST_CASE("heddle-simulate follows contention flow by flow and says when that is too much") {
  const scratch_dir dir;
  std::vector<job> jobs = trace::vclos_workload{.jobs = 40, .mean_gap_s = 20, .seed = 3}();
  for (job& j : jobs) j.gpus = std::min(j.gpus, 32);
  const std::string common = "--cluster " + dir.write("c.json", small_cluster) + " --jobs " +
                             dir.write("j.csv", as_csv(jobs)) +
                             " --workload vclos_mixed --report - --per-job " + dir / "p.csv ";
  const auto slowdowns = [&](const std::string& options) {
    const outcome o = run("heddle-simulate", common + options);
    REQUIRE_MESSAGE(o.status == 0, o.err);
    return column(content_of(dir / "p.csv"), 7);
  };
  const auto steady = slowdowns("--place random"),
             flow = slowdowns("--place random --contention flow");
  CHECK(slowdowns("--place random --contention flow") == flow);
  REQUIRE(steady.size() == flow.size());
  double off = 0;
  for (std::size_t i = 0; i < flow.size(); ++i) off += std::abs(steady[i] / flow[i] - 1);
  CHECK(steady != flow);
  CHECK(off / static_cast<double>(flow.size()) < 0.1);
  CHECK(*std::max_element(flow.begin(), flow.end()) > 1.01);
  for (const double s : slowdowns("--place vclos --contention flow")) CHECK(s == 1);
  for (const double s : slowdowns("--place random --route ideal --contention flow")) CHECK(s == 1);

  const outcome stopped =
      run("heddle-simulate", common + "--place random --contention flow --most-flows 99");
  CHECK(stopped.status == 1);
  CHECK(stopped.err == "heddle-simulate: stopped after 99 flows, the most that were allowed: raise "
                       "--most-flows, or leave out --contention flow\n");
  const outcome unknown = run("heddle-simulate", common + "--contention guess");
  CHECK(unknown.status == 2);
  CHECK(unknown.err ==
        "heddle-simulate: --contention: expected one of steady, flow, got \"guess\"\n");
}

TEST_CASE("jobs of heddle-simulate send the training step of their model") {
  const scratch_dir dir;
  std::string csv = "job_id,submit_s,gpus,duration_s,model,collective,comm_share\n";
  for (int i = 0; i < 4; ++i)
    csv += std::to_string(i) + ",0,8,100," + (i % 2 ? "vgg16" : "gpt2") + ",none,0.4\n";
  const std::string common = "--cluster " + dir.write("c.json", small_cluster) + " --jobs " +
                             dir.write("j.csv", csv) + " --place spread --report - --per-job " +
                             dir / "p.csv ";
  const auto slowdowns = [&](const std::string& steps, const std::string& options) {
    const outcome o =
        run("heddle-simulate", common + "--steps " + dir.write("s.json", steps) + " " + options);
    REQUIRE_MESSAGE(o.status == 0, o.err);
    return column(content_of(dir / "p.csv"), 7);
  };
  const std::string step = R"({"gpt2": {"expert": 8, "expert_bytes": 1e8}})";
  CHECK(slowdowns("{}", "") == std::vector<double>(4, 1));  // all of them name no collective
  for (const char* contention : {"steady", "flow"}) {
    const auto s = slowdowns(step, std::string("--contention ") + contention);
    CHECK(std::max(s[0], s[2]) > 1.01);
    CHECK(s[1] == 1);
    CHECK(s[3] == 1);
  }
  const auto refused = [&](const std::string& steps) {
    const outcome o = run("heddle-simulate", common + "--steps " + dir.write("s.json", steps));
    CHECK(o.status == 2);
    CHECK(o.out.empty());
    return o.err;
  };
  CHECK(refused(R"({"gpt2": {"tensor": 3}})").find("s.json:1: job 0, training_step: expected") !=
        std::string::npos);
  CHECK(refused(R"({"gpt2": {"tensor": "4"}})").find("a whole number as tensor") !=
        std::string::npos);
  CHECK(refused("[]").find("an object of model: training step") != std::string::npos);
}

TEST_CASE("heddle-simulate waits for links of a job's own always or where that pays and says so") {
  const scratch_dir dir;
  const std::string common =
      "--cluster " + dir.write("c.json", cluster_of(16)) + " --jobs " +
      dir.write("j.csv", as_csv(trace::vclos_workload{.jobs = 400, .load = .9, .seed = 3}())) +
      " --workload vclos --report - ";
  const auto report = [&](const std::string& options) {
    const outcome o = run("heddle-simulate", common + options);
    REQUIRE_MESSAGE(o.status == 0, o.err);
    return nlohmann::json::parse(o.out);
  };
  const auto always = report("--place vclos --guarantee declared"),
             pays = report("--place vclos --guarantee declared --isolation pays");
  CHECK(always["mean_slowdown"] == 1);
  CHECK(pays["mean_jct_s"] <= always["mean_jct_s"]);
  for (const auto& [options, message] :
       {std::pair{"--place packed --isolation pays",
                  "expected vclos or ocs_vclos, which have links to wait for"},
        std::pair{"--place vclos --isolation pays --preempt", "no other way to pass a job"},
        std::pair{"--place vclos --isolation perhaps", "expected one of always, pays"},
        std::pair{"--place packed --guarantee declared", "expected vclos as --place"}}) {
    const outcome o = run("heddle-simulate", common + options);
    CHECK(o.status == 2);
    CHECK_MESSAGE(o.err.find(message) != std::string::npos, o.err);
  }
}
