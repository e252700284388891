// Fair shares: definitions on small examples, outcomes of odd input, and random instances against linear
// programs.
#include <heddle/share/share.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/random.hpp>

#include "peer.hpp"
#include "support/allocation_guard.hpp"

using namespace heddle;
using doctest::Approx;

namespace {

constexpr double constraint_tolerance = 1e-9;

// Throws nothing away: the largest violation of the constraints, relative for capacities.
double violation(const share::problem& p, const std::vector<double>& x) {
  double worst = 0;
  std::vector<double> used(p.types(), 0);
  for (std::size_t i = 0; i < p.jobs(); ++i) {
    double time = 0;
    for (std::size_t j = 0; j < p.types(); ++j) {
      const double v = x[i * p.types() + j];
      if (!(v >= 0)) worst = std::max(worst, std::isnan(v) ? 1.0 : -v);
      time += v;
      used[j] += p.gpus_of(i) * v;
    }
    worst = std::max(worst, time - 1);
  }
  for (std::size_t j = 0; j < p.types(); ++j)
    worst = std::max(worst, (used[j] - p.capacity[j]) / std::max(p.capacity[j], 1.0));
  return worst;
}

struct numbers {
  stream bits;
  numbers(std::uint64_t seed, std::uint64_t entity) : bits(seed, entity, "share") {}
  double unit() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  std::size_t below(std::size_t n) {
    return static_cast<std::size_t>(unit() * static_cast<double>(n));
  }
  template <class T>
  T one_of(std::initializer_list<T> all) {
    return *(all.begin() + below(all.size()));
  }
};

// Small and nasty: zero throughputs and capacities, equal jobs, jobs larger than a type, wide ratios.
share::problem nasty(numbers& r, std::size_t most_jobs, std::size_t most_types) {
  share::problem p;
  const std::size_t n = 1 + r.below(most_jobs), m = 1 + r.below(most_types);
  const bool equal = r.unit() < 0.3, zeros = r.unit() < 0.4, wide = r.unit() < 0.2;
  const double load = std::exp(3 * r.unit() - 2);
  for (std::size_t j = 0; j < m; ++j)
    p.capacity.push_back(r.unit() < 0.1 ? 0 : std::ceil(load * static_cast<double>(n) * r.unit()));
  for (std::size_t i = 0; i < n; ++i) {
    if (equal && i > 0 && r.unit() < 0.6) {
      const std::size_t twin = r.below(i);
      for (std::size_t j = 0; j < m; ++j) p.throughput.push_back(p.row(twin)[j]);
      p.gpus.push_back(p.gpus[twin]);
      p.weight.push_back(p.weight[twin]);
    } else {
      const double base = std::exp((wide ? 8 : 2) * r.unit());
      const bool whole = r.unit() < 0.3;
      for (std::size_t j = 0; j < m; ++j) {
        const double t = whole ? 1.0 + static_cast<double>(r.below(3)) : base * (0.2 + r.unit());
        p.throughput.push_back(zeros && r.unit() < 0.3 ? 0 : t);
      }
      p.gpus.push_back(r.one_of({1.0, 1.0, 2.0, 4.0, 8.0}));
      p.weight.push_back(r.one_of({1.0, 1.0, 2.0, 5.0}));
    }
    p.steps.push_back(r.unit() < 0.1 ? 0 : 1e3 * std::exp(3 * r.unit()));
    p.elapsed_s.push_back(r.unit() < 0.3 ? 0 : 1e3 * r.unit());
    p.isolated_s.push_back(100 + 1e3 * r.unit());
    p.entity.push_back(static_cast<std::uint32_t>(r.below(3)));
  }
  p.entity_weight = {1, 2, 3};
  return p;
}

template <class Policy>
void check_valid(const Policy& policy, const share::problem& p) {
  const share::answer a = policy(p);
  REQUIRE(a.x.size() == p.jobs() * p.types());
  CHECK(violation(p, a.x) <= constraint_tolerance);
  CHECK(a.status != share::status::infeasible);
}

}  // namespace

