#include <heddle/allocate/powerflow.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "support/allocation_guard.hpp"
#include "support/candidates.hpp"
#include "support/dice.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using namespace heddle::allocate;
using model::curve;
using test::job_on;
using test::point;

namespace {

allocation allocate_all(const std::vector<candidate>& jobs, const limits& l, powerflow p = {}) {
  allocation out;
  p(jobs, l, out);
  return out;
}
std::vector<int> gpus(const allocation& a) {
  std::vector<int> out;
  for (const auto* p : a) out.push_back(p ? p->config.gpus : 0);
  return out;
}

// One clock, counts in powers of two, throughput n^exponent, damped so that every doubling saves less
// than the one before; the power is such that energy grows.
curve scaling(double exponent, int most = 64, double damping = 0) {
  std::vector<model::operating_point> points;
  for (int n = 1; n <= most; n *= 2)
    points.push_back(point(n, std::pow(n, exponent) / (1 + damping * n), 300.0 * n));
  return curve{std::move(points)};
}

curve random_curve(test::dice& d) {
  std::vector<model::operating_point> points;
  const double exponent = 0.3 + 0.8 * d.real();
  int n = d.chance(.2) ? 2 : 1;
  for (int i = d.between(1, 6); i > 0; --i, n = d.chance(.8) ? 2 * n : n + 1)
    for (int k = d.between(1, 5); k > 0; --k) {
      const double f = 0.5 + 1.5 * d.real();
      points.push_back(point(n, std::pow(n, exponent) * (0.3 + 0.7 * f) * (0.9 + 0.2 * d.real()),
                             n * (80 + 100 * f * f * f), f));
    }
  return curve{std::move(points)};
}

}  // namespace

TEST_CASE("powerflow says that it resizes running jobs") { CHECK(powerflow::elastic); }

TEST_CASE("jobs start on fewest GPUs at the clock of least energy, in their order") {
  const curve c{{point(1, 10, 100, 1), point(1, 18, 190, 1.2), point(1, 20, 230, 1.4)}};
  // Energy a sample: 10, 10.55, 11.5.
  const std::vector jobs{job_on(c), job_on(c), job_on(c)};
  const auto out = allocate_all(jobs, {.gpus = 2, .power_w = 200});
  CHECK(out[0] == &c.points()[0]);
  CHECK(out[1] == &c.points()[0]);
  CHECK(out[2] == nullptr);
}

TEST_CASE("a range of GPUs is kept to") {
  const curve c = scaling(0.9);
  std::vector jobs{job_on(c), job_on(c), job_on(c)};
  jobs[0].min_gpus = 4;
  jobs[1].max_gpus = 2;
  jobs[2].min_gpus = 65;
  CHECK(gpus(allocate_all(jobs, {.gpus = 1000})) == std::vector{64, 2, 0});
  jobs[0].min_gpus = 3;
  jobs[0].max_gpus = 3;  // no point within
  CHECK(gpus(allocate_all(jobs, {.gpus = 1000}))[0] == 0);
}

TEST_CASE("with an energy budget of the first points alone no step is made") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    // Sublinear throughput and power that rises faster than speed: every step costs energy.
    const curve c = scaling(0.5 + 0.4 * d.real());
    std::vector<candidate> jobs;
    double energy = 0;
    for (int i = d.between(1, 10); i > 0; --i) {
      jobs.push_back(job_on(c, 100 + 1000 * d.real()));
      energy += jobs.back().work * c.points()[0].energy_per_sample_j();
    }
    const auto out = allocate_all(jobs, {.gpus = 1000, .energy_j = energy * (1 + 1e-12)});
    for (const auto* p : out) REQUIRE(p == &c.points()[0]);
  }
}

TEST_CASE("without the energy in the priority it is throughput-greedy over GPU steps") {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<curve> curves;
    for (int i = 0; i < 4; ++i) curves.push_back(scaling(0.4 + 0.6 * d.real(), 64, 0.001));
    std::vector<candidate> jobs;
    for (int i = d.between(1, 8); i > 0; --i) {
      jobs.push_back(job_on(curves[d.index(4)]));
      jobs.back().weight = d.chance(.5) ? 1 : 0.5 + d.real();
    }
    const int total = d.between(1, 100);

    // The oracle: one GPU each in order; then the doubling that saves most of the job's time,
    // of equal ones the job's with fewer GPUs, then the earlier job's; one that does not fit is struck
    // out.
    std::vector<std::size_t> at(jobs.size(), 0);
    std::vector<bool> started(jobs.size(), false), done(jobs.size(), false);
    int left = total;
    for (std::size_t i = 0; i < jobs.size() && left > 0; ++i) {
      started[i] = true;
      --left;
    }
    for (;;) {
      double best = 0;
      std::size_t who = jobs.size();
      for (std::size_t i = 0; i < jobs.size(); ++i) {
        const auto points = jobs[i].curve->points();
        if (!started[i] || done[i] || at[i] + 1 == points.size()) continue;
        const double saved =
            jobs[i].weight * (1 - points[at[i]].throughput / points[at[i] + 1].throughput);
        if (saved > best || (saved == best && who < jobs.size() && at[i] < at[who])) {
          best = saved;
          who = i;
        }
      }
      if (who == jobs.size()) break;
      const int more = 1 << at[who];
      if (more > left) {
        done[who] = true;
        continue;
      }
      left -= more;
      ++at[who];
    }

    const auto out = allocate_all(jobs, {.gpus = total}, {.weigh_energy = false});
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      REQUIRE(static_cast<bool>(out[i]) == started[i]);
      if (started[i]) REQUIRE(out[i] == &jobs[i].curve->points()[at[i]]);
    }
  }
}

