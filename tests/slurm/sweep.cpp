// The batch script of docs/howto/sweep.md, as it stands there, on a private Slurm.
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "private_slurm.hpp"
#include "slurm_pilot/process.hpp"
#include "support/run.hpp"

namespace {

using namespace heddle;
using test::content_of;

/// The first block of a page that is fenced as `language`.
std::string block_of(const std::string& page, const std::string& language) {
  const std::string fence = "```" + language + "\n";
  const std::size_t from = page.find(fence) + fence.size(), to = page.find("```", from);
  REQUIRE(page.find(fence) != std::string::npos);
  REQUIRE(to != std::string::npos);
  return page.substr(from, to - from);
}

std::string trace_of(int jobs) {
  std::string out = "job_id,submit_s,gpus,duration_s\n";
  const int sizes[]{1, 4, 12, 2, 20, 8, 3, 40};
  for (int i = 0; i < jobs; ++i)
    out += std::to_string(i) + ',' + std::to_string(170 * i) + ',' + std::to_string(sizes[i % 8]) +
           ',' + std::to_string(600 + 97 * (i % 23)) + '\n';
  return out;
}

std::size_t lines_of(const std::string& text) {
  std::size_t n = 0;
  for (char c : text) n += c == '\n';
  return n;
}

}  // namespace

TEST_CASE("the batch script of the sweep's page runs under a real Slurm on two nodes and goes on "
          "after a stop") {
#ifndef HEDDLE_HAS_MPI
  MESSAGE("[skipped] heddle-sweep was built without MPI");
#else
  const test::scratch_dir dir;
  const test::private_slurm slurm(dir, {"--leafs", "2", "--nodes-per-leaf", "1", "--gpus", "4"});
  if (!slurm.is_up()) {
    MESSAGE("[skipped] no Slurm of its own here: ", slurm.why_not());
    return;
  }
  const std::string page = content_of(HEDDLE_SWEEP_PAGE);
  dir.write("sweep.sh", block_of(page, "sh"));
  dir.write("grid.json", block_of(page, "json"));
  dir.write(
      "cluster.json",
      R"({"fabric": "leaf_spine", "leafs": 8, "spines": 16, "servers_per_leaf": 2, "gpus_per_server": 8})");
  dir.write("jobs.csv", trace_of(60));
  const std::string results = dir / "results.csv", journal = results + ".journal";

  const auto in_dir = [&](const std::string& command, const std::vector<std::string>& more = {}) {
    std::vector<std::string> environment{"PATH=" HEDDLE_BIN_DIR ":" +
                                         std::string(std::getenv("PATH"))};
    environment.insert(environment.end(), more.begin(), more.end());
    const auto r = pilot::run_process(
        {"sh", "-c", "cd '" + dir.path().string() + "' && " + command}, 150, environment);
    REQUIRE_MESSAGE(r.status == 0, (r.err + content_of(dir / "log")));
  };
  // Both nodes are this machine, and jobs of this Slurm run as root: as the page says.
  const auto submit = [&] {
    in_dir(
        "sbatch --wait --nodes=2 --ntasks=6 --output=log sweep.sh",
        {"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", "OMPI_MCA_btl=tcp,self"});
  };
  submit();
  const std::string first = content_of(results);
  CHECK(lines_of(first) == 1 + 48);

  in_dir("heddle-sweep --grid grid.json --out alone.csv");
  CHECK(content_of(dir / "alone.csv") == first);

  // As if it had been stopped half-way: no CSV, half of the journal.
  const std::string whole = content_of(journal);
  REQUIRE(whole.size() > 1000);
  std::filesystem::remove(results);
  dir.write("results.csv.journal", whole.substr(0, whole.size() / 2));
  submit();
  CHECK(content_of(results) == first);
#endif
}
