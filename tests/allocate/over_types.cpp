// Allocation policies on clusters of several GPU types.
#include <heddle/allocate/over_types.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <heddle/allocate/max_min.hpp>
#include <heddle/allocate/optimal.hpp>
#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/price_path.hpp>
#include <heddle/allocate/requested.hpp>

#include "support/dice.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using allocate::candidate;
using doctest::Approx;

namespace {

model::curve typed_curve(int type, double speed, double power_w, std::vector<int> counts,
                         std::vector<double> clocks = {.6, 1}) {
  std::vector<model::operating_point> points;
  for (int n : counts)
    for (double clock : clocks) {
      model::operating_point p =
          test::point(n, speed * std::pow(n, .8) * std::sqrt(clock), power_w * n * clock, clock);
      p.config.type = static_cast<std::uint16_t>(type);
      points.push_back(p);
    }
  return model::curve{std::move(points)};
}

struct instance {
  std::vector<model::curve> curves;
  std::vector<candidate> jobs;
  allocate::limits room;
};

instance random_instance(test::dice& d, int count, int most_gpus) {
  instance x;
  const int types = d.between(2, 3);
  x.room.by_type.types = types;
  for (int t = 0; t < types; ++t) {
    const auto i = static_cast<std::size_t>(t);
    x.room.by_type.gpus[i] = d.between(0, most_gpus);
    x.room.by_type.idle_w[i] = 20 + 40 * d.real();
    x.room.gpus += x.room.by_type.gpus[i];
  }
  for (int i = 0; i < count; ++i) {
    const int home = d.between(0, types - 1);
    std::vector<model::curve> each;
    for (int t = 0; t < types; ++t)
      if (t == home || d.chance(.7))
        each.push_back(typed_curve(t, 1 + 4 * d.real(), 100 + 200 * d.real(), {1, 2, 4}));
    x.curves.push_back(model::on_types(std::move(each), home));
  }
  for (int i = 0; i < count; ++i) {
    const model::curve& c = x.curves[static_cast<std::size_t>(i)];
    candidate j{.id = job_id{static_cast<std::uint32_t>(i)},
                .curve = &c,
                .work = 100 + 5000 * d.real(),
                .requested_gpus = 1 << d.between(0, 2),
                .weight = .5 + d.real()};
    if (d.chance(.2)) j.types = types_of(c.type());
    if (d.chance(.2)) j.max_gpus = 2;
    x.jobs.push_back(j);
  }
  if (d.chance(.5)) x.room.power_w = 300 * x.room.gpus * d.real();
  if (d.chance(.3)) x.room.energy_price = .001;
  return x;
}

// Jobs that run have their GPUs within the limits of each type.
void keep_limits(const instance& x, const allocate::allocation& out) {
  REQUIRE(out.size() == x.jobs.size());
  std::array<int, most_gpu_types> left = x.room.by_type.gpus;
  double watts = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!out[i]) continue;
    const candidate& j = x.jobs[i];
    const int type = out[i]->config.type;
    REQUIRE(has_type(j.types, type));
    const model::curve* const c = j.curve->on(type);
    REQUIRE(c);
    REQUIRE(c->index_of(*out[i]) < c->points().size());
    REQUIRE((left[static_cast<std::size_t>(type)] -= out[i]->config.gpus) >= 0);
    watts += allocate::extra_power_w(*out[i], x.room);
  }
  REQUIRE((watts <= x.room.power_w * (1 + 1e-9) || watts <= 1e-9));
}

// The best of all choices of points, by trying them.
double
best_of_all(const instance& x, std::size_t i, std::array<int, most_gpu_types> left, double watts,
            const std::function<double(const candidate&, const model::operating_point&)>& worth) {
  if (i == x.jobs.size()) return 0;
  double best = best_of_all(x, i + 1, left, watts, worth);
  const candidate& j = x.jobs[i];
  for (int t = 0; t < x.room.by_type.types; ++t) {
    const model::curve* const c = has_type(j.types, t) ? j.curve->on(t) : nullptr;
    if (!c) continue;
    for (const model::operating_point& p : c->points()) {
      auto rest = left;
      int& gpus = rest[static_cast<std::size_t>(t)];
      gpus -= p.config.gpus;
      const double w = watts - std::max(0.0, allocate::extra_power_w(p, x.room));
      if (gpus < 0 || w < 0 || p.config.gpus < j.min_gpus || p.config.gpus > j.max_gpus) continue;
      best = std::max(best, j.weight * worth(j, p) + best_of_all(x, i + 1, rest, w, worth));
    }
  }
  return best;
}

}  // namespace

