#include <heddle/core/statistics.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "support/dice.hpp"

using namespace heddle;

TEST_CASE("statistics of no numbers are zero") {
  const running_statistics s;
  CHECK(s.count() == 0);
  CHECK(s.mean() == 0);
  CHECK(s.variance() == 0);
  CHECK(s.min() == 0);
  CHECK(s.max() == 0);
  std::vector<double> none;
  CHECK(mean(none) == 0);
  CHECK(quantile(none, 0.5) == 0);
}

TEST_CASE("one number is its own mean, extremes and quantiles and does not vary") {
  running_statistics s;
  s.add(-7.5);
  CHECK(s.mean() == -7.5);
  CHECK(s.variance() == 0);
  CHECK(s.min() == -7.5);
  CHECK(s.max() == -7.5);
  std::vector<double> one{-7.5};
  for (double q : {0.0, 0.3, 1.0}) CHECK(quantile(one, q) == -7.5);
}

TEST_CASE("running statistics equal those of two passes, far from zero too") {
  constexpr double relative_tolerance = 1e-9;
  for (double offset : {0.0, 1e9}) {
    test::dice d{3};
    running_statistics s;
    std::vector<double> xs;
    for (int i = 0; i < 5000; ++i) {
      xs.push_back(offset + d.real());
      s.add(xs.back());
    }
    double m = 0, v = 0;
    for (double x : xs) m += (x - offset) / 5000;
    for (double x : xs) v += (x - offset - m) * (x - offset - m) / 4999;
    CHECK(s.count() == 5000);
    CHECK(s.mean() == doctest::Approx(offset + m).epsilon(relative_tolerance));
    CHECK(s.variance() == doctest::Approx(v).epsilon(1e-6));
    CHECK(s.stddev() == doctest::Approx(std::sqrt(v)).epsilon(1e-6));
    CHECK(s.min() == *std::min_element(xs.begin(), xs.end()));
    CHECK(s.max() == *std::max_element(xs.begin(), xs.end()));
  }
}

TEST_CASE("a quantile is the smallest number that a share q of the series does not exceed") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<double> xs(1 + d.index(40));
    for (double& x : xs) x = d.between(0, 15);
    const double q = d.between(0, 64) / 64.0;  // exact shares
    std::vector<double> sorted = xs;
    std::sort(sorted.begin(), sorted.end());
    double expected = sorted.back();
    for (auto it = sorted.rbegin(); it != sorted.rend(); ++it) {
      const auto within = std::upper_bound(sorted.begin(), sorted.end(), *it) - sorted.begin();
      if (static_cast<double>(within) >= q * static_cast<double>(sorted.size())) expected = *it;
    }
    CHECK(quantile(xs, q) == expected);
  }
}

TEST_CASE("quantiles of one to a hundred are the percents") {
  std::vector<double> xs(100);
  for (std::size_t i = 0; i < 100; ++i) xs[i] = static_cast<double>(100 - i);
  CHECK(quantile(xs, 0.5) == 50);
  CHECK(quantile(xs, 0.99) == 99);
  CHECK(quantile(xs, 1.0) == 100);
  CHECK(quantile(xs, 0.0) == 1);
  CHECK(mean(xs) == 50.5);
}
