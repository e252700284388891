// The small policies: marginals, zeus, static clocks, max_min.
#include <heddle/allocate/allocate.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

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

std::vector<int> gpus(const allocation& a) {
  std::vector<int> out;
  for (const auto* p : a) out.push_back(p ? p->config.gpus : 0);
  return out;
}
template <class Policy>
allocation given(Policy policy, const std::vector<candidate>& jobs, const limits& l) {
  allocation out;
  policy(jobs, l, out);
  return out;
}

// Every count from 1, of time a + b/n a sample: each GPU saves less than the one before.
curve amdahl_curve(test::dice& d, int most) {
  const double a = 0.02 + 0.3 * d.real(), b = 0.5 + d.real();
  std::vector<model::operating_point> points;
  for (int n = 1; n <= most; ++n) points.push_back(point(n, 1 / (a + b / n), 200.0 * n));
  return curve{std::move(points)};
}

// Calls f with every way to give each job 1 … `most` GPUs, `total` at most.
template <class F>
void every_split(std::size_t jobs, int most, int total, std::vector<int>& split, F f) {
  if (split.size() == jobs) return f(split);
  for (int n = 1; n <= most && n <= total; ++n) {
    split.push_back(n);
    every_split(jobs, most, total - n, split, f);
    split.pop_back();
  }
}

}  // namespace

static_assert(AllocationPolicy<throughput_marginal> && AllocationPolicy<optimus> &&
              AllocationPolicy<pollux<>> && AllocationPolicy<zeus> && AllocationPolicy<max_min> &&
              AllocationPolicy<static_clock<requested>>);
static_assert(!static_clock<requested>::elastic && static_clock<powerflow>::elastic);

TEST_CASE("optimus takes off as many seconds as any split of the GPUs") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<curve> curves;
    for (int i = 0; i < 4; ++i) curves.push_back(amdahl_curve(d, 6));
    std::vector<candidate> jobs;
    for (const curve& c : curves) jobs.push_back(job_on(c, 1 + 1000 * d.real()));
    const int total = d.between(4, 20);
    const auto out = given(optimus{}, jobs, {.gpus = total});
    const auto seconds = [&](const std::vector<int>& n) {
      double sum = 0;
      for (std::size_t i = 0; i < jobs.size(); ++i)
        sum += jobs[i].work / curves[i].fastest(n[i])->throughput;
      return sum;
    };
    double least = infinite;
    std::vector<int> split;
    every_split(4, 6, total, split, [&](const auto& n) { least = std::min(least, seconds(n)); });
    CHECK(seconds(gpus(out)) == Approx(least).epsilon(1e-12));
  }
}

TEST_CASE("pollux reaches the harmonic mean of speed-ups of the best split") {
  int spread_less = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<curve> curves;
    for (int i = 0; i < 4; ++i) curves.push_back(amdahl_curve(d, 6));
    std::vector<candidate> jobs;
    for (const curve& c : curves) jobs.push_back(job_on(c));
    const int total = d.between(4, 20);
    const double noise = d.chance(.3) ? infinite : 8 * d.real() + 0.5;  // samples, batch 1 a GPU
    const gradient_noise efficiency{noise};
    const auto out = given(pollux<>{.efficiency = efficiency}, jobs, {.gpus = total});
    const auto goodput = [&](std::size_t i, int n) {
      const auto& p = *curves[i].fastest(n);
      const double worth = noise == infinite ? 1 : (noise + 1) / (noise + n);
      return p.throughput * worth;
    };
    const auto slowness = [&](const std::vector<int>& n) {
      double sum = 0;
      for (std::size_t i = 0; i < jobs.size(); ++i)
        sum += goodput(i, std::min(6, std::max(1, total / 4))) / goodput(i, n[i]);
      return sum;
    };
    double least = infinite;
    std::vector<int> split;
    every_split(4, 6, total, split, [&](const auto& n) { least = std::min(least, slowness(n)); });
    CHECK(slowness(gpus(out)) == Approx(least).epsilon(1e-12));
    int used = 0;
    for (int n : gpus(out)) used += n;
    spread_less += used < std::min(total, 24);
  }
  CHECK(spread_less > 20);  // where noise is small more GPUs would be worse
}

