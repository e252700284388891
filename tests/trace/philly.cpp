#include <heddle/trace/philly.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <heddle/trace/jobs.hpp>

#include "support/reader_samples.hpp"
#include "support/refusal.hpp"
#include "support/shared_data.hpp"

using namespace heddle;
using trace::published_jobs;

namespace {

published_jobs read(const std::string& text) {
  std::istringstream in(text);
  return trace::read_philly(in, "p.json");
}
std::string refusal(const std::string& text) {
  return test::refusal_of([&] { return read(text); });
}
// What passing over a value of JSON says to it.
std::string json(const std::string& text) {
  std::istringstream in(text);
  try {
    trace::detail::json_reader r{in, "j"};
    r.skip();
    r.end();
  } catch (const input_error& e) {
    return e.what();
  }
  return "accepted";
}
std::string string_of(const std::string& text) {
  std::istringstream in(text);
  trace::detail::json_reader r{in, "j"};
  return r.string("a text");
}
// 2017-07-14 02:40:00 and so many seconds, as the log writes times.
std::string date(long seconds) {
  const long day = 14 + (9600 + seconds) / 86400, rest = (9600 + seconds) % 86400;
  char text[64];
  // Days run on beyond July.
  static constexpr int lengths[] = {31, 31, 30, 31, 30, 31, 31, 28, 31, 30, 31, 30};
  int month = 7, year = 2017;
  long d = day;
  for (int i = 0; d > lengths[i % 12]; ++i) {
    d -= lengths[i % 12];
    if (++month > 12) month = 1, ++year;
  }
  std::snprintf(text, sizeof text, "%04d-%02d-%02ld %02ld:%02ld:%02ld", year, month, d, rest / 3600,
                rest / 60 % 60, rest % 60);
  return text;
}

}  // namespace

TEST_CASE("the log of Philly is read with all attempts of a job") {
  const auto t = read(std::string(test::philly_sample));
  REQUIRE(t.jobs.size() == 2);
  CHECK(t.names == std::vector<std::string>{"application_3", "application_1"});
  CHECK(t.jobs[0].submit_s == 0);
  CHECK(t.jobs[0].duration_s == 40);
  CHECK(t.jobs[0].gpus == 1);
  CHECK(t.jobs[0].status == 2);
  CHECK(t.jobs[0].vc == "v");
  CHECK(t.jobs[1].submit_s == 700);
  CHECK(t.jobs[1].duration_s == 74 + 60);
  CHECK(t.jobs[1].gpus == 3);
  CHECK(t.jobs[1].status == 1);
  CHECK(t.report == trace::read_report{.found = 4, .read = 2, .never_ran = 1, .running = 1});
}

TEST_CASE("a damaged log of Philly is refused where the damage is") {
  CHECK(refusal("") == "p.json:1: expected a list of jobs in [], got the end of file");
  CHECK(refusal("{}") == "p.json:1: expected a list of jobs in [], got \"{\"");
  CHECK(refusal("[1]") == "p.json:1: expected a job in {}, got \"1\"");
  CHECK(refusal("[\n{}\n]") == "p.json:2: expected a job with its jobid, got none");
  CHECK(refusal("[{\"jobid\": \"a\"}]") ==
        "p.json:1: expected the submitted_time of job \"a\", got none");
  CHECK(refusal("[{\"jobid\": 7}]") == "p.json:1: expected the name of a job, got \"7\"");
  CHECK(refusal("[{\"jobid\": \"a\", \"submitted_time\": \"today\"}]") ==
        "p.json:1: expected a time like 2017-10-07 01:11:39, got \"today\"");
  CHECK(refusal("[{\"jobid\": \"a\", \"submitted_time\": 7}]") ==
        "p.json:1: expected a time in quotes, or null, got \"7\"");
  CHECK(refusal("[{\"attempts\": 7}]") ==
        "p.json:1: expected the attempts of a job in [], got \"7\"");
  const std::string one = "{\"jobid\": \"a\", \"submitted_time\": \"2017-10-07 01:11:39\"}";
  CHECK(refusal("[" + one + "]") == "accepted");
  CHECK(refusal("[" + one + ",\n" + one + "]") ==
        "p.json:2: expected each job once, got \"a\" again");
  CHECK(refusal("[" + one + "] x") == "p.json:1: expected the end of file, got \"x\"");
  CHECK(refusal("[" + one) == "p.json:1: expected a comma or ], got the end of file");
}

