#include "support/run.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include <heddle/trace/synthetic.hpp>

#include "support/shared_data.hpp"

namespace {

using namespace heddle;
using namespace heddle::test;

/// Writes a cluster, jobs and a grid of 200 runs, and returns the grid's path.
std::string write_grid(const scratch_dir& dir) {
  dir.write("c.json", R"({"fabric": "leaf_spine", "leafs": 4, "spines": 16, "servers_per_leaf": 2,
                          "gpus_per_server": 8})");
  std::string jobs = "job_id,submit_s,gpus,duration_s\n";
  for (const job& j : trace::vclos_workload{.jobs = 60, .cluster_gpus = 64}())
    jobs += std::to_string(j.id.value) + ',' + std::to_string(j.submit_s) + ',' +
            std::to_string(std::min(j.gpus, 64)) + ',' + std::to_string(j.duration_s) + '\n';
  dir.write("j.csv", jobs);
  return dir.write("grid.json", R"({
    "clusters": ["c.json"], "jobs": ["j.csv"], "workloads": ["vclos_mixed"],
    "orders": ["fifo", "fewest_gpus"], "placements": ["packed", "vclos", "random", "hived"],
    "routes": ["ecmp"], "loads": [0.5, 0.7, 0.8, 0.9, 1.1],
    "seeds": [0, 1, 2, 3, 4]})");
}

std::size_t lines(const std::string& s) {
  return static_cast<std::size_t>(std::count(s.begin(), s.end(), '\n'));
}

}  // namespace

TEST_CASE("heddle-sweep writes the same CSV with one thread and with two and under mpirun") {
  const scratch_dir dir;
  const std::string grid = "--grid " + write_grid(dir) + " --out ";
  REQUIRE(run("heddle-sweep", grid + dir / "one.csv --threads 1").status == 0);
  const std::string one = content_of(dir / "one.csv");
  CHECK(lines(one) == 201);
  CHECK(
      one.starts_with("cluster,jobs_file,workload,order,allocate,place,route,backfill,load,status,"
                      "jobs,finished,mean_jct_s,"));
  REQUIRE(run("heddle-sweep", grid + dir / "two.csv --threads 2").status == 0);
  CHECK(content_of(dir / "two.csv") == one);

  if (std::system("mpirun --version >/dev/null 2>&1") != 0) {
    test::skip("mpirun");
    return;
  }
  for (const char* ranks : {"2", "3"}) {
    const std::string command = "mpirun --allow-run-as-root --oversubscribe -n " +
                                std::string(ranks) + " " + HEDDLE_BIN_DIR + "/heddle-sweep " +
                                grid + dir / "ranks.csv" + " --progress >/dev/null 2>" +
                                dir / "err";
    REQUIRE(std::system(command.c_str()) == 0);
    CHECK(content_of(dir / "ranks.csv") == one);
    CHECK(content_of(dir / "err").find(" s left") != std::string::npos);
    CHECK(content_of(dir / "err").find("200 of 200 runs done") != std::string::npos);
    std::filesystem::remove(dir / "ranks.csv.journal");
  }
}

TEST_CASE("heddle-sweep that lost a rank goes on with another number of them and repeats nothing") {
  if (std::system("mpirun --version >/dev/null 2>&1") != 0) {
    test::skip("mpirun");
    return;
  }
  const scratch_dir dir;
  const std::string program = std::string(HEDDLE_BIN_DIR) + "/heddle-sweep ";
  const std::string arguments = "--grid " + write_grid(dir) + " --out " + dir / "o.csv";
  const std::string mpirun = "mpirun --allow-run-as-root --oversubscribe ";
  const std::string quiet = " >/dev/null 2>&1";
  // The last rank is killed once some twenty runs are done.
  const std::string journal = dir / "o.csv.journal";
  const std::string lost = dir.write(
      "lost.sh", program + arguments + " & rank=$!\ndone=0\nwhile [ \"${done:-0}\" -lt 20 ]; do\n" +
                     "  done=$(grep -c , " + journal + " 2>/dev/null)\ndone\n" +
                     "kill -KILL $rank\nwait $rank\n");
  CHECK(std::system(
            (mpirun + "-n 2 " + program + arguments + " : -n 1 sh " + lost + quiet).c_str()) != 0);
  CHECK_FALSE(std::filesystem::exists(dir / "o.csv"));
  const std::string left = content_of(dir / "o.csv.journal");
  const std::string kept = left.substr(0, left.rfind('\n') + 1);
  CHECK(lines(kept) >= 20);
  CHECK(lines(kept) < 201);
  REQUIRE(std::system((mpirun + "-n 2 " + program + arguments + quiet).c_str()) == 0);
  CHECK(content_of(dir / "o.csv.journal").starts_with(kept));
  CHECK(lines(content_of(dir / "o.csv.journal")) == 201);  // each run once
  REQUIRE(
      run("heddle-sweep", "--grid " + dir / "grid.json" + " --out " + dir / "alone.csv").status ==
      0);
  CHECK(content_of(dir / "o.csv") == content_of(dir / "alone.csv"));
}

