// Edge colouring of bipartite multigraphs (Kőnig): with as many colours as the largest degree, so
// that no two edges at a vertex have the same.
//
// Flows from leafs to leafs coloured by spines never meet on a link; circuits from leafs to spines
// coloured by optical switches never meet at a port.
#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <heddle/core/bits.hpp>

namespace heddle {

/// An edge between a left and a right vertex; parallel edges are allowed.
struct bipartite_edge {
  std::uint32_t left = 0;
  std::uint32_t right = 0;
};

/// Colours edges one by one: with a colour free at both ends if there is one, else with one free at
/// the left end after an alternating path of two colours has been swapped. O(edges · (colours / 64 +
/// length of a path)); a path is at most left + right long. Keeps its memory between calls.
class edge_colouring {
 public:
  /// \returns  a colour below `colours` for each edge, in their order; valid until the next call
  /// Precondition: no vertex has more than `colours` edges.
  std::span<const std::uint32_t> operator()(std::size_t lefts, std::size_t rights,
                                            std::span<const bipartite_edge> edges,
                                            std::size_t colours) {
    colours_ = colours;
    edges_ = edges;
    at_left_.assign(lefts * colours, nobody);
    at_right_.assign(rights * colours, nobody);
    free_left_ = all_free(lefts);
    free_right_ = all_free(rights);
    colour_.assign(edges.size(), 0);
    for (std::uint32_t e = 0; e < edges.size(); ++e) {
      const auto [u, v] = edges[e];
      std::uint32_t c = first_common(free_left_[u], free_right_[v]);
      if (c == nobody) {
        c = first(free_left_[u]);
        const std::uint32_t other = first(free_right_[v]);
        assert(c != nobody && other != nobody && "more edges at a vertex than colours");
        swap_path(v, c, other);
      }
      give(e, c);
    }
    return colour_;
  }

 private:
  static constexpr std::uint32_t nobody = std::numeric_limits<std::uint32_t>::max();

  [[nodiscard]] bit_matrix all_free(std::size_t vertices) const {
    bit_matrix m(vertices, colours_);
    for (std::size_t i = 0; i < vertices; ++i) fill_bits(m[i], colours_);
    return m;
  }
  static std::uint32_t first(const_bit_row row) { return first_common(row, row); }
  static std::uint32_t first_common(const_bit_row a, const_bit_row b) {
    for (std::size_t k = 0; k < a.size(); ++k)
      if (const word w = a[k] & b[k])
        return static_cast<std::uint32_t>(k * 64 + static_cast<std::size_t>(std::countr_zero(w)));
    return nobody;
  }

  std::uint32_t& left(std::uint32_t u, std::uint32_t c) { return at_left_[u * colours_ + c]; }
  std::uint32_t& right(std::uint32_t v, std::uint32_t c) { return at_right_[v * colours_ + c]; }

  void give(std::uint32_t e, std::uint32_t c) {
    const auto [u, v] = edges_[e];
    colour_[e] = c;
    left(u, c) = right(v, c) = e;
    clear_bit(free_left_[u], c);
    clear_bit(free_right_[v], c);
  }
  void take(std::uint32_t e) {
    const auto [u, v] = edges_[e];
    const std::uint32_t c = colour_[e];
    left(u, c) = right(v, c) = nobody;
    set_bit(free_left_[u], c);
    set_bit(free_right_[v], c);
  }

  /// Swaps colours a and b along the path of these colours that starts at right vertex v with a, so
  /// that a becomes free there. It cannot reach the left vertex where a is free: it enters left
  /// vertices by a.
  void swap_path(std::uint32_t v, std::uint32_t a, std::uint32_t b) {
    path_.clear();
    for (std::uint32_t e = right(v, a); e != nobody;) {
      path_.push_back(e);
      e = left(edges_[e].left, b);
      if (e == nobody) break;
      path_.push_back(e);
      e = right(edges_[e].right, a);
    }
    for (std::uint32_t e : path_) take(e);
    for (std::uint32_t e : path_) give(e, colour_[e] == a ? b : a);
  }

  std::size_t colours_ = 0;
  std::span<const bipartite_edge> edges_;
  std::vector<std::uint32_t> at_left_, at_right_;  // vertex-major: the edge of each colour
  bit_matrix free_left_, free_right_;
  std::vector<std::uint32_t> colour_, path_;
};

}  // namespace heddle
