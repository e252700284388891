#include <heddle/route/rates.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <heddle/route/flow_network.hpp>

#include "support/allocation_guard.hpp"
#include "support/dice.hpp"
#include "support/flow_instances.hpp"
#include "support/shared_data.hpp"

#if HEDDLE_HAS_SIMGRID
#include <simgrid/s4u.hpp>
#endif

using namespace heddle;
using route::flow_paths;
using test::flow_instance;

namespace {

constexpr double relative_tolerance = 1e-9;

using links = std::vector<std::uint32_t>;

bool close(double a, double b) { return std::abs(a - b) <= relative_tolerance * std::abs(b); }

}  // namespace

TEST_CASE("flows on one link share it evenly, or by weight") {
  route::max_min_rates solve;
  flow_paths flows;
  const std::vector<double> capacity{12};
  for (int i = 0; i < 3; ++i) flows.add(links{0});
  auto rate = solve(capacity, flows);
  CHECK(std::vector(rate.begin(), rate.end()) == std::vector<double>{4, 4, 4});
  flows.add(links{0}, 3);
  rate = solve(capacity, flows);
  CHECK(std::vector(rate.begin(), rate.end()) == std::vector<double>{2, 2, 2, 6});
}

TEST_CASE("what a flow cannot use on one link is left to the others under max-min alone") {
  // Flow 0 is held to 1 by link 0; on link 1 flows 1 and 2 share the 9 that it leaves.
  flow_paths flows;
  flows.add(links{0, 1});
  flows.add(links{1});
  flows.add(links{1});
  const std::vector<double> capacity{1, 10};
  route::max_min_rates solve;
  const auto rate = solve(capacity, flows);
  CHECK(std::vector(rate.begin(), rate.end()) == std::vector<double>{1, 4.5, 4.5});
  std::vector<double> equal;
  route::equal_share(capacity, flows, equal);
  CHECK(equal == std::vector<double>{1, 10.0 / 3, 10.0 / 3});
}

TEST_CASE("a flow without links is not held back and a dead link lets nothing through") {
  flow_paths flows;
  flows.add({});
  flows.add(links{0, 1});
  flows.add(links{1});
  const std::vector<double> capacity{0, 5};
  route::max_min_rates solve;
  const auto rate = solve(capacity, flows);
  CHECK(rate[0] == std::numeric_limits<double>::infinity());
  CHECK(rate[1] == 0);
  CHECK(rate[2] == 5);
  CHECK(solve(capacity, flow_paths{}).empty());
}

TEST_CASE("max-min rates equal textbook water filling and hold every flow back at a full link") {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const flow_instance x = test::random_instance(d, 1 + d.index(15), d.index(40));
    route::max_min_rates solve;
    const auto rate = solve(x.capacity, x.flows);
    const auto expected = test::textbook_rates(x.capacity, x.flows);
    for (std::size_t f = 0; f < rate.size(); ++f) REQUIRE(close(rate[f], expected[f]));
    REQUIRE(test::is_max_min(x.capacity, x.flows, rate, relative_tolerance));
  }
}

TEST_CASE("max-min rates of many flows hold every flow back at a full link") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const flow_instance x = test::random_instance(d, 2000, 20'000);
    route::max_min_rates solve;
    CHECK(test::is_max_min(x.capacity, x.flows, solve(x.capacity, x.flows), relative_tolerance));
  }
}

TEST_CASE("rates that are not max-min fair are told from those that are") {
  flow_paths flows;
  flows.add(links{0, 1});
  flows.add(links{1});
  const std::vector<double> capacity{1, 10};
  CHECK(test::is_max_min(capacity, flows, std::vector<double>{1, 9}, relative_tolerance));
  CHECK_FALSE(test::is_max_min(capacity, flows, std::vector<double>{1, 8.9}, relative_tolerance));
  CHECK_FALSE(test::is_max_min(capacity, flows, std::vector<double>{1.1, 8.9}, relative_tolerance));
  CHECK_FALSE(test::is_max_min(capacity, flows, std::vector<double>{.9, 9.1}, relative_tolerance));
}

TEST_CASE("equal shares never exceed max-min rates") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const flow_instance x = test::random_instance(d, 1 + d.index(30), d.index(200));
    route::max_min_rates solve;
    const auto rate = solve(x.capacity, x.flows);
    std::vector<double> equal;
    route::equal_share(x.capacity, x.flows, equal);
    for (std::size_t f = 0; f < rate.size(); ++f)
      REQUIRE(equal[f] <= rate[f] * (1 + relative_tolerance));
  }
}