TEST_CASE("max_min gives equal jobs equal shares of one type") {
  const share::problem p{.capacity = {2}, .throughput = {5, 5, 5, 5}};
  const auto a = share::max_min{}(p);
  CHECK(a.status == share::status::optimal);
  CHECK(a.objective == Approx(0.5).epsilon(1e-12));
  for (double x : a.x) CHECK(x == Approx(0.5).epsilon(1e-12));
}

TEST_CASE("max_min trades types: each of two jobs has the type that it is better on") {
  const share::problem p{.capacity = {1, 1}, .throughput = {4, 1, 1, 4}};
  const auto a = share::max_min{}(p);
  CHECK(a.objective == Approx(4 / 2.5).epsilon(1e-12));
  CHECK(a.x[0] == Approx(1));
  CHECK(a.x[3] == Approx(1));
}

TEST_CASE("a job that can run nowhere holds nobody down") {
  const share::problem p{.capacity = {1}, .throughput = {0, 3}};
  CHECK(share::max_min{}(p).objective == Approx(1));
  const auto a = share::max_min_lexicographic{}(p);
  CHECK(a.level[0] == 0);
  CHECK(a.level[1] == Approx(1));
}

TEST_CASE("lexicographic max-min gives what is left to those who can use it") {
  // Type 0 is scarce and the only one of jobs 0 and 1; job 2 has type 1 for itself.
  const share::problem p{.capacity = {1, 1}, .throughput = {1, 0, 1, 0, 0, 1}};
  const auto a = share::max_min_lexicographic{}(p);
  CHECK(a.level[0] == Approx(1.0));
  CHECK(a.level[1] == Approx(1.0));
  CHECK(a.level[2] == Approx(2.0));
}

TEST_CASE(
    "an entity's jobs share its weight, and a saturated job's share goes to its entity first") {
  // Two entities, weight 1 each; entity 0 has two jobs of which the first saturates at level 0.2.
  share::problem p{.capacity = {1}, .throughput = {1, 1, 1}, .gpus = {0.1, 1, 1}};
  p.entity = {0, 0, 1};
  p.entity_weight = {1, 1};
  const auto a = share::max_min_hierarchical{}(p);
  // g·x: 0.1 + y = z (equal entities), 0.1 + y + z = 1.
  CHECK(a.x[0] == Approx(1.0));
  CHECK(a.x[1] == Approx(0.4));
  CHECK(a.x[2] == Approx(0.5));
}

TEST_CASE("makespan of one type is all work over all GPUs when no job is too long") {
  const share::problem p{.capacity = {2}, .throughput = {2, 2, 2, 2}, .steps = {10, 10, 20, 20}};
  const auto a = share::makespan{}(p);
  CHECK(a.status == share::status::optimal);
  CHECK(a.objective == Approx(60.0 / 4).epsilon(1e-12));
}

TEST_CASE("makespan and finish-time fairness are infeasible for work that can run nowhere") {
  share::problem p{.capacity = {2}, .throughput = {0, 1}, .steps = {1, 1}, .isolated_s = {1, 1}};
  CHECK(share::makespan{}(p).status == share::status::infeasible);
  CHECK(share::finish_time_fairness{}(p).status == share::status::infeasible);
  p.steps[0] = 0;
  CHECK(share::makespan{}(p).status == share::status::optimal);
  CHECK(share::finish_time_fairness{}(p).status == share::status::optimal);
}

TEST_CASE("a job that has waited too long already decides finish-time fairness alone") {
  const share::problem p{.capacity = {2},
                         .throughput = {1, 1},
                         .steps = {0, 1},
                         .elapsed_s = {1000, 0},
                         .isolated_s = {10, 10}};
  CHECK(share::finish_time_fairness{}(p).objective == Approx(100));
}

TEST_CASE("max_throughput fills types with whom they serve best") {
  const share::problem p{.capacity = {1, 1}, .throughput = {10, 9, 5, 1}};
  const auto a = share::max_throughput{}(p);
  CHECK(a.objective == Approx(14));
  CHECK(a.bound == Approx(14));
  CHECK(share::max_throughput_per_cost{{1.0, 10.0}}(p).objective == Approx(10.1));
}

