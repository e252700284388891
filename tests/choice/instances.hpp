// Instances of the choice of operating points, their best choices, and what every answer keeps to.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <heddle/choice/choice.hpp>
#include <heddle/core/random.hpp>

namespace heddle::test {

inline constexpr double value_tolerance = 1e-9;

struct numbers {
  stream bits;
  numbers(std::uint64_t seed, std::uint64_t entity) : bits(seed, entity, "choice") {}
  double unit() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  std::size_t below(std::size_t n) {
    return static_cast<std::size_t>(unit() * static_cast<double>(n));
  }
};

[[nodiscard]] inline choice::problem random_problem(numbers& r, std::size_t most_jobs,
                                                    std::size_t most_points,
                                                    std::size_t most_resources) {
  choice::problem p;
  const std::size_t jobs = r.below(most_jobs + 1), resources = 1 + r.below(most_resources);
  const bool whole = r.unit() < 0.5, negative = r.unit() < 0.3, zeros = r.unit() < 0.3;
  const bool correlated = r.unit() < 0.4, twins = r.unit() < 0.2;
  p.require_one = r.unit() < 0.4;
  p.begin = {0};
  std::vector<double> sum(resources, 0);
  for (std::size_t i = 0; i < jobs; ++i) {
    const std::size_t points = r.below(most_points + 1) + (p.require_one ? 1 : 0);
    for (std::size_t k = 0; k < points; ++k) {
      double all = 0;
      for (std::size_t j = 0; j < resources; ++j) {
        double use = whole ? static_cast<double>(r.below(12)) : 10 * r.unit();
        if (zeros && r.unit() < 0.3) use = 0;
        if (twins && k > 0 && r.unit() < 0.5) use = p.use[p.use.size() - resources];
        p.use.push_back(use);
        all += use;
        sum[j] += use / static_cast<double>(points);
      }
      double value = correlated ? all + (whole ? 5.0 : r.unit())
                                : (whole ? static_cast<double>(r.below(40)) : 20 * r.unit());
      if (negative) value -= 10;
      p.value.push_back(value);
    }
    p.begin.push_back(static_cast<std::uint32_t>(p.value.size()));
    if (r.unit() < 2) p.weight.push_back(r.unit() < 0.2 ? 0 : 1 + static_cast<double>(r.below(3)));
  }
  for (std::size_t j = 0; j < resources; ++j) {
    const double part = r.unit() < 0.1 ? 0 : 1.3 * r.unit();
    p.capacity.push_back(whole ? std::floor(part * sum[j]) : part * sum[j]);
  }
  return p;
}

// The best over all choices, −∞ if none fits.
[[nodiscard]] inline double brute_force(const choice::problem& p) {
  const std::size_t resources = p.resources();
  double best = -std::numeric_limits<double>::infinity();
  std::vector<double> used(resources, 0);
  const auto visit = [&](auto&& self, std::size_t i, double value) -> void {
    if (i == p.jobs()) {
      best = std::max(best, value);
      return;
    }
    if (!p.require_one) self(self, i + 1, value);
    for (std::size_t k = p.begin[i]; k < p.begin[i + 1]; ++k) {
      bool fits = true;
      for (std::size_t r = 0; r < resources; ++r) {
        used[r] += p.use[k * resources + r];
        fits = fits && used[r] <= p.capacity[r] * (1 + 1e-12) + 1e-12;
      }
      if (fits) self(self, i + 1, value + p.weight_of(i) * p.value[k]);
      for (std::size_t r = 0; r < resources; ++r) used[r] -= p.use[k * resources + r];
    }
  };
  visit(visit, 0, 0);
  return best;
}

inline void check_choice(const choice::problem& p, const choice::answer& a) {
  REQUIRE(a.point.size() == p.jobs());
  if (a.status == choice::status::infeasible || a.status == choice::status::unknown) return;
  double value = 0;
  std::vector<double> used(p.resources(), 0);
  for (std::size_t i = 0; i < p.jobs(); ++i) {
    if (p.require_one) CHECK(a.point[i] >= 0);
    if (a.point[i] < 0) continue;
    REQUIRE(a.point[i] < p.begin[i + 1] - p.begin[i]);
    const std::size_t k = p.begin[i] + static_cast<std::size_t>(a.point[i]);
    value += p.weight_of(i) * p.value[k];
    for (std::size_t r = 0; r < p.resources(); ++r) used[r] += p.use[k * p.resources() + r];
  }
  CHECK(a.objective == doctest::Approx(value).epsilon(value_tolerance));
  CHECK(a.bound >= a.objective);
  for (std::size_t r = 0; r < p.resources(); ++r) {
    CHECK(used[r] <= p.capacity[r] * (1 + 1e-9));
    CHECK(a.use[r] == doctest::Approx(used[r]));
  }
}

// Values are uses at random prices and a little noise, as in the instances of Khan et al. (2002); half of each
// resource's expected demand. The same as those of bench/choice/choice.cpp.
[[nodiscard]] inline choice::problem priced(std::size_t groups, std::size_t items,
                                            std::size_t resources, std::uint64_t seed) {
  stream bits(seed, groups, "khan");
  const auto below = [&](double n) {
    return std::floor(n * (static_cast<double>(bits() >> 11) * 0x1p-53));
  };
  choice::problem p;
  p.require_one = true;
  p.begin = {0};
  std::vector<double> price;
  for (std::size_t r = 0; r < resources; ++r) price.push_back(1 + below(10));
  for (std::size_t i = 0; i < groups; ++i) {
    for (std::size_t k = 0; k < items; ++k) {
      double all = 0;
      for (std::size_t r = 0; r < resources; ++r) {
        p.use.push_back(below(10));
        all += p.use.back() * price[r];
      }
      p.value.push_back(all + below(3 * static_cast<double>(resources)));
    }
    p.begin.push_back(static_cast<std::uint32_t>(p.value.size()));
  }
  p.capacity.assign(resources, std::floor(4.5 * static_cast<double>(groups)));
  return p;
}

}  // namespace heddle::test
