#include <heddle/order/order.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/order/gittins.hpp>
#include <heddle/order/past_means.hpp>

#include "support/dice.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using order::before;
using order::entry;
using test::make_job;

static_assert(order::OrderPolicy<order::fifo>);
static_assert(order::OrderPolicy<order::fewest_gpus>);
static_assert(order::OrderPolicy<order::shortest>);
static_assert(order::OrderPolicy<order::shortest_remaining>);
static_assert(order::OrderPolicy<order::shortest_service<order::past_means>>);
static_assert(order::OrderPolicy<order::deadline>);
static_assert(order::AgeingOrder<order::gittins>);
static_assert(order::OrderPolicy<order::least_attained>);
static_assert(!order::OrderPolicy<int>);

namespace {

// Ids of the jobs in the order's order.
template <class Order>
std::vector<std::uint32_t> ids(Order by, std::vector<job> jobs,
                               std::vector<double> remaining = {}) {
  std::vector<entry> entries;
  for (std::size_t i = 0; i < jobs.size(); ++i)
    entries.push_back({&jobs[i], remaining.empty() ? jobs[i].duration_s : remaining[i], 0});
  std::sort(entries.begin(), entries.end(),
            [&](const entry& a, const entry& b) { return before(by, a, b); });
  std::vector<std::uint32_t> out;
  for (const entry& e : entries) out.push_back(e.spec->id.value);
  return out;
}

using numbers = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("each order puts first what its name says") {
  std::vector<job> jobs{make_job(0, 30, 1, 500), make_job(1, 10, 4, 100), make_job(2, 20, 2, 300)};
  jobs[0].deadline_s = 900;
  jobs[2].deadline_s = 50;
  CHECK(ids(order::fifo{}, jobs) == numbers{1, 2, 0});
  CHECK(ids(order::fewest_gpus{}, jobs) == numbers{0, 2, 1});
  CHECK(ids(order::shortest{}, jobs) == numbers{1, 2, 0});
  CHECK(ids(order::shortest_remaining{}, jobs, {1, 3, 2}) == numbers{0, 2, 1});
  CHECK(ids(order::deadline{}, jobs) == numbers{2, 0, 1});
}

TEST_CASE("a higher priority class goes first under every order") {
  std::vector<job> jobs{make_job(0, 0, 1, 1), make_job(1, 9, 9, 9), make_job(2, 5, 5, 5)};
  jobs[1].priority = 1;
  jobs[2].priority = -1;
  CHECK(ids(order::fifo{}, jobs) == numbers{1, 0, 2});
  CHECK(ids(order::fewest_gpus{}, jobs) == numbers{1, 0, 2});
  CHECK(ids(order::shortest{}, jobs) == numbers{1, 0, 2});
  CHECK(ids(order::shortest_remaining{}, jobs) == numbers{1, 0, 2});
  CHECK(ids(order::deadline{}, jobs) == numbers{1, 0, 2});
}

TEST_CASE("what an order holds equal goes by submission, then by id") {
  const std::vector<job> jobs{make_job(5, 1, 2, 9), make_job(3, 1, 2, 9), make_job(4, 0, 2, 9)};
  CHECK(ids(order::fewest_gpus{}, jobs) == numbers{4, 3, 5});
  CHECK(ids([](const entry&, const entry&) { return false; }, jobs) == numbers{4, 3, 5});
}

TEST_CASE("a lambda is an order") {
  const auto widest = [](const entry& a, const entry& b) { return a.spec->gpus > b.spec->gpus; };
  static_assert(order::OrderPolicy<decltype(widest)>);
  CHECK(ids(widest, {make_job(0, 0, 1, 1), make_job(1, 0, 3, 1)}) == numbers{1, 0});
}

TEST_CASE("the whole order is strict and total for jobs of different ids") {
  test::dice d{4};
  std::vector<job> jobs;
  for (std::uint32_t i = 0; i < 40; ++i) {
    jobs.push_back(make_job(i, d.between(0, 2), d.between(1, 2), d.between(1, 3)));
    jobs.back().priority = d.between(0, 1);
  }
  const auto check = [&](auto by) {
    for (const job& a : jobs)
      for (const job& b : jobs) {
        const entry x{&a, a.duration_s, 0}, y{&b, b.duration_s, 0};
        REQUIRE((before(by, x, y) + before(by, y, x)) == (a.id != b.id));
      }
  };
  check(order::fifo{});
  check(order::fewest_gpus{});
  check(order::shortest{});
  check(order::shortest_remaining{});
  check(order::deadline{});
  check(order::least_attained{});
}

TEST_CASE("least attained service goes by levels of GPU time and within one by submission") {
  const order::least_attained by{.levels_gpu_s = {100, 1000}};
  CHECK(by.level(0) == 0);
  CHECK(by.level(99) == 0);
  CHECK(by.level(100) == 1);
  CHECK(by.level(5000) == 2);
  const job a = make_job(0, 5, 1, 1), b = make_job(1, 3, 1, 1);
  CHECK(by({&a, 1, 50}, {&b, 1, 150}));
  CHECK_FALSE(by({&a, 1, 10}, {&b, 1, 90}));
  order::least_attained order = by;
  CHECK(before(order, {&b, 1, 90}, {&a, 1, 10}));
  CHECK(by.steady_for_s({&a, 1, 60}, 4) == 10);
  CHECK(by.steady_for_s({&a, 1, 2000}, 4) == std::numeric_limits<double>::infinity());
}

TEST_CASE("the shortest service goes by GPU time, stated or as past jobs of the group took it") {
  std::vector<job> jobs{make_job(0, 0, 8, 10), make_job(1, 0, 1, 60), make_job(2, 0, 2, 50)};
  CHECK(ids(order::shortest_service<>{}, jobs) == numbers{1, 0, 2});
  std::vector<job> past;
  for (std::uint32_t i = 0; i < 5; ++i) past.push_back(make_job(i, 0, 8, 2));
  for (std::uint32_t i = 5; i < 10; ++i) past.push_back(make_job(i, 0, 1, 100));
  past[0].duration_s = 7;
  const order::past_means mean{past};
  CHECK(mean(jobs[0]) == 3);
  CHECK(mean(jobs[1]) == 100);
  CHECK(mean(jobs[2]) == 51.5);  // nobody had two GPUs
  CHECK(order::past_means{}(jobs[0]) == 0);
  CHECK(ids(order::shortest_service<order::past_means>{mean}, jobs) == numbers{0, 1, 2});
  // Where a group has five of its own, they count.
  for (job& j : past) j.vc = j.gpus == 8 ? "a" : "b";
  jobs[0].vc = "a", jobs[1].vc = "a";
  const order::past_means of_groups{past};
  CHECK(of_groups(jobs[0]) == 3);
  CHECK(of_groups(jobs[1]) == 100);
}

TEST_CASE("the Gittins index is what a search over all spans gives") {
  // Half take 1 s, half 100 s: at first the short half is worth a second of each.
  const order::gittins two{{1, 100, 1, 100}, 4};
  CHECK(two.index(0) == doctest::Approx(0.5));
  CHECK(two.index(1) == doctest::Approx(1. / 99));
  CHECK(two.index(100) == 0);
  const job a = make_job(0, 0, 1, 1);
  CHECK(two({&a, 1, 0}, {&a, 1, 1}));
  CHECK(two.steady_for_s({&a, 1, 0}, 1) == 1);
  CHECK(two.steady_for_s({&a, 1, 1}, 3) == 33);
  CHECK(two.steady_for_s({&a, 1, 100}, 1) == std::numeric_limits<double>::infinity());
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<double> took;
    for (int i = 0; i < 30; ++i) took.push_back(d.between(1, 40) * (d.chance(.3) ? 20 : 1));
    const order::gittins by{took, took.size()};
    for (const double age : {0.0, took[3], took[17]}) {
      double best = 0;
      for (double span = 0.5; span <= 800; span += 0.5) {
        double ended = 0, spent = 0;
        for (const double x : took) {
          if (x <= age) continue;
          ended += x - age <= span;
          spent += std::min(x - age, span);
        }
        if (spent > 0) best = std::max(best, ended / spent);
      }
      REQUIRE(by.index(age) == doctest::Approx(best));
    }
  }
  CHECK_THROWS_AS(order::gittins{{}}, input_error);
  CHECK_THROWS_AS((order::gittins{{1, 0}}), input_error);
}

TEST_CASE("overdue jobs go first by submission and outrank no other overdue one") {
  const job small = make_job(0, 9, 1, 1), large = make_job(1, 3, 8, 1), old = make_job(2, 1, 9, 1);
  order::fewest_gpus by;
  const entry a{&small, 1, 0}, b{&large, 1, 0, true}, c{&old, 1, 0, true};
  CHECK(order::outranks(by, b, a));
  CHECK_FALSE(order::outranks(by, a, b));
  CHECK_FALSE(order::outranks(by, b, c));
  CHECK_FALSE(order::outranks(by, c, b));
  CHECK(before(by, c, b));
  CHECK(before(by, b, a));
}
