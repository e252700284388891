// heddle-gpu on GPUs that are not there (stand_in/nvml.cpp).
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <heddle/core/text.hpp>

#include "gpu/clocks.hpp"
#include "gpu/leases.hpp"
#include "slurm/stand_in_gpus.hpp"
#include "slurm_pilot/process.hpp"
#include "support/run.hpp"

namespace {

using namespace heddle;

/// A machine of eight GPUs of a test's own.
struct node {
  test::scratch_dir dir;
  std::vector<std::string> extra = {};

  [[nodiscard]] pilot::process_result run(std::vector<std::string> words) const {
    words.insert(words.begin(), {HEDDLE_BIN_DIR "/heddle-gpu", "--nvml", HEDDLE_STAND_IN_NVML,
                                 "--state", dir / "leases"});
    std::vector<std::string> env{"HEDDLE_STAND_IN_DIR=" + dir.path().string(),
                                 "SLURMD_NODENAME=n0"};
    env.insert(env.end(), extra.begin(), extra.end());
    return pilot::run_process(words, 60, env);
  }
  void must(const std::vector<std::string>& words) const {
    const auto r = run(words);
    REQUIRE_MESSAGE(r.status == 0, r.err);
  }
  [[nodiscard]] test::stand_in_gpu gpu(std::size_t i) const {
    return test::stand_in_machine(dir.path().string(), "n0")
        .use([&](const test::stand_in_machine::all& g, double) { return g[i]; });
  }
  [[nodiscard]] std::vector<int> locked() const {
    std::vector<int> out;
    for (std::size_t i = 0; i < 8; ++i) out.push_back(gpu(i).locked_mhz);
    return out;
  }
};

}  // namespace

TEST_CASE("heddle-gpu says in one line that there is no NVML and ends with status 3") {
  const test::scratch_dir dir;
  for (const std::string& library :
       {std::string("libnothing.so"), dir.write("text", "no library")}) {
    const auto o = test::run("heddle-gpu", "--nvml " + library + " --state " + dir / "s" + " list");
    CHECK(o.status == 3);
    CHECK(o.out.empty());
    CHECK_MESSAGE(o.err.starts_with("heddle-gpu: there is no NVML here: "), o.err);
    CHECK(std::count(o.err.begin(), o.err.end(), '\n') == 1);
  }
  // A library that is no NVML, and one that does not start.
  CHECK(test::run("heddle-gpu", "--nvml libc.so.6 list").status == 3);
  CHECK(test::run("heddle-gpu", "--nvml " HEDDLE_STAND_IN_NVML " list").status == 3);
}

TEST_CASE("heddle-gpu sets the clocks of its host alone and takes back what it set") {
  const node n;
  const std::string clocks =
      n.dir.write("clocks.csv", "host,gpu,clock_mhz\nn0,1,1005\nn0,3,1005\nn1,2,900\nn0x,4,900\n");
  n.must({"apply", "--clocks", clocks, "--job", "7"});
  CHECK(n.locked() == std::vector<int>{0, 1005, 0, 1005, 0, 0, 0, 0});
  n.must({"apply", "--gpu", "0,3", "--clock-mhz", "900", "--job", "8"});
  // GPU 3 is another job's now: the first has nothing to say there.
  n.must({"reset", "--job", "7"});
  CHECK(n.locked() == std::vector<int>{900, 0, 0, 900, 0, 0, 0, 0});
  n.must({"reset", "--gpu", "3,5"});
  CHECK(n.locked() == std::vector<int>{900, 0, 0, 0, 0, 0, 0, 0});
  n.must({"reset", "--all"});
  CHECK(n.locked() == std::vector<int>(8, 0));
  n.must({"reset", "--all"});
}

TEST_CASE("a lease that has run out is taken back and one that has not is left") {
  const node n;
  n.must({"apply", "--gpu", "0", "--clock-mhz", "900", "--lease", "0"});
  n.must({"apply", "--gpu", "1", "--clock-mhz", "900", "--lease", "3600"});
  CHECK(n.locked()[0] == 900);
  n.must({"reset", "--expired"});
  CHECK(n.locked()[0] == 0);
  CHECK(n.locked()[1] == 900);
  // What nobody set by heddle-gpu is left alone.
  test::stand_in_machine(n.dir.path().string(), "n0")
      .use([](test::stand_in_machine::all& g, double) { g[5].locked_mhz = 1110; });
  n.must({"reset", "--all"});
  CHECK(n.locked() == std::vector<int>{0, 0, 0, 0, 0, 1110, 0, 0});
  // A lease that cannot be read is one that has run out.
  n.must({"apply", "--gpu", "2", "--clock-mhz", "900", "--lease", "3600"});
  for (const char* text :
       {"", "heddle-gpu-1 7 900 2 0 9e9", "\xff\xfe", "heddle-gpu-1 7 900 0 0 inf"}) {
    n.dir.write("leases/GPU-n0-2.lease", text);
    n.must({"apply", "--gpu", "4", "--clock-mhz", "900", "--lease", "3600"});
    n.must({"reset", "--expired"});
    CHECK(n.locked()[2] == 0);
    CHECK(n.locked()[4] == 900);
  }
}

