#include <heddle/trace/published.hpp>

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "support/reader_samples.hpp"
#include "support/refusal.hpp"

using namespace heddle;
using trace::published_jobs;

namespace {

published_jobs read(const std::string& text) {
  std::istringstream in(text);
  return trace::read_published(in, "s.txt", trace::sacct);
}
std::string refusal(const std::string& text) {
  return test::refusal_of([&] { return read(text); });
}
/// `submit,gpus,duration` of all jobs.
std::string jobs_of(const std::string& text) {
  std::string out;
  for (const job& j : read(text).jobs)
    out += (out.empty() ? "" : "; ") + std::to_string(static_cast<long>(j.submit_s)) + "," +
           std::to_string(j.gpus) + "," + std::to_string(static_cast<long>(j.duration_s));
  return out;
}
/// GPUs of one job that ran, from columns of resources.
std::string gpus_of(const std::string& columns, const std::string& fields) {
  return jobs_of("JobID|Submit|Start|End|" + columns + "\n1|0|0|10|" + fields + "\n");
}

}  // namespace

TEST_CASE("components of a heterogeneous job are one gang") {
  const std::string header = "JobID|Submit|Start|End|AllocTRES|State|Account\n";
  const auto t = read(header + "7+0|100|200|300|gres/gpu=8|COMPLETED|\n"
                               "7+0.batch|100|200|300|gres/gpu=8|COMPLETED|\n"
                               "8|90|100|150|gres/gpu=1|COMPLETED|\n"
                               "7+1|100|200|350|gres/gpu:a=2,gres/gpu:b=2|FAILED|nlp\n"
                               "7+2|100|200|900|cpu=4|COMPLETED|\n");
  REQUIRE(t.jobs.size() == 2);
  CHECK(t.names == std::vector<std::string>{"8", "7"});
  CHECK(t.jobs[1].gpus == 12);
  CHECK(t.jobs[1].duration_s == 150);  // of those with GPUs
  CHECK(t.jobs[1].status == 2);
  CHECK(t.jobs[1].vc == "nlp");
  CHECK(t.report.found == 2);
  CHECK(t.report.components == 2);
  CHECK(t.report.steps == 1);
  CHECK(passed_over(t.report) ==
        "1 row of a step, 2 rows of further components of heterogeneous jobs");

  // The first component holds no GPUs; one that never ran; one said twice; names that are none.
  CHECK(jobs_of(header + "7+0|0|5|900|cpu=4|COMPLETED|\n7+1|0|5|15|gres/gpu=2|COMPLETED|\n") ==
        "0,2,10");
  CHECK(read(header + "7+0|0|None|9||CANCELLED|\n7+1|0|None|9||CANCELLED|\n").report.never_ran ==
        1);
  CHECK(refusal(header + "7+0|0|5|9|gres/gpu=2||\n7+0|0|5|9|gres/gpu=2||\n") ==
        "s.txt:3: expected each job once, got \"7+0\" again");
  CHECK(read(header + "a+0|0|5|9|gres/gpu=2||\na+1|0|5|9|gres/gpu=2||\n").jobs.size() == 2);
}

TEST_CASE("accounting is read whatever sets its fields apart") {
  const std::string plain =
      "JobID|Submit|Start|End|AllocTRES|ReqTRES|State\n"
      "1|0|5|15|billing=8,cpu=8,gres/gpu=2,node=1|billing=8,cpu=8,gres/gpu=2,node=1|COMPLETED\n"
      "2|3|5|25|cpu=8,gres/gpu:a100=3|billing=8,cpu=8|FAILED\n";
  const auto with = [&](std::string_view separator, std::string_view end) {
    std::string out;
    for (char c : plain)
      out += c == '|'    ? std::string(separator)
             : c == '\n' ? std::string(end) + "\n"
                         : std::string(1, c);
    return out;
  };
  for (const char* separator : {"|", ";", "\t", ",", "^", "~"})
    for (bool at_end : {false, true}) {
      CAPTURE(separator);
      CAPTURE(at_end);
      CHECK(jobs_of(with(separator, at_end ? separator : "")) == "0,2,10; 3,3,20");
    }
  CHECK(jobs_of(with("|", "\r")) == "0,2,10; 3,3,20");
  CHECK(jobs_of("jobid|submit|start|end|alloctres\n1|0|5|15|gres/gpu=2\n") == "0,2,10");
}

