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

void refused(const std::string& options, const std::string& what) {
  const outcome o = run("heddle-rounds", options);
  CHECK(o.status == 2);
  CHECK(o.out.empty());
  CHECK(o.err.find(what) != std::string::npos);
}

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

TEST_CASE("heddle-rounds chooses numbers of GPUs too and runs the same jobs with fixed ones") {
  const scratch_dir dir;
  const std::string rates = "model,gpu_type,gpus,batch_size,steps_per_s\n"
                            "a,fast,1,8,10\na,fast,2,4,30\na,slow,1,8,4\na,slow,2,4,14\n";
  const std::string files =
      " --elastic --parts-of-steps --round-s 60 --switch-s 10 --gpus fast:2,slow:2 --throughputs " +
      dir.write("t.csv", rates) + " --jobs " +
      dir.write("j.csv", "submit_s,gpus,model,batch_size,samples\n0,1,a,8,72000\n");
  // Alone: two fast GPUs, 120 samples/s; 80 with the one that it asks for.
  const outcome chosen = run("heddle-rounds", "--policy relative_goodput" + files);
  REQUIRE(chosen.status == 0);
  const auto report = nlohmann::json::parse(chosen.out);
  CHECK(report["mean_jct_s"] == doctest::Approx(10 + 72'000 / 120.0));
  CHECK(report["worst_gap"] == 0);
  const auto fixed = nlohmann::json::parse(run("heddle-rounds", "--policy max_min" + files).out);
  CHECK(fixed["mean_jct_s"] == doctest::Approx(10 + 72'000 / 80.0));

  const std::string drawn = " --synthetic 12 --seed 3 --per-hour 60 --gpus fast:2,slow:2 "
                            "--parts-of-steps --throughputs " +
                            dir.write("t.csv", rates);
  for (const std::string policy : {"relative_goodput", "type_blind", "rate_by_time_left"}) {
    CAPTURE(policy);
    const outcome o = run("heddle-rounds", "--policy " + policy + drawn);
    REQUIRE(o.status == 0);
    CHECK(nlohmann::json::parse(o.out)["jobs"] == 12);
    CHECK(nlohmann::json::parse(o.out)["worst_gap"].get<double>() <= 1e-3);
    CHECK(run("heddle-rounds", "--policy " + policy + drawn).out == o.out);
  }
}

TEST_CASE("heddle-rounds refuses numbers to choose from that there are not in one line") {
  const scratch_dir dir;
  const std::string t = " --gpus fast:2,slow:2 --throughputs " + dir.write("t.csv", table),
                    j = " --jobs " + dir.write("j.csv", jobs);
  refused("--policy relative_goodput" + t + j, "--elastic");
  refused("--policy max_min" + t,
          "--jobs: expected a file, or --synthetic, and not both, got neither");
  refused("--synthetic 5" + t + j, "got both");
  refused("--synthetic 5" + t, "a model with several numbers of GPUs");
  refused("--synthetic 5 --per-hour 0" + t, "--per-hour");
  const std::string several = " --gpus fast:2 --synthetic 5 --throughputs " +
                              dir.write("s.csv", "model,gpu_type,gpus,batch_size,steps_per_s\n"
                                                 "a,fast,1,8,10\na,fast,2,4,30\n");
  refused("--policy relative_goodput --power 0" + several, "relative_goodput.power");
  refused("--policy type_blind --waiting 0" + several, "relative_goodput.waiting");
}