TEST_CASE(
    "where clocks may not be set a power cap stands for them and the limit before comes back") {
  node n;
  n.extra = {"HEDDLE_STAND_IN_DENIES=clocks"};
  test::stand_in_machine(n.dir.path().string(), "n0")
      .use([](test::stand_in_machine::all& g, double) {
        g[0].limit_w = 350;  // of the site's own
      });
  n.must({"apply", "--gpu", "0,1", "--clock-mhz", "1005"});
  // At that clock under full load the catalogue's a100 draws this.
  const double watts = model::scaled_ridge(60, 400, 1.41)(1.005, 1);
  CHECK(n.gpu(0).limit_w == doctest::Approx(watts).epsilon(1e-4));
  CHECK(n.gpu(0).locked_mhz == 0);
  n.must({"apply", "--gpu", "0", "--clock-mhz", "1110"});
  CHECK(n.gpu(0).limit_w > watts + 5);
  n.must({"reset", "--all"});
  CHECK(n.gpu(0).limit_w == 350);
  CHECK(n.gpu(1).limit_w == 400);
  n.extra = {"HEDDLE_STAND_IN_DENIES=clocks,caps"};
  const auto r = n.run({"apply", "--gpu", "0", "--clock-mhz", "1005"});
  CHECK(r.status == 1);
  CHECK(r.err.find("Insufficient Permissions") != std::string::npos);
}

TEST_CASE("heddle-gpu leaves GPUs alone that it does not know") {
  node n;
  n.extra = {"HEDDLE_STAND_IN_NAME=Voodoo 5"};
  const auto r = n.run({"apply", "--gpu", "0,1", "--clock-mhz", "900"});
  CHECK(r.status == 0);
  CHECK(r.err.find("GPU 1: left alone, Voodoo 5 is not in the catalogue") != std::string::npos);
  CHECK(n.locked() == std::vector<int>(8, 0));
  CHECK(std::filesystem::is_empty(n.dir / "leases"));
  const model::catalogue known;
  const auto type = [&](const char* name) {
    const model::gpu_type* const t = gpu::known_gpu(known, name);
    return t ? t->name : std::string{};
  };
  CHECK(type("NVIDIA A100-SXM4-40GB") == "a100");
  CHECK(type("NVIDIA A100 80GB PCIe") == "a100");
  CHECK(type("NVIDIA H100 80GB HBM3") == "h100");
  CHECK(type("Tesla V100-SXM2-16GB") == "v100");
  CHECK(type("NVIDIA GeForce RTX 3080 Ti") == "rtx3080ti");
  CHECK(type("Tesla T4") == "t4");
  CHECK(type("NVIDIA A10") == "");
  CHECK(type("NVIDIA L40") == "");
  CHECK(type("A1000") == "");
  CHECK(type("") == "");
}

TEST_CASE("bad tables of clocks and bad options change nothing and say in one line what is wrong") {
  const node n;
  const auto refused = [&](const std::vector<std::string>& words, const std::string& message) {
    const auto r = n.run(words);
    CHECK(r.status == 2);
    CHECK_MESSAGE(r.err.find(message) != std::string::npos, r.err);
    CHECK(r.err.find('\n') == std::string::npos);
    CHECK(n.locked() == std::vector<int>(8, 0));
  };
  const auto table = [&](const std::string& text) {
    return std::vector<std::string>{"apply", "--clocks", n.dir.write("clocks.csv", text)};
  };
  const std::string head = "host,gpu,clock_mhz\n";
  refused(table(""), "expected a first line host,gpu,clock_mhz");
  refused(table(head + "n0,1\n"), ":2: expected three columns");
  refused(table(head + "n0,-1,900\n"), ":2: expected the number of a GPU");
  refused(table(head + "n0,1,9e9\n"), ":2: expected a clock from 100 to 10000 MHz");
  refused(table(head + "n0,1,900;reboot\n"), ":2: expected a clock");
  refused(table(head + "n0,1,900\nn0,1,901\n"), ":3: expected each GPU once");
  refused(table(head + "n0,1,900\nn0,8,900\n"),
          "expected GPUs of the 8 of this machine, got GPU 8");
  refused(table(std::string(5 << 20, 'x')), "expected at most 4 MB");
  refused({"apply", "--clocks", "/dev/zero"}, "expected a readable file");
  refused({"apply", "--gpu", "1"}, "expected --clocks, or --gpu and --clock-mhz");
  refused({"apply", "--gpu", "1", "--clock-mhz", "900", "--job", "../x"}, "expected a word");
  refused({"measure", "--gpu", "8", "--count", "1"}, "expected GPUs of the 8");
  refused({"reset"}, "Exactly 1 option");
  // A directory that others may write to is not trusted, nor one behind a link.
  n.must({"list"});
  ::chmod((n.dir / "leases").c_str(), 0777);
  refused({"list"}, "a directory of one's own");
  ::chmod((n.dir / "leases").c_str(), 0700);
  std::filesystem::rename(n.dir / "leases", n.dir / "elsewhere");
  std::filesystem::create_symlink(n.dir / "elsewhere", n.dir / "leases");
  CHECK(n.run({"list"}).status == 1);
}

