#include <heddle/sim/rescale.hpp>

#include <doctest/doctest.h>

using heddle::sim::rescale_cost;

TEST_CASE("a rescaling job pauses two seconds, a large one seven") {
  const rescale_cost cost;
  CHECK(cost(1) == 2);
  CHECK(cost(255) == 2);
  CHECK(cost(256) == 7);
  CHECK(cost(4096) == 7);
}

TEST_CASE("data that are not at hand take two seconds for each doubling, and two more") {
  const rescale_cost cost{.cached = false};
  CHECK(cost(1) == 2 + 2);
  CHECK(cost(8) == 2 + 8);
  CHECK(cost(256) == 7 + 18);
}

TEST_CASE("a program that restarts takes 27 s more, a large one 47 s") {
  const rescale_cost cost{.restart = true};
  CHECK(cost(8) == 29);
  CHECK(cost(256) == 54);
  const rescale_cost all{.cached = false, .restart = true};
  CHECK(all(64) == 2 + 14 + 27);
}
