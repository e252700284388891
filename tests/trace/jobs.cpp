#include <heddle/trace/jobs.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "support/refusal.hpp"
#include "support/shared_data.hpp"

using namespace heddle;
using trace::read_jobs;
using trace::read_options;

namespace {

std::vector<job> read(const std::string& text, const read_options& o = {}) {
  std::istringstream in(text);
  return read_jobs(in, "j.csv", o);
}
std::string refusal(const std::string& text, const read_options& o = {}) {
  return test::refusal_of([&] { return read(text, o); });
}
// A row of the required columns and one more.
std::string with(const std::string& column, const std::string& value) {
  return refusal("job_id,submit_s,gpus,duration_s," + column + "\n0,0,4,100," + value + "\n");
}
const std::string header = "job_id,submit_s,gpus,duration_s\n";

}  // namespace

TEST_CASE("the four required columns make a job") {
  const auto jobs = read(header + "7,1.5,4,100\n");
  REQUIRE(jobs.size() == 1);
  job expected;
  expected.id = job_id{7};
  expected.submit_s = 1.5;
  expected.gpus = 4;
  expected.duration_s = 100;
  CHECK(jobs[0] == expected);
}

TEST_CASE("all columns are read, in any order, and unknown ones are ignored") {
  const auto jobs = read(
      "vc,status,max_gpus,min_gpus,deadline_s,weight,priority,comm_share,collective,local_batch,"
      "model,colour,duration_s,gpus,submit_s,job_id,shape,overlap\n"
      "team,4,16,2,5000,2.5,-3,0.25,all_to_all,32,bert,red,100,4,10,7,2x1x2,0.5\n");
  REQUIRE(jobs.size() == 1);
  const job& j = jobs[0];
  CHECK(j.id == job_id{7});
  CHECK(j.submit_s == 10);
  CHECK(j.gpus == 4);
  CHECK(j.duration_s == 100);
  CHECK(j.model == "bert");
  CHECK(j.local_batch == 32);
  CHECK(j.pattern == collective::all_to_all);
  CHECK(j.comm_share == 0.25);
  CHECK(j.overlap == 0.5);
  CHECK(j.priority == -3);
  CHECK(j.weight == 2.5);
  CHECK(j.deadline_s == 5000);
  CHECK(j.min_gpus == 2);
  CHECK(j.max_gpus == 16);
  CHECK(j.status == 4);
  CHECK(j.vc == "team");
  CHECK(j.shape == box_shape{2, 1, 2});
}

TEST_CASE("an empty optional field is as good as none") {
  CHECK(read("job_id,submit_s,gpus,duration_s,model,collective,comm_share,weight,max_gpus\n"
             "7,1.5,4,100,,,,,\n") == read(header + "7,1.5,4,100\n"));
}

TEST_CASE("jobs are sorted by submission, then by id") {
  const auto jobs = read(header + "3,5,1,1\n2,5,1,1\n1,9,1,1\n4,0,1,1\n");
  std::vector<std::uint32_t> ids;
  for (const job& j : jobs) ids.push_back(j.id.value);
  CHECK(ids == std::vector<std::uint32_t>{4, 2, 3, 1});
  CHECK(read(header).empty());
}

TEST_CASE("a missing column is named") {
  CHECK(refusal("submit_s,gpus,duration_s\n0,1,1\n") ==
        "j.csv:1: expected a column \"job_id\", got \"submit_s,gpus,duration_s\"");
  CHECK(refusal("job_id,gpus,duration_s\n0,1,1\n") ==
        "j.csv:1: expected a column \"submit_s\", got \"job_id,gpus,duration_s\"");
  CHECK(refusal("job_id,submit_s,duration_s\n0,1,1\n") ==
        "j.csv:1: expected a column \"gpus\", got \"job_id,submit_s,duration_s\"");
  CHECK(refusal("job_id,submit_s,gpus\n0,1,1\n") ==
        "j.csv:1: expected a column \"duration_s\", got \"job_id,submit_s,gpus\"");
}

