// Workloads whose jobs arrive in bursts.
#include <heddle/trace/synthetic.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <heddle/core/random.hpp>
#include <heddle/trace/jobs.hpp>
#include <heddle/trace/lingjun.hpp>

#include "support/shared_data.hpp"

using namespace heddle;
using trace::bursty_gaps;
using trace::bursty_workload;

namespace {

struct moments {
  double mean = 0, cv = 0;
};
moments of_gaps(const std::vector<job>& jobs) {
  double sum = 0, squares = 0;
  const double n = static_cast<double>(jobs.size() - 1);
  for (std::size_t i = 1; i < jobs.size(); ++i) {
    const double gap = jobs[i].submit_s - jobs[i - 1].submit_s;
    sum += gap;
    squares += gap * gap;
  }
  return {sum / n, std::sqrt(squares / n - sum / n * (sum / n)) / (sum / n)};
}

}  // namespace

TEST_CASE("bursty gaps have the mean and the coefficient of variation asked for") {
  constexpr int draws = 400'000;
  for (double cv : {1.0, 1.5, 2.6, 5.0, 10.0, 20.0}) {
    CAPTURE(cv);
    const bursty_gaps gaps{.mean_s = 30, .cv = cv};
    stream s{5, 0, "gaps"};
    double sum = 0, squares = 0;
    for (int i = 0; i < draws; ++i) {
      const double g = gaps(s);
      REQUIRE(g >= 0);
      sum += g;
      squares += g * g;
    }
    // Exact moments of the mixture; the k-th of an exponential of mean m is k! m^k.
    const double p = gaps.short_share(), a = 30 / (2 * p), b = 30 / (2 * (1 - p));
    const auto moment = [&](int k) {
      return std::tgamma(k + 1) * (p * std::pow(a, k) + (1 - p) * std::pow(b, k));
    };
    CHECK(moment(1) == doctest::Approx(30).epsilon(1e-12));
    CHECK(std::sqrt(moment(2) - 900) / 30 == doctest::Approx(cv).epsilon(1e-12));
    // Six standard errors.
    CHECK(std::abs(sum / draws - 30) < 6 * std::sqrt((moment(2) - 900) / draws));
    CHECK(std::abs(squares / draws - moment(2)) <
          6 * std::sqrt((moment(4) - moment(2) * moment(2)) / draws));
  }
}

TEST_CASE("a bursty workload has the gaps of its options") {
  const auto jobs = bursty_workload{.jobs = 200'000, .gaps = {.mean_s = 60, .cv = 5}, .seed = 2}();
  const moments m = of_gaps(jobs);
  CHECK(m.mean == doctest::Approx(60).epsilon(6 * 5 / std::sqrt(200'000.0)));
  CHECK(m.cv == doctest::Approx(5).epsilon(.1));
  CHECK(jobs.front().submit_s == 0);
}

TEST_CASE("sizes of a bursty workload are powers of two and run times log-normal") {
  const bursty_workload w{
      .jobs = 50'000, .max_gpus = 32, .halving = .5, .median_s = 600, .sigma = 1, .max_s = 1e9};
  std::map<int, double> sizes;
  double below = 0, within = 0;
  for (const job& j : w()) {
    ++sizes[j.gpus];
    below += j.duration_s < 600;
    within += j.duration_s > 600 / std::exp(1.0) && j.duration_s < 600 * std::exp(1.0);
  }
  REQUIRE(sizes.size() == 6);
  double weight = 1 / (2 - 1.0 / 32);
  const auto near = [](double count, double share) {
    return std::abs(count / 50'000 - share) < 6 * std::sqrt(share * (1 - share) / 50'000);
  };
  for (int n = 1; n <= 32; n *= 2, weight /= 2) {
    CAPTURE(n);
    CHECK(near(sizes[n], weight));
  }
  CHECK(near(below, .5));
  CHECK(near(within, .682689492137));
}

TEST_CASE("a job of a bursty workload is the same among few and many") {
  static constexpr std::array<std::string_view, 3> models{"bert", "vgg16", "resnet50"};
  const bursty_workload few{.jobs = 10, .models = models, .seed = 4};
  bursty_workload many = few;
  many.jobs = 500;
  const auto a = few(), b = many();
  CHECK(std::equal(a.begin(), a.end(), b.begin()));
  for (const job& j : b) {
    CHECK(std::find(models.begin(), models.end(), j.model) != models.end());
    CHECK(j.comm_share > 0);
  }
  CHECK(bursty_workload{.jobs = 0}().empty());
  CHECK_THROWS_AS((void)bursty_workload{.max_gpus = 0}(), input_error);
  CHECK_THROWS_AS((void)bursty_workload{.gaps = {.cv = .5}}(), input_error);
  CHECK(bursty_workload{.jobs = 3, .max_gpus = 1}()[2].gpus == 1);
}

TEST_CASE("jobs in Lingjun's manner have its sizes, run times, bursts and load") {
  constexpr int n = 100'000;
  const trace::lingjun_workload w{.jobs = n, .seed = 3};
  const std::vector<job> jobs = w();
  std::map<int, double> sizes;
  double below = 0, within = 0, gpu_s = 0;
  const double sigma = std::sqrt(2 * std::log(28.0));  // a mean of 28 medians
  for (const job& j : jobs) {
    ++sizes[j.gpus];
    below += j.duration_s < 500;
    within += j.duration_s > 500 * std::exp(-sigma) && j.duration_s < 500 * std::exp(sigma);
    gpu_s += j.gpus * j.duration_s;
  }
  const auto near = [](double count, double share) {
    return std::abs(count / n - share) < 6 * std::sqrt(share * (1 - share) / n);
  };
  REQUIRE(sizes.size() == trace::lingjun_sizes.size());
  for (const auto& [gpus, weight] : trace::lingjun_sizes) {
    CAPTURE(gpus);
    CHECK(near(sizes[gpus], weight / 100));
  }
  CHECK(near(below, .5));
  CHECK(near(within, .682689492137));
  CHECK(of_gaps(jobs).cv == doctest::Approx(6).epsilon(.1));
  CHECK(jobs.front().submit_s == 0);
  CHECK(gpu_s / (6776 * jobs.back().submit_s) == doctest::Approx(.7));
  CHECK(w()[n / 2] == jobs[n / 2]);
  CHECK(trace::lingjun_workload{.jobs = 0}().empty());
  CHECK_THROWS_AS((void)trace::lingjun_workload{.mean_s = 400}(), input_error);
}

TEST_CASE("real arrivals are as bursty as said") {
  const std::map<std::string, double> said{{"philly_all", 2.80},  {"msr_itp_c01", 7.20},
                                           {"msr_itp_c02", 4.83}, {"msr_itp_c04", 4.72},
                                           {"msr_itp_c07", 5.03}, {"alibaba_v2023_openb", 18.89}};
  for (const auto& [name, cv] : said) {
    CAPTURE(name);
    HEDDLE_SHARED_FILE(file, "data/jobs/" + name + ".csv");
    std::ifstream in(file);
    CHECK(std::abs(of_gaps(trace::read_jobs(in, file.string())).cv - cv) < .005);
  }
}
