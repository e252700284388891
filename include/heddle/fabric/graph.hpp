// A fabric as a Boost.Graph graph, for every algorithm of that library.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <boost/graph/compressed_sparse_row_graph.hpp>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>

namespace heddle::fabric {

/// What a vertex of a fabric's graph is.
enum class part : unsigned char { gpu, server, leaf, spine };

/// Bundled with each vertex: its kind and its id within the kind.
struct graph_vertex {
  part kind = part::gpu;
  std::uint32_t id = 0;
};
/// Bundled with each directed edge.
struct graph_edge {
  double capacity_gbps = 0;  ///< of all parallel links together, one way
};

/// Directed both ways: GPU–server (inside a server), GPU–leaf (its network card), leaf–spine.
using graph = boost::compressed_sparse_row_graph<boost::directedS, graph_vertex, graph_edge>;

/// The vertices of a fabric's graph stand in this order: GPUs, servers, leafs, spines.
class graph_index {
 public:
  explicit graph_index(const leaf_spine& dc)
      : servers_(size(dc.gpus())),
        leafs_(servers_ + size(dc.servers())),
        spines_(leafs_ + size(dc.leafs())),
        end_(spines_ + size(dc.spines())) {}

  [[nodiscard]] std::size_t operator()(gpu_id g) const { return g.index(); }
  [[nodiscard]] std::size_t operator()(server_id s) const { return servers_ + s.index(); }
  [[nodiscard]] std::size_t operator()(leaf_id l) const { return leafs_ + l.index(); }
  [[nodiscard]] std::size_t operator()(spine_id s) const { return spines_ + s.index(); }
  [[nodiscard]] std::size_t vertices() const { return end_; }

  [[nodiscard]] graph_vertex describe(std::size_t v) const {
    assert(v < end_);
    if (v < servers_) return {part::gpu, static_cast<std::uint32_t>(v)};
    if (v < leafs_) return {part::server, static_cast<std::uint32_t>(v - servers_)};
    if (v < spines_) return {part::leaf, static_cast<std::uint32_t>(v - leafs_)};
    return {part::spine, static_cast<std::uint32_t>(v - spines_)};
  }

 private:
  static std::size_t size(int n) { return static_cast<std::size_t>(n); }
  std::size_t servers_, leafs_, spines_, end_;
};

/// The graph of a leaf-spine network. O(vertices + edges).
[[nodiscard]] inline graph make_graph(const leaf_spine& dc) {
  const graph_index at{dc};
  std::vector<std::pair<std::size_t, std::size_t>> ends;
  std::vector<graph_edge> edges;
  const auto both_ways = [&](std::size_t a, std::size_t b, double gbps) {
    ends.insert(ends.end(), {{a, b}, {b, a}});
    edges.insert(edges.end(), 2, graph_edge{gbps});
  };
  for (gpu_id g : dc.all_gpus()) {
    both_ways(at(g), at(dc.server_of(g)), dc.server_gbps());
    both_ways(at(g), at(dc.leaf_of(g)), dc.link_gbps());
  }
  for (leaf_id l : dc.all_leafs())
    for (int s = 0; s < dc.spines(); ++s)
      both_ways(at(l), at(spine_id{s}), dc.links_per_pair() * dc.link_gbps());

  graph g{boost::edges_are_unsorted_multi_pass, ends.begin(), ends.end(), edges.begin(),
          at.vertices()};
  for (std::size_t v = 0; v < at.vertices(); ++v) g[v] = at.describe(v);
  return g;
}

/// For flow algorithms: of each edge, by its index, the edge the other way. As both ways have a
/// capacity, Boost's boykov_kolmogorov and edmonds_karp are right for it, push_relabel is not.
/// O(edges · degree).
[[nodiscard]] inline std::vector<graph::edge_descriptor> reverse_edges(const graph& g) {
  std::vector<graph::edge_descriptor> reverse(num_edges(g));
  const auto index = get(boost::edge_index, g);
  for (auto [e, end] = edges(g); e != end; ++e) {
    const auto [back, found] = edge(target(*e, g), source(*e, g), g);
    assert(found);
    reverse[get(index, *e)] = back;
  }
  return reverse;
}

}  // namespace heddle::fabric
