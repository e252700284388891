#include <heddle/allocate/optimal.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <heddle/allocate/powerflow.hpp>

#include "support/allocation_guard.hpp"
#include "support/candidates.hpp"
#include "support/dice.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using namespace heddle::allocate;
using doctest::Approx;
using model::curve;
using test::job_on;
using test::point;

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

curve random_curve(test::dice& d, int most_points) {
  std::vector<model::operating_point> points;
  for (int k = d.between(1, most_points); k > 0; --k) {
    const int n = 1 << d.between(0, 3);
    const double f = 0.5 + d.real();
    points.push_back(
        point(n, std::pow(n, 0.7) * f * (0.8 + 0.4 * d.real()), n * (80 + 120 * f * f * f), f));
  }
  return curve{std::move(points)};
}

limits random_limits(test::dice& d, std::size_t jobs) {
  limits l{.gpus = d.between(0, 1 + 4 * static_cast<int>(jobs)),
           .gpu_idle_w = d.chance(.5) ? 50. : 0.};
  if (d.chance(.5)) l.power_w = 600.0 * static_cast<double>(jobs) * d.real();
  if (d.chance(.5)) l.energy_j = 3e5 * static_cast<double>(jobs) * d.real();
  return l;
}

template <class Worth>
double best_of_all(const std::vector<candidate>& jobs, const limits& l, Worth worth,
                   std::size_t i = 0, double gpus = 0, double watts = 0, double joules = 0) {
  if (gpus > l.gpus || watts > l.power_w * (1 + 1e-12) || joules > l.energy_j * (1 + 1e-12))
    return -infinite;
  if (i == jobs.size()) return 0;
  double best = best_of_all(jobs, l, worth, i + 1, gpus, watts, joules);
  for (const auto& p : jobs[i].curve->points()) {
    if (p.config.gpus < jobs[i].min_gpus || p.config.gpus > jobs[i].max_gpus) continue;
    best = std::max(best, jobs[i].weight * worth(jobs[i], p) +
                              best_of_all(jobs, l, worth, i + 1, gpus + p.config.gpus,
                                          watts + std::max(0.0, extra_power_w(p, l)),
                                          joules + jobs[i].work * p.energy_per_sample_j()));
  }
  return best;
}

template <class Objective>
void compare(const char* name, int instances) {
  CAPTURE(name);
  int limited = 0;
  optimal<Objective> policy{.gap = 0, .node_limit = 100'000, .start_waiting = false};
  for (int seed = 0; seed < instances; ++seed) {
    CAPTURE(seed);
    test::dice d{static_cast<std::uint64_t>(seed)};
    std::vector<curve> curves;
    for (int i = 0; i < 3; ++i) curves.push_back(random_curve(d, 5));
    std::vector<candidate> jobs;
    for (int i = d.between(0, 5); i > 0; --i) {
      jobs.push_back(
          job_on(curves[d.index(3)], 100 + 1000 * d.real(), d.chance(.5) ? 1 : 3 * d.real()));
      if (d.chance(.3)) jobs.back().min_gpus = 2;
      if (d.chance(.3)) jobs.back().max_gpus = 4;
      if (d.chance(.3)) jobs.back().current = &jobs.back().curve->points()[0];
      jobs.back().time_left_s = d.chance(.2) ? -5 : 1000 * d.real();
    }
    const limits l = random_limits(d, jobs.size());
    allocation out;
    policy(jobs, l, out);
    const auto worth = objective::prepared(Objective{}, jobs);
    double value = 0, gpus = 0, watts = 0, joules = 0;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      if (!out[i]) continue;
      REQUIRE(out[i]->config.gpus >= jobs[i].min_gpus);
      REQUIRE(out[i]->config.gpus <= jobs[i].max_gpus);
      value += jobs[i].weight * worth(jobs[i], *out[i]);
      gpus += out[i]->config.gpus;
      watts += std::max(0.0, extra_power_w(*out[i], l));
      joules += jobs[i].work * out[i]->energy_per_sample_j();
    }
    REQUIRE(gpus <= l.gpus);
    REQUIRE(watts <= l.power_w * (1 + 1e-9));
    REQUIRE(joules <= l.energy_j * (1 + 1e-9));
    const double best = best_of_all(jobs, l, worth);
    REQUIRE(value == Approx(best).epsilon(1e-9));
    REQUIRE(policy.last().objective == Approx(best).epsilon(1e-9));
    REQUIRE(policy.last().bound >= best * (1 - 1e-9));
    REQUIRE(policy.last().status == choice::status::optimal);
    limited += gpus >= l.gpus - 1;
  }
  CHECK(limited > instances / 10);
}

}  // namespace

static_assert(AllocationPolicy<optimal<>>);
static_assert(objective::Objective<objective::jct>);
static_assert(!objective::Objective<int>);

TEST_CASE("optimal finds what brute force finds for every objective") {
  compare<objective::jct>("jct", 1500);
  compare<objective::completion_rate>("completion_rate", 1000);
  compare<objective::energy>("energy", 1000);
  compare<objective::energy_delay>("energy_delay", 1000);
  compare<objective::deadlines>("deadlines", 1000);
}

