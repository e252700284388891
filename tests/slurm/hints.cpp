// What users say: comments and reports, broken and hostile ones among them.
#include "slurm_pilot/hints.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "slurm_pilot/moves.hpp"
#include "slurm_pilot/read_jobs.hpp"
#include "slurm_pilot/reports.hpp"
#include "support/run.hpp"

namespace {

using namespace heddle;
using namespace heddle::pilot;

const double now_s = 1'800'000'000;

job_progress read(const std::string& text) { return read_progress(text, true, now_s); }

}  // namespace

TEST_CASE("a comment says what a job is in words of known forms and others are for others") {
  const job_hints h =
      read_hints("x=1 collective=all_to_all;model=bert,elastic=2-16 notice=TERM@30 samples=1e6");
  CHECK(h.pattern == collective::all_to_all);
  CHECK(h.model == "bert");
  CHECK(h.elastic == elastic_range{2, 16});
  CHECK(h.told_by == notice{"TERM", 30});
  CHECK(h.samples == 1e6);
  CHECK(h.odd.empty());
  CHECK(read_hints("notice=USR2").told_by == notice{"USR2", 60});
  CHECK(read_hints("elastic=8-8").elastic == elastic_range{8, 8});
  CHECK(read_hints("").odd.empty());
  CHECK(!read_hints("inelastic=2-3").elastic);
}

TEST_CASE("words of a comment that are no numbers or no signals leave a job rigid and are named") {
  for (const char* bad :
       {"elastic=",          "elastic=4",           "elastic=0-4",
        "elastic=-1-4",      "elastic=8-4",         "elastic=2-99999999999999999999",
        "elastic=2-1048577", "elastic=2-4-8",       "elastic=1e1-20",
        "elastic=0x2-8",     "elastic=$(reboot)-8", "elastic=2-8|id",
        "elastic=\xff-8",    "notice=KILL@10",      "notice=STOP",
        "notice=9@10",       "notice=USR1@",        "notice=USR1@0",
        "notice=USR1@nan",   "notice=USR1@1e300",   "notice=USR1@60 --help@1",
        "samples=-1",        "samples=inf",         "samples=nan",
        "samples=1e19",      "samples=`id`"}) {
    CAPTURE(bad);
    const job_hints h = read_hints(bad);
    if (!std::string(bad).starts_with("notice=USR1@60")) {
      CHECK(!h.elastic);
      CHECK(!h.told_by);
      CHECK(h.samples == 0);
      CHECK(!h.odd.empty());
      CHECK(h.odd.size() < 200);
    }
  }
  // Beyond 4096 bytes nothing is read.
  CHECK(!read_hints(std::string(5000, 'x') + " elastic=2-4").elastic);
  CHECK(read_hints(std::string(3000, 'x') + " elastic=2-4").elastic);
}

TEST_CASE("a report is read as its lines are and what makes no sense is not believed at all") {
  const job_progress good = read("100 0\n101.5 40\n102 80 checkpoint\n103 120\n104 1");
  CHECK(good.odd.empty());
  CHECK(good.lines == std::vector<report_line>{{100, 0}, {101.5, 40}, {102, 80, true}, {103, 120}});
  CHECK(good.last_safe()->samples == 80);
  CHECK(good.first_from(101.6)->time_s == 102);
  CHECK(good.first_from(104) == nullptr);
  CHECK(read("").lines.empty());
  CHECK(read("100 5").lines.empty());
  // From the middle of a long one: the first line may be cut.
  CHECK(read_progress("0 7\n101 8\n", false, now_s).lines == std::vector<report_line>{{101, 8}});
  // A job that goes on from a checkpoint has fewer samples than before.
  CHECK(read("100 90\n101 40\n").lines.size() == 2);
  for (const char* bad :
       {"x\n", "\n", "100\n", "100 5 saved\n", "100 5 checkpoint x\n", "nan 5\n", "100 inf\n",
        "100 -1\n", "-5 1\n", "1e300 5\n", "100 1e19\n", "100 5\n99 6\n", "100  5\n",
        "100 5 checkpoint checkpoint\n", "100,5\n", "100 5\r\n", "1800001000 5\n"}) {
    CAPTURE(bad);
    CHECK(read(bad).lines.empty());
    CHECK(!read(bad).odd.empty());
    CHECK(read(bad).odd.size() < 200);
  }
}

TEST_CASE("random bytes and cut reports crash nothing and give no line that breaks a rule") {
  const std::string whole = "100 0\n101.5 40\n102 80 checkpoint\n103 120\n104.25 160 checkpoint\n";
  for (std::uint32_t seed = 0; seed < 400; ++seed) {
    CAPTURE(seed);
    std::mt19937 dice{seed};
    std::string text = whole;
    for (std::size_t n = dice() % 6; n > 0; --n)
      text[dice() % text.size()] =
          seed % 2 ? static_cast<char>(dice() % 256) : "0123456789. \nce-"[dice() % 16];
    text.resize(dice() % (text.size() + 1));
    const job_progress p = read_progress(text, seed % 3 != 0, now_s);
    if (!p.odd.empty()) CHECK(p.lines.empty());
    for (std::size_t i = 0; i < p.lines.size(); ++i) {
      CHECK((p.lines[i].time_s >= 0 && p.lines[i].time_s <= now_s + 60));
      CHECK((p.lines[i].samples >= 0 && p.lines[i].samples <= 1e18));
      if (i > 0) CHECK(p.lines[i].time_s >= p.lines[i - 1].time_s);
    }
    (void)read_hints(text);
  }
}