TEST_CASE("isolated and proportional shares cut a job's time to the whole") {
  const share::problem p{.capacity = {4, 4}, .throughput = {1, 1, 1, 1}, .weight = {1, 3}};
  const auto a = share::isolated{}(p);
  CHECK(a.x == std::vector<double>{0.5, 0.5, 0.5, 0.5});
  const auto b = share::proportional{}({.capacity = {1}, .throughput = {1, 1}, .weight = {1, 3}});
  CHECK(b.x == std::vector<double>{0.25, 0.75});
}

TEST_CASE("fifo gives each its fastest free type and lets nobody overtake") {
  const share::problem p{
      .capacity = {1, 2}, .throughput = {1, 2, 1, 2, 1, 2, 5, 5}, .gpus = {1, 2, 1, 1}};
  const auto a = share::fifo{}(p);
  // Job 0 has type 1, job 1 needs two GPUs and finds none: jobs 2 and 3 wait behind it.
  CHECK(a.x == std::vector<double>{0, 1, 0, 0, 0, 0, 0, 0});
  CHECK(a.objective <= a.bound);
}

TEST_CASE("fifo lets nobody wait for a job that can never run") {
  // Job 0 runs on type 2 alone, of which there are none, or fewer than it needs.
  const share::problem absent{
      .capacity = {3, 0}, .throughput = {0, 5, 2, 6, 2, 0}, .gpus = {1, 1, 2}};
  CHECK(share::fifo{}(absent).x == std::vector<double>{0, 0, 1, 0, 1, 0});
  const share::problem wide{
      .capacity = {3, 1}, .throughput = {0, 5, 2, 6, 2, 0}, .gpus = {2, 1, 2}};
  CHECK(share::fifo{}(wide).x == std::vector<double>{0, 0, 0, 1, 1, 0});
}

TEST_CASE("jobs that can never run change nothing for the others under fifo") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    INFO("seed ", seed);
    stream draw(seed, 0, "fifo");
    const auto below = [&](unsigned n) { return static_cast<double>(draw() % n); };
    share::problem all{.capacity = {below(4), below(4), below(4)}};
    share::problem able = all;
    std::vector<std::size_t> kept;
    for (std::size_t i = 0; i < 8; ++i) {
      const double row[3] = {below(3), below(3), below(3)}, gpus = 1 + below(4);
      bool can = false;
      for (std::size_t j = 0; j < 3; ++j) can = can || (row[j] > 0 && all.capacity[j] >= gpus);
      all.throughput.insert(all.throughput.end(), row, row + 3);
      all.gpus.push_back(gpus);
      if (!can) continue;
      kept.push_back(i);
      able.throughput.insert(able.throughput.end(), row, row + 3);
      able.gpus.push_back(gpus);
    }
    const auto with = share::fifo{}(all), without = share::fifo{}(able);
    std::vector<double> of_kept;
    for (std::size_t i : kept)
      for (std::size_t j = 0; j < 3; ++j) of_kept.push_back(with.x[i * 3 + j]);
    CHECK(of_kept == without.x);
  }
}

TEST_CASE("no jobs, no capacity and no work are answers") {
  const share::problem none{.capacity = {3, 4}};
  CHECK(share::max_min{}(none).status == share::status::optimal);
  CHECK(share::max_min_lexicographic{}(none).status == share::status::optimal);
  CHECK(share::max_min_hierarchical{}(none).status == share::status::optimal);
  CHECK(share::makespan{}(none).objective == 0);
  CHECK(share::finish_time_fairness{}(none).objective == 0);
  CHECK(share::max_throughput{}(none).objective == 0);
  CHECK(share::fifo{}(none).objective == 0);
  const share::problem empty{.capacity = {0, 0}, .throughput = {1, 2, 3, 4}, .steps = {1, 1}};
  CHECK(share::max_min{}(empty).objective == 0);
  CHECK(share::max_min_lexicographic{}(empty).objective == 0);
  CHECK(share::max_min_hierarchical{}(empty).objective == 0);
  CHECK(share::max_throughput{}(empty).objective == 0);
  CHECK(share::makespan{}(empty).status == share::status::infeasible);
}