TEST_CASE("two jobs that differ in their iterations only are at most one step apart") {
  // Whatever the curve: with constant or rising gains too.
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    test::dice d{seed};
    const double damping = seed % 3 == 0 ? 0 : seed % 3 == 1 ? 0.01 : -0.005;
    const curve c = scaling(0.4 + 0.7 * d.real(), 64, damping);
    std::vector jobs{job_on(c, 10), job_on(c, 1e6)};
    for (std::size_t i = 0; i < jobs.size(); ++i) jobs[i].id = job_id{i};
    for (int total = 2; total <= 140; total += d.between(1, 20)) {
      CAPTURE(seed);
      CAPTURE(total);
      const auto out = gpus(allocate_all(jobs, {.gpus = total}));
      CHECK(std::max(out[0], out[1]) <= 2 * std::min(out[0], out[1]));
    }
  }
}

TEST_CASE("a step that saves time and energy is made before all others") {
  // Job 0: the second clock is faster and cheaper per sample. Job 1: a great saving of time.
  const curve a{{point(1, 10, 100, 1), point(2, 20, 190, 1)}};
  const curve b{{point(1, 1, 100, 1), point(2, 100, 10'001, 1)}};
  const std::vector jobs{job_on(b), job_on(a)};
  CHECK(gpus(allocate_all(jobs, {.gpus = 3})) == std::vector{1, 2});
}

TEST_CASE("a step that saves no time is never made") {
  const curve c{{point(1, 10, 300), point(2, 10, 20)}};  // no faster, far less energy
  CHECK(gpus(allocate_all({job_on(c)}, {.gpus = 8})) == std::vector{1});
  CHECK(gpus(allocate_all({job_on(c)}, {.gpus = 8}, {.weigh_energy = false})) == std::vector{1});
}

TEST_CASE("a weight raises a job's steps above another's") {
  const curve c = scaling(0.9, 2);
  std::vector jobs{job_on(c), job_on(c)};
  CHECK(gpus(allocate_all(jobs, {.gpus = 3})) == std::vector{2, 1});
  jobs[1].weight = 2;
  CHECK(gpus(allocate_all(jobs, {.gpus = 3})) == std::vector{1, 2});
}

TEST_CASE("where a count does not fit the clock still rises") {
  const curve c{{point(1, 10, 100, 1), point(1, 14, 200, 1.4), point(2, 20, 210, 1)}};
  const auto out = allocate_all({job_on(c)}, {.gpus = 1});
  CHECK(out[0] == &c.points()[1]);
  CHECK(allocate_all({job_on(c)}, {.gpus = 1, .power_w = 150})[0] == &c.points()[0]);
}

TEST_CASE("GPUs and budgets are never exceeded, whatever the curves") {
  constexpr double rounding = 1e-9;  // relative, of sums in another order
  int bound_by_power = 0, bound_by_energy = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<curve> curves;
    for (int i = 0; i < 5; ++i) curves.push_back(random_curve(d));
    std::vector<candidate> jobs;
    for (int i = d.between(0, 25); i > 0; --i) {
      jobs.push_back(job_on(curves[d.index(5)], 1 + 1e4 * d.real()));
      if (d.chance(.3)) jobs.back().min_gpus = d.between(1, 3);
      if (d.chance(.3)) jobs.back().max_gpus = jobs.back().min_gpus + d.between(0, 8);
      jobs.back().weight = 0.5 + d.real();
    }
    limits l{.gpus = d.between(0, 120), .gpu_idle_w = d.chance(.5) ? 60.0 : 0.0};
    if (d.chance(.5)) l.power_w = 2e4 * d.real();
    if (d.chance(.5)) l.energy_j = 2e7 * d.real();
    powerflow policy{.weigh_energy = d.chance(.7)};
    allocation out;
    policy(jobs, l, out);
    REQUIRE(out.size() == jobs.size());
    int used = 0;
    double power = 0, energy = 0;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      if (!out[i]) continue;
      const auto points = jobs[i].curve->points();
      REQUIRE(out[i] >= points.data());
      REQUIRE(out[i] < points.data() + points.size());
      REQUIRE(out[i]->config.gpus >= jobs[i].min_gpus);
      REQUIRE(out[i]->config.gpus <= jobs[i].max_gpus);
      used += out[i]->config.gpus;
      power += extra_power_w(*out[i], l);
      energy += jobs[i].work * out[i]->energy_per_sample_j();
    }
    REQUIRE(used <= l.gpus);
    REQUIRE(power <= l.power_w * (1 + rounding) + rounding);
    REQUIRE(energy <= l.energy_j * (1 + rounding));

    // The same again gives the same, from a policy that has worked before too.
    allocation again;
    powerflow{.weigh_energy = policy.weigh_energy}(jobs, l, again);
    REQUIRE(out == again);
    policy(jobs, l, again);
    REQUIRE(out == again);
    bound_by_power += power > 0.9 * l.power_w;
    bound_by_energy += energy > 0.9 * l.energy_j;
  }
  CHECK(bound_by_power > 50);
  CHECK(bound_by_energy > 50);
}

TEST_CASE("powerflow allocates nothing once warm") {
  test::dice d{8};
  std::vector<curve> curves;
  for (int i = 0; i < 5; ++i) curves.push_back(random_curve(d));
  std::vector<candidate> jobs;
  for (int i = 0; i < 200; ++i) jobs.push_back(job_on(curves[d.index(5)], 1e4 * d.real()));
  powerflow policy;
  allocation out;
  policy(jobs, {.gpus = 1500}, out);
  const test::allocation_guard guard;
  policy(jobs, {.gpus = 1500, .power_w = 1e5}, out);
  policy(jobs, {.gpus = 1000}, out);
  CHECK(guard.count() == 0);
}

TEST_CASE("a higher priority class gets the same whatever lower ones there are") {
  int lower_served = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<curve> curves;
    for (int i = 0; i < 4; ++i) curves.push_back(random_curve(d));
    std::vector<candidate> jobs;
    for (int i = d.between(1, 20); i > 0; --i) {
      jobs.push_back(job_on(curves[d.index(4)], 1 + 1e4 * d.real()));
      jobs.back().id = job_id{jobs.size()};
      jobs.back().priority = d.between(0, 2);
    }
    limits l{.gpus = d.between(0, 60)};
    if (d.chance(.5)) l.power_w = 2e4 * d.real();
    if (d.chance(.3)) l.energy_j = 2e7 * d.real();
    const allocation all = allocate_all(jobs, l);
    for (int level = 1; level <= 2; ++level) {
      std::vector<candidate> upper;
      allocation expected;
      for (std::size_t i = 0; i < jobs.size(); ++i)
        if (jobs[i].priority >= level) {
          upper.push_back(jobs[i]);
          expected.push_back(all[i]);
        } else {
          lower_served += all[i] != nullptr;
        }
      REQUIRE(allocate_all(upper, l) == expected);
    }
  }
  CHECK(lower_served > 500);
  // Without classes they are all alike.
  const curve c = scaling(0.9);
  std::vector jobs{job_on(c), job_on(c)};
  jobs[1].priority = 1;
  CHECK(gpus(allocate_all(jobs, {.gpus = 1})) == std::vector{0, 1});
  CHECK(gpus(allocate_all(jobs, {.gpus = 1}, {.classes = false})) == std::vector{1, 0});
}