TEST_CASE("a report is read in the directory of its job alone and only if it is its user's") {
  const test::scratch_dir dir;
  const long me = static_cast<long>(::geteuid());
  const std::string top = dir.path().string();
  const auto see = [&](std::uint32_t job, long user) { return read_report(top, job, user, now_s); };
  CHECK(see(7, me).lines.empty());
  CHECK(see(7, me).odd.empty());
  std::filesystem::create_directory(dir / "7");
  CHECK(see(7, me).odd.empty());
  dir.write("7/report", "100 5\n");
  CHECK(see(7, me).lines.size() == 1);
  CHECK(see(7, me + 1).lines.empty());
  CHECK(see(7, me + 1).odd == "its directory does not belong to its user");
  CHECK(see(7, -1).lines.empty());
  std::filesystem::permissions(dir.path(), std::filesystem::perms(0777));
  CHECK(see(7, me).odd == "others may write to the directory of reports");
  std::filesystem::permissions(dir.path(), std::filesystem::perms(0755));
  // Links, devices, pipes and directories in its place are not followed, opened or waited for.
  const std::string secret = dir.write("secret", "100 6\n");
  std::filesystem::create_directory(dir / "8");
  std::filesystem::create_symlink(secret, dir / "8/report");
  CHECK(see(8, me).lines.empty());
  std::filesystem::create_symlink(dir / "7", dir / "9");
  CHECK(see(9, me).lines.empty());
  std::filesystem::create_directory(dir / "10");
  REQUIRE(::mkfifo((dir / "10/report").c_str(), 0644) == 0);
  CHECK(see(10, me).lines.empty());
  std::filesystem::create_directories(dir / "11/report");
  CHECK(see(11, me).lines.empty());
  dir.write("12", "100 5\n");
  CHECK(see(12, me).lines.empty());
  if (me == 0) {
    std::filesystem::create_directory(dir / "13");
    dir.write("13/report", "100 5\n");
    REQUIRE(::chown((dir / "13/report").c_str(), 65534, 65534) == 0);
    CHECK(see(13, me).odd == "it is no file of the job's user");
  }
  // Of a long one the end.
  std::string many;
  for (int i = 0; i < 20000; ++i) many += std::to_string(1000 + i) + " " + std::to_string(i) + "\n";
  dir.write("7/report", many);
  const job_progress p = see(7, me);
  CHECK(p.odd.empty());
  CHECK(p.last()->samples == 19999);
  CHECK(p.lines.size() < 10000);
  CHECK(p.lines.size() > 4000);
}

TEST_CASE("whose a job is comes from lines of two numbers and other lines say nothing") {
  std::vector<job_report> jobs(3);
  jobs[0].id = 1, jobs[1].id = 2, jobs[2].id = 3;
  set_users(jobs, "1 1000\n2 x\n3 1001 0\n 3 5\n\n2\n");
  CHECK(jobs[0].user == 1000);
  CHECK(jobs[1].user == -1);
  CHECK(jobs[2].user == -1);
  const auto json = read_jobs_json(
      R"({"jobs": [{"job_id": 1, "user_id": 1000, "comment": "a", "extra": "elastic=2-4"},
                   {"job_id": 2, "user_id": null}, {"job_id": 3, "user_id": "root"}, {"job_id": 4}]})");
  CHECK(json[0].user == 1000);
  CHECK(json[0].hints == "a elastic=2-4");
  for (std::size_t i = 1; i < 4; ++i) CHECK(json[i].user == -1);
}

TEST_CASE("what moves have cost is remembered and comes back from its text") {
  move_ledger l;
  CHECK(l.pause_s == 29);
  l.learn(10);
  CHECK(l.pause_s == 10);
  l.learn(20);
  CHECK(l.pause_s == 15);
  l.learn(-1);
  l.learn(0.0 / 0.0);
  CHECK(l.measured == 2);
  for (int i = 0; i < 100; ++i) l.learn(40);
  CHECK(l.pause_s == doctest::Approx(40).epsilon(1e-3));
  l.learn(1e300);  // a job lies: an hour at most, an eighth of it at once
  CHECK(l.pause_s <= 500);
  l.jobs[7] = {.asked = 8, .to = 16, .told = true, .told_s = 5, .before_s = 3, .moves = 2};
  const move_ledger again = moves_in(to_json(l));
  CHECK(to_json(again) == to_json(l));
  CHECK(again.jobs.at(7).moving());
  CHECK_THROWS((void)moves_in(nlohmann::json::parse(R"({"measured": 1})")));
}