TEST_CASE("heddle-gpu measures power and energy that follow clocks and load") {
  const node n;
  const auto rows = [&](const std::string& text) {
    std::vector<std::vector<double>> out;
    std::istringstream in(text);
    std::string line;
    std::getline(in, line);
    CHECK(line == "time_s,gpu,power_w,energy_j,clock_mhz,utilization");
    while (std::getline(in, line)) {
      auto& row = out.emplace_back();
      std::istringstream cells(line);
      for (std::string cell; std::getline(cells, cell, ',');)
        row.push_back(number_in<double>(cell).value());
      CHECK(row.size() == 6);
    }
    return out;
  };
  n.must({"apply", "--gpu", "1", "--clock-mhz", "900"});
  test::stand_in_machine(n.dir.path().string(), "n0")
      .use([](test::stand_in_machine::all& g, double now_s) {
        for (std::size_t i : {0, 1}) g[i].load = 0.9, g[i].busy_until_s = now_s + 3600;
      });
  for (const char* denied : {"", "energy"}) {
    node m;
    (void)m;
    auto r =
        pilot::run_process({HEDDLE_BIN_DIR "/heddle-gpu", "--nvml", HEDDLE_STAND_IN_NVML, "measure",
                            "--gpu", "0,1,2", "--count", "3", "--interval", "0.02"},
                           60,
                           {"HEDDLE_STAND_IN_DIR=" + n.dir.path().string(), "SLURMD_NODENAME=n0",
                            std::string("HEDDLE_STAND_IN_DENIES=") + denied});
    REQUIRE_MESSAGE(r.status == 0, r.err);
    const auto all = rows(r.out);
    REQUIRE(all.size() == 9);
    const model::ridge_power power = model::scaled_ridge(60, 400, 1.41);
    CHECK(all[0][2] == doctest::Approx(power(1.41, 0.9)).epsilon(1e-4));
    CHECK(all[1][2] == doctest::Approx(power(0.9, 0.9)).epsilon(1e-4));
    CHECK(all[2][2] == doctest::Approx(60));
    CHECK(all[1][4] == 900);
    CHECK(all[0][5] == doctest::Approx(0.9));
    for (std::size_t g = 0; g < 3; ++g) {
      CHECK(all[g][3] == 0);
      CHECK(all[6 + g][3] > 0);
    }
    // Both times are those between the rows, but for the moment between two questions.
    CHECK(all[6][3] > all[7][3]);
    CHECK(all[7][3] > all[8][3]);
  }
}

TEST_CASE(
    "a heddle-gpu that holds clocks resets them at its end and leaves a lease if it is killed") {
  const node n;
  for (int signal : {SIGTERM, SIGKILL}) {
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      ::setenv("HEDDLE_STAND_IN_DIR", n.dir.path().c_str(), 1);
      ::setenv("SLURMD_NODENAME", "n0", 1);
      ::execl(HEDDLE_BIN_DIR "/heddle-gpu", "heddle-gpu", "--nvml", HEDDLE_STAND_IN_NVML, "--state",
              (n.dir / "leases").c_str(), "apply", "--gpu", "2", "--clock-mhz", "900", "--hold",
              "--lease", "1", nullptr);
      ::_exit(127);
    }
    while (n.gpu(2).locked_mhz != 900) ::usleep(10'000);
    ::kill(pid, signal);
    int code = 0;
    ::waitpid(pid, &code, 0);
    CHECK(n.gpu(2).locked_mhz == (signal == SIGKILL ? 900 : 0));
  }
  while (n.gpu(2).locked_mhz != 0) n.must({"reset", "--expired"});  // a second later
}