TEST_CASE("a bad number is refused with its place") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS(share::max_min{}({.capacity = {1}, .throughput = {1, nan}}),
                       "share.throughput[1]: expected a finite number of at least 0, got nan",
                       input_error);
  CHECK_THROWS_AS(share::max_min{}({.capacity = {-1}, .throughput = {1}}), input_error);
  CHECK_THROWS_AS(share::max_min{}({.capacity = {}, .throughput = {1}}), input_error);
  CHECK_THROWS_AS(share::max_min{}({.capacity = {1, 1}, .throughput = {1}}), input_error);
  CHECK_THROWS_AS(share::max_min{}({.capacity = {1}, .throughput = {1}, .gpus = {0}}), input_error);
  CHECK_THROWS_AS(share::max_min{}({.capacity = {1}, .throughput = {1}, .weight = {0}}),
                  input_error);
  CHECK_THROWS_AS(share::makespan{}({.capacity = {1}, .throughput = {1}}), input_error);
  CHECK_THROWS_AS(share::finish_time_fairness{}(
                      {.capacity = {1}, .throughput = {1}, .steps = {1}, .isolated_s = {0}}),
                  input_error);
  const share::max_throughput_per_cost two_costs{{1.0, 2.0}};
  CHECK_THROWS_AS(two_costs({.capacity = {1}, .throughput = {1}}), input_error);
  share::problem p{.capacity = {1}, .throughput = {1}, .entity = {2}};
  p.entity_weight = {1, 1};
  CHECK_THROWS_AS(share::max_min_hierarchical{}(p), input_error);
}

TEST_CASE("every policy keeps the constraints on a thousand odd instances with up to 8 types") {
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    CAPTURE(seed);
    numbers r(7, seed);
    const share::problem p = nasty(r, 30, 8);
    check_valid(share::max_min{}, p);
    check_valid(share::max_min_lexicographic{}, p);
    check_valid(share::max_min_hierarchical{}, p);
    check_valid(share::max_throughput{}, p);
    check_valid(share::max_normalized_throughput{}, p);
    check_valid(share::isolated{}, p);
    check_valid(share::proportional{}, p);
    check_valid(share::fifo{}, p);
    for (const auto& a : {share::makespan{}(p), share::finish_time_fairness{}(p)}) {
      CHECK(violation(p, a.x) <= constraint_tolerance);
      if (a.status != share::status::infeasible) CHECK(a.status == share::status::optimal);
    }
    for (const auto& a : {share::max_min{}(p), share::max_min_lexicographic{}(p),
                          share::max_min_hierarchical{}(p), share::max_throughput{}(p)})
      CHECK(a.status == share::status::optimal);
  }
}

TEST_CASE("no policy allocates after the first call of a size") {
  numbers r(3, 1);
  share::problem p = nasty(r, 40, 3);
  while (p.jobs() < 20 || p.types() < 3) p = nasty(r, 40, 3);
  share::workspace w;
  share::answer a;
  const auto measure = [&](const auto& policy) {
    policy(p, w, a);
    test::allocation_guard guard;
    policy(p, w, a);
    return guard.count();
  };
  CHECK(measure(share::max_min{}) == 0);
  CHECK(measure(share::makespan{}) == 0);
  CHECK(measure(share::finish_time_fairness{}) == 0);
  CHECK(measure(share::max_throughput{}) == 0);
  CHECK(measure(share::max_normalized_throughput{}) == 0);
  CHECK(measure(share::max_min_lexicographic{}) == 0);
  CHECK(measure(share::max_min_hierarchical{}) == 0);
  CHECK(measure(share::isolated{}) == 0);
  CHECK(measure(share::fifo{}) == 0);
}

#ifdef HEDDLE_HAS_GLPK

namespace {

constexpr double objective_tolerance = 1e-8;  // GLPK's own tolerances are 1e-11, scaled
constexpr double level_tolerance = 2e-5;  // the peer's water filling tells rising from held at 1e-6

std::vector<double> fair_rates(const share::problem& p) {
  std::vector<double> rate(p.jobs());
  for (std::size_t i = 0; i < p.jobs(); ++i)
    rate[i] = p.weight_of(i) * p.fair_throughput(i) / p.gpus_of(i);
  return rate;
}

}  // namespace