TEST_CASE("a bad required field is refused where it stands") {
  const auto row = [](const std::string& r) { return refusal(header + "9,0,1,1\n" + r + "\n"); };
  CHECK(row("x,0,1,1") == "j.csv:3: expected a whole number from 0 as job_id, got \"x\"");
  CHECK(row("-1,0,1,1") == "j.csv:3: expected a whole number from 0 as job_id, got \"-1\"");
  CHECK(row("1.5,0,1,1") == "j.csv:3: expected a whole number from 0 as job_id, got \"1.5\"");
  CHECK(row("4294967295,0,1,1") ==
        "j.csv:3: expected a whole number below 4294967295 as job_id, got \"4294967295\"");
  CHECK(row("4294967305,0,1,1") ==  // 9 and 2^32: no duplicate of job 9
        "j.csv:3: expected a whole number below 4294967295 as job_id, got \"4294967305\"");
  CHECK(row("9223372036854775808,0,1,1") ==
        "j.csv:3: expected a whole number from 0 as job_id, got \"9223372036854775808\"");
  CHECK(row("9,0,1,1") == "j.csv:3: expected each job once as job_id, got \"9\"");
  CHECK(row("1,-5,1,1") == "j.csv:3: expected a time of at least 0 s as submit_s, got \"-5\"");
  CHECK(row("1,nan,1,1") == "j.csv:3: expected a time of at least 0 s as submit_s, got \"nan\"");
  CHECK(row("1,,1,1") == "j.csv:3: expected a time of at least 0 s as submit_s, got nothing");
  CHECK(row("1,0,0,1") == "j.csv:3: expected a number of GPUs of at least 1 as gpus, got \"0\"");
  CHECK(row("1,0,-8,1") == "j.csv:3: expected a number of GPUs of at least 1 as gpus, got \"-8\"");
  CHECK(row("1,0,2.5,1") ==
        "j.csv:3: expected a number of GPUs of at least 1 as gpus, got \"2.5\"");
  CHECK(row("1,0,3000000000,1") ==
        "j.csv:3: expected a number of GPUs of at least 1 as gpus, got \"3000000000\"");
  CHECK(row("1,0,1,0") == "j.csv:3: expected a run time above 0 s as duration_s, got \"0\"");
  CHECK(row("1,0,1,-1") == "j.csv:3: expected a run time above 0 s as duration_s, got \"-1\"");
  CHECK(row("1,0,1,1e400") ==
        "j.csv:3: expected a run time above 0 s as duration_s, got \"1e400\"");
  CHECK(row("1,0,1") == "j.csv:3: expected 4 fields, got 3");
  CHECK(row("1,0,1,1,1") == "j.csv:3: expected 4 fields, got 5");
}

TEST_CASE("a job larger than the cluster is refused") {
  CHECK(refusal(header + "1,0,513,1\n", {.max_gpus = 512}) ==
        "j.csv:2: expected at most the cluster's 512 GPUs as gpus, got \"513\"");
  CHECK(refusal(header + "1,0,512,1\n", {.max_gpus = 512}) == "accepted");
}

