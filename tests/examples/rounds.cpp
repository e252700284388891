#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/run.hpp"

namespace {

using namespace heddle::test;

const std::string table = "model,gpu_type,gpus,batch_size,steps_per_s\n"
                          "a,fast,1,8,10\na,slow,1,8,4\nb,fast,2,8,6\nb,slow,2,8,5\n";
const std::string jobs = "job_id,submit_s,gpus,model,batch_size,total_steps\n0,0,1,a,8,36000\n1,0,"
                         "2,b,8,18000\n2,100,1,a,8,3600\n";

}  // namespace

TEST_CASE("heddle-rounds runs every policy and reports bound and gap") {
  const scratch_dir dir;
  const std::string files = " --gpus fast:2,slow:2 --throughputs " + dir.write("t.csv", table) +
                            " --jobs " + dir.write("j.csv", jobs);
  for (const std::string policy : {"fifo", "finish_time_fairness", "first_come", "makespan",
                                   "max_min", "max_min_lexicographic", "max_normalized_throughput",
                                   "max_throughput", "rate_by_time_left"}) {
    CAPTURE(policy);
    const outcome o = run("heddle-rounds", "--policy " + policy + files);
    REQUIRE(o.status == 0);
    const auto report = nlohmann::json::parse(o.out);
    CHECK(report["jobs"] == 3);
    CHECK(report["makespan_s"].get<double>() >=
          report["least_makespan_s"].get<double>() * (1 - 1e-9));
    CHECK(report["worst_gap"].is_null() == (policy != "rate_by_time_left"));
    CHECK(report["busy"].size() == 2);
    CHECK(run("heddle-rounds", "--policy " + policy + files).out == o.out);
  }
  const outcome rows =
      run("heddle-rounds",
          "--policy rate_by_time_left --at-events --per-job - --report /dev/null" + files);
  CHECK(rows.status == 0);
  // The short job comes at 100 s and finds the second GPU of the fast type free; nobody disturbs anybody.
  CHECK(rows.out == "job,submit_s,start_s,finish_s,switches\n0,0.0,0.0,3600.0,1\n1,0.0,0.0,3600.0,"
                    "1\n2,100.0,100.0,460.0,1\n");
}

TEST_CASE("heddle-rounds refuses what it cannot run in one line") {
  const scratch_dir dir;
  const std::string t = " --throughputs " + dir.write("t.csv", table),
                    j = " --jobs " + dir.write("j.csv", jobs);
  const auto refused = [&](const std::string& options, const std::string& what) {
    const outcome o = run("heddle-rounds", options);
    CHECK(o.status == 2);
    CHECK(o.out.empty());
    CHECK(o.err.find(what) != std::string::npos);
  };
  refused("--gpus fast" + t + j,
          "--gpus: expected types and their GPUs as v100:8,k80:24, got \"fast\"");
  refused("--gpus fast:1,slow:1" + t + j,
          "rounds.jobs[1]: expected a type with its GPUs, on which it runs, got none");
  refused("--gpus fast:2 --policy max_mn" + t + j, "max_min");
  refused("--gpus fast:2,slow:2 --at-events" + t + j, "--at-events");
  refused("--gpus fast:2,slow:2 --round-s 0" + t + j, "rounds.round_s");
  refused("--gpus fast:2,slow:2" + t + " --jobs " +
              dir.write("bad.csv", "submit_s,gpus,model,batch_size,total_steps\n0,4,a,8,1\n"),
          "bad.csv:2: expected a model whose throughput");
}
