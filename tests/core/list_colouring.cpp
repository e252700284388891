#include <heddle/core/list_colouring.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <tuple>
#include <vector>

#include "support/allocation_guard.hpp"
#include "support/dice.hpp"

using namespace heddle;

namespace {

struct instance {
  bit_matrix left, right;
  std::vector<bipartite_edge> edges;
};

// Edges whose ends have a colour in common, each vertex of so many.
instance random_instance(test::dice& d, int vertices, int colours, int edges, double has) {
  instance x{{static_cast<std::size_t>(vertices), static_cast<std::size_t>(colours)},
             {static_cast<std::size_t>(vertices), static_cast<std::size_t>(colours)},
             {}};
  for (bit_matrix* m : {&x.left, &x.right})
    for (std::size_t v = 0; v < m->rows(); ++v) {
      set_bit((*m)[v], d.index(static_cast<std::size_t>(colours)));
      for (int c = 0; c < colours; ++c)
        if (d.chance(has)) set_bit((*m)[v], static_cast<std::size_t>(c));
    }
  for (int e = 0; e < edges; ++e) {
    const bipartite_edge edge{static_cast<std::uint32_t>(d.between(0, vertices - 1)),
                              static_cast<std::uint32_t>(d.between(0, vertices - 1))};
    if (count_common(x.left[edge.left], x.right[edge.right]) > 0) x.edges.push_back(edge);
  }
  return x;
}

// Most edges that share a colour at a vertex; each edge's colour is of both its ends.
std::uint32_t most_sharing(const instance& x, std::span<const std::uint32_t> colours) {
  std::map<std::tuple<int, std::uint32_t, std::uint32_t>, std::uint32_t> at;
  std::uint32_t most = 0;
  for (std::size_t e = 0; e < x.edges.size(); ++e) {
    REQUIRE(test_bit(x.left[x.edges[e].left], colours[e]));
    REQUIRE(test_bit(x.right[x.edges[e].right], colours[e]));
    most = std::max(
        {most, ++at[{0, x.edges[e].left, colours[e]}], ++at[{1, x.edges[e].right, colours[e]}]});
  }
  return most;
}

// The least that can be, by trying all colourings.
std::uint32_t least_sharing(const instance& x, int colours) {
  const std::size_t width = static_cast<std::size_t>(colours);
  std::vector<std::uint32_t> left(x.left.rows() * width, 0), right = left;
  auto best = static_cast<std::uint32_t>(x.edges.size());
  std::function<void(std::size_t, std::uint32_t)> go = [&](std::size_t e, std::uint32_t most) {
    if (most >= best) return;
    if (e == x.edges.size()) {
      best = most;
      return;
    }
    const auto [u, v] = x.edges[e];
    for (std::size_t c = 0; c < width; ++c) {
      if (!test_bit(x.left[u], c) || !test_bit(x.right[v], c)) continue;
      std::uint32_t &a = left[u * width + c], &b = right[v * width + c];
      ++a, ++b;
      go(e + 1, std::max({most, a, b}));
      --a, --b;
    }
  };
  go(0, 0);
  return best;
}

}  // namespace

TEST_CASE("colouring with lists shares colours hardly more than the best of all colourings") {
  list_colouring colour;
  int same = 0, more = 0, free_of_sharing = 0;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const int colours = d.between(2, 4);
    const instance x =
        random_instance(d, d.between(2, 4), colours, d.between(1, 8), .3 + .6 * d.real());
    if (x.edges.empty()) continue;
    const auto given = colour(x.left, x.right, x.edges);
    const std::uint32_t most = most_sharing(x, given), least = least_sharing(x, colours);
    CHECK(most == colour.most());
    REQUIRE(most >= least);
    free_of_sharing += least == 1;
    same += most == least;
    more += most > least + 1;
  }
  CHECK(free_of_sharing > 1000);
  CHECK(same > 3500);
  CHECK(more == 0);
}

TEST_CASE("where all vertices have all colours nobody shares one, as Koenig proved") {
  list_colouring colour;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    instance x = random_instance(d, d.between(1, 12), d.between(1, 70), 200, 1);
    std::vector<std::size_t> left(x.left.rows(), 0), right(x.right.rows(), 0);
    const auto colours = static_cast<std::size_t>(count_bits(x.left[0]));
    std::erase_if(x.edges, [&](bipartite_edge e) {
      if (left[e.left] == colours || right[e.right] == colours) return true;
      ++left[e.left], ++right[e.right];
      return false;
    });
    (void)most_sharing(x, colour(x.left, x.right, x.edges));
    CHECK(colour.most() <= 1);
  }
}

TEST_CASE("an edge whose ends have no colour in common gets none and a warm colouring allocates "
          "nothing") {
  list_colouring colour;
  bit_matrix left{2, 4}, right{2, 4};
  set_bit(left[0], 0);
  set_bit(left[1], 3);
  set_bit(right[0], 0);
  set_bit(right[0], 3);
  set_bit(right[1], 1);
  const std::vector<bipartite_edge> edges{{0, 1}, {0, 0}, {1, 0}, {1, 0}};
  const auto given = colour(left, right, edges);
  CHECK(given[0] == list_colouring::none);
  CHECK(given[1] == 0);
  CHECK(given[2] == 3);
  CHECK(given[3] == 3);  // there is no other
  CHECK(colour.most() == 2);
  const auto before = test::allocations();
  (void)colour(left, right, edges);
  CHECK(test::allocations() == before);
  CHECK(colour(left, right, {}).empty());
  CHECK(colour.most() == 0);
}