TEST_CASE("at the first step that does not fit powerflow stops or passes over it") {
  const curve wide{{point(1, 10, 100), point(8, 70, 900)}};
  const curve slim{{point(1, 10, 100), point(2, 12, 400)}};
  const std::vector jobs{job_on(wide), job_on(slim)};
  CHECK(gpus(allocate_all(jobs, {.gpus = 5})) == std::vector{1, 2});
  CHECK(gpus(allocate_all(jobs, {.gpus = 5}, {.full = when_full::stop})) == std::vector{1, 1});
}

TEST_CASE("steps lead to twice the GPUs or to the next count") {
  const curve c{{point(2, 10, 200), point(3, 14, 300), point(5, 20, 500), point(8, 26, 800)}};
  CHECK(gpus(allocate_all({job_on(c)}, {.gpus = 4})) == std::vector{2});
  CHECK(gpus(allocate_all({job_on(c)}, {.gpus = 4}, {.grow = growth::next_count})) ==
        std::vector{3});
  CHECK(gpus(allocate_all({job_on(c)}, {.gpus = 7})) == std::vector{5});
}

TEST_CASE(
    "by seconds a joule the frugal job goes first and by parts the one that saves most of itself") {
  // One step each. Job 0: a fifth less time for 10 % more energy, of a job that draws a hundredfold.
  const curve heavy{{point(1, 1, 1000), point(2, 1.25, 1375)}};
  const curve light{{point(1, 1, 10), point(2, 1.25, 15)}};
  const std::vector jobs{job_on(heavy), job_on(light)};
  CHECK(gpus(allocate_all(jobs, {.gpus = 3})) == std::vector{2, 1});
  CHECK(gpus(allocate_all(jobs, {.gpus = 3}, {.rank = ranking::absolute})) == std::vector{1, 2});
  // Without the energy seconds alone count: the longer job's.
  const std::vector by_length{job_on(heavy, 10), job_on(heavy, 1000)};
  CHECK(gpus(allocate_all(by_length, {.gpus = 3},
                          {.weigh_energy = false, .rank = ranking::absolute})) ==
        std::vector{1, 2});
}

