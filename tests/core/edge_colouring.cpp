#include <heddle/core/edge_colouring.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/edge_coloring.hpp>

#include "support/allocation_guard.hpp"
#include "support/dice.hpp"

using namespace heddle;

namespace {

constexpr colouring_method methods[] = {colouring_method::by_shape, colouring_method::one_by_one,
                                        colouring_method::by_halves};

std::vector<bipartite_edge> random_edges(test::dice& d, std::size_t lefts, std::size_t rights,
                                         std::size_t count) {
  std::vector<bipartite_edge> edges(count);
  for (bipartite_edge& e : edges)
    e = {static_cast<std::uint32_t>(d.index(lefts)), static_cast<std::uint32_t>(d.index(rights))};
  return edges;
}

std::vector<bipartite_edge> regular_edges(test::dice& d, std::size_t n, std::size_t degree) {
  std::vector<std::uint32_t> to(n);
  std::vector<bipartite_edge> edges;
  for (std::size_t k = 0; k < degree; ++k) {
    for (std::uint32_t v = 0; v < n; ++v) to[v] = v;
    d.shuffle(to);
    for (std::uint32_t u = 0; u < n; ++u) edges.push_back({u, to[u]});
  }
  d.shuffle(edges);
  return edges;
}

std::size_t largest_degree(std::span<const bipartite_edge> edges, std::size_t lefts,
                           std::size_t rights) {
  std::vector<std::size_t> left(lefts, 0), right(rights, 0);
  std::size_t most = 0;
  for (const bipartite_edge& e : edges) most = std::max({most, ++left[e.left], ++right[e.right]});
  return most;
}

// Looks at every pair of edges by way of what is used at each vertex; knows nothing of how the
// colours were found.
bool is_proper(std::span<const bipartite_edge> edges, std::span<const std::uint32_t> colour,
               std::size_t lefts, std::size_t rights, std::size_t colours) {
  std::vector<char> left(lefts * colours, 0), right(rights * colours, 0);
  if (colour.size() != edges.size()) return false;
  for (std::size_t e = 0; e < edges.size(); ++e) {
    if (colour[e] >= colours) return false;
    char &a = left[edges[e].left * colours + colour[e]],
         &b = right[edges[e].right * colours + colour[e]];
    if (a || b) return false;
    a = b = 1;
  }
  return true;
}

}  // namespace

TEST_CASE(
    "every bipartite multigraph on two and three vertices gets its largest degree of colours") {
  edge_colouring colour;
  std::size_t graphs = 0;
  struct shape {
    std::uint32_t lefts, rights, most;
  };
  for (const auto [lefts, rights, most] : {shape{1, 1, 9}, {2, 2, 4}, {2, 3, 2}, {3, 3, 2}}) {
    // All matrices of multiplicities up to `most`.
    std::vector<std::uint32_t> times(std::size_t{lefts} * rights, 0);
    for (bool more = true; more;) {
      std::vector<bipartite_edge> edges;
      for (std::uint32_t i = 0; i < times.size(); ++i)
        edges.insert(edges.end(), times[i], bipartite_edge{i / rights, i % rights});
      const std::size_t degree = largest_degree(edges, lefts, rights);
      for (colouring_method how : methods)
        for (std::size_t spare : {0u, 1u, 3u})
          REQUIRE(is_proper(edges, colour(lefts, rights, edges, degree + spare, how), lefts, rights,
                            degree + spare));
      ++graphs;
      std::size_t at = 0;
      while (at < times.size() && times[at] == most) times[at++] = 0;
      more = at < times.size();
      if (more) ++times[at];
    }
  }
  CHECK(graphs == 10 + 625 + 729 + 19683);
}

TEST_CASE("a bipartite multigraph is coloured with as many colours as its largest degree") {
  edge_colouring colour;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const std::size_t lefts = 1 + d.index(30), rights = 1 + d.index(30);
    const auto edges = random_edges(d, lefts, rights, d.index(800));
    const std::size_t colours =
        largest_degree(edges, lefts, rights) + (d.chance(.5) ? d.index(9) : 0);
    for (colouring_method how : methods)
      REQUIRE(is_proper(edges, colour(lefts, rights, edges, colours, how), lefts, rights, colours));
  }
}

