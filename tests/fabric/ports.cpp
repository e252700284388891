#include <heddle/fabric/ports.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>

#include "support/dice.hpp"
#include "support/refusal.hpp"

using namespace heddle;
using fabric::hosts;
using fabric::ports;
using fabric::rail_shape;

namespace {

std::string refusal(const hosts& h, const rail_shape& shape) {
  return test::refusal_of([&] { return ports{h, shape}; });
}

// Leaf by leaf the GPUs with a card on it, by the definition: of a server's g GPUs number k is on
// rail ⌊k·R/g⌋ and has a card in each plane.
std::vector<std::vector<gpu_id>> gpus_of_leafs(const hosts& h, int rails, int planes) {
  std::vector<std::vector<gpu_id>> out;
  for (unit_id x : h.all_units())
    for (int rail = 0; rail < rails; ++rail)
      for (int plane = 0; plane < planes; ++plane) {
        out.emplace_back();
        for (server_id s : h.servers_of(x)) {
          const int g = static_cast<int>(h.gpus_of(s).size());
          for (int k = 0; k < g; ++k)
            if (rails == 1 || k * rails / g == rail)
              out.back().push_back(
                  gpu_id{h.gpus_of(s).front().value + static_cast<std::uint32_t>(k)});
        }
      }
  return out;
}

void check(const hosts& h, const rail_shape& shape) {
  const ports p{h, shape};
  const auto expected = gpus_of_leafs(h, shape.rails, shape.planes);
  REQUIRE(p.leafs() == static_cast<int>(expected.size()));
  REQUIRE(p.all_leafs().size() == expected.size());
  REQUIRE(p.leafs_per_unit() == shape.rails * shape.planes);
  REQUIRE(p.whole_servers() == (shape.rails * shape.planes == 1));
  REQUIRE(p.rails() == shape.rails);
  REQUIRE(p.planes() == shape.planes);
  std::size_t most = 0;
  for (leaf_id l : p.all_leafs()) {
    most = std::max(most, expected[l.index()].size());
    std::vector<gpu_id> here;
    p.for_each_gpu(l, [&](gpu_id g) { here.push_back(g); });
    REQUIRE(here == expected[l.index()]);
    for (std::size_t i = 0; i < here.size(); ++i) {
      REQUIRE(p.leaf_of(here[i], p.plane_of(l)) == l);
      REQUIRE(p.index_in_leaf(here[i]) == static_cast<int>(i));
      REQUIRE(p.rail_of(here[i]) == p.rail_of(l));
      REQUIRE(p.unit_of(here[i]) == p.unit_of(l));
    }
  }
  REQUIRE(p.gpus_per_leaf() == static_cast<int>(most));
  for (unit_id x : p.all_units()) {
    REQUIRE(p.leafs_of(x).size() == static_cast<std::uint32_t>(p.leafs_per_unit()));
    for (leaf_id l : p.leafs_of(x)) {
      REQUIRE(p.unit_of(l) == x);
      REQUIRE(l.value ==
              x.value * static_cast<std::uint32_t>(p.leafs_per_unit()) +
                  static_cast<std::uint32_t>(p.rail_of(l) * shape.planes + p.plane_of(l)));
    }
  }
  REQUIRE(p.hosts() == h);
  REQUIRE(p == ports{h, shape});
}

}  // namespace

TEST_CASE("every rail and plane has the GPUs that its definition names") {
  for (int g : {1, 2, 3, 4, 6, 8})
    for (int rails = 1; rails <= g; ++rails) {
      if (g % rails) continue;
      for (int planes : {1, 2, 3})
        for (const auto& [units, servers] : {std::pair{1, 1}, {3, 2}, {2, 5}}) {
          CAPTURE(g);
          CAPTURE(rails);
          CAPTURE(planes);
          check(hosts{units, servers, g}, {.rails = rails, .planes = planes});
          for (int cards = rails; cards <= g; ++cards)
            if (cards % rails == 0 && g % cards == 0)
              check(hosts{units, servers, g, 2},
                    {.rails = rails, .planes = planes, .cards_per_server = cards});
        }
    }
}

TEST_CASE("servers of different sizes hang whole under the leafs of their unit") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<std::vector<fabric::host>> units(1 + d.index(4));
    for (auto& unit : units)
      for (int n = d.between(1, 4); n > 0; --n) unit.push_back({.gpus = d.between(1, 5)});
    check(hosts{units}, {.rails = 1, .planes = d.between(1, 2)});
  }
}

TEST_CASE("in a unit of 8 rails GPU k of every server is on leaf k of the unit") {
  const ports p{hosts{2, 32, 8}, {.rails = 8}};
  CHECK(p.leafs() == 16);
  CHECK(p.gpus_per_leaf() == 32);
  for (gpu_id g : p.all_gpus()) CHECK(p.leaf_of(g) == leaf_id{g.value / 256 * 8 + g.value % 8});
  // Segments of 8 rails in two planes: 16 leafs, the planes of a rail side by side.
  const ports q{hosts{1, 128, 8}, {.rails = 8, .planes = 2}};
  CHECK(q.leafs() == 16);
  CHECK(q.leaf_of(gpu_id{3}, 0) == leaf_id{6});
  CHECK(q.leaf_of(gpu_id{3}, 1) == leaf_id{7});
  CHECK(q.gpus_per_leaf() == 128);
}

TEST_CASE("wiring that no server can have is refused by name") {
  const hosts h{2, 2, 8};
  CHECK(refusal(h, {.rails = 0}) == "ports.rails: expected at least 1, got 0");
  CHECK(refusal(h, {.planes = -1}) == "ports.planes: expected at least 1, got -1");
  CHECK(refusal(h, {.rails = 3}) ==
        "ports.rails: expected a divisor of the 8 cards of a server, got 3");
  CHECK(refusal(h, {.rails = 8, .cards_per_server = 4}) ==
        "ports.rails: expected a divisor of the 4 cards of a server, got 8");
  CHECK(refusal(h, {.cards_per_server = 3}) ==
        "ports.cards_per_server: expected a divisor of the 8 GPUs of a server, got 3");
  CHECK(refusal(h, {.cards_per_server = -8}) ==
        "ports.cards_per_server: expected at least 1, or 0 for a card a GPU, got -8");
  CHECK(refusal(hosts{{{{.gpus = 8}, {.gpus = 4}}}}, {.rails = 4}) ==
        "ports.rails: expected 1, where servers have different numbers of GPUs, got 4");
  CHECK(refusal(h, {.planes = 1 << 28}) ==
        "ports.planes: expected at most 2^28 leafs, got 268435456");
  CHECK(refusal(h, {.rails = 4, .planes = 2, .cards_per_server = 4}) == "accepted");
}

TEST_CASE("ports differ where their wiring does") {
  const hosts h{2, 2, 8};
  CHECK(ports{h} == ports{h, {}});
  CHECK(ports{h} != ports{h, {.rails = 2}});
  CHECK(ports{h} != ports{h, {.planes = 2}});
  CHECK(ports{h} != ports{hosts{2, 2, 4}});
}