TEST_CASE("heddle-sweep goes on after it was killed and repeats and loses nothing") {
  const scratch_dir dir;
  const std::string grid = "--grid " + write_grid(dir) + " --out " + dir / "o.csv";
  REQUIRE(run("heddle-sweep", grid).status == 0);
  const std::string csv = content_of(dir / "o.csv"), journal = content_of(dir / "o.csv.journal");
  CHECK(lines(journal) == 201);
  // Killed in the middle of a row: what is whole stays as it is, byte for byte.
  const std::size_t cut = journal.size() / 2 + 7;
  std::filesystem::remove(dir / "o.csv");
  dir.write("o.csv.journal", journal.substr(0, cut));
  const std::string kept = journal.substr(0, journal.rfind('\n', cut - 1) + 1);
  REQUIRE(run("heddle-sweep", grid).status == 0);
  CHECK(content_of(dir / "o.csv") == csv);
  const std::string after = content_of(dir / "o.csv.journal");
  CHECK(after.starts_with(kept));
  CHECK(lines(after) == 201);  // each run once
  // Done is done.
  REQUIRE(run("heddle-sweep", grid).status == 0);
  CHECK(content_of(dir / "o.csv.journal") == after);
  // A really killed process leaves a journal from which the rest follows.
  std::filesystem::remove(dir / "o.csv");
  std::filesystem::remove(dir / "o.csv.journal");
  const std::string killed = "timeout -s KILL 0.3 " + std::string(HEDDLE_BIN_DIR) +
                             "/heddle-sweep " + grid + " --threads 1 >/dev/null 2>&1";
  (void)std::system(killed.c_str());
  REQUIRE(run("heddle-sweep", grid).status == 0);
  CHECK(content_of(dir / "o.csv") == csv);
  CHECK(lines(content_of(dir / "o.csv.journal")) == 201);
}

TEST_CASE("heddle-sweep refuses bad grids and the journal of another one") {
  const scratch_dir dir;
  const std::string good = write_grid(dir);
  const auto refusal = [&](const std::string& text) {
    const outcome o =
        run("heddle-sweep", "--grid " + dir.write("bad.json", text) + " --out " + dir / "x.csv");
    CHECK(o.status == 2);
    CHECK(o.err.starts_with("heddle-sweep: "));
    CHECK_FALSE(std::filesystem::exists(dir / "x.csv"));
    return o.err;
  };
  CHECK(refusal("[]").find("an object") != std::string::npos);
  CHECK(refusal("{}").find("a list of files as clusters") != std::string::npos);
  CHECK(refusal(R"({"clusters": ["c.json"], "jobs": []})").find("a list as jobs") !=
        std::string::npos);
  CHECK(refusal(R"({"clusters": ["c.json"], "jobs": ["j.csv"], "orders": ["lifo"]})")
            .find("--order: expected one of fifo") != std::string::npos);
  CHECK(refusal(R"({"clusters": ["c.json"], "jobs": ["j.csv"], "placements": ["ocs_vclos"]})")
            .find("leaf_spine_ocs") != std::string::npos);
  CHECK(refusal(R"({"clusters": ["c.json"], "jobs": ["none.csv"]})").find("a readable file") !=
        std::string::npos);
  dir.write("o.csv.journal", "heddle sweep 1 42\n");
  const outcome o = run("heddle-sweep", "--grid " + good + " --out " + dir / "o.csv");
  CHECK(o.status == 2);
  CHECK(o.err.find("the journal of this grid") != std::string::npos);
}
