#include <heddle/trace/swf.hpp>

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <vector>

#include "support/dice.hpp"
#include "support/reader_samples.hpp"
#include "support/refusal.hpp"

using namespace heddle;
using trace::published_jobs;

namespace {

published_jobs read(const std::string& text) {
  std::istringstream in(text);
  return trace::read_swf(in, "l.swf");
}
std::string refusal(const std::string& text) {
  return test::refusal_of([&] { return read(text); });
}
std::string written(const published_jobs& t) {
  std::ostringstream out;
  trace::write_swf(out, t.jobs, t.origin_s);
  return out.str();
}
const std::string rest = " -1 -1 4 -1 -1 ";

}  // namespace

TEST_CASE("workload logs are read with their remarks and unknowns") {
  const auto t = read(std::string(test::swf_sample));
  REQUIRE(t.jobs.size() == 4);
  CHECK(t.names == std::vector<std::string>{"1", "2", "4", "6"});
  CHECK(t.origin_s == 1704067200);
  CHECK(t.jobs[0].gpus == 4);
  CHECK(t.jobs[0].status == 1);
  CHECK(t.jobs[0].vc == "1");
  CHECK(t.jobs[1].status == 2);
  CHECK(t.jobs[2].gpus == 2);  // asked for, since what was given is unknown
  CHECK(t.jobs[2].vc.empty());
  CHECK(t.jobs[3].status == 3);
  CHECK(t.report ==
        trace::read_report{
            .found = 7, .read = 4, .never_ran = 1, .no_gpus = 1, .no_time = 1, .steps = 2});
}

TEST_CASE("lines that are no workload log are refused") {
  const std::string good = "1 0 5 100 4" + rest + "1 1 1 -1 1 -1 -1 -1\n";
  CHECK(refusal(good) == "accepted");
  CHECK(refusal(good + good) == "l.swf:2: expected each job once, got \"1\" again");
  CHECK(refusal(good + "2 0 5\n") == "l.swf:2: expected 18 numbers, got 3");
  CHECK(refusal(good + "2 0 5 100 x" + rest + "1 1 1 -1 1 -1 -1 -1\n") ==
        "l.swf:2: expected a number as field 5, got \"x\"");
  CHECK(refusal("-1 0 5 100 4" + rest + "1 1 1 -1 1 -1 -1 -1\n") ==
        "l.swf:1: expected a job's number of at least 0, got less");
  CHECK(refusal("1 -1 5 100 4" + rest + "1 1 1 -1 1 -1 -1 -1\n") ==
        "l.swf:1: expected a submission of at least 0 s, got less");
  CHECK(refusal("1 0 5 100 2e9" + rest + "1 1 1 -1 1 -1 -1 -1\n") ==
        "l.swf:1: expected at most 1e9 GPUs, got more");
  CHECK(
      refusal("jobs:\n  - id: 0\n") ==
      "l.swf:1: expected 18 numbers, as in the Standard Workload Format, got what looks like YAML");
  CHECK(refusal("") == "accepted");
}

TEST_CASE("jobs written as a workload log are read back with whole seconds") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    published_jobs t;
    t.origin_s = d.chance(.5) ? 0 : 1.7e9;
    double now = 0;
    for (int i = 0, n = d.between(1, 12); i < n; ++i) {
      job j;
      j.id = job_id{i};
      j.submit_s = now;
      j.gpus = d.between(1, 512);
      j.duration_s = d.between(1, 100000);
      j.status = d.between(-1, 3) == 0 ? -1 : d.between(1, 3);
      if (d.chance(.5)) j.vc = "team " + std::to_string(d.between(1, 3));
      now += d.between(0, 500);
      t.jobs.push_back(j);
    }
    const std::string text = written(t);
    const auto again = read(text);
    REQUIRE(again.jobs.size() == t.jobs.size());
    CHECK(again.origin_s == t.origin_s);
    for (std::size_t i = 0; i < t.jobs.size(); ++i) {
      job expected = t.jobs[i];
      expected.vc = again.jobs[i].vc;
      CHECK(again.jobs[i] == expected);
      CHECK(again.jobs[i].vc.empty() == t.jobs[i].vc.empty());
      for (std::size_t k = 0; k < i; ++k)
        CHECK((t.jobs[i].vc == t.jobs[k].vc) == (again.jobs[i].vc == again.jobs[k].vc));
    }
  }
}

TEST_CASE("a workload log says what it cannot hold") {
  published_jobs t;
  job j;
  j.id = job_id{4};
  j.gpus = 3;
  j.duration_s = .2;
  j.submit_s = 1.6;
  j.vc = "nlp";
  t.jobs = {j};
  t.origin_s = 1704067200;
  CHECK(written(t) == "; Version: 2.2\n; MaxJobs: 1\n; MaxRecords: 1\n; UnixStartTime: 1704067200\n"
                      "; MaxProcs: 3\n; Note: processors are GPUs\n; Note: group 1 is \"nlp\"\n"
                      "5 2 -1 1 3 -1 -1 3 -1 -1 -1 -1 1 -1 -1 -1 -1 -1\n");
}
