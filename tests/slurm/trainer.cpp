// The trainer that other tests let run: what its proof is worth.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "slurm/trainer/training.hpp"
#include "support/run.hpp"

using namespace heddle;

TEST_CASE("a training proves its samples and no other sequence of them has its result") {
  test::training t = test::training::undisturbed(500);
  t.ledger = {{0, 8, 0, 200}, {1, 4, 200, 500}};
  CHECK(t.proves(500));
  CHECK(!t.proves(499));
  CHECK(!t.proves(501));
  const test::scratch_dir dir;
  const auto again = test::training::read(dir.write("kept", t.text()));
  REQUIRE(again);
  CHECK(again->proves(500));
  CHECK(again->ledger == t.ledger);
  CHECK(!test::training::read(dir.write("cut", t.text().substr(0, t.text().size() - 3))));
  // A sample twice, or one left out: another result, whatever the ledger says.
  test::training twice = test::training::undisturbed(499), skipped = twice;
  --twice.done;
  twice.step();
  twice.step();
  twice.ledger = t.ledger;
  CHECK(twice.done == 500);
  CHECK(!twice.proves(500));
  skipped.done = 498;
  ++skipped.done, ++skipped.done;
  skipped.ledger = t.ledger;
  CHECK(!skipped.proves(500));
  // Work that was done twice, or that is missing, in the ledger alone.
  for (const auto& bad : {std::vector<test::trained_part>{{0, 8, 0, 200}, {1, 4, 199, 500}},
                          {{0, 8, 0, 200}, {1, 4, 201, 500}},
                          {{0, 8, 0, 200}}}) {
    t.ledger = bad;
    CHECK(!t.proves(500));
  }
}

// A real program: this test waits for what it writes.
TEST_CASE("a trainer that is killed again and again does all its work once") {
  const test::scratch_dir dir;
  const std::string ranks = dir.write("ranks.csv", "rank,host,gpu\n0,n0,0\n1,n0,3\n2,n1,2\n");
  const auto start = [&](int restart) {
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      ::setenv("SLURM_RESTART_COUNT", std::to_string(restart).c_str(), 1);
      ::execl(HEDDLE_TRAINER, "trainer", ("dir=" + dir / "job").c_str(), ("ranks=" + ranks).c_str(),
              ("gpus_in=" + dir.path().string()).c_str(), "samples=4000", "report_s=0.1",
              "save_s=0.5", "scale=2", nullptr);
      ::_exit(127);
    }
    return pid;
  };
  const auto ended = [](pid_t pid, int how) {
    int code = 0;
    const pid_t p = ::waitpid(pid, &code, how);
    if (p == pid) CHECK((WIFSIGNALED(code) || WEXITSTATUS(code) == 0));
    return p == pid;
  };
  const auto lines = [&](const std::string& with) {
    const std::string all = test::content_of(dir / "job/report");
    std::ptrdiff_t n = 0;
    for (std::size_t at = 0; (at = all.find(with, at)) != all.npos; ++at) ++n;
    return n;
  };
  int restarts = 0;
  for (;; ++restarts) {
    const pid_t pid = start(restarts);
    const auto before = lines("\n"), saved = lines("checkpoint");
    bool over = false;
    while (!(over = ended(pid, WNOHANG)) && lines("\n") < before + 4) ::usleep(5000);
    if (over) break;
    if (restarts % 2 == 1) {  // told first, as the pilot does
      ::kill(pid, SIGUSR1);
      while (!(over = ended(pid, WNOHANG)) && lines("checkpoint") <= saved) ::usleep(5000);
      if (over) break;
    }
    ::kill(pid, SIGKILL);
    ended(pid, 0);
  }
  const auto t = test::training::read(dir / "job/checkpoint");
  REQUIRE(t);
  CHECK(t->proves(4000));
  CHECK(restarts > 2);
}
