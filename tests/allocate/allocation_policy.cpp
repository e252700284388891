#include <heddle/allocate/allocation_policy.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <span>

#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/requested.hpp>

#include "support/workloads.hpp"

using namespace heddle;
using namespace heddle::allocate;

static_assert(AllocationPolicy<requested>);
static_assert(AllocationPolicy<powerflow>);
static_assert(!AllocationPolicy<int>);

TEST_CASE("the power of a point counts beyond what its GPUs would draw idle") {
  const limits l{.gpus = 8, .gpu_idle_w = 60};
  CHECK(extra_power_w(test::point(4, 1, 1000), l) == 760);
  CHECK(extra_power_w(test::point(4, 1, 200), l) == -40);
}

TEST_CASE("limits are unlimited in power and energy unless set") {
  const limits l;
  CHECK(l.power_w == std::numeric_limits<double>::infinity());
  CHECK(l.energy_j == std::numeric_limits<double>::infinity());
}

TEST_CASE("a lambda is an allocation policy") {
  const auto nothing = [](std::span<const candidate> jobs, const limits&, allocation& out) {
    out.assign(jobs.size(), nullptr);
  };
  static_assert(AllocationPolicy<decltype(nothing)>);
}
