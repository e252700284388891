#include <heddle/core/random.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <set>
#include <string_view>
#include <vector>

using namespace heddle;

static_assert(std::uniform_random_bit_generator<stream>);

TEST_CASE("mix is the finaliser of SplitMix64") {
  // First numbers of the published generator for seed 0: mix of multiples of its increment.
  constexpr std::uint64_t golden = 0x9e3779b97f4a7c15u;
  static_assert(mix(golden) == 0xe220a8397b1dcdafu);
  static_assert(mix(2 * golden) == 0x6e789e6aa1b965f4u);
  static_assert(mix(3 * golden) == 0x06c45d188009454fu);
  CHECK(mix(0) == 0);
}

TEST_CASE("a stream gives the same numbers for ever") {
  stream s{1, 2, "arrival"};
  const std::vector<std::uint64_t> first{s(), s(), s()};
  CHECK(first ==
        std::vector<std::uint64_t>{0x7bf20931ba02dcd4u, 0x6c5736aaf205efbcu, 0x9ca2c3c59e79089eu});
  stream again{1, 2, "arrival"};
  CHECK(again() == first[0]);
}

TEST_CASE("streams of another seed, entity or purpose share no number") {
  std::set<std::uint64_t> seen;
  std::size_t drawn = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    for (std::uint64_t entity = 0; entity < 50; ++entity)
      for (std::string_view purpose : {"", "a", "b", "ab", "ba", "arrival", "duration"}) {
        stream s{seed, entity, purpose};
        for (int i = 0; i < 5; ++i, ++drawn) seen.insert(s());
      }
  CHECK(seen.size() == drawn);
}

TEST_CASE("the first draws of neighbouring entities look independent") {
  constexpr int n = 100'000;
  // Six standard errors of the mean, of the lag-one correlation and of a cell's count.
  const double mean_tolerance = 6 * std::sqrt(1.0 / 12 / n);
  const double correlation_tolerance = 6 / std::sqrt(1.0 * n);
  const double cell_tolerance = 6 * std::sqrt(n / 16.0);
  for (std::uint64_t seed : {0u, 1u, 12345u}) {
    CAPTURE(seed);
    double sum = 0, product = 0, before = 0;
    std::vector<int> cells(16, 0);
    for (int i = 0; i < n; ++i) {
      const std::uint64_t x = stream{seed, static_cast<std::uint64_t>(i), "duration"}();
      const double u = static_cast<double>(x >> 11) * 0x1p-53 - 0.5;
      sum += u;
      if (i > 0) product += u * before;
      before = u;
      ++cells[x >> 60];
    }
    CHECK(std::abs(sum / n) < mean_tolerance);
    CHECK(std::abs(product / n * 12) < correlation_tolerance);
    for (int c : cells) CHECK(std::abs(c - n / 16.0) < cell_tolerance);
  }
}
