#include <heddle/core/edge_colouring.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "support/dice.hpp"

using namespace heddle;

namespace {

std::vector<bipartite_edge> random_edges(test::dice& d, std::size_t lefts, std::size_t rights,
                                         std::size_t count) {
  std::vector<bipartite_edge> edges(count);
  for (bipartite_edge& e : edges)
    e = {static_cast<std::uint32_t>(d.index(lefts)), static_cast<std::uint32_t>(d.index(rights))};
  return edges;
}

std::size_t largest_degree(const std::vector<bipartite_edge>& edges, std::size_t lefts,
                           std::size_t rights) {
  std::vector<std::size_t> left(lefts, 0), right(rights, 0);
  std::size_t most = 0;
  for (const bipartite_edge& e : edges) most = std::max({most, ++left[e.left], ++right[e.right]});
  return most;
}

}  // namespace

TEST_CASE("a bipartite multigraph is coloured with as many colours as its largest degree") {
  edge_colouring colour;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const std::size_t lefts = 1 + d.index(12), rights = 1 + d.index(12);
    const auto edges = random_edges(d, lefts, rights, d.index(300));
    const std::size_t colours = largest_degree(edges, lefts, rights);
    const auto result = colour(lefts, rights, edges, colours);
    REQUIRE(result.size() == edges.size());
    std::set<std::pair<std::uint32_t, std::uint32_t>> at_left, at_right;
    for (std::size_t e = 0; e < edges.size(); ++e) {
      REQUIRE(result[e] < colours);
      REQUIRE(at_left.insert({edges[e].left, result[e]}).second);
      REQUIRE(at_right.insert({edges[e].right, result[e]}).second);
    }
  }
}

TEST_CASE("a complete bipartite graph gets a Latin square") {
  constexpr std::uint32_t n = 70;  // more than a word of colours
  std::vector<bipartite_edge> edges;
  for (std::uint32_t u = 0; u < n; ++u)
    for (std::uint32_t v = 0; v < n; ++v) edges.push_back({u, (u * 31 + v * 17) % n});
  edge_colouring colour;
  const auto result = colour(n, n, edges, n);
  std::set<std::pair<std::uint32_t, std::uint32_t>> seen;
  for (std::size_t e = 0; e < edges.size(); ++e) seen.insert({edges[e].right, result[e]});
  CHECK(seen.size() == std::size_t{n} * n);
}

TEST_CASE("no edges need no colours") {
  edge_colouring colour;
  CHECK(colour(3, 3, {}, 0).empty());
  CHECK(colour(0, 0, {}, 0).empty());
}
