#include <heddle/route/transfers.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <vector>

#include "support/dice.hpp"
#include "support/flow_instances.hpp"

using namespace heddle;
using route::transfers;

namespace {
using links = std::vector<std::uint32_t>;
}  // namespace

TEST_CASE("two flows share a link until the shorter ends") {
  transfers t{std::vector<double>{10}};
  CHECK(t.next_end() == std::numeric_limits<double>::infinity());
  const auto a = t.start(links{0}, 10), b = t.start(links{0}, 30);
  CHECK(t.next_end() == 2);  // 10 at rate 5
  auto ended = t.advance(2);
  REQUIRE(ended.size() == 1);
  CHECK(ended[0] == a);
  CHECK(t.next_end() == 4);  // 20 left at rate 10
  ended = t.advance(3);
  CHECK(ended.empty());
  const auto c = t.start(links{0}, 5);
  CHECK(t.next_end() == 4);  // c: 5 at rate 5
  ended = t.advance(4);
  REQUIRE(ended.size() == 1);
  CHECK(ended[0] == c);
  CHECK(t.next_end() == 4.5);  // b: 5 left
  CHECK(t.advance(4.5)[0] == b);
  CHECK(t.size() == 0);
}

TEST_CASE("flows that are alike end together and an empty flow ends at once") {
  transfers t{std::vector<double>{1, 3}};
  for (int i = 0; i < 7; ++i) (void)t.start(links{0, 1}, .1);
  const auto empty = t.start(links{1}, 0);
  CHECK(t.next_end() == 0);
  REQUIRE(t.advance(0).size() == 1);
  CHECK(t.size() == 7);
  (void)empty;
  CHECK(t.next_end() == doctest::Approx(.7));
  CHECK(t.advance(t.next_end()).size() == 7);
}

TEST_CASE("a flow over a dead link never ends") {
  transfers t{std::vector<double>{0}};
  (void)t.start(links{0}, 1);
  CHECK(t.next_end() == std::numeric_limits<double>::infinity());
}

TEST_CASE("ends equal those of a run in which all rates are solved anew at every end") {
  constexpr double relative_tolerance = 1e-9;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const std::size_t count = 1 + d.index(20);
    std::vector<double> capacity;
    for (std::size_t l = 0; l < count; ++l) capacity.push_back(1 + d.real());
    struct pending {
      links over;
      double left, weight;
    };
    std::map<std::uint32_t, pending> there;
    transfers t{capacity};
    double now = 0;
    const auto start = [&] {
      const pending p{test::random_links(d, count), .1 + d.real(), .5 * d.between(1, 4)};
      there[t.start(p.over, p.left, p.weight)] = p;
    };
    for (int i = 0; i < 30; ++i) start();
    for (int more = 40; !there.empty();) {
      route::flow_paths flows;
      for (const auto& [f, p] : there) flows.add(p.over, p.weight);
      route::max_min_rates solve;
      const auto rate = solve(capacity, flows);
      double step = std::numeric_limits<double>::infinity();
      std::size_t i = 0;
      for (const auto& [f, p] : there) step = std::min(step, p.left / rate[i++]);
      REQUIRE(t.next_end() == doctest::Approx(now + step).epsilon(relative_tolerance));
      if (more > 0 && d.chance(.3)) step *= d.real();  // stop on the way
      now += step;
      const auto ended = t.advance(std::min(now, t.next_end()));
      i = 0;
      for (auto& [f, p] : there) p.left -= rate[i++] * step;
      for (std::uint32_t f : ended) {
        REQUIRE(std::abs(there.at(f).left) < 1e-8);
        there.erase(f);
      }
      for (const auto& [f, p] : there) REQUIRE(p.left > -1e-8);
      for (; more > 0 && d.chance(.4); --more) start();
    }
  }
}