TEST_CASE("throughput_marginal makes the step that saves most of a job's time for each GPU") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<curve> curves;
    for (int i = 0; i < 3; ++i) curves.push_back(amdahl_curve(d, 8));
    std::vector<candidate> jobs;
    for (int i = d.between(0, 8); i > 0; --i) jobs.push_back(job_on(curves[d.index(3)]));
    const int total = d.between(0, 40);
    std::vector<int> n(jobs.size(), 0);
    int left = total;
    for (std::size_t i = 0; i < jobs.size() && left > 0; ++i, --left) n[i] = 1;
    for (; left > 0; --left) {
      std::size_t who = jobs.size();
      double most = 0;
      for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (n[i] == 0 || n[i] == 8) continue;
        const double saved = 1 - jobs[i].curve->fastest(n[i])->throughput /
                                     jobs[i].curve->fastest(n[i] + 1)->throughput;
        if (saved > most) {
          most = saved;
          who = i;
        }
      }
      if (who == jobs.size()) break;
      ++n[who];
    }
    CHECK(gpus(given(throughput_marginal{}, jobs, {.gpus = total})) == n);
  }
}

TEST_CASE(
    "throughput_marginal meets deadlines before it starts others and admits what can be met") {
  const curve c = test::linear_curve({1, 2, 4, 8});
  std::vector jobs{job_on(c, 800), job_on(c, 800), job_on(c, 800)};
  jobs[1].time_left_s = 250;  // four GPUs
  jobs[2].time_left_s = 50;   // sixteen: not to be met
  CHECK(gpus(given(throughput_marginal{}, jobs, {.gpus = 4})) == std::vector{0, 4, 0});
  CHECK(gpus(given(throughput_marginal{}, jobs, {.gpus = 6})) == std::vector{1, 4, 1});
  CHECK(gpus(given(throughput_marginal{.deadlines = false}, jobs, {.gpus = 3})) ==
        std::vector{1, 1, 1});
  // An earlier job's deadline goes before a later one's.
  jobs[0].time_left_s = 100;
  CHECK(gpus(given(throughput_marginal{}, jobs, {.gpus = 9})) == std::vector{8, 1, 0});
}

TEST_CASE("zeus takes the point of least cost at the requested count") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    test::dice d{seed};
    std::vector<model::operating_point> points;
    for (int n : {1, 2, 4})
      for (int k = 0; k < 6; ++k) {
        const double f = 0.5 + d.real();
        points.push_back(point(n, n / (0.3 + 1 / f), n * (50 + 150 * f * f * f), f));
      }
    const curve c{points};
    const zeus policy{.eta = d.real()};
    candidate j = job_on(c);
    j.requested_gpus = 1 << d.between(0, 2);
    const auto cost = [&](const model::operating_point& p) {
      double most = 0;
      for (const auto& q : points)
        if (q.config.gpus == j.requested_gpus) most = std::max(most, q.power_w);
      return policy.eta * p.power_w / p.throughput + (1 - policy.eta) * most / p.throughput;
    };
    const auto out = given(policy, {j}, {.gpus = 8});
    REQUIRE(out[0]->config.gpus == j.requested_gpus);
    for (const auto& p : points)
      if (p.config.gpus == j.requested_gpus) CHECK(cost(*out[0]) <= cost(p) * (1 + 1e-12));
    CHECK(given(zeus{.eta = 0}, {j}, {.gpus = 8})[0] == c.fastest(j.requested_gpus));
    CHECK(given(zeus{.eta = 1}, {j}, {.gpus = 8})[0] == c.most_efficient(j.requested_gpus));
  }
}

TEST_CASE("a static clock is never passed and a high one changes nothing") {
  const curve c{{point(1, 10, 100, 1), point(1, 14, 200, 1.4), point(2, 20, 220, 1.0),
                 point(2, 26, 350, 1.3), point(4, 40, 900, 1.5)}};
  std::vector jobs{job_on(c), job_on(c), job_on(c)};
  jobs[1].requested_gpus = 2;
  jobs[2].requested_gpus = 4;
  jobs[0].current = c.fastest(1);
  const limits l{.gpus = 7};
  const auto out = given(static_clock<requested>{.most_ghz = 1.2}, jobs, l);
  CHECK(out[0] == &c.points()[0]);
  CHECK(out[1] == &c.points()[2]);
  CHECK(out[2] == &c.points()[4]);  // has no slower point
  CHECK(given(static_clock<powerflow>{.most_ghz = 9}, jobs, l) == given(powerflow{}, jobs, l));
  for (const auto* p : given(static_clock<powerflow>{.most_ghz = 1.2}, jobs, l))
    CHECK((p->config.clock_ghz <= 1.2 || p->config.gpus == 4));
  static_clock<requested> changes{.most_ghz = 1.2};
  allocation a;
  changes(jobs, l, a);
  changes.most_ghz = 2;
  changes(jobs, l, a);
  CHECK(a == given(requested{}, jobs, l));
}

