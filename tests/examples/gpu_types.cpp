// Programs on clusters of several GPU types.
#include "support/run.hpp"

#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace {

using namespace heddle;
using namespace heddle::test;
using doctest::Approx;

// Two servers of v100, two of a100, a leaf each.
const std::string types =
    R"("gpu_types": [{"name": "v100", "units": [0, 0], "idle_w": 40, "hour_cost": 1}, {"name": "a100", "units": [1, 1], "idle_w": 70, "hour_cost": 3}]})";
const std::string mixed =
    R"({"fabric": "leaf_spine", "units": 2, "servers_per_unit": 2, "gpus_per_server": 4, "spines": 8,
)" + types;
// The same servers over circuits.
const std::string circuits =
    R"({"fabric": "leaf_spine_ocs", "leafs": 2, "servers_per_leaf": 2, "gpus_per_server": 4, "spines": 2,
"ocs": {"switches": 8}, )" +
    types;
// On one GPU an A100 is four times as fast, on two three times.
const std::string table = "model,gpu_type,gpus,batch_size,steps_per_s,power_w\n"
                          "m,v100,1,32,1,200\nm,v100,2,32,1,400\n"
                          "m,a100,1,32,4,300\nm,a100,2,32,3,600\n";

}  // namespace

TEST_CASE("heddle-simulate runs jobs on the types of GPU that a cluster file names") {
  std::string cluster;
  SUBCASE("links") { cluster = mixed; }
  SUBCASE("circuits") { cluster = circuits; }
  const scratch_dir dir;
  // Run times are on V100s but for the job that asks for the other type.
  const std::string files =
      "--cluster " + dir.write("c.json", cluster) + " --curves " + dir.write("t.csv", table) +
      " --jobs " +
      dir.write("j.csv", "job_id,submit_s,gpus,duration_s,model,local_batch,gpu_type\n"
                         "0,0,2,300,m,32,any\n1,0,2,300,m,32,v100\n2,0,1,50,m,32,a100\n"
                         "3,1,1,400,m,32,\n") +
      " --place packed --report " + dir / "r.json" + " --per-job " + dir / "p.csv";
  const outcome o = run("heddle-simulate", files);
  REQUIRE_MESSAGE(o.status == 0, o.err);
  const std::string jobs = content_of(dir / "p.csv");
  CHECK(jobs.starts_with("job_id,submit_s,start_s,finish_s,gpus,leafs,servers,slowdown,energy_j,"
                         "rescales,wait_reason,gpu_type\n"));
  CHECK(jobs.find("\n0,0,0,100,2,") != std::string::npos);  // 300 s on V100s, 100 on A100s
  CHECK(jobs.find("\n1,0,0,300,2,") != std::string::npos);
  CHECK(jobs.find("\n2,0,0,50,1,") != std::string::npos);
  CHECK(jobs.find("\n3,1,1,101,1,") != std::string::npos);
  for (const char* row : {"\n0,", "\n1,", "\n2,", "\n3,"}) {
    const std::size_t at = jobs.find(row);
    const std::string line = jobs.substr(at + 1, jobs.find('\n', at + 1) - at - 1);
    CHECK(line.ends_with(row[1] == '1' ? ",none,v100" : ",none,a100"));
  }
  const auto r = nlohmann::json::parse(content_of(dir / "r.json"));
  REQUIRE(r["gpu_types"].size() == 2);
  CHECK(r["gpu_types"][0]["name"] == "v100");
  CHECK(r["gpu_types"][0]["utilization"].get<double>() == Approx(2 * 300 / (8 * 300.)));
  CHECK(r["gpu_types"][1]["gpus"] == 8);
  CHECK(r["gpu_types"][1]["utilization"].get<double>() ==
        Approx((2 * 100 + 50 + 100) / (8 * 300.)));
  CHECK(r["energy_parts_j"]["gpus_running"].get<double>() ==
        Approx(100 * 600 + 300 * 400 + 50 * 300 + 100 * 300));
  // Idle ones draw 40 or 70 W each.
  CHECK(r["energy_parts_j"]["gpus_idle"].get<double>() ==
        Approx(40 * (8 * 300 - 600) + 70 * (8 * 300 - 350)));

  for (const char* allocate :
       {"powerflow", "price_path", "optimal", "max_min", "rounds_max_min", "rounds_finish_time",
        "rounds_makespan", "rounds_goodput", "rounds_by_time_left"}) {
    CAPTURE(allocate);
    const outcome e = run("heddle-simulate", files + " --allocate " + allocate);
    REQUIRE_MESSAGE(e.status == 0, e.err);
    CHECK(nlohmann::json::parse(content_of(dir / "r.json"))["finished"] == 4);
  }
}

TEST_CASE("heddle-simulate says in one line what is wrong with types and tables") {
  const scratch_dir dir;
  const auto says = [&](const std::string& cluster, const std::string& curves,
                        const std::string& jobs) {
    const outcome o =
        run("heddle-simulate",
            "--cluster " + dir.write("c.json", cluster) + " --jobs " + dir.write("j.csv", jobs) +
                (curves.empty() ? "" : " --curves " + dir.write("t.csv", curves)) + " --report " +
                dir / "r.json");
    CHECK(o.status == 2);
    return o.err;
  };
  const std::string head = "job_id,submit_s,gpus,duration_s,model,local_batch,gpu_type\n";
  CHECK(says(mixed, table, head + "0,0,1,5,m,32,h100\n")
            .find("j.csv:2: expected a GPU type of the cluster or any as gpu_type, got \"h100\"") !=
        std::string::npos);
  CHECK(says(mixed, table, head + "0,0,4,5,m,32,any\n")
            .find("job 0: expected a row of the table at 4 GPUs of the type by which its run time "
                  "is told") != std::string::npos);
  CHECK(says(mixed, table, head + "0,0,1,5,other,32,any\n")
            .find("job 0: expected a model and batch of the table") != std::string::npos);
  CHECK(says(mixed, "model,gpu_type,gpus,steps_per_s\nm,v100,0,1\n", head + "0,0,1,5,m,,any\n")
            .find("t.csv:2: expected a number of GPUs of at least 1") != std::string::npos);
  // 12 of 16 GPUs, and no type has as many.
  CHECK(says(mixed, "", "job_id,submit_s,gpus,duration_s\n0,0,12,5\n")
            .find("job 0: expected GPUs of a type that it may have") != std::string::npos);
}

TEST_CASE("heddle-advise counts the hours of each type of GPU at its price") {
  const scratch_dir dir;
  const outcome o =
      run("heddle-advise",
          "--cluster " + dir.write("c.json", mixed) + " --jobs " +
              dir.write("j.csv", "job_id,submit_s,gpus,duration_s,gpu_type\n"
                                 "0,0,4,3600,v100\n1,0,2,7200,a100\n2,0,8,3600,v100\n") +
              " --runs 1 --report " + dir / "a.json");
  REQUIRE_MESSAGE(o.status == 0, o.err);
  const auto today = nlohmann::json::parse(content_of(dir / "a.json"))["today"];
  CHECK(today["busy_gpu_h"]["mean"].get<double>() == Approx(4 + 4 + 8));
  CHECK(today["busy_gpu_h_v100"]["mean"].get<double>() == Approx(4 + 8));
  CHECK(today["busy_gpu_h_a100"]["mean"].get<double>() == Approx(4));
  CHECK(today["cost"]["mean"].get<double>() == Approx(12 * 1 + 4 * 3));
}
