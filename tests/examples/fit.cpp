// heddle-fit as its users call it.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <heddle/model/throughput.hpp>

#include "support/known_job.hpp"

#if __has_include(<nlohmann/json.hpp>)
#include <nlohmann/json.hpp>

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// A directory of its own for one test.
struct workspace {
  fs::path directory;

  explicit workspace(const std::string& name)
      : directory(fs::temp_directory_path() / ("heddle-fit-test-" + name)) {
    fs::remove_all(directory);
    fs::create_directories(directory);
  }
  ~workspace() {
    std::error_code ignored;
    fs::remove_all(directory, ignored);
  }

  void write(const std::string& file, const std::string& text) const {
    std::ofstream(directory / file) << text;
  }
  [[nodiscard]] std::string read(const std::string& file) const {
    std::ifstream in(directory / file);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  /// The exit status; standard output and error go to `out` and `err`.
  [[nodiscard]] int run(const std::string& arguments) const {
    const std::string command = "cd '" + directory.string() + "' && '" + HEDDLE_BIN_DIR +
                                "/heddle-fit' " + arguments + " > out 2> err < /dev/null";
    const int status = std::system(command.c_str());
    return status < 0 ? status : (status >> 8) & 0xff;
  }
};

bool installed() { return fs::exists(fs::path(HEDDLE_BIN_DIR) / "heddle-fit"); }

std::string made_samples() {
  const auto& truth = heddle::test::known_job;
  std::ostringstream out;
  out.precision(17);
  out << "note,iteration_s,model,gpu_type,clock_ghz,local_batch,servers,gpus\n";
  for (int n : {1, 2, 4, 8, 16, 32})
    for (double b : {8.0, 64.0, 256.0})
      for (double f : {0.6, 1.0, 1.4})
        out << "x," << truth({n, (n + 3) / 4, b, f}).total_s << ",job,gpu," << f << ',' << b << ','
            << (n + 3) / 4 << ',' << n << '\n';
  return out.str();
}

}  // namespace

TEST_CASE("heddle-fit recovers a model, reports its parameters and predicts") {
  if (!installed()) return;
  const workspace w("recovers");
  w.write("s.csv", made_samples());
  w.write("p.csv", "gpu_type,model,servers,gpus,clock_ghz,local_batch\ngpu,job,2,6,0.8,100\n");
  REQUIRE(w.run("--samples s.csv --report m.json --predict p.csv --predict-out o.csv") == 0);
  CHECK(w.read("out").empty());
  CHECK(w.read("err").empty());
  const json report = json::parse(w.read("m.json"));
  REQUIRE(report["groups"].size() == 1);
  const json& time = report["groups"][0]["time"];
  CHECK(time["mape"].get<double>() < 1e-6);
  for (const json& p : time["parameters"])
    if (p["name"] == "alpha_n_s") CHECK(p["value"].get<double>() == doctest::Approx(0.09));
  const std::string predicted = w.read("o.csv");
  CHECK(predicted.find("gpu_type,model,servers,gpus,clock_ghz,local_batch,iteration_s,power_w,"
                       "low_s,high_s,carried_from\n"
                       "gpu,job,2,6,0.8,100,") == 0);
}

namespace {

/// A job that synchronises along a ring; `k` says which.
heddle::model::powerflow_throughput ring_job(int k) {
  heddle::model::powerflow_throughput t = heddle::test::known_job;
  t.b0_s *= 1 + 0.2 * k;
  t.beta_r_s = t.beta_n_s = 0;
  t.zeta_r_s = t.alpha_r_s, t.zeta_n_s = t.alpha_n_s;
  t.lambda_r_s = 0.1 * t.alpha_r_s, t.lambda_n_s = 0.1 * t.alpha_n_s;
  return t;
}

/// Rows of jobs of several sizes on one type, `slower` than the first throughout.
std::string typed_rows(const std::string& type, double slower, int jobs, int most_gpus) {
  std::ostringstream out;
  out.precision(17);
  for (int k = 0; k < jobs; ++k)
    for (int n = 1; n <= most_gpus; n *= 2)
      for (double b : {8.0, 64.0, 256.0}) {
        const auto t = ring_job(k);
        const double off = 1 + 0.01 * ((n + k) % 3 - 1);
        out << "job" << k << ',' << type << ',' << n << ',' << (n + 3) / 4 << ',' << b << ','
            << slower * off * t({n, (n + 3) / 4, b, 1}).total_s << '\n';
      }
  return out.str();
}

}  // namespace