TEST_CASE("a running job goes on when the energy is used up and no job starts") {
  const curve c{{point(1, 10, 100, 1), point(1, 14, 200, 1.4), point(2, 20, 250, 1)}};
  std::vector jobs{job_on(c), job_on(c)};
  jobs[0].current = c.fastest(2);
  for (double left : {0.0, -1e6, 1.0}) {
    const limits l{.gpus = 8, .energy_j = left};
    const auto out = allocate_all(jobs, l);
    CHECK(out[0] == &c.points()[0]);
    CHECK(out[1] == nullptr);
    CHECK(gpus(allocate_all(jobs, l, {.hard_energy = true})) == std::vector{0, 0});
  }
}

TEST_CASE("a job moves only if it gains more over the interval than its pause costs") {
  const curve c{{point(1, 10, 100), point(2, 11, 150)}};
  std::vector jobs{job_on(c, 1e6)};
  jobs[0].current = c.fastest(1);
  const auto with = [&](double interval_s) {
    return gpus(allocate_all(jobs, {.gpus = 8}, {.rescale = {.interval_s = interval_s}}));
  };
  // 11·(H − 2) > 10·H from H = 22 s on.
  CHECK(with(21.9) == std::vector{1});
  CHECK(with(22.1) == std::vector{2});
  CHECK(with(0) == std::vector{2});
  jobs[0].work = 219;  // 21.9 s left
  CHECK(with(1000) == std::vector{1});
  // The price is what the limits say that it is.
  jobs[0].work = 1e6;
  const auto at_price = [&](double pause_s) {
    return gpus(allocate_all(jobs, {.gpus = 8, .rescale = {.pause_s = pause_s}},
                             {.rescale = {.interval_s = 22.1}}));
  };
  CHECK(at_price(2) == std::vector{2});
  CHECK(at_price(3) == std::vector{1});
  // A start is not held back, and a job that must make room does.
  jobs.push_back(job_on(c, 1e6));
  jobs[0].current = c.fastest(2);
  CHECK(gpus(allocate_all(jobs, {.gpus = 2}, {.rescale = {.interval_s = 1}})) == std::vector{1, 1});
  // Room that nobody takes is not made.
  jobs.resize(1);
  jobs[0].max_gpus = 1;
  CHECK(gpus(allocate_all(jobs, {.gpus = 2}, {.rescale = {.interval_s = 1}})) == std::vector{2});
}

TEST_CASE("powerflow takes nonsense for nothing") {
  const double nan = std::nan(""), infinite = std::numeric_limits<double>::infinity();
  const curve c = scaling(0.9);
  const curve none;
  for (const double work : {nan, 0.0, -1.0, infinite}) {
    const std::vector jobs{job_on(c, work), job_on(c)};
    CHECK(gpus(allocate_all(jobs, {.gpus = 1})) == std::vector{0, 1});
  }
  std::vector jobs{job_on(c), job_on(c), job_on(none)};
  jobs[0].weight = nan;
  CHECK(gpus(allocate_all(jobs, {.gpus = 3})) == std::vector{1, 2, 0});
  jobs[0].weight = -1;
  CHECK(gpus(allocate_all(jobs, {.gpus = 3})) == std::vector{1, 2, 0});
  for (const limits& l :
       {limits{.gpus = -1}, limits{.gpus = 8, .power_w = nan}, limits{.gpus = 8, .power_w = -1},
        limits{.gpus = 8, .energy_j = nan}, limits{.gpus = 8, .gpu_idle_w = nan, .power_w = 1000}})
    CHECK(gpus(allocate_all(jobs, l)) == std::vector{0, 0, 0});
  CHECK(allocate_all({}, {.gpus = 3}).empty());
}