TEST_CASE("accounting in columns of fixed width is read and cut fields are refused") {
  // As sacct without -P: to the right, but the first column to the left.
  const auto row = [](const std::vector<std::string>& fields) {
    std::string out;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const std::string blanks((i == 0 ? 12 : 10) - fields[i].size(), ' ');
      out += i == 0 ? fields[i] + blanks + " " : blanks + fields[i] + " ";
    }
    return out + "\n";
  };
  const std::string head = row({"JobID", "Submit", "Start", "End", "AllocTRES", "State"}) +
                           "------------ ---------- ---------- ---------- ---------- ---------- \n";
  CHECK(jobs_of(head + row({"1", "100", "105", "115", "gres/gpu=2", "COMPLETED"}) +
                row({"1.batch", "100", "105", "115", "gres/gpu=2", "COMPLETED"}) +
                row({"2+0", "130", "135", "145", "gres/gpu=1", "CANCELLED+"})) ==
        "0,2,10; 30,1,10");
  CHECK(refusal(head + row({"1", "100", "105", "115", "cpu=8,mem+", "COMPLETED"})) ==
        "s.txt:3: expected resources like cpu=8,gres/gpu=4 as AllocTRES, got \"cpu=8,mem+\"");
  CHECK(refusal(head + row({"12345678_10+", "100", "105", "115", "gres/gpu=2", "COMPLETED"})) ==
        "s.txt:3: expected the name of a job as JobID, got \"12345678_10+\"");
  CHECK(refusal("JobID        Submit\n1 2\n") ==
        "s.txt:1: expected columns \"JobID\", \"Submit\", \"AllocTRES\", \"ElapsedRaw\", got "
        "\"JobID        Submit\"");
}

TEST_CASE("names with bars in them leave the other fields in their places") {
  CHECK(jobs_of("JobID|JobName|Submit|Start|End|AllocTRES\n1|a|b|0|5|15|gres/gpu=2\n"
                "2|c|1|5|15|gres/gpu=2\n3||||2|5|15|gres/gpu=2\n") == "0,2,10; 1,2,10; 2,2,10");
  CHECK(refusal("JobID|JobName|Comment|Submit|Start|End|AllocTRES\n1|a|b||0|5|15|gres/gpu=2\n") ==
        "s.txt:2: expected 7 fields, got 8");
}

TEST_CASE("GPUs of accounting are counted once, in the newest column that has any") {
  CHECK(gpus_of("AllocTRES", "gres/gpu=4,gres/gpu:a100=4") == "0,4,10");
  CHECK(gpus_of("AllocTRES", "gres/gpu:a100=4") == "0,4,10");
  CHECK(gpus_of("AllocTRES", "gres/gpu:a100=4,gres/gpu:h100=2,gres/gpu=6") == "0,6,10");
  CHECK(gpus_of("ReqTRES|AllocTRES", "gres/gpu=8|gres/gpu=4") == "0,4,10");
  CHECK(gpus_of("AllocTRES|ReqTRES", "|gres/gpu=8") == "0,8,10");
  CHECK(gpus_of("AllocTRES|ReqTRES", "cpu=4|gres/gpu=8") == "");  // it was given none
  CHECK(gpus_of("ReqTRES", "gres/gpu=8") == "0,8,10");
  CHECK(gpus_of("AllocGRES", "gpu:8") == "0,8,10");
  CHECK(gpus_of("AllocGRES", "gpu:a100:4,gpu:v100:2,craynetwork:1") == "0,6,10");
  CHECK(gpus_of("AllocGRES", "7696487:2") == "0,2,10");
  CHECK(gpus_of("AllocTRES|AllocGRES", "cpu=8,mem=4G|gpu:2") == "0,2,10");
  CHECK(gpus_of("AllocTRES|AllocGRES", "gres/gpu=4|gpu:2") == "0,4,10");
  CHECK(gpus_of("ReqGRES|NNodes", "gpu:a100:4|3") == "0,12,10");
  CHECK(gpus_of("ReqGRES", "gres:gpu:4") == "0,4,10");
  for (const auto& [text, n] :
       std::vector<std::pair<std::string_view, double>>{{"", 0},
                                                        {"gpu", 1},
                                                        {"gpu:a100", 1},
                                                        {"gpu:a100:2(IDX:0-1,3)", 2},
                                                        {"gres/gpu:3,gpu:1", 4},
                                                        {"gpumem:4", 0},
                                                        {"shard:2", 0},
                                                        {"gpu:1(S:0-1),gpu:b:2(S:1)", 3}})
    CHECK(trace::detail::gpus_in_gres(text) == n);
  for (std::string_view bad : {"gpu:", "gpu:-1", "gpu:a100:x", "gpu:4K"})
    CHECK_FALSE(trace::detail::gpus_in_gres(bad));
}

