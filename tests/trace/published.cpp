#include <heddle/trace/published.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <heddle/trace/jobs.hpp>

#include "support/reader_samples.hpp"
#include "support/refusal.hpp"
#include "support/shared_data.hpp"

using namespace heddle;
using trace::published_jobs;
using trace::published_options;
using trace::read_report;
using trace::trace_format;

namespace {

published_jobs read(std::string_view text, const trace_format& f, const published_options& o = {}) {
  std::istringstream in{std::string(text)};
  return trace::read_published(in, "f.csv", f, o);
}
std::string refusal(std::string_view text, const trace_format& f) {
  return test::refusal_of([&] { return read(text, f); });
}
struct expected {
  const char* name;
  double submit_s;
  int gpus;
  double duration_s;
  int status;
  const char* vc = "";
};
void check(const published_jobs& t, const std::vector<expected>& all) {
  REQUIRE(t.jobs.size() == all.size());
  REQUIRE(t.names.size() == all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const expected& e = all[i];
    CAPTURE(e.name);
    CHECK(t.names[i] == e.name);
    CHECK(t.jobs[i].id == job_id{i});
    CHECK(t.jobs[i].submit_s == e.submit_s);
    CHECK(t.jobs[i].gpus == e.gpus);
    CHECK(t.jobs[i].duration_s == e.duration_s);
    CHECK(t.jobs[i].status == e.status);
    CHECK(t.jobs[i].vc == e.vc);
  }
  const read_report& r = t.report;
  CHECK(r.read == t.jobs.size());
  CHECK(r.found == r.read + r.never_ran + r.no_gpus + r.no_time + r.running);
}

}  // namespace

TEST_CASE("the log of Helios is read") {
  const auto t = read(test::helios_sample, trace::helios);
  check(t, {{"102", 0, 1, 45, 3, "vcB"},
            {"101", 30, 8, 3600, 1, "vcA"},
            {"105", 50399, 4, 10, 2, "vcC"},
            {"107", 57600, 2, 3600, 4, "vcC"}});
  CHECK(t.report == read_report{.found = 7, .read = 4, .never_ran = 1, .no_gpus = 1, .no_time = 1});
  CHECK(t.origin_s == 1585821600);  // date -u -d '2020-04-02 10:00:00' +%s
}

TEST_CASE("the traces of Acme are read by their clocks and not by the duration of Kalos") {
  const auto t = read(test::acme_sample, trace::acme);
  // The second was submitted at 11:00:28 in the zone of the first.
  check(t, {{"dlc0b", 0, 8, 600, 1}, {"dlc0a", 30, 64, 8, 2}});
}

TEST_CASE("the traces of ITP are read with models and deadlines") {
  const auto t = read(test::itp_sample, trace::itp);
  check(t, {{"0c1f-b", 0, 1, 12.5, -1}, {"0c1f-a", 566, 4, 3890, -1}});
  CHECK(t.jobs[1].model == "bert");
  CHECK(t.jobs[1].deadline_s == 5347);
  CHECK(t.jobs[0].deadline_s == 100.5);
  CHECK(t.origin_s == 16000);
  const auto raw = read("job_id,submission_time,duration,num_gpu\na,5,10,2\n", trace::itp);
  check(raw, {{"a", 0, 2, 10, -1}});
  CHECK(raw.jobs[0].model.empty());
}

TEST_CASE("the pods of Alibaba's trace are read and parts of GPUs become whole ones") {
  const auto t = read(test::alibaba_2023_sample, trace::alibaba_2023);
  check(t,
        {{"pod-3", 0, 1, 531075, 2}, {"pod-1", 97, 8, 1332357, 1}, {"pod-2", 100, 1, 536226, 4}});
  CHECK(t.report == read_report{.found = 5, .read = 3, .never_ran = 1, .no_gpus = 1});
}

TEST_CASE("tasks of one job in Alibaba's tables add up") {
  const auto alone = read(test::alibaba_2020_tasks_sample, trace::alibaba_2020);
  // j1: 3 · 0.5 GPUs from 1010 to 1500; j2: 2 + 0.25 from 1200 to 1450, a part of it failed.
  check(alone, {{"j1", 0, 2, 490, 1}, {"j2", 190, 3, 250, 2}});
  CHECK(alone.report == read_report{.found = 5, .read = 2, .never_ran = 2, .running = 1});

  std::istringstream tasks{std::string(test::alibaba_2020_tasks_sample)};
  std::istringstream jobs{std::string(test::alibaba_2020_jobs_sample)};
  const auto both = trace::read_alibaba_2020(tasks, "t.csv", jobs, "j.csv",
                                             {.rounding = trace::whole_gpus::down});
  check(both, {{"j1", 0, 1, 490, 1}, {"j2", 250, 2, 250, 2}});
  CHECK(both.origin_s == 900);
}

