#include <heddle/route/flow_network.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "support/allocation_guard.hpp"
#include "support/dice.hpp"
#include "support/flow_instances.hpp"

using namespace heddle;
using route::flow_network;

namespace {

constexpr double relative_tolerance = 1e-9;
bool close(double a, double b) { return std::abs(a - b) <= relative_tolerance * std::abs(b); }

using links = std::vector<std::uint32_t>;

struct path {
  links over;
  double weight = 1;
};

// The flows that are there against a full solve; what is said to have changed against what has.
void check(const flow_network& network, const std::vector<double>& capacity,
           const std::map<std::uint32_t, path>& there, std::map<std::uint32_t, double>& before) {
  route::flow_paths flows;
  for (const auto& [f, p] : there) flows.add(p.over, p.weight);
  route::max_min_rates solve;
  const auto expected = solve(capacity, flows);
  links changed(network.changed().begin(), network.changed().end());
  std::sort(changed.begin(), changed.end());
  REQUIRE(std::adjacent_find(changed.begin(), changed.end()) == changed.end());
  REQUIRE(network.size() == there.size());
  std::size_t i = 0;
  std::map<std::uint32_t, double> now;
  for (const auto& [f, p] : there) {
    const double rate = network.rate(f);
    REQUIRE(close(rate, expected[i++]));
    const auto old = before.find(f);
    const bool moved = old == before.end() || old->second != rate;
    REQUIRE((!moved || std::binary_search(changed.begin(), changed.end(), f)));
    REQUIRE(std::find(p.over.begin(), p.over.end(), network.bottleneck(f)) != p.over.end());
    now[f] = rate;
  }
  before = now;
}

}  // namespace

TEST_CASE("rates after arrivals and departures equal those of all flows solved at once") {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const std::size_t count = 1 + d.index(seed % 3 ? 12 : 60);
    const bool equal = d.chance(.5), weighted = d.chance(.5);
    std::vector<double> capacity;
    for (std::size_t l = 0; l < count; ++l)
      capacity.push_back(d.chance(.03) ? 0.0 : equal ? 10.0 : 10 * d.real());
    flow_network network{capacity};
    std::map<std::uint32_t, path> there;
    std::map<std::uint32_t, double> before;
    for (int step = 0; step < 60; ++step) {
      CAPTURE(step);
      for (int changes = d.between(1, 4); changes > 0; --changes) {
        if (there.empty() || d.chance(.58)) {
          const path p{test::random_links(d, count), weighted ? .25 * d.between(1, 12) : 1};
          const std::uint32_t f = network.add(p.over, p.weight);
          REQUIRE(!there.contains(f));
          there[f] = p;
          before.erase(f);
        } else {
          auto it = there.begin();
          std::advance(it, static_cast<std::ptrdiff_t>(d.index(there.size())));
          network.remove(it->first);
          before.erase(it->first);
          there.erase(it);
        }
      }
      network.solve();
      check(network, capacity, there, before);
    }
  }
}

TEST_CASE("rates stay right through ten thousand changes of a crowded network") {
  test::dice d{7};
  constexpr std::size_t count = 300;
  std::vector<double> capacity;
  for (std::size_t l = 0; l < count; ++l) capacity.push_back(1 + d.real());
  flow_network network{capacity};
  std::map<std::uint32_t, path> there;
  std::map<std::uint32_t, double> before;
  for (int step = 0; step < 10'000; ++step) {
    if (there.size() < 600 || d.chance(.5)) {
      const path p{test::random_links(d, count), 1};
      there[network.add(p.over)] = p;
    } else {
      auto it = there.begin();
      std::advance(it, static_cast<std::ptrdiff_t>(d.index(there.size())));
      network.remove(it->first);
      there.erase(it);
    }
    network.solve();
    if (step % 100 == 99) {
      before.clear();
      for (const auto& [f, p] : there) before[f] = network.rate(f);
      network.solve();  // nothing to do
      CHECK(network.changed().empty());
      std::vector<double> rates;
      route::flow_paths flows;
      for (const auto& [f, p] : there) {
        flows.add(p.over);
        rates.push_back(network.rate(f));
      }
      REQUIRE(test::is_max_min(capacity, flows, rates, relative_tolerance));
    }
  }
}

TEST_CASE("a change does not look beyond the links that it reaches") {
  // A row of islands, two flows on two links each: the end of one flow changes its island alone.
  std::vector<double> capacity(200, 1);
  flow_network network{capacity};
  std::vector<std::uint32_t> flows;
  for (std::uint32_t island = 0; island < 100; ++island) {
    flows.push_back(network.add(links{2 * island, 2 * island + 1}));
    flows.push_back(network.add(links{2 * island + 1}));
  }
  network.solve();
  CHECK(network.changed().size() == 200);
  network.remove(flows[80]);
  network.solve();
  REQUIRE(network.changed().size() == 1);
  CHECK(network.changed()[0] == flows[81]);
  CHECK(network.rate(flows[81]) == 1);
}

TEST_CASE("a flow above the level of a change keeps its rate, and so does one below") {
  // Link 0 holds flow a at 1; link 1 holds b and c at 4.5; link 2 holds d, which shares with nobody.
  const std::vector<double> capacity{1, 10, 20};
  flow_network network{capacity};
  const auto a = network.add(links{0, 1}), b = network.add(links{1}), c = network.add(links{1}),
             e = network.add(links{2});
  network.solve();
  CHECK(network.rate(a) == 1);
  CHECK(network.rate(b) == 4.5);
  network.remove(c);
  network.solve();
  CHECK(network.changed().size() == 1);
  CHECK(network.rate(b) == 9);
  CHECK(network.rate(a) == 1);
  CHECK(network.rate(e) == 20);
  CHECK(network.bottleneck(a) == 0);
}

TEST_CASE("a flow that leaves before anybody solved has never been there") {
  flow_network network{std::vector<double>{4}};
  const auto a = network.add(links{0});
  network.remove(network.add(links{0}));
  network.solve();
  CHECK(network.size() == 1);
  CHECK(network.rate(a) == 4);
  CHECK(network.flows_on(0) == 1);
}

TEST_CASE("the same calls give the same rates to the last bit") {
  const auto rates = [] {
    test::dice d{11};
    std::vector<double> capacity;
    for (int l = 0; l < 50; ++l) capacity.push_back(1 + d.real());
    flow_network network{capacity};
    std::vector<double> out;
    links there;
    for (int step = 0; step < 300; ++step) {
      if (there.size() < 20 || d.chance(.55)) {
        there.push_back(network.add(test::random_links(d, 50)));
      } else {
        const std::size_t i = d.index(there.size());
        network.remove(there[i]);
        there.erase(there.begin() + static_cast<std::ptrdiff_t>(i));
      }
      network.solve();
      for (std::uint32_t f : there) out.push_back(network.rate(f));
    }
    return out;
  };
  CHECK(rates() == rates());
}

TEST_CASE("a network that has been as full before allocates nothing") {
  test::dice d{3};
  std::vector<double> capacity(60, 1.0);
  flow_network network{capacity};
  std::vector<links> paths;
  for (int i = 0; i < 200; ++i) paths.push_back(test::random_links(d, 60));
  const auto round = [&] {
    for (const links& p : paths) (void)network.add(p);
    network.solve();
    for (std::uint32_t f = 0; f < 200; ++f) {
      network.remove(f);
      network.solve();
    }
  };
  round();
  round();
  const test::allocation_guard guard;
  round();
  CHECK(guard.count() == 0);
}
