// The deficit scheduler that turns fractions into rounds.
#include <heddle/share/rounds.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/random.hpp>
#include <heddle/share/share.hpp>

#include "support/allocation_guard.hpp"

using namespace heddle;

TEST_CASE("two jobs that share one GPU in halves take turns") {
  const share::problem p{.capacity = {1}, .throughput = {1, 1}};
  share::rounds plan;
  plan.start(p, {0.5, 0.5});
  CHECK(plan.next() == std::vector<std::uint32_t>{0, share::rounds::waits});
  CHECK(plan.next() == std::vector<std::uint32_t>{share::rounds::waits, 0});
  CHECK(plan.next() == std::vector<std::uint32_t>{0, share::rounds::waits});
}

TEST_CASE("no round gives a type more GPUs than it has or a job two types") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    stream bits(seed, 0, "rounds");
    const auto unit = [&] { return static_cast<double>(bits() >> 11) * 0x1p-53; };
    share::problem p{.capacity = {8, 4, 6}};
    for (int i = 0; i < 20; ++i) {
      for (int j = 0; j < 3; ++j) p.throughput.push_back(0.5 + unit());
      p.gpus.push_back(static_cast<double>(1 << static_cast<int>(3 * unit())));
    }
    share::rounds plan;
    plan.start(p, share::max_min_lexicographic{}(p).x);
    for (int round = 0; round < 500; ++round) {
      std::vector<double> used(3, 0);
      const auto& type = plan.next();
      for (std::size_t i = 0; i < 20; ++i)
        if (type[i] != share::rounds::waits) used[type[i]] += p.gpus[i];
      for (std::size_t j = 0; j < 3; ++j) CHECK(used[j] <= p.capacity[j]);
    }
  }
}

TEST_CASE("jobs of one GPU get their fractions of time to 1 % over a thousand rounds") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    stream bits(seed, 1, "rounds");
    const auto unit = [&] { return static_cast<double>(bits() >> 11) * 0x1p-53; };
    share::problem p{.capacity = {4, 4, 4}};
    for (int i = 0; i < 30 * 3; ++i) p.throughput.push_back(0.5 + unit());
    const auto x = share::max_min_lexicographic{}(p).x;
    share::rounds plan;
    plan.start(p, x);
    std::vector<double> had(x.size(), 0);
    for (int round = 0; round < 1000; ++round) {
      const auto& type = plan.next();
      for (std::size_t i = 0; i < 30; ++i)
        if (type[i] != share::rounds::waits) had[i * 3 + type[i]] += 1;
    }
    for (std::size_t k = 0; k < x.size(); ++k) CHECK(std::abs(had[k] / 1000 - x[k]) <= 0.01);
  }
}

TEST_CASE("debts outlive a change of the fractions, and a round allocates nothing") {
  const share::problem p{.capacity = {1}, .throughput = {1, 1}};
  share::rounds plan;
  plan.start(p, {0.5, 0.5});
  plan.next();
  CHECK(plan.debt(0, 0) == -0.5);
  CHECK(plan.debt(1, 0) == 0.5);
  plan.change(p, {0.9, 0.1});
  CHECK(plan.next() == std::vector<std::uint32_t>{share::rounds::waits, 0});
  test::allocation_guard guard;
  for (int i = 0; i < 100; ++i) plan.next();
  const auto count = guard.count();
  CHECK(count == 0);
}

TEST_CASE("fractions that are none are refused") {
  const share::problem p{.capacity = {1}, .throughput = {1, 1}};
  share::rounds plan;
  CHECK_THROWS_AS(plan.start(p, {0.5}), input_error);
  CHECK_THROWS_AS(plan.start(p, {0.5, 1.5}), input_error);
  CHECK_THROWS_AS(plan.start(p, {0.5, std::nan("")}), input_error);
  plan.start(p, {0.5, 0.5});
  CHECK_THROWS_AS(plan.change({.capacity = {1}, .throughput = {1}}, {1}), input_error);
}
