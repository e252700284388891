#include <heddle/order/order.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

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
static_assert(order::OrderPolicy<order::deadline>);
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
