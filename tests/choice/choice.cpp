// The choice of operating points: small examples, odd input, brute force.
#include <heddle/choice/choice.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/random.hpp>

#include "instances.hpp"
#include "support/allocation_guard.hpp"

using namespace heddle;
using doctest::Approx;
using namespace heddle::test;

TEST_CASE("of two jobs the one that is worth more per GPU is served") {
  const choice::problem p{
      .capacity = {4}, .begin = {0, 2, 4}, .value = {3, 5, 4, 5}, .use = {2, 4, 2, 4}};
  const auto a = choice::solve(p);
  CHECK(a.status == choice::status::optimal);
  CHECK(a.objective == 7);
  CHECK(a.point == std::vector<std::int64_t>{0, 0});
  CHECK(a.use == std::vector<double>{4});
}

TEST_CASE("a weight multiplies the values of its job") {
  const choice::problem p{
      .capacity = {1}, .begin = {0, 1, 2}, .value = {3, 2}, .use = {1, 1}, .weight = {1, 2}};
  const auto a = choice::solve(p);
  CHECK(a.objective == 4);
  CHECK(a.point == std::vector<std::int64_t>{-1, 0});
}

TEST_CASE("points of negative value are taken only where one is required") {
  choice::problem p{.capacity = {2}, .begin = {0, 2}, .value = {-3, -5}, .use = {1, 0}};
  CHECK(choice::solve(p).objective == 0);
  p.require_one = true;
  CHECK(choice::solve(p).objective == -3);
  p.capacity = {0};
  CHECK(choice::solve(p).objective == -5);
}

TEST_CASE("a requirement that cannot be met is proved infeasible") {
  // Each point fits alone, no two do.
  choice::problem p{.capacity = {3, 3},
                    .begin = {0, 2, 4},
                    .value = {1, 1, 1, 1},
                    .use = {3, 1, 1, 3, 3, 1, 3, 2},
                    .require_one = true};
  CHECK(choice::solve(p).status == choice::status::infeasible);
  p.begin = {0, 2, 4, 4};
  CHECK(choice::solve(p).status == choice::status::infeasible);
  p.require_one = false;
  CHECK(choice::solve(p).objective == 1);
}

TEST_CASE("no jobs, no capacity and no use are answers") {
  CHECK(choice::solve({.capacity = {3}, .begin = {0}}).status == choice::status::optimal);
  const auto a =
      choice::solve({.capacity = {0, 0}, .begin = {0, 2}, .value = {4, 9}, .use = {0, 0, 1, 0}});
  CHECK(a.objective == 4);
  CHECK(a.status == choice::status::optimal);
}

TEST_CASE("a bad number of a choice is refused with its place") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS(
      choice::solve({.capacity = {1}, .begin = {0, 1}, .value = {nan}, .use = {1}}),
      "choice.value[0]: expected a finite number, got nan", input_error);
  CHECK_THROWS_AS(choice::solve({.capacity = {}, .begin = {0}}), input_error);
  CHECK_THROWS_AS(choice::solve({.capacity = {1}, .begin = {}}), input_error);
  CHECK_THROWS_AS(choice::solve({.capacity = {-1}, .begin = {0}}), input_error);
  CHECK_THROWS_AS(choice::solve({.capacity = {1}, .begin = {0, 1}, .value = {1}, .use = {-1}}),
                  input_error);
  CHECK_THROWS_AS(choice::solve({.capacity = {1}, .begin = {0, 1}, .value = {1}, .use = {}}),
                  input_error);
  CHECK_THROWS_AS(choice::solve({.capacity = {1}, .begin = {0, 2, 1}, .value = {1}, .use = {1}}),
                  input_error);
  CHECK_THROWS_AS(
      choice::solve({.capacity = {1}, .begin = {0, 1}, .value = {1}, .use = {1}, .weight = {nan}}),
      input_error);
}

TEST_CASE("the solver equals brute force on 6000 small instances with 1 to 4 resources") {
  choice::solver solver;
  choice::answer a;
  for (std::uint64_t seed = 1; seed <= 6000; ++seed) {
    CAPTURE(seed);
    numbers r(1, seed);
    const choice::problem p = random_problem(r, 7, 5, 4);
    const double best = brute_force(p);
    choice::options o;
    if (seed % 2) o.table_limit = 0;  // branch and bound where a table would do
    solver(p, o, a);
    check_choice(p, a);
    if (best == -std::numeric_limits<double>::infinity()) {
      CHECK(a.status == choice::status::infeasible);
      continue;
    }
    CHECK(a.status == choice::status::optimal);
    CHECK(a.objective == Approx(best).epsilon(value_tolerance));
    CHECK(a.bound >= best - value_tolerance * std::abs(best));
  }
}