TEST_CASE(
    "heddle-fit predicts on types that a model was not measured on and says what to measure") {
  if (!installed()) return;
  const workspace w("types");
  const std::string head = "model,gpu_type,gpus,servers,local_batch,iteration_s\n";
  // job3 was measured on the new type once, job4 never.
  w.write("s.csv", head + typed_rows("old", 1, 5, 32) + typed_rows("new", 0.5, 3, 32) +
                       "job3,new,1,1,64,0.0547\n");
  w.write("p.csv", "model,gpu_type,gpus,servers,local_batch\n"
                   "job3,new,4,1,64\njob4,new,4,1,64\njob0,new,4,1,64\n");
  w.write("c.csv", "model,gpu_type,gpus,servers,local_batch,cost\n"
                   "job4,new,1,1,64,1\njob4,new,16,4,64,50\njob4,old,1,1,64,1\n");
  REQUIRE(w.run("--samples s.csv --predict p.csv --predict-out o.csv --report m.json "
                "--suggest c.csv") == 0);
  std::istringstream lines(w.read("o.csv"));
  std::string line;
  std::getline(lines, line);
  int carried = 0;
  for (int k : {3, 4, 0}) {
    REQUIRE(std::getline(lines, line));
    std::vector<std::string> fields;
    std::istringstream parts(line);
    for (std::string part; std::getline(parts, part, ',');) fields.push_back(part);
    fields.resize(10);
    const double truth = 0.5 * ring_job(k)({4, 1, 64, 1}).total_s;
    CHECK(std::stod(fields[5]) == doctest::Approx(truth).epsilon(0.05));
    CHECK(std::stod(fields[7]) < truth);
    CHECK(truth < std::stod(fields[8]));
    carried += fields[9] == "old";
  }
  CHECK(carried == 2);
  const json report = json::parse(w.read("m.json"));
  REQUIRE(report["next"].size() == 1);
  CHECK(report["next"][0]["gpu_type"] == "new");
  CHECK(report["next"][0]["gpus"] == "1");
  bool told = false;
  for (const json& g : report["groups"])
    if (g.contains("carried_from")) {
      told = true;
      CHECK(g["model"] == "job3");
      const double ratio = g["against_it"]["compute"]["ratio"];
      CHECK(ratio == doctest::Approx(0.5).epsilon(0.1));
    }
  CHECK(told);
}

TEST_CASE("heddle-fit learns from the tables of other models what is usual") {
  if (!installed()) return;
  const workspace w("others");
  const std::string head = "model,gpu_type,gpus,servers,local_batch,iteration_s\n";
  w.write("others.csv", head + typed_rows("old", 1, 5, 32));
  std::istringstream rows(typed_rows("old", 1, 1, 32));
  std::ostringstream few;
  for (std::string line; std::getline(rows, line);)
    if (line.find("old,1,") != line.npos || line.find("old,4,") != line.npos ||
        line.find("old,16,") != line.npos)
      few << line << '\n';
  w.write("s.csv", head + few.str());
  w.write("p.csv", "model,gpu_type,gpus,servers,local_batch\njob0,old,32,8,64\n");
  const auto width = [&](const std::string& arguments) {
    REQUIRE(w.run("--samples s.csv --predict p.csv " + arguments) == 0);
    const std::string out = w.read("out");
    std::vector<std::string> fields;
    std::istringstream parts(out.substr(out.find('\n') + 1));
    for (std::string part; std::getline(parts, part, ',');) fields.push_back(part);
    const double truth = ring_job(0)({32, 8, 64, 1}).total_s;
    CHECK(std::stod(fields[7]) < truth);
    CHECK(truth < std::stod(fields[8]));
    return std::log(std::stod(fields[8]) / std::stod(fields[7]));
  };
  CHECK(width("--others others.csv") < width(""));
  CHECK(w.run("--samples s.csv --others none.csv") == 2);
}

TEST_CASE("heddle-fit fits each group of model and GPU type by itself, with power where known") {
  if (!installed()) return;
  const workspace w("groups");
  w.write("s.csv", "model,gpu_type,power_limit_w,local_batch,iteration_s,power_w\n"
                   "a,x,100,8,0.5,99\na,x,150,8,0.4,140\na,x,200,8,0.35,180\na,x,250,8,0.34,200\n"
                   "b,x,100,8,5,99\nb,x,150,8,4,140\nb,x,200,8,3.5,180\nb,x,250,8,3.4,\n");
  REQUIRE(w.run("--samples s.csv --report m.json --predict s.csv --leave-one-out") == 0);
  const json report = json::parse(w.read("m.json"));
  CHECK(report["groups"].size() == 2);
  for (const json& g : report["groups"]) {
    CHECK(g["time"]["mape"].get<double>() < 0.03);
    CHECK(g["power"]["mape"].get<double>() < 0.03);
    CHECK(!g["time"]["pinned"].empty());
  }
  CHECK(report["groups"][1]["power"]["samples"] == 3);
  std::istringstream lines(w.read("out"));
  std::string line;
  int count = 0;
  while (std::getline(lines, line)) ++count;
  CHECK(count == 9);
}

