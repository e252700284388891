#include <heddle/fabric/graph.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/graph/boykov_kolmogorov_max_flow.hpp>
#include <boost/graph/dijkstra_shortest_paths.hpp>
#include <boost/graph/edmonds_karp_max_flow.hpp>
#include <boost/property_map/property_map.hpp>

#include <heddle/fabric/cubes.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/fabric/torus.hpp>

using namespace heddle;
using fabric::graph_index;
using fabric::leaf_spine;
using fabric::make_graph;
using fabric::part;

namespace {

leaf_spine small() {
  return leaf_spine{{.leafs = 3,
                     .spines = 2,
                     .links_per_pair = 2,
                     .servers_per_leaf = 2,
                     .gpus_per_server = 4,
                     .link_gbps = 100,
                     .server_gbps = 1000}};
}

std::vector<int> hops_from(const fabric::graph& g, std::size_t source) {
  std::vector<int> distance(num_vertices(g), -1);
  const auto by_vertex = get(boost::vertex_index, g);
  dijkstra_shortest_paths(
      g, source,
      boost::distance_map(boost::make_iterator_property_map(distance.begin(), by_vertex))
          .weight_map(boost::static_property_map<int>(1)));
  return distance;
}

double max_flow(const fabric::graph& g, std::size_t from, std::size_t to, bool augmenting) {
  const auto reverse = fabric::reverse_edges(g);
  std::vector<double> residual(num_edges(g), 0);
  std::vector<boost::default_color_type> colour(num_vertices(g));
  std::vector<double> distance(num_vertices(g), 0);
  std::vector<fabric::graph::edge_descriptor> before(num_vertices(g));
  const auto by_edge = get(boost::edge_index, g);
  const auto by_vertex = get(boost::vertex_index, g);
  const auto capacity = get(&fabric::graph_edge::capacity_gbps, g);
  const auto residual_map = boost::make_iterator_property_map(residual.begin(), by_edge);
  const auto reverse_map = boost::make_iterator_property_map(reverse.begin(), by_edge);
  const auto colour_map = boost::make_iterator_property_map(colour.begin(), by_vertex);
  const auto before_map = boost::make_iterator_property_map(before.begin(), by_vertex);
  if (augmenting)
    return edmonds_karp_max_flow(g, from, to, capacity, residual_map, reverse_map, colour_map,
                                 before_map);
  return boykov_kolmogorov_max_flow(g, capacity, residual_map, reverse_map, before_map, colour_map,
                                    boost::make_iterator_property_map(distance.begin(), by_vertex),
                                    by_vertex, from, to);
}

}  // namespace

TEST_CASE("a fabric's graph has a vertex for each part and an edge for each direction") {
  for (const auto& [leafs, spines, servers, gpus] :
       {std::tuple{1, 1, 1, 1}, {3, 2, 2, 4}, {16, 32, 4, 8}, {5, 7, 3, 2}}) {
    const leaf_spine dc{
        {.leafs = leafs, .spines = spines, .servers_per_leaf = servers, .gpus_per_server = gpus}};
    const auto g = make_graph(dc);
    CHECK(num_vertices(g) ==
          static_cast<std::size_t>(dc.gpus() + dc.servers() + dc.leafs() + dc.spines()));
    CHECK(num_edges(g) == static_cast<std::size_t>(2 * (2 * dc.gpus() + leafs * spines)));
    CHECK(graph_index{dc}.vertices() == num_vertices(g));
  }
}

TEST_CASE("vertices know what they are and the index finds them") {
  const fabric::leaf_spine_ocs dc{
      {.leafs = 3, .spines = 2, .switches = 5, .servers_per_leaf = 2, .gpus_per_server = 4}};
  const graph_index at{dc};
  const auto g = make_graph(dc);
  std::map<part, int> kinds;
  for (std::size_t v = 0; v < num_vertices(g); ++v) {
    const auto [kind, id] = g[v];
    ++kinds[kind];
    switch (kind) {
    case part::gpu:
      CHECK(at(gpu_id{id}) == v);
      break;
    case part::server:
      CHECK(at(server_id{id}) == v);
      break;
    case part::leaf:
      CHECK(at(leaf_id{id}) == v);
      break;
    case part::spine:
      CHECK(at(spine_id{id}) == v);
      break;
    case part::ocs:
      CHECK(at(ocs_id{id}) == v);
      break;
    case part::core:
      FAIL("a core without pods");
      break;
    }
  }
  CHECK(kinds[part::gpu] == 24);
  CHECK(kinds[part::server] == 6);
  CHECK(kinds[part::leaf] == 3);
  CHECK(kinds[part::spine] == 2);
  CHECK(kinds[part::ocs] == 5);
}

TEST_CASE("edges join a GPU to its server and leaf and every leaf to every spine") {
  const leaf_spine dc = small();
  const graph_index at{dc};
  const auto g = make_graph(dc);
  for (gpu_id gpu : dc.all_gpus()) {
    CHECK(out_degree(at(gpu), g) == 2);
    CHECK(g[edge(at(gpu), at(dc.server_of(gpu)), g).first].capacity_gbps == 1000);
    CHECK(g[edge(at(gpu), at(dc.leaf_of(gpu)), g).first].capacity_gbps == 100);
  }
  for (leaf_id l : dc.all_leafs()) {
    CHECK(out_degree(at(l), g) == 8 + 2);
    for (std::uint32_t s = 0; s < 2; ++s) {
      const auto [e, found] = edge(at(l), at(spine_id{s}), g);
      REQUIRE(found);
      CHECK(g[e].capacity_gbps == 200);  // two lanes
    }
  }
}