TEST_CASE("tables without a header line may have one all the same") {
  const std::string header = "job_name,task_name,inst_num,status,start_time,end_time,plan_cpu,plan_"
                             "mem,plan_gpu,gpu_type\n";
  const auto t = read(header + std::string(test::alibaba_2020_tasks_sample), trace::alibaba_2020);
  CHECK(t.jobs.size() == 2);
  CHECK(t.report.found == 5);
}

TEST_CASE("the output of sacct is read without its steps") {
  const auto t = read(test::sacct_sample, trace::sacct);
  check(t, {{"1042_3", 0, 3, 600, 3, "vision"},
            {"1041", 60, 8, 300, 1, "nlp"},
            {"1045", 240, 4, 86400, 4, "nlp"}});
  CHECK(t.report ==
        read_report{.found = 6, .read = 3, .never_ran = 1, .no_gpus = 1, .no_time = 1, .steps = 2});
  CHECK(t.jobs[0].deadline_s == std::numeric_limits<double>::infinity());
  // Seconds since 1970, as SLURM_TIME_FORMAT=%s gives them, and another id.
  check(read("JobIDRaw|Submit|Start|End|AllocTRES|State\n7|100|110|130|gres/gpu=2|TIMEOUT\n",
             trace::sacct),
        {{"7", 0, 2, 20, 2}});
}

TEST_CASE("jobs still running at the end are left out where they are not wanted") {
  const auto t = read(test::sacct_sample, trace::sacct, {.keep_running = false});
  check(t, {{"1042_3", 0, 3, 600, 3, "vision"}, {"1041", 60, 8, 300, 1, "nlp"}});
  CHECK(t.report.running == 1);
}

TEST_CASE("parts of GPUs are rounded as asked and never to none") {
  using trace::whole_gpus;
  const auto gpus = [](const char* n, whole_gpus r) {
    return read(std::string("job_id,submission_time,duration,num_gpu\na,0,1,") + n + "\n",
                trace::itp, {.rounding = r})
        .jobs.at(0)
        .gpus;
  };
  for (const auto& [text, up, nearest, down] : std::vector<std::tuple<const char*, int, int, int>>{
           {"0.01", 1, 1, 1},
           {"1", 1, 1, 1},
           {"1.4", 2, 1, 1},
           {"1.5", 2, 2, 1},
           {"2.9999999999", 3, 3, 3},
           {"3.0000000001", 3, 3, 3},
           {"1e9", 1000000000, 1000000000, 1000000000}}) {
    CAPTURE(text);
    CHECK(gpus(text, whole_gpus::up) == up);
    CHECK(gpus(text, whole_gpus::nearest) == nearest);
    CHECK(gpus(text, whole_gpus::down) == down);
  }
}

TEST_CASE("resources that Slurm tracks are searched for GPUs") {
  const auto gpus = [](std::string_view text) { return trace::detail::gpus_in_tres(text); };
  CHECK(gpus("") == 0);
  CHECK(gpus("cpu=8,mem=4G") == 0);
  CHECK(gpus("gres/gpu=4") == 4);
  CHECK(gpus("cpu=8,gres/gpu:a100=4,gres/gpu=4,node=1") == 4);
  CHECK(gpus("gres/gpu:a100=4,gres/gpu:h100=2") == 6);
  CHECK(gpus("gres/gpumem=5,gres/shard=3") == 0);
  for (const char* bad :
       {"gres/gpu=", "gres/gpu=x", "gres/gpu=-1", "gres/gpu:a100", "gres/gpu:a100=4K"})
    CHECK_FALSE(gpus(bad));
}

