#include <heddle/trace/recognise.hpp>

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "support/reader_samples.hpp"
#include "support/refusal.hpp"

using namespace heddle;
using trace::job_source;
using trace::looks_like;
using trace::sources_of;

namespace {

std::string refusal(const std::string& text) {
  std::istringstream in(text);
  return test::refusal_of([&] { return trace::read_jobs(in, "j.csv"); });
}

}  // namespace

TEST_CASE("every list of jobs is known by its content") {
  using enum job_source;
  const std::vector<job_source> none;
  for (const auto& [text, source] : std::vector<std::pair<std::string_view, job_source>>{
           {test::jobs_csv_sample, csv},
           {test::sacct_sample, sacct},
           {test::philly_sample, philly},
           {test::helios_sample, helios},
           {test::acme_sample, acme},
           {test::itp_sample, itp},
           {test::alibaba_2023_sample, alibaba},
           {test::alibaba_2020_tasks_sample, alibaba},
           {test::swf_sample, swf},
           {"submit_s,duration_s,x,x,gpus,job_id\n", csv},
           {"\"job_id\",\"submit_s\",\"gpus\",\"duration_s\"\n", csv},
           {"\xef\xbb\xbfJobID,Submit,AllocTRES\n", sacct},
           {"JobIDRaw\tState\tElapsed\n", sacct},
           {"       JobID      Elapsed \n------------ ------------\n", sacct},
           {"; remarks\n; and no more\n", swf},
           {"\n\n 1 0 5 100 4 -1 -1 4 200 -1 1 1 1 -1 1 -1 -1 -1\n", swf},
           {"[\n\n {\"jobid\": \"a\"", philly}}) {
    CAPTURE(std::string(text.substr(0, 40)));
    CHECK(sources_of(text) == std::vector{source});
  }
  for (std::string_view text : {"", "\n", "x", "a,b\n", "{\"jobs\": []}", "job_id,submit_s,gpus\n",
                                "JOBID PARTITION NAME\n", "1 2 3\n", "jobs:\n  - job_id: 0\n"})
    CHECK(sources_of(text) == none);
}

TEST_CASE("what two publishers' tables have in common leaves both") {
  const std::string common = "job_id,user,gpu_num,state,submit_time,start_time,end_time,duration";
  using enum job_source;
  CHECK(sources_of(common + "\n") == std::vector{helios, acme});
  CHECK(sources_of(common + ",vc\n") == std::vector{helios});
  CHECK(sources_of(common + ",stop_time\n") == std::vector{acme});
  CHECK(sources_of(common + ",vc,gpu_time\n") == std::vector{helios, acme});
}

TEST_CASE("names of sources are read back") {
  for (std::string_view n : trace::job_source_names) CHECK(name(*trace::job_source_named(n)) == n);
  CHECK_FALSE(trace::job_source_named("slurm"));
}

TEST_CASE("texts of other kinds are named for what they look like") {
  for (const auto& [text, kind] : std::vector<std::pair<std::string, std::string_view>>{
           {"jobs:\n  - job_id: 0\n", "YAML"},
           {"---\njobs: []\n", "YAML"},
           {"# jobs\n- job_id: 0\n  gpus: 1\n", "YAML"},
           {"{\"jobs\": []}\n", "JSON"},
           {"[\n  {\"job_id\": 0}\n]\n", "JSON"},
           {"{\"job_id\": 0}\n{\"job_id\": 1}\n", "JSON"},
           {"{\"fabric\": \"leaf_spine\"}", "a cluster file"},
           {"2024-01-01 10:00:00 INFO started\n", "a log"},
           {"[2024-01-01 10:00:00] started, job 0\n", "a log"},
           {"Jan  1 10:00:00 node kernel: x\n", "a log"},
           {"job_id;submit_s;gpus\n0;1;2\n", "fields set apart by \";\""},
           {"job_id\tsubmit_s\tgpus\n0\t1\t2\n", "fields set apart by tabs"},
           {"job_id|submit_s|gpus\n0|1|2\n", "fields set apart by \"|\""},
           {std::string(test::sacct_sample), "Slurm's accounting"},
           {std::string(test::swf_sample), "the Standard Workload Format"},
           {std::string(test::ibnetdiscover_sample), "ibnetdiscover output"},
           {std::string(test::topology_conf_sample), "Slurm's topology.conf"},
           {"BlockName=b1 Nodes=n[1-4]\nBlockSizes=4\n", "Slurm's topology.conf"},
           {"- topology: t1\n  tree:\n    switches:\n", "Slurm's topology.yaml"},
           {"   JOBID PARTITION     NAME     USER ST\n", "the output of squeue"},
           {"PARTITION AVAIL  TIMELIMIT  NODES  STATE NODELIST\n", "the output of sinfo"},
           {"JobId=1 JobName=x\n   UserId=u(1)\n   JobState=RUNNING Reason=None\n",
            "the output of scontrol show job"},
           {"<html>\n", "HTML or XML"},
           {"[section]\nkey = 1\n", "a file of settings"},
           {std::string(test::helios_sample), "the table of Helios"},
           {"PK\x03\x04 and more", "a zip archive or a spreadsheet"},
           {"\x1f\x8b\x08 and more", "gzip data"},
           {"Dear all,\nno jobs today\n", ""},
           {"No jobs today\n", "text without a table"}}) {
    CAPTURE(text);
    CHECK(looks_like(text).name == kind);
    if (kind.empty() || kind.find("data") != kind.npos || kind.find("zip") != kind.npos) continue;
    CHECK(refusal(text).starts_with("j.csv:1: expected a CSV file with the columns "));
    CHECK(refusal(text).find("submit_s, gpus, duration_s, got what looks like " +
                             std::string(kind)) != std::string::npos);
  }
  CHECK(refusal(std::string(test::ibnetdiscover_sample)).ends_with("; give it as --cluster"));
  CHECK(refusal(std::string(test::sacct_sample))
            .ends_with("; heddle-convert jobs --from sacct reads it"));
  // A table set apart by commas is no other kind: its columns are told instead.
  CHECK(refusal("job_id,gpus\n") ==
        "j.csv:1: expected columns \"submit_s\", \"duration_s\", got \"job_id,gpus\"");
}

TEST_CASE(
    "jobs of another source are taken from a time on, counted, and checked against the cluster") {
  const auto source = [] {
    std::istringstream in{std::string(test::swf_sample)};
    return trace::read_source(job_source::swf, in, "l.swf", test::swf_sample);
  };
  REQUIRE(source().jobs.size() == 4);
  CHECK(trace::as_read(source(), "l.swf").size() == 4);
  CHECK(trace::as_read(source(), "l.swf", {.limit = 2}).back().id == job_id{1});
  CHECK(trace::as_read(source(), "l.swf", {.from_s = 51}).front().submit_s >= 51);
  CHECK_THROWS_WITH_AS((void)trace::as_read(source(), "l.swf", {.max_gpus = 4}),
                       "l.swf: job 2: expected at most the cluster's 4 GPUs, got 8", input_error);
  const auto drawn = trace::as_read(source(), "l.swf", {}, trace::vclos_mix{});
  for (const job& j : drawn) CHECK(j.comm_share > 0);
}
