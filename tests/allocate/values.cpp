// Allocation policies are values: they compare by their options and copy without what they work in.
#include <heddle/allocate/allocate.hpp>

#include <doctest/doctest.h>

#include <concepts>
#include <vector>

#include <heddle/allocate/archetypes.hpp>

#include "support/allocation_guard.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using namespace heddle::allocate;

namespace {

template <class Policy>
void check_value(const Policy& policy, const Policy& other) {
  const model::curve c{{test::point(1, 1, 100), test::point(2, 1.8, 190), test::point(4, 3, 380)}};
  std::vector<candidate> jobs;
  for (int i = 0; i < 100; ++i)
    jobs.push_back({.id = job_id{i}, .curve = &c, .work = 1000.0 + i, .requested_gpus = 2});
  const limits l{.gpus = 150};
  allocation out, again;
  Policy warm = policy;
  warm(jobs, l, out);
  CHECK(warm == policy);
  CHECK(warm != other);
  const auto before = test::allocations();
  Policy copy = warm;
  CHECK(test::allocations() == before);
  copy(jobs, l, again);
  CHECK(again == out);
}

}  // namespace

TEST_CASE("what a policy works in is no part of its value") {
  check_value(throughput_marginal{}, throughput_marginal{.deadlines = false});
  check_value(pollux<>{}, pollux<>{.efficiency = {.noise_samples = 3}});
  check_value(powerflow{}, powerflow{.rank = ranking::absolute});
  check_value(price_path{}, price_path{.energy_price = 1e-3});
  check_value(optimal<>{}, optimal<>{.gap = 1e-2});
  check_value(optimal<objective::deadlines>{},
              optimal<objective::deadlines>{.objective = {.late = 0.1}});
}

TEST_CASE("policies are as small as their options") {
  static_assert(sizeof(optimus) <= 16);
  static_assert(sizeof(throughput_marginal) <= 16);
  static_assert(sizeof(pollux<>) <= 16);
  static_assert(sizeof(powerflow) <= 64);
  static_assert(sizeof(price_path) <= 64);
  static_assert(sizeof(optimal<>) <= 96);
}

TEST_CASE("what max_min owes to jobs is a part of its value") {
  const model::curve c{{test::point(1, 1, 100)}};
  const std::vector<candidate> jobs{{.id = job_id{1}, .curve = &c, .work = 10},
                                    {.id = job_id{2}, .curve = &c, .work = 10}};
  max_min turns;
  allocation out, again;
  turns(jobs, {.gpus = 1}, out);
  CHECK(turns != max_min{});
  max_min copy = turns;
  CHECK(copy == turns);
  turns(jobs, {.gpus = 1}, out);
  copy(jobs, {.gpus = 1}, again);
  CHECK(out == again);
}

TEST_CASE("the archetypes of the room do where a policy or an objective is asked for") {
  archetype::allocation_policy least{0};
  optimal<archetype::objective> best;
  const model::curve c{{test::point(1, 1, 100), test::point(2, 1.8, 190)}};
  const std::vector<candidate> jobs{{.id = job_id{1}, .curve = &c, .work = 10}};
  allocation out;
  least(jobs, {.gpus = 2}, out);
  CHECK(out[0] == &c.points()[0]);
  best(jobs, {.gpus = 2}, out);
  CHECK(out[0] == &c.points()[1]);
}
