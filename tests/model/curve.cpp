#include <heddle/model/curve.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <boost/random/uniform_int_distribution.hpp>
#include <boost/random/uniform_real_distribution.hpp>
#include <doctest/doctest.h>

#include <heddle/core/random.hpp>
#include <heddle/model/archetypes.hpp>
#include <heddle/model/catalogue.hpp>
#include <heddle/model/combinators.hpp>
#include <heddle/model/conformance.hpp>
#include <heddle/model/curve_hull.hpp>

#include "support/allocation_guard.hpp"

using namespace heddle;
using namespace heddle::model;

namespace {

std::vector<operating_point> drawn_points(std::uint64_t entity, int count) {
  stream s(5, entity, "points");
  boost::random::uniform_int_distribution<int> gpus(0, 3), grid(1, 20);
  std::vector<operating_point> points;
  for (int i = 0; i < count; ++i)
    points.push_back({.config = {.gpus = 1 << gpus(s),
                                 .servers = 1,
                                 .local_batch = 1,
                                 .clock_ghz = 0.1 * grid(s)},
                      .throughput = static_cast<double>(grid(s)),
                      .power_w = 10.0 * grid(s)});
  return points;
}

}  // namespace

TEST_CASE("a curve keeps exactly the points that none of their GPU count dominates") {
  for (std::uint64_t k = 0; k < 100; ++k) {
    const auto points = drawn_points(k, 60);
    const curve c{points};
    for (const operating_point& p : points) {
      const bool dominated = std::any_of(points.begin(), points.end(), [&](const auto& q) {
        return q.config.gpus == p.config.gpus && q.throughput >= p.throughput &&
               q.power_w <= p.power_w && (q.throughput > p.throughput || q.power_w < p.power_w);
      });
      const auto here = c.at(p.config.gpus);
      const bool kept = std::any_of(here.begin(), here.end(), [&](const auto& q) {
        return q.throughput == p.throughput && q.power_w == p.power_w;
      });
      CHECK(kept == !dominated);
    }
  }
}

TEST_CASE("the fastest point within a power is what a scan finds") {
  for (std::uint64_t k = 0; k < 50; ++k) {
    const curve c{drawn_points(k, 80)};
    for (int n : {1, 2, 4, 8, 3})
      for (double cap = 0; cap < 220; cap += 7) {
        const operating_point* best = nullptr;
        for (const auto& p : c.at(n))
          if (p.power_w <= cap && (!best || p.throughput > best->throughput)) best = &p;
        CHECK(c.fastest_within(n, cap) == best);
      }
  }
}

TEST_CASE("the concave hull holds the best point for every price of power") {
  for (std::uint64_t k = 0; k < 60; ++k) {
    const curve c{drawn_points(k, 100)};
    const concave_hull hull{c};
    for (int n : {1, 2, 4, 8})
      for (double price = 0; price < 1; price += 0.013) {
        double best = -std::numeric_limits<double>::infinity();
        for (const auto& p : c.at(n)) best = std::max(best, p.throughput - price * p.power_w);
        const operating_point* const found = hull.best_at_price(n, price);
        REQUIRE((found != nullptr) == !c.at(n).empty());
        if (found)
          CHECK(found->throughput - price * found->power_w == doctest::Approx(best).epsilon(1e-12));
      }
  }
  CHECK(concave_hull{curve{drawn_points(1, 5)}}.best_at_price(7, 0) == nullptr);
}

TEST_CASE("the energy frontier answers deadlines and budgets as a scan does") {
  for (std::uint64_t k = 0; k < 60; ++k) {
    const curve c{drawn_points(k, 100)};
    const energy_frontier frontier{c};
    for (double deadline = 0.1; deadline < 5; deadline *= 1.3) {
      double least = std::numeric_limits<double>::infinity();
      for (const auto& p : c.points())
        if (p.throughput * deadline >= 10) least = std::min(least, p.energy_per_sample_j());
      const operating_point* const found = frontier.within(10, deadline);
      REQUIRE((found != nullptr) == std::isfinite(least));
      if (found) CHECK(found->energy_per_sample_j() == doctest::Approx(least));
    }
    for (double budget = 1; budget < 1000; budget *= 1.3) {
      double most = 0;
      for (const auto& p : c.points())
        if (p.energy_per_sample_j() * 10 <= budget) most = std::max(most, p.throughput);
      const operating_point* const found = frontier.affordable(10, budget);
      REQUIRE((found != nullptr) == (most > 0));
      if (found) CHECK(found->throughput == most);
    }
  }
}

TEST_CASE("queries of curves, hulls and frontiers allocate nothing") {
  const curve c{drawn_points(3, 200)};
  const concave_hull hull{c};
  const energy_frontier frontier{c};
  double sum = 0;
  test::allocation_guard guard;
  for (int n : {1, 2, 4, 8}) {
    sum += c.fastest(n)->throughput + c.most_efficient(n)->power_w;
    if (const auto* p = c.fastest_within(n, 100)) sum += p->power_w;
    sum += hull.best_at_price(n, 0.1)->power_w;
    if (const auto* p = frontier.within(10, 2)) sum += p->power_w;
  }
  const auto allocated = guard.count();
  CHECK(allocated == 0);
  CHECK(sum > 0);
}

