#include <heddle/fabric/watts.hpp>

#include <doctest/doctest.h>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>

#include "support/watts.hpp"

using namespace heddle;
using namespace heddle::fabric;

TEST_CASE("a cluster draws what its parts draw, kind by kind") {
  const base_power w = test::watts;
  const leaf_spine_ocs dc{
      {.leafs = 2, .spines = 2, .switches = 4, .servers_per_leaf = 1, .gpus_per_server = 4}};
  CHECK(watts_of(parts_when_idle(dc, w), w).total() == 8 * 50 + 2 * 400 + 4 * 300 + 4 * 40);
  CHECK(watts_of(parts_when_off(dc), w).total() == 2 * 20 + 4 * 300 + 4 * 40);
  CHECK(watts_of({.servers_waking = 2}, w).total() == 2 * 300);
  base_power at_once = w;
  at_once.wake_s = 0;
  CHECK(watts_of({.servers_waking = 2}, at_once).total() == 0);
}

TEST_CASE("a job's extra power is beyond that of its idle GPUs") {
  const model::operating_point p{.config = {.gpus = 4}, .throughput = 1, .power_w = 1000};
  CHECK(extra_power_w(p, 60) == 760);
  CHECK(extra_power_w(p, 300) == -200);
}
