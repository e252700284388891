// No policy hands out more than there is, whatever it is asked. HEDDLE_SNAPSHOTS=1000000 for a long run.
#include <heddle/allocate/allocate.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "support/dice.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using namespace heddle::allocate;
using model::curve;

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();
constexpr double rounding = 1e-9;          // relative, of sums in another order
constexpr double next_to_nothing = 1e-12;  // W, J: below it a need may count as none

curve random_curve(test::dice& d) {
  std::vector<model::operating_point> points;
  int n = d.chance(.2) ? 2 : 1;
  for (int i = d.between(0, 5); i > 0; --i, n = d.chance(.8) ? 2 * n : n + 1)
    for (int k = d.between(1, 4); k > 0; --k) {
      const double f = 0.5 + 1.5 * d.real();
      points.push_back(
          test::point(n, std::pow(n, 0.3 + 0.8 * d.real()) * f, n * (30 + 100 * f * f * f), f));
    }
  return curve{std::move(points)};
}

// Now and then a number that no caller should hand in.
double odd(test::dice& d, double otherwise) {
  if (!d.chance(.04)) return otherwise;
  const double all[] = {std::nan(""), 0, -1, infinite, -infinite, 1e300, 1e-300, -0.0};
  return all[d.index(8)];
}

struct policies {
  requested asked;
  zeus frugal;
  static_clock<powerflow> capped{.most_ghz = 1.2};
  static_clock<requested> capped_asked{.most_ghz = 0.9};
  powerflow steps, stops{.full = when_full::stop}, hard{.hard_energy = true},
      sticky{.classes = false, .hard_energy = true, .rescale = {.interval_s = 100}};
  optimal<> jct{.node_limit = 20};
  optimal<objective::completion_rate> rate;
  optimal<objective::energy> energy{.rescale = {.interval_s = 50}};
  price_path path, frugal_path{.energy_price = 1e-3, .exact_work = 0};
  throughput_marginal marginal;
  optimus seconds;
  pollux<> goodput{.efficiency = {.noise_samples = 5}};
  max_min fair;

  template <class F>
  void each(F f) {
    f("requested", asked, true), f("zeus", frugal, true),
        f("static_clock powerflow", capped, false);
    f("static_clock requested", capped_asked, true), f("powerflow", steps, false);
    f("powerflow stop", stops, false), f("powerflow hard", hard, true),
        f("powerflow sticky", sticky, true);
    f("optimal jct", jct, true), f("optimal rate", rate, true), f("optimal energy", energy, true);
    f("throughput_marginal", marginal, true), f("optimus", seconds, true),
        f("pollux", goodput, true);
    f("max_min", fair, true);
    f("price_path", path, true), f("price_path by hulls", frugal_path, true);
  }
};

}  // namespace

TEST_CASE("no policy oversubscribes GPUs or a budget in any snapshot with nonsense among it") {
  const char* many = std::getenv("HEDDLE_SNAPSHOTS");
  const int snapshots = many ? std::atoi(many) : 4000;
  std::size_t given = 0, full = 0, power_full = 0;
  policies all;  // with what they remember of other snapshots
  std::vector<curve> curves;
  for (int seed = 0; seed < snapshots; ++seed) {
    test::dice d{static_cast<std::uint64_t>(seed)};
    curves.clear();
    for (int i = 0; i < 4; ++i) curves.push_back(random_curve(d));
    std::vector<candidate> jobs;
    for (int i = d.between(0, 12); i > 0; --i) {
      candidate j;
      j.id = job_id{d.chance(.05) ? 3 : static_cast<int>(jobs.size())};
      j.curve = &curves[d.index(4)];
      j.work = odd(d, 1 + 1e4 * d.real());
      j.weight = odd(d, d.chance(.5) ? 1 : 3 * d.real());
      j.priority = d.chance(.2) ? d.between(-2, 2) : 0;
      j.requested_gpus = d.chance(.05) ? d.between(-1, 100) : 1 << d.between(0, 3);
      if (d.chance(.2)) j.min_gpus = d.between(-1, 4);
      if (d.chance(.2)) j.max_gpus = d.between(-1, 9);
      j.time_left_s = d.chance(.5) ? infinite : odd(d, 1e4 * d.real() - 1000);
      if (d.chance(.4) && !j.curve->empty())
        j.current = &j.curve->points()[d.index(j.curve->points().size())];
      jobs.push_back(j);
    }
    limits l{.gpus = d.chance(.05) ? d.between(-2, 0) : d.between(0, 60),
             .gpu_idle_w = d.chance(.5) ? 60. : 0.};
    if (d.chance(.5)) l.power_w = odd(d, 8000 * d.real());
    if (d.chance(.5)) l.energy_j = odd(d, 5e6 * d.real());
    if (d.chance(.5)) l.now_s = 1e4 * d.real();

    all.each([&](const std::string& name, auto& policy, bool keeps_energy) {
      CAPTURE(name);
      CAPTURE(seed);
      allocation out;
      policy(jobs, l, out);
      REQUIRE(out.size() == jobs.size());
      double gpus = 0, power = 0, energy = 0;
      bool forced = false;
      for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (!out[i]) continue;
        ++given;
        REQUIRE(out[i] >= jobs[i].curve->points().data());
        REQUIRE(out[i] < jobs[i].curve->points().data() + jobs[i].curve->points().size());
        REQUIRE(work_left(jobs[i]) > 0);
        gpus += out[i]->config.gpus;
        power += extra_power_w(*out[i], l);
        energy += work_left(jobs[i]) * out[i]->energy_per_sample_j();
        forced = forced || (!keeps_energy && jobs[i].current);
      }
      if (gpus == 0) return;
      REQUIRE(gpus <= l.gpus);
      // A negative limit cannot be met by giving nothing either; what is given must not make it worse.
      const double power_w = l.power_w < 0 ? 0 : l.power_w;
      if (std::abs(power) > next_to_nothing)
        REQUIRE(power <= power_w + rounding * std::abs(power_w));
      if (!forced && energy > next_to_nothing)
        REQUIRE(energy <= l.energy_j + rounding * std::abs(l.energy_j));
      full += gpus == l.gpus;
      power_full += power > 0.95 * l.power_w;
    });
  }
  CHECK(given > static_cast<std::size_t>(snapshots));
  CHECK(full > static_cast<std::size_t>(snapshots) / 10);
  CHECK(power_full > static_cast<std::size_t>(snapshots) / 10);
}