TEST_CASE("the common level of max_min uses all GPUs or gives every job all its time") {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const curve c = test::linear_curve({1, 2, 4});
    std::vector<candidate> jobs;
    double asked = 0;
    for (int i = d.between(1, 12); i > 0; --i) {
      jobs.push_back(job_on(c));
      jobs.back().requested_gpus = 1 << d.between(0, 2);
      jobs.back().weight = d.chance(.5) ? 1 : 0.1 + 3 * d.real();
      asked += jobs.back().requested_gpus;
    }
    const int total = d.between(0, 20);
    max_min policy;
    const double level = policy.common_level(jobs, total);
    double used = 0;
    for (const candidate& j : jobs) used += j.requested_gpus * std::min(1.0, level * j.weight);
    CHECK(used == Approx(std::min(asked, static_cast<double>(total))));
  }
}

TEST_CASE("time under max_min comes out as its shares say") {
  for (const bool timed : {true, false}) {
    CAPTURE(timed);
    test::dice d{5};
    const curve c = test::linear_curve({1, 2});
    std::vector<candidate> jobs;
    for (int i = 0; i < 10; ++i) {
      jobs.push_back(job_on(c));
      jobs.back().id = job_id{i};
      jobs.back().weight = i < 3 ? 3 : 1;
    }
    // 4 GPUs for 10 jobs of one GPU with weights 3 and 1: t = 1/4.
    max_min policy;
    std::vector<double> ran(10, 0);
    double now = 0;
    allocation out;
    int switches = 0;
    for (int round = 0; round < 4000; ++round) {
      limits l{.gpus = 4};
      if (timed) l.now_s = now;
      policy(jobs, l, out);
      const double dt = timed ? (d.chance(.5) ? 360 : 90) : 360;  // decisions in between too
      for (std::size_t i = 0; i < 10; ++i) {
        switches += (out[i] != nullptr) != (jobs[i].current != nullptr);
        jobs[i].current = out[i];
        if (out[i]) ran[i] += dt;
      }
      now += dt;
    }
    for (std::size_t i = 0; i < 10; ++i)
      CHECK(ran[i] / now == Approx(i < 3 ? 0.75 : 0.25).epsilon(0.005));
    if (timed) CHECK(switches < 4000 * 6 * 0.8);  // not at decisions within a round
  }
}

TEST_CASE("jobs come and go under max_min and only newcomers start without a claim") {
  const curve c = test::linear_curve({1});
  std::vector jobs{job_on(c), job_on(c)};
  jobs[0].id = job_id{7};
  jobs[1].id = job_id{3};
  max_min policy;
  allocation out;
  policy(jobs, {.gpus = 1, .now_s = 0}, out);
  CHECK(gpus(out) == std::vector{1, 0});
  jobs[0].current = out[0];
  policy(jobs, {.gpus = 1, .now_s = 100}, out);  // the round goes on
  CHECK(gpus(out) == std::vector{1, 0});
  policy(jobs, {.gpus = 1, .now_s = 360}, out);
  CHECK(gpus(out) == std::vector{0, 1});
  jobs.erase(jobs.begin());
  jobs[0].current = out[1];
  policy(jobs, {.gpus = 1, .now_s = 400}, out);
  CHECK(gpus(out) == std::vector{1});
}

TEST_CASE("small policies allocate nothing once warm") {
  test::dice d{1};
  std::vector<curve> curves;
  for (int i = 0; i < 4; ++i) curves.push_back(amdahl_curve(d, 8));
  std::vector<candidate> jobs;
  for (int i = 0; i < 100; ++i) {
    jobs.push_back(job_on(curves[d.index(4)]));
    jobs.back().id = job_id{i};
  }
  const auto check = [&](const std::string& name, auto policy) {
    CAPTURE(name);
    allocation out;
    policy(jobs, {.gpus = 300}, out);
    const test::allocation_guard guard;
    policy(jobs, {.gpus = 310, .power_w = 5e4}, out);
    policy(jobs, {.gpus = 290}, out);
    const std::size_t allocations = guard.count();
    CHECK(allocations == 0);
  };
  check("throughput_marginal", throughput_marginal{});
  check("optimus", optimus{});
  check("pollux<>", pollux<>{});
  check("zeus", zeus{});
  check("max_min", max_min{});
  check("static_clock<powerflow>", static_clock<powerflow>{.most_ghz = 1});
}
