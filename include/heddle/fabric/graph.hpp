// A fabric as a Boost.Graph graph, for every algorithm of that library.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

// Boost 1.74 derives from std::unary_function unless it is told that there is none, as in libc++.
#if defined(_LIBCPP_VERSION) && !defined(BOOST_NO_CXX98_FUNCTION_BASE)
#define BOOST_NO_CXX98_FUNCTION_BASE
#endif
#include <boost/graph/compressed_sparse_row_graph.hpp>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/cubes.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/fabric/pods.hpp>
#include <heddle/fabric/torus.hpp>

namespace heddle::fabric {

/// What a vertex of a fabric's graph is.
enum class part : unsigned char {
  gpu,
  server,
  leaf,
  spine,
  ocs,   ///< between leafs and spines, or faces of cubes
  core,  ///< above the spines, an OCS or a switch
};

/// Bundled with each vertex: its kind and its id within the kind.
struct graph_vertex {
  part kind = part::gpu;
  std::uint32_t id = 0;
};
/// Bundled with each directed edge.
struct graph_edge {
  double capacity_gbps = 0;  ///< of all parallel links or fibres together, one way
};

/// Directed both ways: GPU–server (inside a server), GPU–leaf (its network card, in every plane),
/// leaf–spine; on an optical fabric leaf–OCS and OCS–spine, the fibres, whatever circuits are set up; in
/// three tiers, and with pods, spine–core. On tori the links from GPU to GPU alone, and on cubes the ports of
/// GPUs on faces to their OCS.
using graph = boost::compressed_sparse_row_graph<boost::directedS, graph_vertex, graph_edge>;

/// The vertices of a fabric's graph stand in this order: GPUs, servers, leafs, spines, OCS, core.
class graph_index {
 public:
  explicit graph_index(const leaf_spine& dc) : graph_index(dc, 0, dc.cores()) {}
  explicit graph_index(const leaf_spine_ocs& dc) : graph_index(dc, dc.optical().switches, 0) {}
  explicit graph_index(const pods& dc) : graph_index(dc.network(), 0, dc.shape().core_switches) {}
  explicit graph_index(const torus& dc) : graph_index({0, dc.hosts().gpus(), 0, 0, 0, 0, 0}) {}
  explicit graph_index(const cubes& dc)
      : graph_index({0, dc.hosts().gpus(), 0, 0, 0, dc.circuit_switches(), 0}) {}

  [[nodiscard]] std::size_t operator()(gpu_id g) const { return at(part::gpu, g.index()); }
  [[nodiscard]] std::size_t operator()(server_id s) const { return at(part::server, s.index()); }
  [[nodiscard]] std::size_t operator()(leaf_id l) const { return at(part::leaf, l.index()); }
  [[nodiscard]] std::size_t operator()(spine_id s) const { return at(part::spine, s.index()); }
  [[nodiscard]] std::size_t operator()(ocs_id o) const { return at(part::ocs, o.index()); }
  [[nodiscard]] std::size_t core(int k) const {
    return at(part::core, static_cast<std::size_t>(k));
  }
  [[nodiscard]] std::size_t vertices() const { return static_cast<std::size_t>(first_.back()); }

  [[nodiscard]] graph_vertex describe(std::size_t v) const {
    assert(v < vertices());
    std::size_t kind = 0;
    while (v >= static_cast<std::size_t>(first_[kind + 1])) ++kind;
    return {static_cast<part>(kind),
            static_cast<std::uint32_t>(v - at(static_cast<part>(kind), 0))};
  }

 private:
  template <class Network>
  graph_index(const Network& dc, int circuit_switches, int core)
      : graph_index({0, dc.gpus(), dc.servers(), dc.leafs(), dc.spines(), circuit_switches, core}) {
  }
  explicit graph_index(const std::array<int, 7>& counts) : first_(counts) {
    for (std::size_t k = 1; k < first_.size(); ++k) first_[k] += first_[k - 1];
  }
  [[nodiscard]] std::size_t at(part kind, std::size_t i) const {
    return static_cast<std::size_t>(first_[static_cast<std::size_t>(kind)]) + i;
  }
  std::array<int, 7> first_;  // of each kind, and the end
};

namespace detail {
class graph_maker {
 public:
  explicit graph_maker(graph_index index) : at_(std::move(index)) {}