TEST_CASE("regular bipartite multigraphs of every degree are coloured with that many colours") {
  edge_colouring colour;
  for (std::size_t degree = 1; degree <= 140; ++degree) {
    CAPTURE(degree);
    test::dice d{degree};
    const std::size_t n = 1 + d.index(24);
    const auto edges = regular_edges(d, n, degree);
    for (colouring_method how : methods)
      REQUIRE(is_proper(edges, colour(n, n, edges, degree, how), n, n, degree));
  }
  test::dice d{1};
  for (const auto& [n, degree] : {std::pair{300u, 127u}, {512u, 64u}, {256u, 255u}}) {
    const auto edges = regular_edges(d, n, degree);
    for (colouring_method how : methods)
      REQUIRE(is_proper(edges, colour(n, n, edges, degree, how), n, n, degree));
  }
}

TEST_CASE("simple bipartite graphs need the colours that Boost needs or one fewer") {
  // Boost's is Misra and Gries' method for any simple graph: one colour more than the largest degree.
  using graph =
      boost::adjacency_list<boost::vecS, boost::vecS, boost::undirectedS, boost::no_property,
                            boost::property<boost::edge_index_t, std::size_t>>;
  edge_colouring colour;
  int same = 0, fewer = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const std::size_t lefts = 1 + d.index(12), rights = 1 + d.index(12);
    const double density = d.real();
    std::vector<bipartite_edge> edges;
    graph g(lefts + rights);
    for (std::uint32_t l = 0; l < lefts; ++l)
      for (std::uint32_t r = 0; r < rights; ++r)
        if (d.chance(density)) {
          boost::add_edge(l, lefts + r, edges.size(), g);
          edges.push_back({l, r});
        }
    const std::size_t degree = largest_degree(edges, lefts, rights);
    if (degree == 0) continue;
    std::vector<std::uint32_t> theirs(edges.size());
    const std::size_t used = boost::edge_coloring(
        g, boost::make_iterator_property_map(theirs.begin(), boost::get(boost::edge_index, g)));
    REQUIRE(used >= degree);
    REQUIRE(used <= degree + 1);
    REQUIRE(is_proper(edges, theirs, lefts, rights, used));
    for (colouring_method how : methods)
      REQUIRE(is_proper(edges, colour(lefts, rights, edges, degree, how), lefts, rights, degree));
    ++(used == degree ? same : fewer);
  }
  CHECK(same > 20);
  CHECK(fewer > 20);
}

TEST_CASE("a complete bipartite graph gets a Latin square") {
  constexpr std::uint32_t n = 70;  // more than a word of colours
  std::vector<bipartite_edge> edges;
  for (std::uint32_t u = 0; u < n; ++u)
    for (std::uint32_t v = 0; v < n; ++v) edges.push_back({u, (u * 31 + v * 17) % n});
  edge_colouring colour;
  for (colouring_method how : methods) {
    const auto result = colour(n, n, edges, n, how);
    std::set<std::pair<std::uint32_t, std::uint32_t>> seen;
    for (std::size_t e = 0; e < edges.size(); ++e) seen.insert({edges[e].right, result[e]});
    CHECK(seen.size() == std::size_t{n} * n);
  }
}

TEST_CASE("a colouring depends on the graph alone and a warm one allocates nothing") {
  test::dice d{4};
  edge_colouring warm;
  std::vector<std::vector<bipartite_edge>> graphs{regular_edges(d, 40, 37)};
  for (int i = 0; i < 100; ++i) graphs.push_back(random_edges(d, 60, 40, d.index(600)));
  for (bool is_warm : {false, true})
    for (const auto& edges : graphs) {
      const std::size_t colours = largest_degree(edges, 60, 40);
      for (colouring_method how : methods) {
        edge_colouring fresh;
        const auto expected = fresh(60, 40, edges, colours, how);
        const test::allocation_guard guard;
        const auto result = warm(60, 40, edges, colours, how);
        const std::size_t allocations = guard.count();
        if (is_warm) CHECK(allocations == 0);
        CHECK(std::equal(result.begin(), result.end(), expected.begin(), expected.end()));
      }
    }
}

TEST_CASE("no edges need no colours") {
  edge_colouring colour;
  for (colouring_method how : methods) {
    CHECK(colour(3, 3, {}, 0, how).empty());
    CHECK(colour(0, 0, {}, 0, how).empty());
  }
}