TEST_CASE("optimal over types of GPU is the best of all choices") {
  test::dice d{11};
  for (int k = 0; k < 150; ++k) {
    instance x = random_instance(d, 3, 6);
    x.room.energy_price = 0;
    allocate::optimal<allocate::objective::completion_rate> policy{
        .gap = 0, .node_limit = 100'000, .start_waiting = false};
    allocate::allocation out;
    policy(x.jobs, x.room, out);
    keep_limits(x, out);
    const double best = best_of_all(
        x, 0, x.room.by_type.gpus, x.room.power_w,
        [](const candidate& j, const model::operating_point& p) { return p.throughput / j.work; });
    CAPTURE(k);
    REQUIRE(policy.last().objective == Approx(best).epsilon(1e-9));
  }
}

TEST_CASE("any allocation over types of GPU keeps the limits of each") {
  test::dice d{12};
  const auto all = [&](auto policy) {
    allocate::over_types<decltype(policy)> typed;
    std::size_t given = 0;
    for (int k = 0; k < 120; ++k) {
      instance x = random_instance(d, d.between(1, 12), 24);
      allocate::allocation out;
      typed(policy, x.jobs, x.room, out);
      keep_limits(x, out);
      // Once more with those running that were given something.
      for (std::size_t i = 0; i < out.size(); ++i) {
        x.jobs[i].current = out[i];
        given += out[i] != nullptr;
      }
      typed(policy, x.jobs, x.room, out);
      keep_limits(x, out);
    }
    CHECK(given > 200);
  };
  all(allocate::requested{});
  all(allocate::max_min{});
  all(allocate::powerflow{});
  all(allocate::price_path{});
  all(allocate::optimal<>{});
}

TEST_CASE("jobs go to the type of GPU where they lose least by leaving the others") {
  // Both are faster on type 0; the first by far, the second hardly.
  const model::curve first =
      model::on_types({typed_curve(0, 10, 200, {1, 2, 4}), typed_curve(1, 2, 200, {1, 2, 4})}, 0);
  const model::curve second =
      model::on_types({typed_curve(0, 5, 200, {1, 2, 4}), typed_curve(1, 4.9, 200, {1, 2, 4})}, 0);
  std::vector<candidate> jobs{
      {.id = job_id{0}, .curve = &second, .work = 1000, .requested_gpus = 4},
      {.id = job_id{1}, .curve = &first, .work = 1000, .requested_gpus = 4}};
  allocate::limits room{.gpus = 8};
  room.by_type.types = 2;
  room.by_type.gpus = {4, 4};
  const auto types = [&](auto policy) {
    allocate::allocation out;
    allocate::over_types<decltype(policy)>{}(policy, jobs, room, out);
    REQUIRE(out[0]);
    REQUIRE(out[1]);
    return std::pair<int, int>{out[0]->config.type, out[1]->config.type};
  };
  CHECK(types(allocate::powerflow{}) == std::pair{1, 0});
  CHECK(types(allocate::price_path{}) == std::pair{1, 0});
  CHECK(types(allocate::optimal<>{}) == std::pair{1, 0});
  // A rigid scheduler serves them in their order.
  CHECK(types(allocate::requested{}) == std::pair{0, 1});

  // One that runs elsewhere stays where its pause costs more than the move would save.
  jobs = {{.id = job_id{0}, .curve = &first, .work = 1000, .requested_gpus = 4}};
  jobs[0].current = first.on(1)->fastest(4);
  room.rescale.pause_s = 1;
  const auto type = [&] {
    allocate::powerflow policy;
    allocate::allocation out;
    allocate::over_types<allocate::powerflow>{}(policy, jobs, room, out);
    return out[0]->config.type;
  };
  CHECK(type() == 0);
  jobs[0].work = 1;  // it is done in a third of a second
  CHECK(type() == 1);
}
