#include <heddle/fabric/power.hpp>

#include <doctest/doctest.h>

#include <initializer_list>

using heddle::fabric::base_power;

TEST_CASE("idle parts draw power by default and none is negative") {
  const base_power w;
  for (double x :
       {w.gpu_idle_w, w.server_w, w.server_off_w, w.wake_s, w.wake_j, w.switch_w, w.ocs_w})
    CHECK(x > 0);
  CHECK(w.server_off_w < w.server_w);
  // Switching a server off and on again has to be able to pay.
  CHECK(w.wake_j < 3600 * (w.server_w - w.server_off_w));
  CHECK(w == base_power{});
  CHECK(w != base_power{.switch_w = 1});
}
