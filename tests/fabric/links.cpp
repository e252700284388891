#include <heddle/fabric/links.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <heddle/core/error.hpp>

#include "support/dice.hpp"
#include "support/refusal.hpp"

using namespace heddle;
using fabric::tier_links;

TEST_CASE("regular links are the same for every pair") {
  const tier_links up{3, 4, 2};
  CHECK(up.is_regular());
  CHECK(up.lanes() == 2);
  CHECK(up.uplinks() == 8);
  CHECK(up.total() == 24);
  for (std::size_t a = 0; a < 3; ++a)
    for (std::size_t b = 0; b < 4; ++b) CHECK(up.between(a, b) == 2);
  CHECK(up == tier_links{3, 4, 2});
  CHECK(up != tier_links{3, 4, 1});
  CHECK(up != tier_links{4, 3, 2});
}

TEST_CASE("links as found are those that are listed") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const int lower = d.between(1, 5), upper = d.between(1, 5), most = d.between(0, 3);
    std::vector<int> counts;
    for (int i = 0; i < lower * upper; ++i) counts.push_back(d.between(0, most));
    const tier_links up{lower, upper, counts};
    CHECK(up.is_regular() ==
          (counts.front() > 0 && std::equal(counts.begin() + 1, counts.end(), counts.begin())));
    if (up.is_regular()) CHECK(up == tier_links{lower, upper, counts.front()});
    CHECK(up.lower() == lower);
    CHECK(up.upper() == upper);
    const int lanes = std::max(1, *std::max_element(counts.begin(), counts.end()));
    CHECK(up.lanes() == lanes);
    CHECK(up.uplinks() == upper * lanes);
    int total = 0;
    for (int a = 0; a < lower; ++a)
      for (int b = 0; b < upper; ++b) {
        const int n = counts[static_cast<std::size_t>(a * upper + b)];
        REQUIRE(up.between(static_cast<std::size_t>(a), static_cast<std::size_t>(b)) == n);
        total += n;
      }
    CHECK(up.total() == total);
    CHECK(up == tier_links{lower, upper, counts});
    ++counts[d.index(counts.size())];
    CHECK(up != tier_links{lower, upper, counts});
  }
}

TEST_CASE("no links are no tier above") {
  const tier_links none;
  CHECK(none.upper() == 0);
  CHECK(none.uplinks() == 0);
  CHECK(none.total() == 0);
  CHECK(none == tier_links{});
}

TEST_CASE("links of a negative number, of other pairs, or too many are refused") {
  CHECK(test::refusal_of([] { tier_links(0, 2, 1); }) ==
        "links: expected at least 1 switch of each tier and 1 link, got 0");
  CHECK(test::refusal_of([] { tier_links(2, 2, -3); }) ==
        "links: expected at least 1 switch of each tier and 1 link, got -3");
  CHECK(test::refusal_of([] {
          tier_links(2, 2, std::vector{1, 1, 1});
        }) == "links: expected 4 pairs of switches, got 3");
  CHECK(test::refusal_of([] {
          tier_links(1, 2, std::vector{1, -1});
        }) == "links: expected 0 links of a pair or more, got -1");
  CHECK(test::refusal_of([] { tier_links(1 << 14, 1 << 14, 2); }) ==
        "links: expected at most 2^28 of them, got 536870912");
  CHECK(test::refusal_of([] { tier_links(1, 1, std::vector{1 << 29}); }) ==
        "links: expected at most 2^28 of them, got 536870912");
}
