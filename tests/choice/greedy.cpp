// Steps by the best ratio, against the solver's bound.
#include <heddle/choice/greedy.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include <heddle/core/random.hpp>

using namespace heddle;

TEST_CASE(
    "greedy serves jobs in their order and then makes the step that gains most for its cost") {
  // Two GPUs start both jobs; the third goes to the second job, whose step is worth more.
  const choice::problem p{
      .capacity = {3}, .begin = {0, 2, 4}, .value = {4, 5, 4, 6}, .use = {1, 2, 1, 2}};
  const auto a = choice::greedy{}(p);
  CHECK(a.point == std::vector<std::int64_t>{0, 1});
  CHECK(a.objective == 10);
}

TEST_CASE("the relative rule compares a step with what its job has") {
  // Absolute: +3 for one GPU against +2; relative: ×1.3 against ×3.
  const choice::problem p{
      .capacity = {3}, .begin = {0, 2, 4}, .value = {10, 13, 1, 3}, .use = {1, 2, 1, 2}};
  CHECK(choice::greedy{}(p).point == std::vector<std::int64_t>{1, 0});
  CHECK(choice::greedy{.relative = true}(p).point == std::vector<std::int64_t>{0, 1});
}

TEST_CASE("greedy never oversubscribes, and the solver's bound is above it") {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    CAPTURE(seed);
    stream bits(seed, 0, "greedy");
    const auto unit = [&] { return static_cast<double>(bits() >> 11) * 0x1p-53; };
    choice::problem p;
    p.begin = {0};
    p.require_one = seed % 3 == 0;
    const std::size_t resources = 1 + seed % 4;
    for (int i = 0; i < 20; ++i) {
      for (int k = 0; k < 6; ++k) {
        for (std::size_t r = 0; r < resources; ++r) p.use.push_back(unit() < 0.1 ? 0 : 10 * unit());
        p.value.push_back(20 * unit() - 2);
      }
      p.begin.push_back(static_cast<std::uint32_t>(p.value.size()));
    }
    p.capacity.assign(resources, seed % 7 ? 20 + 80 * unit() : 0);
    for (const bool relative : {false, true}) {
      const auto a = choice::greedy{.relative = relative}(p);
      for (std::size_t r = 0; r < resources; ++r)
        CHECK(a.use[r] <= p.capacity[r] * (1 + 1e-9) + 1e-9);
      if (a.status == choice::status::unknown) continue;
      const auto best = choice::solve(p, {.node_limit = 0});
      CHECK(best.bound >= a.objective - 1e-9);
    }
  }
}
