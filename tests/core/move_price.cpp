#include <heddle/core/move_price.hpp>

#include <doctest/doctest.h>

using heddle::move_price;

TEST_CASE("a rescaling job pauses two seconds, a large one seven") {
  const move_price cost;
  CHECK(cost(1) == 2);
  CHECK(cost(255) == 2);
  CHECK(cost(256) == 7);
  CHECK(cost(4096) == 7);
}

TEST_CASE("data that are not at hand take two seconds for each doubling, and two more") {
  const move_price cost{.cached = false};
  CHECK(cost(1) == 2 + 2);
  CHECK(cost(8) == 2 + 8);
  CHECK(cost(256) == 7 + 18);
}

TEST_CASE("a program that restarts takes 27 s more, a large one 47 s") {
  const move_price cost{.restart = true};
  CHECK(cost(8) == 29);
  CHECK(cost(256) == 54);
  const move_price all{.cached = false, .restart = true};
  CHECK(all(64) == 2 + 14 + 27);
}
