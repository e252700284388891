// Placement policies are values: they compare by their options and copy without what they search in.
#include <doctest/doctest.h>

#include <heddle/fabric/ledger.hpp>
#include <heddle/place/jigsaw.hpp>
#include <heddle/place/patched.hpp>
#include <heddle/place/relaxed.hpp>
#include <heddle/place/topology_aware.hpp>
#include <heddle/place/vclos.hpp>

#include "support/allocation_guard.hpp"

using namespace heddle;

static_assert(sizeof(place::vclos) <= 32);
static_assert(sizeof(place::jigsaw) <= 32);
static_assert(sizeof(place::laas) <= 32);
static_assert(sizeof(place::relaxed) <= 48);
static_assert(sizeof(place::patched) <= 48);
static_assert(sizeof(place::topology_aware) <= 32);

TEST_CASE("a placement policy is the same after it has searched, and its copy is cheap") {
  const fabric::leaf_spine dc{
      {.leafs = 8, .spines = 8, .servers_per_leaf = 1, .gpus_per_server = 8}};
  const fabric::ledger free{dc};
  const auto check = [&](auto policy) {
    const auto fresh = policy;
    const place::answer first = policy(free, {.job = job_id{1}, .gpus = 20});
    CHECK(policy == fresh);
    const auto before = test::allocations();
    auto copy = policy;
    CHECK(test::allocations() == before);
    const place::answer again = copy(free, {.job = job_id{1}, .gpus = 20});
    REQUIRE(first.where.has_value());
    CHECK(again.where == first.where);
  };
  check(place::vclos{});
  check(place::jigsaw{});
  check(place::laas{});
  check(place::relaxed{});
  check(place::patched{});
  check(place::topology_aware{});
  CHECK(place::vclos{.any_size = false} != place::vclos{});
}