  template <class Network>
  void add_cards(const Network& dc) {
    for (gpu_id g : dc.all_gpus()) {
      both_ways(at_(g), at_(dc.server_of(g)), dc.server_gbps());
      for (int plane = 0; plane < dc.planes(); ++plane)
        both_ways(at_(g), at_(dc.leaf_of(g, plane)), dc.link_gbps());
    }
  }
  void add_links(const leaf_spine& dc) {
    for (leaf_id l : dc.all_leafs())
      for (spine_id s : dc.all_spines())
        if (const int n = dc.links(l, s); n > 0) both_ways(at_(l), at_(s), n * dc.link_gbps());
    for (spine_id s : dc.all_spines())
      for (int k = 0; k < dc.cores(); ++k)
        if (const int n = dc.core_links().between(s.index(), static_cast<std::size_t>(k)); n > 0)
          both_ways(at_(s), at_.core(k), n * dc.link_gbps());
  }
  void add_fibres(const leaf_spine_ocs& dc) {
    for (ocs_id o : dc.all_switches()) {
      for (leaf_id l : dc.all_leafs())
        both_ways(at_(l), at_(o), dc.optical().leaf_fibres * dc.link_gbps());
      for (spine_id s : dc.all_spines())
        both_ways(at_(o), at_(s), dc.optical().spine_fibres * dc.link_gbps());
    }
  }
  void add_core(const pods& dc) {
    for (spine_id s : dc.network().all_spines())
      for (int k = 0; k < dc.shape().core_switches; ++k)
        both_ways(at_(s), at_.core(k), dc.shape().core_fibres * dc.network().link_gbps());
  }
  /// Of a torus, and inside cubes.
  template <class Network>
  void add_chip_links(const Network& dc, std::size_t dimensions) {
    for (gpu_id g : dc.hosts().all_gpus())
      for (std::size_t d = 0; d < dimensions; ++d)
        if (const gpu_id end = dc.end_of({g, static_cast<std::uint8_t>(d)}); end.valid())
          both_ways(at_(g), at_(end), dc.link_gbps());
  }
  void add_faces(const cubes& dc) {
    for (unit_id c : dc.all_cubes())
      for (std::uint16_t d = 0; d < 3; ++d)
        for (std::uint16_t at = 0; at < dc.side() * dc.side(); ++at) {
          const face_circuit own{c, c, d, at};  // its two ports are those of the cube there
          for (gpu_id g : dc.ends_of(own)) both_ways(at_(g), at_(dc.ocs_of(own)), dc.link_gbps());
        }
  }
  [[nodiscard]] graph make() const {
    graph g{boost::edges_are_unsorted_multi_pass, ends_.begin(), ends_.end(), edges_.begin(),
            at_.vertices()};
    for (std::size_t v = 0; v < at_.vertices(); ++v) g[v] = at_.describe(v);
    return g;
  }

 private:
  void both_ways(std::size_t a, std::size_t b, double gbps) {
    ends_.insert(ends_.end(), {{a, b}, {b, a}});
    edges_.insert(edges_.end(), 2, graph_edge{gbps});
  }
  graph_index at_;
  std::vector<std::pair<std::size_t, std::size_t>> ends_;
  std::vector<graph_edge> edges_;
};
}  // namespace detail

/// The graph of a network. O(vertices + edges).
[[nodiscard]] inline graph make_graph(const leaf_spine& dc) {
  detail::graph_maker m{graph_index{dc}};
  m.add_cards(dc);
  m.add_links(dc);
  return m.make();
}
/// The graph of leafs and spines with the OCS between them.
[[nodiscard]] inline graph make_graph(const leaf_spine_ocs& dc) {
  detail::graph_maker m{graph_index{dc}};
  m.add_cards(dc);
  m.add_fibres(dc);
  return m.make();
}
/// The graph of pods with their core.
[[nodiscard]] inline graph make_graph(const pods& dc) {
  detail::graph_maker m{graph_index{dc}};
  m.add_cards(dc.network());
  m.add_links(dc.network());
  m.add_core(dc);
  return m.make();
}

/// The graph of chips.
[[nodiscard]] inline graph make_graph(const torus& dc) {
  detail::graph_maker m{graph_index{dc}};
  m.add_chip_links(dc, dc.dimensions());
  return m.make();
}
/// The graph of chips and the OCS between the faces of cubes.
[[nodiscard]] inline graph make_graph(const cubes& dc) {
  detail::graph_maker m{graph_index{dc}};
  m.add_chip_links(dc, 3);
  m.add_faces(dc);
  return m.make();
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
