// Large problems by the points near their prices, and choices that stand while jobs come and go.
#include <heddle/choice/standing.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include <heddle/choice/choice.hpp>
#include <heddle/core/error.hpp>

#include "instances.hpp"
#include "support/typed_choice.hpp"

using namespace heddle;
using namespace heddle::test;
using doctest::Approx;

namespace {

// Jobs on three types of GPU with eight numbers of GPUs at several clocks, and watts.
choice::problem typed(std::size_t jobs, std::size_t clocks, std::uint64_t seed, double gpus_a_job) {
  numbers r(seed, jobs);
  return test::typed_choice(jobs, clocks, gpus_a_job * static_cast<double>(jobs), true,
                            [&] { return r.unit(); });
}

// The least bound by prices, found on all points.
double dual_of(const choice::problem& p) {
  choice::detail::scaled_problem all;
  REQUIRE(all.build(p.capacity, p.begin, p.value, p.use, p.weight, p.require_one));
  choice::detail::dual_search dual;
  return dual.solve(all, std::vector<double>(p.resources(), 0), {}).bound;
}

}  // namespace

TEST_CASE("a large choice is within a thousandth and its bound is that of all points") {
  for (const double gpus_a_job : {0.5, 2.0, 12.0}) {
    CAPTURE(gpus_a_job);
    const choice::problem p = typed(600, 5, 3, gpus_a_job);
    REQUIRE(p.value.size() >= 65'536);
    const choice::answer a = choice::solve(p, {.gap = 1e-3, .node_limit = 0});
    check_choice(p, a);
    CHECK(a.gap <= 1e-3);
    const double least = dual_of(p);
    CHECK(a.bound >= least * (1 - value_tolerance));
    CHECK(a.bound <= least * (1 + 2e-4));
  }
}

TEST_CASE("a choice of some thousand points takes those near prices if a gap is good enough") {
  for (const double gpus_a_job : {2.0, 4.0, 12.0})
    for (const bool require_one : {false, true}) {
      CAPTURE(gpus_a_job);
      CAPTURE(require_one);
      choice::problem p = typed(600, 1, 5, gpus_a_job);
      p.require_one = require_one && gpus_a_job > 10;
      REQUIRE(p.value.size() >= 4'096);
      REQUIRE(p.value.size() < 65'536);
      const choice::answer all = choice::solve(p, {.node_limit = 0});
      const choice::answer near = choice::solve(p, {.gap = 1e-3, .node_limit = 0});
      check_choice(p, near);
      CHECK(near.gap <= 1e-3);
      CHECK(all.bound == Approx(dual_of(p)).epsilon(value_tolerance));
      CHECK(near.bound >= all.bound * (1 - value_tolerance));
      CHECK(near.bound <= all.bound * (1 + 2e-4));
      CHECK(near.objective <= all.bound);
    }
}

TEST_CASE("prices of another problem are no harm to a large one") {
  const choice::problem p = typed(600, 5, 3, 2);
  choice::problem other = typed(600, 5, 4, 40);
  for (double& v : other.value) v *= 1'000;
  choice::solver fresh, used;
  (void)used(other, {.gap = 1e-3, .node_limit = 0});
  const auto a = fresh(p, {.gap = 1e-3, .node_limit = 0});
  const auto b = used(p, {.gap = 1e-3, .node_limit = 0});
  check_choice(p, b);
  CHECK(b.gap <= 1e-3);
  CHECK(b.objective == Approx(a.objective).epsilon(1e-3));
}

TEST_CASE("large problems refuse bad points as small ones do") {
  choice::problem p = typed(600, 5, 3, 2);
  p.use[4 * 40'000 + 2] = -1;
  CHECK_THROWS_WITH_AS((void)choice::solve(p, {.gap = 1e-3}),
                       "choice.use[160002]: expected a finite number of at least 0, got -1.000000",
                       input_error);
  p.use[4 * 40'000 + 2] = 0;
  p.value[70'000] = std::nan("");
  CHECK_THROWS_WITH_AS((void)choice::solve(p, {.gap = 1e-3}),
                       "choice.value[70000]: expected a finite number, got nan", input_error);
}

TEST_CASE("the dual of the points near prices is that of all points on 400 small cases") {
  int usable = 0, least = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    CAPTURE(seed);
    numbers r(seed, 77);
    const choice::problem p = random_problem(r, 7, 5, 4);
    if (p.jobs() == 0) continue;
    choice::detail::near_search near;
    choice::detail::dual_search dual;
    choice::detail::scaled_problem root;
    std::vector<double> price(p.resources(), 0);
    const auto found = near.run(p, false, 1e-10, dual, price, root);
    const double best = brute_force(p);
    if (!found.usable) continue;
    ++usable;
    CHECK(found.bound >= best - value_tolerance * std::max(1.0, std::abs(best)));
    choice::detail::scaled_problem all;
    REQUIRE(all.build(p.capacity, p.begin, p.value, p.use, p.weight, p.require_one));
    CHECK(found.bound ==
          Approx(all.base + dual.pass(all, price)).epsilon(value_tolerance).scale(1));
    // Few jobs change the prices by more than a box: then it is a bound, but not the least.
    least += found.bound <= dual_of(p) + 1e-6 * std::max(1.0, std::abs(found.bound));
  }
  CHECK(usable > 200);
  CHECK(least > 0.9 * usable);
}

TEST_CASE(
    "a standing choice fits and is bounded by the best of all choices on 200 small histories") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    numbers r(seed, 78);
    const std::size_t resources = 1 + r.below(3);
    std::vector<double> capacity;
    for (std::size_t q = 0; q < resources; ++q) capacity.push_back(5 + 20 * r.unit());
    choice::standing all(capacity, 0.02);
    struct job {
      std::vector<double> value, use;
      double weight = 1;
    };
    std::map<std::uint32_t, job> there;
    for (int step = 0; step < 24; ++step) {
      CAPTURE(step);
      if (there.size() >= 6 || (!there.empty() && r.unit() < 0.35)) {
        auto gone = there.begin();
        std::advance(gone, static_cast<std::ptrdiff_t>(r.below(there.size())));
        all.remove(gone->first);
        there.erase(gone);
      } else {
        job j;
        j.weight = 1 + static_cast<double>(r.below(2));
        const std::size_t points = r.below(5);
        for (std::size_t k = 0; k < points; ++k) {
          j.value.push_back(10 * r.unit() - 1);
          for (std::size_t q = 0; q < resources; ++q) j.use.push_back(12 * r.unit());
        }
        const auto key = all.add(j.value, j.use, j.weight);
        CHECK(there.count(key) == 0);
        for (std::uint32_t lower = 0; lower < key; ++lower) CHECK(there.count(lower) == 1);
        there[key] = j;
      }
      choice::problem p;
      p.capacity = capacity;
      p.begin = {0};
      choice::answer a;
      a.status = choice::status::feasible;
      a.objective = all.objective();
      a.bound = all.bound();
      for (std::size_t q = 0; q < resources; ++q) a.use.push_back(all.use(q));
      for (const auto& [key, j] : there) {
        p.value.insert(p.value.end(), j.value.begin(), j.value.end());
        p.use.insert(p.use.end(), j.use.begin(), j.use.end());
        p.weight.push_back(j.weight);
        p.begin.push_back(static_cast<std::uint32_t>(p.value.size()));
        a.point.push_back(all.point(key));
      }
      check_choice(p, a);
      const double best = brute_force(p);
      CHECK(all.jobs() == there.size());
      CHECK(all.objective() <= best + value_tolerance * std::max(1.0, best));
      CHECK(all.bound() >= best - value_tolerance * std::max(1.0, best));
      // One job alone has its best point.
      if (there.size() == 1)
        CHECK(all.objective() == Approx(best).epsilon(value_tolerance).scale(1));
    }
  }
}

TEST_CASE("a standing choice of many jobs stays within its gap while a ninth of them change") {
  const choice::problem p = typed(1'000, 2, 5, 2);
  choice::problem first = p;
  first.begin.resize(901);
  first.value.resize(first.begin.back());
  first.use.resize(first.begin.back() * p.resources());
  for (double& c : first.capacity) c *= 0.9;
  choice::standing all(first.capacity, 1e-3);
  all.add_all(first);
  CHECK(all.gap() <= 1e-3);
  for (std::size_t i = 900; i < 1'000; ++i) {
    CAPTURE(i);
    const std::size_t k = p.begin[i], count = p.begin[i + 1] - k;
    const auto key = all.add({p.value.data() + k, count},
                             {p.use.data() + k * p.resources(), count * p.resources()});
    CHECK(key == (i == 900 ? 900 : static_cast<std::uint32_t>(i - 901) * 2));
    CHECK(all.gap() <= 1e-3);
    all.remove(static_cast<std::uint32_t>(i - 900) * 2);
    CHECK(all.gap() <= 1e-3);
  }
  CHECK(all.jobs() == 900);
  CHECK(all.prices_anew() < 20);
  for (std::size_t r = 0; r < p.resources(); ++r)
    CHECK(all.use(r) <= first.capacity[r] * (1 + value_tolerance));
}

TEST_CASE("a standing choice refuses bad jobs and stays as it was") {
  CHECK_THROWS_AS(choice::standing({}), input_error);
  CHECK_THROWS_AS(choice::standing({-1}), input_error);
  CHECK_THROWS_AS(choice::standing({1}, 0), input_error);
  choice::standing all({4, 4});
  const std::vector<double> value{3, 5}, use{1, 2, 2, 4}, bad{1, 2, 2, -4};
  const auto key = all.add(value, use);
  CHECK_THROWS_AS((void)all.add(value, bad), input_error);
  CHECK_THROWS_AS((void)all.add(value, value), input_error);
  CHECK_THROWS_AS((void)all.add(value, use, -1), input_error);
  choice::problem one{
      .capacity = {1, 1}, .begin = {0, 1}, .value = {1}, .use = {1, 1}, .weight = {}};
  one.require_one = true;
  CHECK_THROWS_AS(all.add_all(one), input_error);
  CHECK(all.jobs() == 1);
  CHECK(all.objective() == 5);
  CHECK(all.point(key) == 1);
  CHECK(all.gap() == 0);
}