TEST_CASE("a bad optional field is refused where it stands") {
  CHECK(with("collective", "rings") ==
        "j.csv:2: expected a collective, nccl or none as collective, got \"rings\"");
  CHECK(with("overlap", "-0.1") == "j.csv:2: expected a share from 0 as overlap, got \"-0.1\"");
  CHECK(with("overlap", "1.5") ==
        "j.csv:2: expected at most the part of the time that is computing, 1 - comm_share as "
        "overlap, got \"1.5\"");
  CHECK(with("comm_share", "1") ==
        "j.csv:2: expected a share from 0 to below 1 as comm_share, got \"1\"");
  CHECK(with("comm_share", "-0.1") ==
        "j.csv:2: expected a share from 0 to below 1 as comm_share, got \"-0.1\"");
  CHECK(with("local_batch", "0") ==
        "j.csv:2: expected samples per GPU above 0 as local_batch, got \"0\"");
  CHECK(with("priority", "high") == "j.csv:2: expected a whole number as priority, got \"high\"");
  CHECK(with("weight", "0") == "j.csv:2: expected a weight above 0 as weight, got \"0\"");
  CHECK(with("weight", "inf") == "j.csv:2: expected a weight above 0 as weight, got \"inf\"");
  CHECK(with("deadline_s", "-1") ==
        "j.csv:2: expected a time of at least 0 s as deadline_s, got \"-1\"");
  CHECK(with("min_gpus", "0") ==
        "j.csv:2: expected a number of GPUs of at least 1 as min_gpus, got \"0\"");
  CHECK(refusal("job_id,submit_s,gpus,duration_s,min_gpus,max_gpus\n0,0,4,100,8,4\n") ==
        "j.csv:2: expected a number of GPUs of at least min_gpus as max_gpus, got \"4\"");
  CHECK(with("status", "-2") ==
        "j.csv:2: expected a whole number of at least -1 as status, got \"-2\"");
  CHECK(with("model", "anything") == "accepted");
  CHECK(with("shape", "4x1") == "accepted");
  CHECK(with("shape", "4x2") ==
        "j.csv:2: expected sides of 4 cells, like 4x4x8 as shape, got \"4x2\"");
  CHECK(with("shape", "four") ==
        "j.csv:2: expected sides of 4 cells, like 4x4x8 as shape, got \"four\"");
}

TEST_CASE("a model must be among those known if these are given") {
  const model::catalogue known;
  const std::string text = "job_id,submit_s,gpus,duration_s,model\n0,0,4,100,";
  CHECK(refusal(text + "resnet50\n", {.known = &known}) == "accepted");
  CHECK(refusal(text + "ResNet-50\n", {.known = &known}) == "accepted");
  CHECK(refusal(text + "nonsense\n", {.known = &known}) ==
        "j.csv:2: expected a model of the catalogue as model, got \"nonsense\"");
}

TEST_CASE("files that are no CSV of jobs are refused") {
  CHECK(refusal("") == "j.csv:1: expected a header line, got an empty file");
  CHECK(refusal(header + "1,0,\"4,100\n") ==
        "j.csv:2: expected a closing quote, got the end of file");
  CHECK(refusal(header + "1,0,4,100\n2,3") == "j.csv:3: expected 4 fields, got 2");
  CHECK(refusal(std::string("\x7f"
                            "ELF\0\0",
                            6)) == "j.csv:1: expected a text file, got a binary one (a zero byte)");
  CHECK(refusal("\xef\xbb\xbf" + header + "1,0,4,100\r\n") == "accepted");
}

TEST_CASE("jobs before a time are passed over and the rest keep their times") {
  const std::string text = header + "0,0,1,1\n1,50,1,1\n2,60,1,1\n3,70,1,1\n";
  const auto late = read(text, {.from_s = 50});
  REQUIRE(late.size() == 3);
  CHECK(late[0].submit_s == 50);
  const auto two = read(text, {.from_s = 50, .limit = 2});
  REQUIRE(two.size() == 2);
  CHECK(two[1].id == job_id{2});
  CHECK(read(text + "bad row\n", {.limit = 4}).size() == 4);  // what is not wanted is not read
  CHECK(read(text, {.limit = 0}).empty());
}

TEST_CASE("a filler is told what a row leaves open") {
  std::istringstream in(
      "job_id,submit_s,gpus,duration_s,collective,comm_share\n0,0,1,1,ring,\n1,0,1,1,,0.5\n");
  std::vector<std::string> seen;
  const auto fill = [&](job&, const trace::missing& m) {
    seen.push_back(std::string(m.model ? "m" : "-") + (m.pattern ? "p" : "-") +
                   (m.comm_share ? "s" : "-"));
  };
  (void)read_jobs(in, "j.csv", {}, fill);
  CHECK(seen == std::vector<std::string>{"m-s", "mp-"});
}