TEST_CASE("states of all publishers have one meaning") {
  const auto status = [](std::string_view text) { return trace::detail::status_in(text); };
  for (const char* word : {"COMPLETED", "Pass", "Succeeded", "Terminated"})
    CHECK(status(word) == 1);
  for (const char* word : {"FAILED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "Failed"})
    CHECK(status(word) == 2);
  for (const char* word : {"CANCELLED", "CANCELLED by 1001", "CANCELLED+", "Killed"})
    CHECK(status(word) == 3);
  for (const char* word : {"RUNNING", "Running", "SUSPENDED"}) CHECK(status(word) == 4);
  for (const char* word : {"", "PENDING", "whatever"}) CHECK(status(word) == -1);
}

TEST_CASE("times are seconds or dates with or without an offset") {
  const auto at = [](std::string_view text) { return trace::detail::moment_in(text); };
  CHECK(at("1585821600") == 1585821600);
  CHECK(at("-2.5") == -2.5);
  CHECK(at("1970-01-01") == 0);
  CHECK(at("2020-04-02 10:00:00") == 1585821600);
  CHECK(at("2020-04-02T10:00:00") == 1585821600);
  CHECK(at("2020-04-02T10:00") == 1585821600);
  CHECK(at("2020-04-02 10:00:00.25") == 1585821600.25);
  CHECK(at("2020-04-02T10:00:00Z") == 1585821600);
  CHECK(at("2020-04-02 18:00:00+08:00") == 1585821600);
  CHECK(at("2020-04-02 18:00:00+0800") == 1585821600);
  CHECK(at("2020-04-02 18:00:00+08") == 1585821600);
  CHECK(at("2020-04-02 04:30:00-05:30") == 1585821600);
  CHECK(at("2024-02-29 00:00:00") == at("2024-02-28 24:00:00").value_or(1709164800));
  CHECK(at("1969-12-31 23:59:59") == -1);
  for (const char* bad : {"",
                          "x",
                          "2020",
                          "2020-4-2",
                          "2020-13-01",
                          "2020-02-30",
                          "2023-02-29",
                          "2020-04-02 24:00:00",
                          "2020-04-02 10:60:00",
                          "2020-04-02 10:00:60",
                          "2020-04-02 10:00:0",
                          "2020-04-02 10",
                          "2020-04-02 ",
                          "2020-04-02x10:00:00",
                          "2020-04-02 10:00:00 ",
                          "2020-04-02 10:00:00+",
                          "2020-04-02 10:00:00+8",
                          "2020-04-02 10:00:00+08:",
                          "2020-04-02 10:00:00+24:00",
                          "2020-04-02 10:00:1.",
                          "+020-04-02",
                          "nan"}) {
    CAPTURE(bad);
    if (std::string_view(bad) != "2020") CHECK_FALSE(at(bad));
  }
  CHECK(at("2020") == 2020);  // a number is seconds
}

TEST_CASE("damaged traces are refused where the damage is") {
  const auto row = [](const std::string& r) {
    return refusal(
        "job_id,vc,gpu_num,state,submit_time,start_time,end_time,duration\n"
        "1,v,1,COMPLETED,2020-01-01 00:00:00,2020-01-01 00:00:00,2020-01-01 00:00:01,1\n" +
            r + "\n",
        trace::helios);
  };
  const std::string times = ",2020-01-01 00:00:00,2020-01-01 00:00:00,2020-01-01 00:00:01,";
  CHECK(row("2,v,1,COMPLETED" + times + "1") == "accepted");
  CHECK(row("1,v,1,COMPLETED" + times + "1") == "f.csv:3: expected each job once, got \"1\" again");
  CHECK(row(",v,1,COMPLETED" + times + "1") ==
        "f.csv:3: expected the name of a job as job_id, got nothing");
  CHECK(row("2,v,x,COMPLETED" + times + "1") ==
        "f.csv:3: expected a number of at least 0 as gpu_num, got \"x\"");
  CHECK(row("2,v,-1,COMPLETED" + times + "1") ==
        "f.csv:3: expected a number of at least 0 as gpu_num, got \"-1\"");
  CHECK(row("2,v,2e9,COMPLETED" + times + "1") == "f.csv:3: expected at most 1e9 GPUs, got more");
  CHECK(row("2,v,1,COMPLETED" + times + "soon") ==
        "f.csv:3: expected a number of s as duration, got \"soon\"");
  CHECK(row("2,v,1,COMPLETED" + times + "1e300") ==
        "f.csv:3: expected a number of s as duration, got \"1e300\"");
  CHECK(row("2,v,1,COMPLETED,2020-01-32 00:00:00,,,") ==
        "f.csv:3: expected a time, in s or as a date as submit_time, got \"2020-01-32 00:00:00\"");
  CHECK(row("2,v,1,COMPLETED,,,,") ==
        "f.csv:3: expected a time, in s or as a date as submit_time, got nothing");
  CHECK(row("2,v,1") == "f.csv:3: expected 8 fields, got 3");
  CHECK(refusal("job_id,submit_time,duration\n", trace::helios) ==
        "f.csv:1: expected a column \"gpu_num\", got \"job_id,submit_time,duration\"");
  CHECK(refusal("job_id,submit_time,gpu_num,start_time\n", trace::helios) ==
        "f.csv:1: expected a column \"duration\", got \"job_id,submit_time,gpu_num,start_time\"");
  CHECK(refusal("name,creation_time,num_gpu,scheduled_time\n", trace::alibaba_2023) ==
        "f.csv:1: expected a column \"deletion_time\", got "
        "\"name,creation_time,num_gpu,scheduled_tim…\"");
  CHECK(refusal("", trace::sacct) == "f.csv:1: expected a header line, got an empty file");
  CHECK(refusal("JobID|Submit|AllocTRES|ElapsedRaw\n1|0|gres/gpu=x|1\n", trace::sacct) ==
        "f.csv:2: expected resources like cpu=8,gres/gpu=4 as AllocTRES, got \"gres/gpu=x\"");
  std::istringstream tasks{std::string(test::alibaba_2020_tasks_sample)};
  std::istringstream jobs("j1,i1,u1,Terminated,900.0,1600.0\nj1,i1,u1,Terminated,900.0,1600.0\n");
  CHECK_THROWS_WITH_AS((void)trace::read_alibaba_2020(tasks, "t", jobs, "j"),
                       "j:2: expected each job once as job_name, got \"j1\"", input_error);
}

TEST_CASE("a format of one's own is a table of columns") {
  constexpr trace_format mine{.id = "name",
                              .submit = "queued",
                              .gpus = "percent",
                              .duration = "seconds",
                              .gpus_unit = 100,
                              .dialect = {.separator = ';'}};
  check(read("name;queued;percent;seconds\nx;3;250;10\n", mine), {{"x", 0, 3, 10, -1}});
}

TEST_CASE("a real trace in its publisher's columns gives the jobs of the shared file") {
  HEDDLE_SHARED_FILE(file, "data/jobs/msr_itp_c01.csv");
  std::ifstream in(file);
  const auto expected_jobs = trace::read_jobs(in, file.string());
  std::ostringstream text;
  text.precision(17);
  text << "job_id,submission_time,duration,num_gpu\n";
  for (const job& j : expected_jobs)
    text << "id-" << j.id.value << ',' << 1000 + j.submit_s << ',' << j.duration_s << ',' << j.gpus
         << '\n';
  const auto t = read(text.str(), trace::itp);
  REQUIRE(t.jobs.size() == expected_jobs.size());
  CHECK(t.report.found == t.report.read);
  CHECK(t.origin_s == 1000 + expected_jobs.front().submit_s);
  for (std::size_t i = 0; i < t.jobs.size(); ++i) {
    job e = expected_jobs[i];
    CHECK(t.names[i] == "id-" + std::to_string(e.id.value));
    e.id = job_id{i};
    e.submit_s -= expected_jobs.front().submit_s;
    e.vc.clear();
    REQUIRE(t.jobs[i] == e);
  }
}

TEST_CASE("real pods in their publisher's columns give the jobs of the shared file") {
  HEDDLE_SHARED_FILE(file, "data/jobs/alibaba_v2023_openb.csv");
  std::ifstream in(file), again(file);
  const auto expected_jobs = trace::read_jobs(in, file.string());
  trace::csv_reader rows{again, file.string()};
  const auto id = rows.required("job_id"), submit = rows.required("submit_s"),
             wait = rows.required("wait_s"), ran = rows.required("duration_s"),
             gpus = rows.required("gpus"), milli = rows.required("gpu_milli"),
             status = rows.required("status");
  const std::map<std::string, std::string> phases{
      {"1", "Succeeded"}, {"2", "Failed"}, {"4", "Running"}};
  std::ostringstream text;
  text.precision(17);
  text << "name,num_gpu,gpu_milli,pod_phase,creation_time,deletion_time,scheduled_time\n";
  while (rows.next()) {
    const double start = rows.number(submit, "") + (rows.empty(wait) ? 0 : rows.number(wait, ""));
    text << "pod-" << rows.text(id) << ',' << rows.text(gpus) << ',' << rows.text(milli) << ','
         << phases.at(rows.text(status)) << ',' << rows.text(submit) << ','
         << start + rows.number(ran, "") << ',' << start << '\n';
  }
  const auto t = read(text.str(), trace::alibaba_2023);
  REQUIRE(t.jobs.size() == expected_jobs.size());
  for (std::size_t i = 0; i < t.jobs.size(); ++i) {
    CAPTURE(i);
    REQUIRE(t.jobs[i].submit_s == expected_jobs[i].submit_s - expected_jobs[0].submit_s);
    REQUIRE(t.jobs[i].duration_s == expected_jobs[i].duration_s);
    REQUIRE(t.jobs[i].gpus == expected_jobs[i].gpus);
    REQUIRE(t.jobs[i].status == expected_jobs[i].status);
  }
}