TEST_CASE("every edge has its reverse") {
  const auto g = make_graph(small());
  const auto reverse = fabric::reverse_edges(g);
  const auto by_edge = get(boost::edge_index, g);
  for (auto [e, end] = edges(g); e != end; ++e) {
    const auto back = reverse[get(by_edge, *e)];
    CHECK(source(back, g) == target(*e, g));
    CHECK(target(back, g) == source(*e, g));
    CHECK(reverse[get(by_edge, back)] == *e);
    CHECK(g[back].capacity_gbps == g[*e].capacity_gbps);
  }
}

TEST_CASE("GPUs are two hops apart under one leaf and four across") {
  const leaf_spine dc = small();
  const graph_index at{dc};
  const auto g = make_graph(dc);
  for (gpu_id from : dc.all_gpus()) {
    const auto hops = hops_from(g, at(from));
    for (gpu_id to : dc.all_gpus()) {
      const int expected = from == to ? 0 : dc.leaf_of(from) == dc.leaf_of(to) ? 2 : 4;
      REQUIRE(hops[at(to)] == expected);
    }
  }
}

TEST_CASE("maximum flows are those that one computes by hand") {
  const leaf_spine dc = small();
  const graph_index at{dc};
  const auto g = make_graph(dc);
  for (bool augmenting : {true, false}) {
    CAPTURE(augmenting);
    const auto flow = [&](std::size_t from, std::size_t to) {
      return max_flow(g, from, to, augmenting);
    };
    // One server: its inside, and the two network cards.
    CHECK(flow(at(gpu_id{0}), at(gpu_id{1})) == 1100);
    // One leaf, two servers: the sender's card, and through its server the cards of its neighbours.
    CHECK(flow(at(gpu_id{0}), at(gpu_id{4})) == 400);
    CHECK(flow(at(server_id{0}), at(server_id{1})) == 400);
    // Two leafs: four cards again; the up-links could carry no more than that.
    CHECK(flow(at(gpu_id{0}), at(gpu_id{8})) == 400);
    CHECK(flow(at(server_id{0}), at(server_id{2})) == 400);
    // Switches: two lanes to each of two spines; three leafs into one spine and back.
    CHECK(flow(at(leaf_id{0}), at(leaf_id{1})) == 400);
    CHECK(flow(at(spine_id{0}), at(spine_id{1})) == 600);
  }
}

TEST_CASE("a fabric is one connected component") {
  const auto g = make_graph(small());
  const auto hops = hops_from(g, 0);
  for (int h : hops) CHECK(h >= 0);
}

TEST_CASE("the graph of a torus has its rings, and flows as wide as a chip's links") {
  for (const box_shape& sides : {box_shape{4, 4, 4}, {2, 3, 5}, {6, 1, 2}, {7}, {3, 3, 2, 2}}) {
    const fabric::torus dc{{.sides = sides, .host = {1}, .link_gbps = 10}};
    const auto g = make_graph(dc);
    std::size_t links = 0;
    int ways = 0;
    for (std::size_t d = 0; d < sides.size(); ++d) {
      const auto all = static_cast<std::size_t>(sides.volume());
      links += sides[d] > 2 ? all : sides[d] == 2 ? all / 2 : 0;
      ways += sides[d] > 2 ? 2 : sides[d] - 1;
    }
    CAPTURE(text_of(sides));
    CHECK(num_vertices(g) == static_cast<std::size_t>(sides.volume()));
    CHECK(num_edges(g) == 2 * links);
    const graph_index at{dc};
    const std::vector<int> hops = hops_from(g, at(gpu_id{0u}));
    for (gpu_id x : dc.hosts().all_gpus()) {
      const auto c = dc.cell_of(x);
      int far = 0;
      for (std::size_t d = 0; d < sides.size(); ++d) far += std::min(c[d], sides[d] - c[d]);
      CHECK(hops[at(x)] == far);
    }
    // As many ways apart as a chip has links: Menger, on a vertex-transitive graph.
    const gpu_id last{static_cast<std::uint32_t>(sides.volume() - 1)};
    CHECK(max_flow(g, at(gpu_id{0u}), at(last), false) == doctest::Approx(10 * ways));
  }
}

TEST_CASE("the graph of cubes has an OCS for each position of a face, and each cube at it twice") {
  for (const int side : {2, 4}) {
    const fabric::cubes dc{{.cubes = 3, .side = side, .link_gbps = 10}};
    const auto g = make_graph(dc);
    const graph_index at{dc};
    const auto n = static_cast<std::size_t>(side);
    CHECK(num_vertices(g) == 3 * n * n * n + 3 * n * n);
    CHECK(num_edges(g) == 2 * (3 * 3 * n * n * (n - 1) + 2 * 3 * 3 * n * n));
    for (ocs_id o : dc.all_switches()) {
      CHECK(g[at(o)].kind == part::ocs);
      CHECK(out_degree(at(o), g) == 6);
    }
    // A chip in a corner has three links, and three ports.
    CHECK(max_flow(g, at(gpu_id{0u}), at(dc.at(unit_id{2u}, {1, 1, 1})), false) ==
          doctest::Approx(60));
    CHECK(hops_from(g, at(dc.at(unit_id{0u}, {0, 0, 0})))[at(dc.at(unit_id{1u}, {0, 0, 0}))] == 2);
  }
}
