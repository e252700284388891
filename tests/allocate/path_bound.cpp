// The clairvoyant bound beside all schedules of tiny cases with arrivals.
#include <heddle/allocate/path_bound.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <heddle/allocate/ideal_run.hpp>
#include <heddle/allocate/marginals.hpp>
#include <heddle/allocate/optimal.hpp>
#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/price_path.hpp>
#include <heddle/core/error.hpp>

#include "support/dice.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using namespace heddle::allocate;

namespace {

// The least cost over the allocations of every phase, a phase lasting until a job ends or comes.
double least_cost(const std::vector<known_job>& jobs, const std::vector<double>& work, double now,
                  int gpus, double price) {
  std::vector<std::size_t> alive;
  double weight = 0, until = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (jobs[i].arrival_s > now)
      until = std::min(until, jobs[i].arrival_s);
    else if (work[i] > 0)
      alive.push_back(i), weight += jobs[i].weight;
  }
  if (alive.empty())
    return until < std::numeric_limits<double>::infinity()
               ? least_cost(jobs, work, until, gpus, price)
               : 0;
  double best = std::numeric_limits<double>::infinity();
  std::vector<const model::operating_point*> given(alive.size(), nullptr);
  const auto choose = [&](auto& self, std::size_t k, int left) -> void {
    if (k < alive.size()) {
      given[k] = nullptr;
      self(self, k + 1, left);
      for (const model::operating_point& p : jobs[alive[k]].curve->points())
        if (p.config.gpus <= left) {
          given[k] = &p;
          self(self, k + 1, left - p.config.gpus);
        }
      return;
    }
    double step = until - now, rate = weight;
    for (std::size_t i = 0; i < alive.size(); ++i)
      if (given[i]) {
        rate += price * given[i]->power_w;
        step = std::min(step, work[alive[i]] / given[i]->throughput);
      }
    if (!(rate * step < best)) return;
    std::vector<double> after = work;
    for (std::size_t i = 0; i < alive.size(); ++i)
      if (given[i]) {
        double& w = after[alive[i]];
        w -= step * given[i]->throughput;
        if (w < 1e-12 * work[alive[i]]) w = 0;
      }
    best = std::min(best, rate * step + least_cost(jobs, after, now + step, gpus, price));
  };
  choose(choose, 0, gpus);
  return best;
}

}  // namespace

TEST_CASE("the clairvoyant bound is never above brute force, and near it") {
  double sum = 0;
  constexpr int instances = 30;
  for (int seed = 0; seed < instances; ++seed) {
    test::dice d{static_cast<std::uint64_t>(seed)};
    const double price = seed % 3 == 0 ? 0 : .3;
    std::vector<model::curve> curves;
    for (int i = 0; i < 3; ++i) {
      const double p = .3 + .7 * d.real(), top = .3 + .5 * d.real();
      std::vector<model::operating_point> points;
      for (int n = 1; n <= 4; n *= 2)
        for (const double f : {1., .75})
          points.push_back(test::point(n, std::pow(n, p) * f, n * (.1 + top * f * f * f), f));
      curves.emplace_back(std::move(points));
    }
    std::vector<known_job> jobs;
    std::vector<double> work;
    for (std::size_t i = 0; i < 3; ++i) {
      jobs.push_back({.arrival_s = i == 0 ? 0 : jobs.back().arrival_s + 2 * d.real(),
                      .work = 1 + 8 * d.real(),
                      .weight = d.chance(.3) ? 3.0 : 1.0,
                      .curve = &curves[i]});
      work.push_back(jobs.back().work);
    }
    const double least = least_cost(jobs, work, 0, 4, price);
    price_path policy{.energy_price = price};
    const ideal_run_answer run = ideal_run(policy, jobs, {.gpus = 4});
    const double cost = run.weighted_time_s + price * run.energy_j;
    path_bound bound;
    const path_bound_answer a =
        bound(jobs, run.prices,
              {.gpus = 4, .energy_price = price, .known_cost = cost, .steps = 80, .parts = 4});
    INFO("seed ", seed, " bound ", a.cost, " least ", least, " policy ", cost);
    CHECK(a.cost <= least * (1 + 1e-9));
    CHECK(cost >= least * (1 - 1e-9));
    CHECK(a.cost >= .75 * least);
    sum += a.cost / least;
  }
  MESSAGE("bound over the least cost, mean: ", sum / instances);
  CHECK(sum / instances >= .93);
}

TEST_CASE("the clairvoyant bound wants slots in a row") {
  const model::curve c{{test::point(1, 1, 100)}};
  const std::vector<known_job> jobs{{.work = 10, .curve = &c}};
  path_bound bound;
  CHECK_THROWS_AS((void)bound(jobs, {{0, 1, 0}, {2, 3, 0}}, {}), input_error);
  CHECK(bound(jobs, {{0, 20, 0}}, {}).cost == doctest::Approx(10));
}

namespace {

// Rows of a comma-separated file without quotes, its first line left out.
std::vector<std::vector<std::string>> rows_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  REQUIRE(in);
  std::vector<std::vector<std::string>> rows;
  std::string line, cell;
  std::getline(in, line);
  while (std::getline(in, line)) {
    auto& row = rows.emplace_back();
    for (std::istringstream cells(line); std::getline(cells, cell, ',');) row.push_back(cell);
  }
  return rows;
}

}  // namespace

TEST_CASE(
    "the sixteen jobs of the powerflow page, run to their ends, are done soonest by price_path") {
  const std::filesystem::path figures = std::filesystem::path(HEDDLE_SOURCE_DIR) / "docs/figures";
  std::map<std::string, std::vector<model::operating_point>> points;
  std::map<std::string, double> alone;
  for (const auto& row : rows_of(figures / "allocate_points.csv")) {
    const int gpus = std::stoi(row[1]);
    const double throughput = std::stod(row[3]);
    points[row[0]].push_back(test::point(gpus, throughput, std::stod(row[4]), std::stod(row[2])));
    if (gpus == 1) alone[row[0]] = std::max(alone[row[0]], throughput);
  }
  std::map<std::string, model::curve> curves;
  for (auto& [name, all] : points) curves.emplace(name, std::move(all));
  std::vector<known_job> jobs;
  for (const auto& row : rows_of(figures / "allocate_jobs.csv"))
    jobs.push_back(
        {.work = std::stod(row[2]) * 3600 * alone.at(row[1]), .curve = &curves.at(row[1])});
  REQUIRE(jobs.size() == 16);
  const auto run = [&](auto policy) { return ideal_run(policy, jobs, {.gpus = 64}); };
  const auto hours = [](const ideal_run_answer& r) { return r.weighted_time_s / 16 / 3600; };
  const ideal_run_answer own = run(price_path{});
  path_bound bound;
  const double least =
      bound(jobs, own.prices, {.gpus = 64, .known_cost = own.weighted_time_s}).cost / 16 / 3600;
  const double afs = hours(run(throughput_marginal{})), best = hours(run(optimal<>{})),
               relative = hours(run(powerflow{})),
               absolute = hours(run(powerflow{.rank = ranking::absolute}));
  MESSAGE("hours: optimal ", best, ", powerflow ", relative, ", absolute ", absolute, ", AFS ", afs,
          ", price path ", hours(own), ", bound ", least);
  CHECK(hours(own) < afs);
  CHECK(afs < relative);
  CHECK(relative < best);
  CHECK(absolute < relative);
  CHECK(hours(own) < 1.02 * least);
}