TEST_CASE("objectives equal those of a linear program on 600 random instances") {
  for (std::uint64_t seed = 1; seed <= 600; ++seed) {
    CAPTURE(seed);
    numbers r(11, seed);
    const share::problem p = nasty(r, seed % 3 ? 12 : 40, seed % 2 ? 4 : 7);
    const std::vector<double> rate = fair_rates(p);
    if (std::any_of(rate.begin(), rate.end(), [](double v) { return v > 0; }))
      CHECK(share::max_min{}(p).objective ==
            Approx(test::lp_level(p, rate)).epsilon(objective_tolerance));
    CHECK(share::max_throughput{}(p).objective == Approx(test::lp_value(p, [&](auto i, auto j) {
                                                    return p.row(i)[j];
                                                  })).epsilon(objective_tolerance));
    const auto normal = [&](auto i, auto j) {
      const double most = *std::max_element(p.row(i), p.row(i) + p.types());
      return most > 0 ? p.row(i)[j] / most : 0;
    };
    CHECK(share::max_normalized_throughput{}(p).objective ==
          Approx(test::lp_value(p, normal)).epsilon(objective_tolerance));
    const auto m = share::makespan{}(p);
    const auto f = share::finish_time_fairness{}(p);
    if (m.status == share::status::infeasible) {
      CHECK(test::lp_level(p, p.steps) <= 1e-12);
      CHECK(f.status == share::status::infeasible);
    } else if (m.objective > 0) {
      CHECK(m.objective == Approx(1 / test::lp_level(p, p.steps)).epsilon(objective_tolerance));
      const double rho = f.objective;
      CHECK(rho ==
            Approx(test::lp_finish_time_fairness(p, rho * 0.99, rho * 1.01, 1e-9)).epsilon(1e-6));
    }
  }
}

TEST_CASE("lexicographic levels equal those of repeated programs on 250 random instances") {
  for (std::uint64_t seed = 1; seed <= 250; ++seed) {
    CAPTURE(seed);
    numbers r(13, seed);
    const share::problem p = nasty(r, 10, 5);
    const auto rate = fair_rates(p);
    const auto want = test::lp_water_filling(p, [&](const std::vector<char>& held) {
      std::vector<double> out = rate;
      for (std::size_t i = 0; i < p.jobs(); ++i)
        if (held[i]) out[i] = 0;
      return out;
    });
    const auto a = share::max_min_lexicographic{}(p);
    for (std::size_t i = 0; i < p.jobs(); ++i) {
      CAPTURE(i);
      const double fair = p.fair_throughput(i);
      CHECK(a.level[i] == Approx(fair > 0 ? want[i] / fair : 0).epsilon(level_tolerance));
    }
  }
}

TEST_CASE("hierarchical levels equal those of repeated programs on 250 random instances") {
  for (std::uint64_t seed = 1; seed <= 250; ++seed) {
    CAPTURE(seed);
    numbers r(17, seed);
    const share::problem p = nasty(r, 10, 5);
    const auto want = test::lp_water_filling(p, [&](const std::vector<char>& held) {
      std::vector<double> rising(3, 0), out(p.jobs(), 0);
      for (std::size_t i = 0; i < p.jobs(); ++i)
        if (!held[i] && p.fair_throughput(i) > 0) rising[p.entity[i]] += p.weight[i];
      for (std::size_t i = 0; i < p.jobs(); ++i)
        if (!held[i] && p.fair_throughput(i) > 0)
          out[i] = p.entity_weight[p.entity[i]] * p.weight[i] / rising[p.entity[i]] *
                   p.fair_throughput(i) / p.gpus[i];
      return out;
    });
    const auto a = share::max_min_hierarchical{}(p);
    for (std::size_t i = 0; i < p.jobs(); ++i) {
      CAPTURE(i);
      const double fair = p.fair_throughput(i);
      CHECK(a.level[i] == Approx(fair > 0 ? want[i] / fair : 0).epsilon(level_tolerance));
    }
  }
}

#endif