TEST_CASE("a model can be evaluated at any point without an allocation") {
  const auto m = catalogue().model("resnet50", "a100");
  const capped under{m, 250.0, {0.6, 0.9, 1.2, 1.41}};
  double sum = 0;
  test::allocation_guard guard;
  for (int n : {1, 2, 8, 64}) {
    sum += m({n, (n + 7) / 8, 32, 1.2}).power_w;
    sum += under({n, (n + 7) / 8, 32, 1.41}).power_w;
  }
  const auto allocated = guard.count();
  CHECK(allocated == 0);
  CHECK(sum > 0);
}

TEST_CASE("points that are no numbers are refused") {
  CHECK_THROWS_AS(curve({{.config = {}, .throughput = 0, .power_w = 1}}), input_error);
  CHECK_THROWS_AS(curve({{.config = {}, .throughput = NAN, .power_w = 1}}), input_error);
  CHECK_THROWS_AS(curve({{.config = {}, .throughput = 1, .power_w = -1}}), input_error);
  CHECK_THROWS_AS(curve({{.config = {.gpus = 0}, .throughput = 1, .power_w = 1}}), input_error);
}

TEST_CASE("a curve is taken over any model, however little it can do") {
  const archetype::job_model least(3);
  const curve c = make_curve(least, {.gpus = {1, 2}, .clocks_ghz = {1, 2}, .global_batch = 8});
  CHECK(c.points().size() == 2);
  CHECK(c.fastest(2)->throughput == 6);
}

TEST_CASE("a capped model keeps its cap at the highest clock that does") {
  const auto m = catalogue().model("bert", "v100");
  const std::vector<double> ladder = catalogue().find_gpu("v100")->clocks_ghz;
  for (double cap : {60.0, 90.0, 120.0, 170.0, 500.0}) {
    const capped under{m, cap, ladder};
    const operating_point p = under({2, 1, 8, 1.38});
    double wanted = ladder.front();
    for (double f : ladder)
      if (m({2, 1, 8, f}).power_w <= 2 * cap) wanted = f;
    CHECK(p.config.clock_ghz == wanted);
  }
  CHECK_THROWS_AS((capped{m, 0.0, ladder}), input_error);
  CHECK_THROWS_AS((capped{m, 100.0, std::vector<double>{}}), input_error);
}

TEST_CASE("noise is reproducible, unbiased and of the size asked for") {
  const auto m = catalogue().model("resnet50", "a100");
  const configuration c{4, 1, 64, 1.2};
  CHECK(noisy{m, 0.03, 7}(c) == noisy{m, 0.03, 7}(c));
  CHECK(noisy{m, 0.03, 7}(c) != noisy{m, 0.03, 8}(c));
  double sum = 0, square = 0;
  const int draws = 4000;
  for (int i = 0; i < draws; ++i) {
    const double z =
        std::log(noisy{m, 0.03, 7, static_cast<std::uint64_t>(i)}(c).throughput / m(c).throughput);
    sum += z, square += z * z;
  }
  CHECK(std::abs(sum / draws) < 4 * 0.03 / std::sqrt(draws));
  CHECK(std::sqrt(square / draws) == doctest::Approx(0.03).epsilon(0.05));
}

TEST_CASE("a job pays for its servers pro rata to its GPUs") {
  const auto m = catalogue().model("resnet50", "a100");
  const with_server_share paying{m, 500.0, 8};
  const configuration c{4, 1, 64, 1.2};
  CHECK(paying(c).power_w == doctest::Approx(m(c).power_w + 250));
  CHECK(paying(c).waiting_power_w == doctest::Approx(m(c).waiting_power_w + 250));
}

TEST_CASE("combinators of models keep the promises of a job model") {
  const auto m = catalogue().model("resnet50", "a100");
  const grid over{.gpus = {1, 2, 16}, .clocks_ghz = {0.6, 1.0, 1.41}, .global_batch = 256};
  CHECK(broken_promises_of_job(capped{m, 200.0, {0.6, 1.0, 1.41}}, over).empty());
  CHECK(broken_promises_of_job(noisy{m, 0.1}, over).empty());
  CHECK(broken_promises_of_job(with_server_share{m, 300.0}, over).empty());
  CHECK(broken_promises_of_job(archetype::job_model(2), over).empty());
  CHECK(broken_promises(scaled{m.time, 0.5, 2.0, 2.0}, over).empty());
  const scaled twice{m.time, 2.0};
  CHECK(twice({1, 1, 64, 1.0}).total_s == doctest::Approx(2 * m.time({1, 1, 64, 1.0}).total_s));
}
