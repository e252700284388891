#include <heddle/allocate/energy_allowance.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "support/dice.hpp"

using namespace heddle;
using allocate::energy_allowance;
using doctest::Approx;

TEST_CASE("an energy budget that is spent as it comes in allows its mean power") {
  energy_allowance b{3600, 60};
  CHECK(b.power_w() == 60);
  for (int i = 1; i <= 100; ++i) {
    b.spend(10.0 * i, 600);
    CHECK(b.power_w() == Approx(60));
  }
}

TEST_CASE("what is not spent of an energy budget carries over") {
  energy_allowance b{3600, 60};
  b.spend(60, 0);
  CHECK(b.saved_j() == 3600);
  CHECK(b.power_w() == 120);
  b.spend(120, 120 * 60);  // all of it within the next horizon
  CHECK(b.saved_j() == 0);
  CHECK(b.power_w() == 60);
  energy_allowance lid{3600, 60, 0, 600};
  lid.spend(1000, 0);
  CHECK(lid.power_w() == 70);
}

TEST_CASE("an overdrawn energy budget pays back") {
  energy_allowance b{3600, 60, 100};
  b.spend(100, 1800);
  CHECK(b.power_w() == 30);
  b.spend(100, 1e6);
  CHECK(b.power_w() == 0);
  b.spend(99, 0);  // time does not go back
  CHECK(b.now_s() == 100);
}

TEST_CASE("whoever draws what an energy budget allows never spends more than has come in") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const double energy = 1e6 * d.real(), horizon = 10 + 1e4 * d.real();
    energy_allowance b{energy, horizon};
    double now = 0, spent = 0;
    for (int i = 0; i < 300; ++i) {
      const double dt = horizon * d.real(), power = b.power_w() * std::min(1.0, 1.3 * d.real());
      now += dt;
      spent += power * dt;
      b.spend(now, power * dt);
      REQUIRE(spent <= energy * now / horizon * (1 + 1e-9));
      REQUIRE(b.saved_j() == Approx(energy * now / horizon - spent).epsilon(1e-6));
    }
    CHECK(spent >
          0.5 * energy * now / horizon);  // and it does not starve: what is left is spent later
  }
}

TEST_CASE("an energy budget refuses odd numbers") {
  const double nan = std::nan("");
  CHECK_THROWS_AS(energy_allowance(-1, 1), input_error);
  CHECK_THROWS_AS(energy_allowance(nan, 1), input_error);
  CHECK_THROWS_AS(energy_allowance(1, 0), input_error);
  CHECK_THROWS_AS(energy_allowance(1, std::numeric_limits<double>::infinity()), input_error);
  CHECK_THROWS_AS(energy_allowance(1, 1, nan), input_error);
  CHECK_THROWS_AS(energy_allowance(1, 1, 0, nan), input_error);
}
