// Jobs of several numbers of GPUs: goodputs from a table, the reader, and jobs drawn at random.
#include <heddle/trace/elastic_jobs.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <sstream>
#include <string>
#include <vector>

using namespace heddle;
using doctest::Approx;

namespace {

// Steps of all GPUs together: the first model scales, the second was measured with one GPU alone.
trace::throughput_table table() {
  std::istringstream in{
      "model,gpu_type,gpus,batch_size,steps_per_s\n"
      "a,fast,1,64,10\na,fast,1,32,16\na,fast,2,32,30\na,fast,2,64,18\na,fast,4,16,44\n"
      "a,slow,1,64,2\na,slow,2,32,7\na,slow,4,64,6\n"
      "b,fast,1,,5\nb,slow,1,,4\n"};
  return trace::read_throughputs(in, "t.csv", {"fast", "slow"});
}
const std::vector<trace::typed_gpus> cluster{{"fast", 4}, {"slow", 8}};
const std::vector<double> counts{1, 2, 4};

sim::elastic_jobs read(const std::string& rows) {
  std::istringstream in{"submit_s,gpus,model,batch_size,samples,noise_scale\n" + rows};
  return trace::read_elastic_jobs(in, "j.csv", table(), cluster);
}

}  // namespace

TEST_CASE("goodputs of a batch that stays are samples per second of it shared out") {
  CHECK(trace::counts_in(table()) == counts);
  const auto g = trace::goodputs(table(), "a", 64, 0, counts);
  // 4 × 64 samples on the slow type are worth no more than 64: 6 steps of 64 samples / 4.
  CHECK(g == std::vector<double>{640, 960, 704, 128, 224, 96});
}

TEST_CASE("a noise scale makes larger batches worth more") {
  const auto g = trace::goodputs(table(), "a", 64, 64, counts);
  // With two fast GPUs: 30 · 32 of batch 64, or 18 · 64 of batch 128 at an efficiency of 128 / 192.
  CHECK(g[1] == Approx(std::max(960.0, 18 * 64 * 128 / 192.0)));
  CHECK(g[5] == Approx(6 * 64 * 128 / 320.0));
  const auto free = trace::goodputs(table(), "a", 64, 1e12, counts);
  CHECK(free[1] == Approx(18 * 64));
}

TEST_CASE("a model without a batch has the steps of the table and one that is not there nothing") {
  CHECK(trace::goodputs(table(), "b", 0, 0, counts) == std::vector<double>{5, 0, 0, 4, 0, 0});
  CHECK(trace::goodputs(table(), "c", 0, 0, counts) == std::vector<double>(6, 0));
}

TEST_CASE("jobs of several numbers of GPUs are read with their goodputs") {
  const auto all = read("0,2,a,64,1000,\n5,1,b,,20,0\n");
  CHECK(all.counts == counts);
  CHECK(all.asked.submit_s == std::vector<double>{0, 5});
  CHECK(all.asked.jobs.gpus == std::vector<double>{2, 1});
  CHECK(all.asked.jobs.steps == std::vector<double>{1000, 20});
  CHECK(all.asked.jobs.capacity == std::vector<double>{4, 8});
  CHECK(all.asked.jobs.throughput == std::vector<double>{960, 224, 5, 4});
  CHECK(all.rate.size() == 12);
}

TEST_CASE("jobs of several numbers of GPUs that cannot be are refused with their line") {
  const auto refused = [](const std::string& rows, const std::string& what) {
    CHECK_THROWS_WITH_AS((void)read(rows), doctest::Contains(what.c_str()), input_error);
  };
  refused("0,1,c,64,1000,\n", "j.csv:2: expected a model whose throughput");
  refused("0,3,a,64,1000,\n", "j.csv:2: expected a model whose throughput");
  refused("0,1,a,64,1000,\n0,2,b,,10,\n", "j.csv:3");
  refused("5,1,a,64,1000,\n0,1,a,64,1000,\n", "no earlier than above");
  refused("0,1,a,64,0,\n", "a positive number of samples");
  refused("0,1,a,64,10,-1\n", "a noise scale");
}

TEST_CASE("drawn jobs are those of models that scale and the same for the same seed") {
  const trace::elastic_mix mix{.jobs = 400, .per_hour = 30, .seed = 7};
  const auto all = trace::synthetic_elastic_jobs(table(), cluster, mix);
  const auto again = trace::synthetic_elastic_jobs(table(), cluster, mix);
  CHECK(all.rate == again.rate);
  CHECK(all.asked.submit_s == again.asked.submit_s);
  CHECK(all.asked.jobs.steps == again.asked.jobs.steps);
  const auto other =
      trace::synthetic_elastic_jobs(table(), cluster, {.jobs = 400, .per_hour = 30, .seed = 8});
  CHECK(all.asked.jobs.steps != other.asked.jobs.steps);
  const auto a = trace::goodputs(table(), "a", 64, 0, counts);
  std::vector<int> asked(3, 0);
  double hours = 0;
  for (std::size_t i = 0; i < 400; ++i) {
    CHECK(std::equal(a.begin(), a.end(), all.rate.begin() + static_cast<std::ptrdiff_t>(6 * i)));
    ++asked[all.asked.jobs.gpus[i] == 1 ? 0 : all.asked.jobs.gpus[i] == 2 ? 1 : 2];
    hours += all.asked.jobs.steps[i] / 640 / 3600 / 400;
  }
  // Four GPUs are 28 % and 19 % of linear: nobody asks for them. Half of the jobs ask for two.
  CHECK(asked[2] == 0);
  CHECK(std::abs(asked[0] - 200) < 50);
  CHECK(all.asked.submit_s.back() == Approx(400 * 120).epsilon(0.15));
  // Σ share · (to − from) / ln(to / from): 0.6 · 0.39, 0.25 · 2.16, 0.12 · 6.55, 0.03 · 21.6.
  CHECK(hours == Approx(2.21).epsilon(0.25));
}

TEST_CASE("no jobs are drawn from a table of one number of GPUs") {
  std::istringstream in{"model,gpu_type,gpus,batch_size,steps_per_s\nb,fast,1,,5\n"};
  const auto one = trace::read_throughputs(in, "t.csv", {"fast"});
  CHECK_THROWS_AS((void)trace::synthetic_elastic_jobs(one, {{"fast", 4}}), input_error);
  CHECK_THROWS_AS((void)trace::synthetic_elastic_jobs(table(), {{"fast", 4}}), input_error);
}