TEST_CASE("JSON is read strictly") {
  for (const char* good :
       {"0", "-0", "1.5e+3", "-2E-7", "true", "false", "null", "[]", "{}", " [ 1 , 2 ] ",
        "{\"a\":[{\"b\":null}],\"c\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"}", "\xef\xbb\xbf[]"}) {
    CAPTURE(good);
    CHECK(json(good) == "accepted");
  }
  for (const char* bad : {"",
                          "[",
                          "]",
                          "[1,]",
                          "[,1]",
                          "[1 2]",
                          "{\"a\"}",
                          "{\"a\":}",
                          "{a:1}",
                          "{\"a\":1,}",
                          "01",
                          "1.",
                          ".5",
                          "+1",
                          "-",
                          "1e",
                          "1e+",
                          "tru",
                          "True",
                          "nan",
                          "\"",
                          "\"\\x\"",
                          "\"\\u12g4\"",
                          "\"\\ud800\"",
                          "\"\\udc00\"",
                          "\"\\ud800\\u0041\"",
                          "\"a\nb\"",
                          "[] []",
                          "\xef\xbb[]",
                          "'a'"}) {
    CAPTURE(bad);
    CHECK(json(bad).find(": expected ") == 3);
  }
  CHECK(json(std::string(64, '[') + std::string(64, ']')) == "accepted");
  CHECK(json(std::string(65, '[')) ==
        "j:1: expected at most 64 values within each other, got more");
  CHECK(json("\n\n[1,\n x]") == "j:4: expected a value, got \"x\"");
}

TEST_CASE("texts of JSON are turned into UTF-8") {
  CHECK(string_of("\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"") == "Aé€😀");
  CHECK(string_of("\"a\\tb\\\\\"") == "a\tb\\");
  CHECK(string_of("\"é\"") == "é");
}

TEST_CASE("a real trace in Philly's form gives the jobs of the shared file") {
  HEDDLE_SHARED_FILE(file, "data/jobs/philly_all.csv");
  std::ifstream in(file);
  auto expected = trace::read_jobs(in, file.string());
  expected.resize(2000);
  std::string text = "[";
  for (const job& j : expected) {
    const long submit = static_cast<long>(j.submit_s), start = submit + 100;
    text += text.size() == 1 ? "\n" : ",\n";
    text += "{\"status\": \"Pass\", \"vc\": \"" + j.vc + "\", \"jobid\": \"" +
            std::to_string(j.id.value);
    text += "\", \"attempts\": [{\"start_time\": \"" + date(start);
    text += "\", \"end_time\": \"" + date(start + static_cast<long>(j.duration_s));
    text += "\", \"detail\": [{\"ip\": \"m1\", \"gpus\": [";
    for (int g = 0; g < j.gpus; ++g) text += g ? ",\"gpu\"" : "\"gpu\"";
    text += "]}]}], \"submitted_time\": \"" + date(submit) + "\", \"user\": \"u\"}";
  }
  const auto t = read(text + "]");
  REQUIRE(t.jobs.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(t.names[i] == std::to_string(expected[i].id.value));
    REQUIRE(t.jobs[i].submit_s == expected[i].submit_s - expected[0].submit_s);
    REQUIRE(t.jobs[i].duration_s == expected[i].duration_s);
    REQUIRE(t.jobs[i].gpus == expected[i].gpus);
    REQUIRE(t.jobs[i].vc == expected[i].vc);
  }
}
