// Meeting in the middle against brute force, at prices that need not be good.
#include <heddle/choice/detail/halves.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "instances.hpp"
#include "support/allocation_guard.hpp"

using namespace heddle;
using namespace heddle::test;
using choice::detail::best_choice;
using choice::detail::halves_search;
using choice::detail::scaled_problem;

namespace {

const auto for_ever = [] { return true; };

bool read(const choice::problem& p, scaled_problem& d) {
  return d.build(p.capacity, p.begin, p.value, p.use, p.weight, p.require_one);
}

// What no choice is worth more than, at any prices.
double bound_at(const scaled_problem& d, const std::vector<double>& price) {
  double sum = d.base + std::accumulate(price.begin(), price.end(), 0.0);
  for (std::size_t i = 0; i < d.jobs(); ++i) {
    double top = -std::numeric_limits<double>::infinity();
    for (std::size_t k = d.begin[i]; k < d.begin[i + 1]; ++k) {
      double score = d.value[k];
      for (std::size_t r = 0; r < d.resources(); ++r) score -= price[r] * d.row(k)[r];
      top = std::max(top, score);
    }
    sum += top;
  }
  return sum;
}

std::vector<std::uint32_t> all_jobs(const scaled_problem& d) {
  std::vector<std::uint32_t> jobs(d.jobs());
  std::iota(jobs.begin(), jobs.end(), 0U);
  return jobs;
}

// A problem with prices of which some are 0.
struct instance {
  choice::problem problem;
  scaled_problem data;
  std::vector<double> price;
  double bound = 0;
  bool ready = false;

  instance(std::uint64_t seed, std::size_t most_resources) {
    numbers r(7, seed);
    problem = random_problem(r, 7, 5, most_resources);
    ready = read(problem, data) && data.jobs() > 1;
    if (!ready) return;
    for (std::size_t k = 0; k < problem.resources(); ++k)
      price.push_back(
          r.unit() < 0.3 ? 0 : data.spread * r.unit() / static_cast<double>(problem.resources()));
    bound = bound_at(data, price);
  }
};

// f(instance, search that has read it, no choice yet, what a choice may lose at all)
template <class F>
void each_instance(std::size_t most_resources, F f) {
  halves_search halves;
  for (std::uint64_t seed = 1; seed <= 12000; ++seed) {
    CAPTURE(seed);
    const instance at(seed, most_resources);
    if (!at.ready || !halves.start(at.data, at.price, at.bound)) continue;
    best_choice best;
    best.reset(at.data.jobs());
    f(at, halves, best, at.bound - at.data.base);
  }
}

}  // namespace

TEST_CASE("two halves hold the best choice of all jobs and prove it at any prices") {
  int found = 0, none = 0;
  each_instance(
      13, [&](const instance& at, halves_search& halves, best_choice& best, double worst) {
        const auto met = halves.run(at.data, all_jobs(at.data), best, 1'000'000, worst, for_ever);
        CHECK(met.complete);
        const double optimum = brute_force(at.problem);
        CHECK(best.found == (optimum > -std::numeric_limits<double>::infinity()));
        if (best.found) CHECK(best.value == doctest::Approx(optimum).epsilon(value_tolerance));
        (best.found ? found : none) += 1;
      });
  CHECK(found > 1000);
  CHECK(none > 100);
}

TEST_CASE("short lists never make a choice worse and prove nothing that is not so") {
  int complete = 0, better = 0;
  each_instance(
      13, [&](const instance& at, halves_search& halves, best_choice& best, double worst) {
        for (const std::size_t most : {1u, 4u, 16u}) {
          const double before = best.value;
          const bool had = best.found;
          const auto met = halves.run(at.data, all_jobs(at.data), best, most, worst, for_ever);
          CHECK(best.value >= before);
          better += had && best.value > before;
          const double optimum = brute_force(at.problem);
          if (best.found) CHECK(best.value <= optimum + value_tolerance * std::abs(optimum));
          if (met.complete && best.found)
            CHECK(best.value == doctest::Approx(optimum).epsilon(value_tolerance));
          complete += met.complete;
        }
      });
  CHECK(complete > 100);
  CHECK(better > 100);
}

TEST_CASE("jobs that are not free keep their points") {
  int changed = 0;
  each_instance(4, [&](const instance& at, halves_search& halves, best_choice& best, double worst) {
    if (at.data.jobs() < 4) return;
    (void)halves.run(at.data, all_jobs(at.data), best, 2, worst, for_ever);
    if (!best.found) return;
    const best_choice before = best;
    const std::vector<std::uint32_t> free{3, 0, 1};
    const auto met = halves.run(at.data, free, best, 1000, 0, for_ever);
    CHECK(met.complete);
    // The same problem in which the others have one point each.
    choice::problem fixed{.capacity = at.data.left, .begin = {0}, .require_one = true};
    for (std::uint32_t i = 0; i < at.data.jobs(); ++i) {
      const bool is_free = std::find(free.begin(), free.end(), i) != free.end();
      for (std::uint32_t k = at.data.begin[i]; k < at.data.begin[i + 1]; ++k) {
        if (!is_free && k != before.point[i]) continue;
        fixed.value.push_back(at.data.value[k]);
        fixed.use.insert(fixed.use.end(), at.data.row(k), at.data.row(k) + at.data.resources());
      }
      fixed.begin.push_back(static_cast<std::uint32_t>(fixed.value.size()));
      if (!is_free) CHECK(best.point[i] == before.point[i]);
    }
    CHECK(best.value ==
          doctest::Approx(at.data.base + brute_force(fixed)).epsilon(value_tolerance));
    changed += best.value > before.value;
  });
  CHECK(changed > 50);
}

TEST_CASE("a search by halves allocates nothing when it is repeated") {
  const choice::problem p = priced(12, 10, 10, 4);
  scaled_problem d;
  REQUIRE(read(p, d));
  const choice::answer known = choice::solve(p, {.node_limit = 0});
  std::vector<double> price;
  for (std::size_t r = 0; r < 10; ++r) price.push_back(known.price[r] * p.capacity[r]);
  halves_search halves;
  const auto jobs = all_jobs(d);
  best_choice best;
  const auto search = [&] {
    best.reset(d.jobs());
    REQUIRE(halves.start(d, price, bound_at(d, price)));
    (void)halves.run(d, jobs, best, 500, d.spread, for_ever);
  };
  for (int n = 0; n < 6; ++n) search();  // lists trade places
  test::allocation_guard guard;
  search();
  const auto count = guard.count();
  CHECK(count == 0);
  CHECK(best.found);
}