TEST_CASE("heddle-fit answers bad input with one line, status 2 and no file") {
  if (!installed()) return;
  struct bad {
    const char* samples;
    const char* message;
  };
  for (const bad& b : {
           bad{"gpus,local_batch\n1,2\n", "heddle-fit: s.csv:1: expected a column \"iteration_s\""},
           bad{"gpus,iteration_s\n1,2\n2,abc\n", "heddle-fit: s.csv:3: expected an iteration time"},
           bad{"gpus,iteration_s\n1,2\n2,0\n", "heddle-fit: s.csv:3: expected an iteration time"},
           bad{"gpus,iteration_s\n1,nan\n", "heddle-fit: s.csv:2: expected an iteration time"},
           bad{"gpus,iteration_s\n-1,2\n", "heddle-fit: s.csv:2: expected a positive whole number"},
           bad{"gpus,iteration_s\n1.5,2\n",
               "heddle-fit: s.csv:2: expected a positive whole number"},
           bad{"gpus,servers,iteration_s\n2,3,1\n",
               "heddle-fit: s.csv:2: expected at most as many"},
           bad{"local_batch,iteration_s\n-8,2\n", "heddle-fit: s.csv:2: expected a batch size"},
           bad{"clock_ghz,iteration_s\n,2\n", "heddle-fit: s.csv:2: expected a clock > 0 GHz"},
           bad{"clock_ghz,iteration_s,power_w\n1,2,-3\n", "heddle-fit: s.csv:2: expected a power"},
           bad{"gpus,iteration_s\n1,2,3\n", "heddle-fit: s.csv:2: expected 2 fields"},
           bad{"gpus,iteration_s\n", "heddle-fit: s.csv:1: expected at least one row"},
           bad{"", "heddle-fit: s.csv:1: expected a header line"},
       }) {
    CAPTURE(b.samples);
    const workspace w("bad");
    w.write("s.csv", b.samples);
    CHECK(w.run("--samples s.csv --report m.json") == 2);
    const std::string error = w.read("err");
    CHECK(error.find(b.message) == 0);
    CHECK(std::count(error.begin(), error.end(), '\n') == 1);
    CHECK(w.read("out").empty());
    CHECK(!fs::exists(w.directory / "m.json"));
  }
  const workspace w("missing");
  CHECK(w.run("--samples none.csv") == 2);
  CHECK(w.run("--model quartic") == 2);
  CHECK(w.run("--unknown") == 2);
}

TEST_CASE("heddle-fit --contention tells what is exposed and what hidden, and what is wrong") {
  if (!installed()) return;
  const workspace w("contention");
  w.write("c.csv", "model,stretch,iteration_s,network_share\n"
                   "a,1,0.50,\na,1.5,0.55,\na,2,0.60,\na,4,0.90,\n"
                   "b,1,2,\nb,2,2.2,\n"
                   "c,1,2,0.3\nc,2,2.2,0.3\n");
  REQUIRE(w.run("--contention c.csv --report r.json") == 0);
  const json groups = json::parse(w.read("r.json"))["groups"];
  REQUIRE(groups.size() == 3);
  CHECK(groups[0]["model"] == "a");
  CHECK(groups[0]["comm_share"].get<double>() == doctest::Approx(.2));
  CHECK(groups[0]["overlap"].get<double>() == doctest::Approx(.25));
  CHECK(groups[1]["comm_share"].get<double>() == doctest::Approx(.1));
  CHECK(groups[1]["overlap"].is_null());
  CHECK(groups[1]["overlap_at_most"].get<double>() == doctest::Approx(.45));
  CHECK(groups[2]["comm_share"].get<double>() == doctest::Approx(.1));
  CHECK(groups[2]["overlap"].get<double>() == doctest::Approx(.2));

  w.write("bad.csv", "stretch,iteration_s\n0.5,1\n");
  CHECK(w.run("--contention bad.csv") == 2);
  CHECK(w.read("err") ==
        "heddle-fit: bad.csv:2: expected a stretch of communication of at least 1 as "
        "stretch, got \"0.5\"\n");
  w.write("one.csv", "stretch,iteration_s\n1,1\n1,1.1\n");
  CHECK(w.run("--contention one.csv") == 1);
  CHECK(w.run("--contention c.csv --predict c.csv") == 2);
}

TEST_CASE("heddle-fit says with status 1 what it cannot tell") {
  if (!installed()) return;
  const workspace w("unmet");
  w.write("one.csv", "model,gpus,iteration_s\nbert,1,2\n");
  CHECK(w.run("--samples one.csv --report m.json") == 1);
  CHECK(w.read("err").find("heddle-fit: one.csv:2: expected samples of at least 2 different "
                           "configurations of bert, got 1") == 0);
  CHECK(!fs::exists(w.directory / "m.json"));
  w.write("two.csv", "model,gpus,iteration_s\nbert,1,2\nbert,2,2.2\n");
  w.write("p.csv", "model,gpus\nvgg,1\n");
  CHECK(w.run("--samples two.csv --predict p.csv --predict-out o.csv --report m.json") == 1);
  CHECK(!fs::exists(w.directory / "o.csv"));
  CHECK(!fs::exists(w.directory / "m.json"));
}

TEST_CASE("heddle-fit has help and a version") {
  if (!installed()) return;
  const workspace w("help");
  CHECK(w.run("--help") == 0);
  CHECK(w.read("out").find("--samples") != std::string::npos);
  CHECK(w.run("--version") == 0);
  CHECK(w.read("out").find("heddle-fit 0.") == 0);
}
#endif