TEST_CASE("an objective may be a lambda") {
  const curve c{{point(1, 1, 100), point(2, 1.5, 200), point(4, 1.6, 400)}};
  const auto likes_two = [](const candidate&, const model::operating_point& p) {
    return p.config.gpus == 2 ? 1.0 : 0.5;
  };
  optimal<decltype(likes_two)> policy{.objective = likes_two, .gap = 0};
  const std::vector jobs{job_on(c), job_on(c), job_on(c)};
  allocation out;
  policy(jobs, {.gpus = 5}, out);
  CHECK(std::count(out.begin(), out.end(), c.fastest(2)) == 2);
  CHECK(policy.last().objective == Approx(2.5));
}

TEST_CASE("the energy objective runs all that fit and then saves") {
  const curve c{{point(1, 1, 100, 1), point(1, 1.5, 300, 1.5), point(2, 1.9, 200, 1)}};
  const std::vector jobs{job_on(c), job_on(c), job_on(c)};
  allocation out;
  optimal<objective::energy> policy{.gap = 0};
  policy(jobs, {.gpus = 9}, out);
  for (const auto* p : out) CHECK(p == &c.points()[0]);
}

TEST_CASE("a job that takes longer than the objective's horizon runs where GPUs would idle") {
  // The best time left is 10 s, so that a job is worth 20 s less its time; the budget allows 100 s.
  const curve c{{point(4, 1, 100, .5), point(4, 10, 1000, 1.5)}};
  const std::vector jobs{job_on(c, 100)};
  allocation out;
  optimal<> policy;
  policy(jobs, {.gpus = 8, .power_w = 200}, out);
  CHECK(out[0] == &c.points()[0]);
  policy(jobs, {.gpus = 8, .power_w = 50}, out);
  CHECK(out[0] == nullptr);
}

TEST_CASE("a pause in the objective keeps jobs where they are") {
  const curve c{{point(1, 10, 100), point(2, 11, 150)}};
  std::vector jobs{job_on(c, 1000)};  // 100 s or 91 s
  jobs[0].current = c.fastest(1);
  allocation out;
  optimal<> quick{.objective = {.pause_s = 5}, .gap = 0},
      slow{.objective = {.pause_s = 20}, .gap = 0};
  quick(jobs, {.gpus = 2}, out);
  CHECK(out[0] == c.fastest(2));
  slow(jobs, {.gpus = 2}, out);
  CHECK(out[0] == c.fastest(1));
}

TEST_CASE("optimal is never worse than powerflow by more than its gap") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<curve> curves;
    for (int i = 0; i < 10; ++i) curves.push_back(random_curve(d, 12));
    std::vector<candidate> jobs;
    for (int i = 0; i < 200; ++i) {
      jobs.push_back(job_on(curves[d.index(10)], 100 + 1000 * d.real()));
      jobs.back().id = job_id{i};
    }
    const limits l{.gpus = 300 + d.between(0, 500), .power_w = 3e4 + 1e5 * d.real()};
    optimal<> best;
    powerflow steps;
    allocation a, b;
    best(jobs, l, a);
    steps(jobs, l, b);
    double by_steps = 0;
    for (std::size_t i = 0; i < jobs.size(); ++i)
      if (b[i]) by_steps += best.objective(jobs[i], *b[i]);
    CHECK(by_steps <= best.last().bound * (1 + 1e-9));
    CHECK(best.last().gap <= 2e-3);
    CHECK(by_steps <= best.last().objective * (1 + 2e-3));
  }
}

TEST_CASE("optimal takes nonsense for nothing and allocates nothing once warm") {
  const double nan = std::nan("");
  const curve c{{point(1, 1, 100), point(2, 1.5, 200)}};
  std::vector jobs{job_on(c), job_on(c, nan), job_on(c, 0), job_on(c, 1000, nan)};
  optimal<> policy;
  allocation out;
  policy(jobs, {.gpus = 8}, out);
  CHECK(out[0] == c.fastest(2));
  CHECK(std::count(out.begin(), out.end(), nullptr) == 3);
  for (const limits& l : {limits{.gpus = -1}, limits{.gpus = 8, .power_w = nan},
                          limits{.gpus = 8, .energy_j = -1}, limits{.gpus = 8, .energy_j = nan}}) {
    policy(jobs, l, out);
    CHECK(std::count(out.begin(), out.end(), nullptr) == 4);
  }
  policy({}, {.gpus = 8}, out);
  CHECK(out.empty());

  jobs.assign(100, job_on(c));
  policy(jobs, {.gpus = 130, .power_w = 1.2e4}, out);
  const test::allocation_guard guard;
  policy(jobs, {.gpus = 120, .power_w = 1.2e4}, out);
  policy(jobs, {.gpus = 130, .power_w = 1.1e4}, out);
  CHECK(guard.count() == 0);
}