TEST_CASE("a second max-min solve of the same size allocates nothing") {
  test::dice d{1};
  const flow_instance x = test::random_instance(d, 100, 1000);
  route::max_min_rates solve;
  (void)solve(x.capacity, x.flows);
  const test::allocation_guard guard;
  (void)solve(x.capacity, x.flows);
  CHECK(guard.count() == 0);
}

#if HEDDLE_HAS_SIMGRID
namespace {

// All instances side by side in one platform, because SimGrid has one engine a process. Instance i
// runs in the second that begins at time i; what is left of its flows after it tells their rates.
// A flow is sent by a host of its own, whose way to the centre of a star is the flow's links.
std::vector<std::vector<double>> simgrid_rates(const std::vector<flow_instance>& instances) {
  namespace s4u = simgrid::s4u;
  constexpr std::uint64_t bytes = 1'000'000'000;
  static std::string name = "heddle", quiet = "--log=root.thres:error";
  std::vector<char*> arguments{name.data(), quiet.data(), nullptr};
  int count = 2;
  s4u::Engine engine(&count, arguments.data());
  for (const char* option : {"network/model:CM02", "network/crosstraffic:0", "network/TCP-gamma:0",
                             "maxmin/precision:1e-12"})
    s4u::Engine::set_config(std::string(option));

  s4u::NetZone* star = s4u::create_star_zone("star");
  s4u::Host* centre = star->create_host("centre", 1.0);
  const auto connect = [&](s4u::Host* h, const std::vector<s4u::LinkInRoute>& up) {
    star->add_route(h->get_netpoint(), nullptr, nullptr, nullptr, up, false);
    star->add_route(nullptr, h->get_netpoint(), nullptr, nullptr, {}, false);
  };
  connect(centre, {});
  std::vector<std::vector<s4u::Host*>> senders(instances.size());
  for (std::size_t i = 0; i < instances.size(); ++i) {
    const std::string of = std::to_string(i) + "/";
    std::vector<s4u::Link*> here;
    for (std::size_t l = 0; l < instances[i].capacity.size(); ++l)
      here.push_back(
          star->create_link("link" + of + std::to_string(l), 1e4 * instances[i].capacity[l])
              ->seal());
    for (std::size_t f = 0; f < instances[i].flows.size(); ++f) {
      senders[i].push_back(star->create_host("host" + of + std::to_string(f), 1.0));
      std::vector<s4u::LinkInRoute> up;
      for (std::uint32_t l : instances[i].flows.links(f)) up.emplace_back(here[l]);
      connect(senders[i].back(), up);
    }
  }
  star->seal();

  std::vector<std::vector<double>> rates(instances.size());
  s4u::Actor::create("sender", centre, [&] {
    for (std::size_t i = 0; i < instances.size(); ++i) {
      std::vector<s4u::CommPtr> sent;
      for (s4u::Host* h : senders[i]) sent.push_back(s4u::Comm::sendto_async(h, centre, bytes));
      s4u::this_actor::sleep_for(1);
      for (const s4u::CommPtr& c : sent)
        rates[i].push_back((static_cast<double>(bytes) - c->get_remaining()) / 1e4);
      for (const s4u::CommPtr& c : sent) c->cancel();
    }
  });
  engine.run();
  return rates;
}

}  // namespace
#endif

TEST_CASE("max-min rates equal those of SimGrid on a hundred instances of up to 10000 flows") {
#if HEDDLE_HAS_SIMGRID
  std::vector<flow_instance> instances;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    test::dice d{seed};
    // Sizes from 10 to 10 000 flows, even in their logarithm; the last is the largest.
    const auto flows =
        static_cast<std::size_t>(10 * std::pow(1000, static_cast<double>(seed) / 99));
    flow_instance x;
    const std::size_t count = 1 + d.index(flows);
    const bool equal = d.chance(.5);
    for (std::size_t l = 0; l < count; ++l) x.capacity.push_back(equal ? 100.0 : 1 + 99 * d.real());
    for (std::size_t f = 0; f < flows; ++f) x.flows.add(test::random_links(d, count));
    instances.push_back(std::move(x));
  }
  const auto expected = simgrid_rates(instances);
  for (std::size_t i = 0; i < instances.size(); ++i) {
    CAPTURE(i);
    const flow_instance& x = instances[i];
    route::max_min_rates solve;
    const auto rate = solve(x.capacity, x.flows);
    route::flow_network network{x.capacity};
    for (std::size_t f = 0; f < x.flows.size(); ++f) (void)network.add(x.flows.links(f));
    network.solve();
    REQUIRE(expected[i].size() == rate.size());
    for (std::size_t f = 0; f < rate.size(); ++f) {
      REQUIRE(close(rate[f], expected[i][f]));
      REQUIRE(close(network.rate(static_cast<std::uint32_t>(f)), expected[i][f]));
    }
  }
#else
  test::skip("SimGrid");
#endif
}