TEST_CASE(
    "run times of accounting are seconds, or days and hours, or what lies between two times") {
  const auto ran = [](const std::string& columns, const std::string& fields) {
    return jobs_of("JobID|Submit|AllocTRES|State|" + columns + "\n1|0|gres/gpu=1|RUNNING|" +
                   fields + "\n");
  };
  CHECK(ran("Elapsed", "00:10:05") == "0,1,605");
  CHECK(ran("Elapsed", "2-01:00:01") == "0,1,176401");
  CHECK(ran("Elapsed|Start|End", "00:10:05|5|Unknown") == "0,1,605");
  CHECK(ran("ElapsedRaw|Elapsed", "600|00:10:05") == "0,1,600");
  CHECK(ran("ElapsedRaw|Elapsed", "|00:10:05") == "0,1,605");
  CHECK(ran("Start|End", "10|20") == "0,1,10");
  CHECK(ran("Start|End", "10|Unknown") == "");
  CHECK(ran("Start|Elapsed", "Unknown|00:00:00") == "");
  using trace::detail::elapsed_in;
  CHECK(elapsed_in("03:04") == 184);
  CHECK(elapsed_in("100:00:00") == 360000);
  for (std::string_view bad : {"", "4", "x", "1-2", "1-02:03", "-1-00:00:00", "00:60:00", "1:2:3:4",
                               "00::01", "1-", "+1:00"})
    CHECK_FALSE(elapsed_in(bad));
}

TEST_CASE("times of accounting have zones in several forms") {
  using trace::detail::moment_in;
  for (std::string_view text :
       {"2020-04-02T10:00:00", "2020-04-02T10:00:00+0000", "2020-04-02T12:00:00+0200",
        "2020-04-02 10:00:00 UTC", "2020-04-02 10:00:00 GMT", "2020-04-02 12:00:00 +02:00",
        "1585821600"})
    CHECK(moment_in(text) == 1585821600);
  for (std::string_view text : {"2020-04-02 10:00:00 CET", "2020-04-02 10:00:00 ", "Ystday 10:00",
                                "2020-04-02 10:00:00  +02:00"})
    CHECK_FALSE(moment_in(text));
}

TEST_CASE("accounting without submissions takes the time at which jobs could or did start") {
  CHECK(jobs_of("JobID|Start|End|AllocTRES\n1|50|60|gres/gpu=2\n2|Unknown|Unknown|\n3|55|60|gres/"
                "gpu=1\n") == "0,2,10; 5,1,5");
  CHECK(jobs_of("JobID|Eligible|Start|End|AllocTRES\n1|40|50|60|gres/gpu=2\n2|Unknown|55|60|gres/"
                "gpu=1\n") == "0,2,10; 15,1,5");
}