TEST_CASE("an overlap left open is what is known of the model, and none without the column") {
  const trace::vclos_mix fill{.heavy = false};
  const auto first = [&](const std::string& text) {
    std::istringstream in(text);
    return read_jobs(in, "j.csv", {}, fill).front();
  };
  const double hidden = trace::hidden_shares.front().hidden;
  const std::string columns = "job_id,submit_s,gpus,duration_s,model,collective,comm_share";
  // All of a share that was measured on the network, or beside one that is exposed.
  const job exposed = first(columns + ",overlap\n0,0,8,10,pangu,ring,0.1,\n");
  CHECK(exposed.comm_share == 0.1);
  CHECK(exposed.overlap / (exposed.overlap + 0.1) == doctest::Approx(hidden));
  const job all = first(columns + ",overlap\n0,0,8,10,pangu,ring,,\n");
  CHECK(all.overlap / (all.overlap + all.comm_share) == doctest::Approx(hidden));
  // Never more than there is computing to hide behind.
  const job most = first(columns + ",overlap\n0,0,8,10,pangu,ring,0.9,\n");
  CHECK(most.overlap == 1 - 0.9);
  for (const char* row : {",overlap\n0,0,8,10,bert,ring,0.1,\n", "\n0,0,8,10,pangu,ring,0.1\n"})
    CHECK(first(columns + row).overlap == 0);
}

TEST_CASE("curves have the count asked for and powers of two, at every clock of the GPU") {
  const model::catalogue known;
  const auto w = trace::with_curves(read(header + "0,0,6,100\n1,0,6,50\n2,0,128,50\n"), known);
  REQUIRE(w.size() == 3);
  CHECK(w.curve_of[0] == w.curve_of[1]);
  CHECK(w.curve_of[0] != w.curve_of[2]);
  for (int n : {1, 2, 4, 6, 8, 16, 32, 64}) CHECK_FALSE(w.curve_of_job(0).at(n).empty());
  CHECK(w.curve_of_job(0).at(128).empty());
  CHECK(w.curve_of_job(2).fastest(128) != nullptr);
  CHECK_THROWS_AS((void)trace::with_curves(read(header + "0,0,1,1\n"), known, {.gpu = "no such"}),
                  input_error);
}

TEST_CASE("a file that cannot be opened is refused") {
  CHECK_THROWS_WITH_AS((void)trace::read_csv("/nonexistent/j.csv", model::catalogue{}),
                       "/nonexistent/j.csv: expected a readable file, got none", input_error);
}

TEST_CASE("public traces are read whole") {
  HEDDLE_SHARED_FILE(folder, "data/jobs");
  struct expectation {
    const char* file;
    std::size_t jobs;
    int largest;
  };
  for (const auto& [file, count, largest] : {expectation{"msr_itp_c01.csv", 1595, 64},
                                             {"msr_itp_c02.csv", 5778, 64},
                                             {"msr_itp_c04.csv", 15802, 64},
                                             {"msr_itp_c07.csv", 12699, 64}}) {
    CAPTURE(file);
    std::ifstream in(folder / file);
    const auto jobs = read_jobs(in, file);
    CHECK(jobs.size() == count);
    CHECK(std::is_sorted(jobs.begin(), jobs.end(),
                         [](const job& a, const job& b) { return a.submit_s < b.submit_s; }));
    int most = 0;
    for (const job& j : jobs) most = std::max(most, j.gpus);
    CHECK(most <= largest);
  }
  std::ifstream philly(folder / "philly_all.csv");
  CHECK(read_jobs(philly, "philly_all.csv").size() == 20'000);
  std::ifstream shares(folder / "tpuv4_slice_mix.csv");
  CHECK_THROWS_AS((void)read_jobs(shares, "tpuv4_slice_mix.csv"), input_error);
}