TEST_CASE("without branch and bound the bound still holds and the choice still fits") {
  choice::solver solver;
  choice::answer a;
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    CAPTURE(seed);
    numbers r(2, seed);
    const choice::problem p = random_problem(r, 7, 5, 4);
    const double best = brute_force(p);
    solver(p, {.node_limit = 0, .table_limit = 0}, a);
    check_choice(p, a);
    if (best == -std::numeric_limits<double>::infinity()) {
      CHECK(a.status != choice::status::optimal);
      CHECK(a.status != choice::status::feasible);
    } else {
      CHECK(a.status != choice::status::infeasible);
      CHECK(a.bound >= best - value_tolerance * std::abs(best));
    }
  }
}

TEST_CASE("choices fit and gaps are small on instances with up to 10 resources") {
  choice::solver solver;
  choice::answer a;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    numbers r(3, seed);
    choice::problem p;
    const std::size_t resources = 1 + seed % 10;
    p.begin = {0};
    for (std::size_t i = 0; i < 300; ++i) {
      for (std::size_t k = 0; k < 8; ++k) {
        double all = 0;
        for (std::size_t j = 0; j < resources; ++j) {
          p.use.push_back(std::floor(1 + 20 * r.unit()));
          all += p.use.back();
        }
        p.value.push_back(all + 20 * r.unit());
      }
      p.begin.push_back(static_cast<std::uint32_t>(p.value.size()));
    }
    p.capacity.assign(resources, 2000);
    p.require_one = seed % 2 == 0;
    p.capacity.assign(resources, p.require_one ? 2800 : 2000);
    solver(p, {.node_limit = 20}, a);
    check_choice(p, a);
    CHECK(a.status != choice::status::infeasible);
    CHECK(a.status != choice::status::unknown);
    CHECK(a.gap <= 0.02);
  }
}

TEST_CASE("two solvers give a problem the same choice") {
  numbers r(4, 1);
  const choice::problem p = random_problem(r, 40, 6, 3);
  choice::solver solver;
  const auto first = solver(p);
  const auto fresh = choice::solve(p);
  CHECK(first.point == fresh.point);
  CHECK(first.objective == fresh.objective);
}

TEST_CASE("a solver allocates nothing when it solves a problem again") {
  numbers r(5, 3);
  choice::problem p;
  p.begin = {0};
  for (std::size_t i = 0; i < 200; ++i) {
    for (std::size_t k = 0; k < 10; ++k) {
      p.use.push_back(1 + std::floor(10 * r.unit()));
      p.use.push_back(100 * r.unit());
      p.value.push_back(p.use.back() + 20 * r.unit());
    }
    p.begin.push_back(static_cast<std::uint32_t>(p.value.size()));
  }
  p.capacity = {300, 4000};
  choice::solver solver;
  choice::answer a;
  const choice::options o{.gap = 1e-3, .node_limit = 0};
  solver(p, o, a);
  solver(p, o, a);
  test::allocation_guard guard;
  solver(p, o, a);
  const auto count = guard.count();
  CHECK(count == 0);
}

TEST_CASE("proved optima of up to 30 groups are reached within a limit of work") {
  // Optima proved by CBC; see docs/choice/choice.md.
  struct known {
    std::size_t groups, resources;
    std::uint64_t seed;
    double optimum;
  };
  for (const known& k :
       {known{10, 5, 1, 1426}, known{20, 5, 1, 3307}, known{30, 5, 1, 4837}, known{10, 10, 1, 3043},
        known{10, 10, 2, 3548}, known{15, 10, 1, 3616}, known{15, 10, 2, 3579}}) {
    CAPTURE(k.groups);
    CAPTURE(k.resources);
    CAPTURE(k.seed);
    const choice::problem p = priced(k.groups, 10, k.resources, k.seed);
    const auto a = choice::solve(p);
    check_choice(p, a);
    CHECK(a.objective == k.optimum);
  }
}
