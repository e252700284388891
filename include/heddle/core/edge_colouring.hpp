// Edge colouring of bipartite multigraphs (Kőnig): with as many colours as the largest degree, so
// that no two edges at a vertex have the same.
//
// Flows from leafs to leafs coloured by spines never meet on a link; circuits from leafs to spines
// coloured by optical switches never meet at a port.
#pragma once

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/detail/regular_colouring.hpp>

namespace heddle {

/// An edge between a left and a right vertex; parallel edges are allowed.
struct bipartite_edge {
  std::uint32_t left = 0;
  std::uint32_t right = 0;
};

/// How `edge_colouring` works.
enum class colouring_method : unsigned char {
  by_shape,  ///< the one of the others that is faster for so many vertices, edges and colours
  one_by_one,  ///< each edge a colour free at both ends, if need be after swapping an alternating path
  by_halves,  ///< Euler splits of the graph made regular
};

/// Colours the edges of bipartite multigraphs. Keeps its memory between calls: a warm one allocates
/// nothing. The result depends on the arguments alone. One writer.
///
///     one_by_one  O(edges · (colours / 64 + length of a path)); a path is at most left + right long
///     by_halves   O((edges + vertices) · log colours)
class edge_colouring {
 public:
  /// \returns  a colour below `colours` for each edge, in their order; valid until the next call
  /// Precondition: no vertex has more than `colours` edges.
  std::span<const std::uint32_t> operator()(std::size_t lefts, std::size_t rights,
                                            std::span<const bipartite_edge> edges,
                                            std::size_t colours,
                                            colouring_method how = colouring_method::by_shape) {
    edges_ = edges;
    colour_.assign(edges.size(), 0);
    if (edges.empty()) return colour_;
    const std::size_t degree = count_degrees(lefts, rights);
    assert(degree <= colours && "more edges at a vertex than colours");
    if (how == colouring_method::by_shape) how = faster(lefts, rights, colours);
    if (how == colouring_method::one_by_one)
      one_by_one(lefts, rights, colours);
    else
      by_halves(degree, colours);
    return colour_;
  }

 private:
  static constexpr std::uint32_t nobody = std::numeric_limits<std::uint32_t>::max();

  /// The largest degree; all degrees into left_at_ and right_at_.
  std::size_t count_degrees(std::size_t lefts, std::size_t rights) {
    left_at_.assign(lefts, 0);
    right_at_.assign(rights, 0);
    for (const auto [u, v] : edges_) {
      ++left_at_[u];
      ++right_at_[v];
    }
    return std::max(*std::max_element(left_at_.begin(), left_at_.end()),
                    *std::max_element(right_at_.begin(), right_at_.end()));
  }

  /// One by one, paths are short while vertices lack edges and grow with the vertices when they do not:
  /// halves win where a vertex lacks a third of an edge or less and there are many vertices to a colour
  /// (bench/core/edge_colouring.cpp).
  [[nodiscard]] colouring_method faster(std::size_t lefts, std::size_t rights,
                                        std::size_t colours) const {
    const std::size_t n = std::max(lefts, rights);
    return n >= 4 * colours && 3 * (n * colours - edges_.size()) <= n
               ? colouring_method::by_halves
               : colouring_method::one_by_one;
  }

  // By halves: several vertices share one of a regular graph, and the slots left over are joined by
  // edges of no account.

  void by_halves(std::size_t degree, std::size_t colours) {
    // A power of two needs no matchings, if there are colours to spare.
    const std::size_t d = std::bit_ceil(degree) <= colours ? std::bit_ceil(degree) : degree;
    const std::size_t left_end = share_slots(left_at_, d, left_gaps_);
    const std::size_t right_end = share_slots(right_at_, d, right_gaps_);
    const std::size_t n = (std::max(left_end, right_end) + d - 1) / d;
    regular_.reset(n, d);
    for (std::uint32_t e = 0; e < edges_.size(); ++e)
      regular_.join(left_at_[edges_[e].left]++, right_at_[edges_[e].right]++, e);
    for (std::size_t s = left_end; s < n * d; ++s) left_gaps_.push_back(narrow(s));
    for (std::size_t s = right_end; s < n * d; ++s) right_gaps_.push_back(narrow(s));
    for (std::size_t i = 0; i < left_gaps_.size(); ++i)
      regular_.join(left_gaps_[i], right_gaps_[i], narrow(edges_.size() + i));
    regular_.solve();
    for (std::size_t c = 0; c < d; ++c)
      for (std::uint32_t e : regular_.matching(c))
        if (e < edges_.size()) colour_[e] = narrow(c);
  }

  /// Gives each vertex as many slots as its degree, all of one vertex of the regular graph: in place
  /// of the degree its first slot. Slots left out go to `gaps`; returns the end of those used. Any two
  /// vertices of the regular graph in succession are more than half full.
  static std::size_t share_slots(std::vector<std::uint32_t>& at, std::size_t d,
                                 std::vector<std::uint32_t>& gaps) {
    gaps.clear();
    std::size_t next = 0;
    for (std::uint32_t& a : at) {
      if (next % d + a > d)
        for (; next % d; ++next) gaps.push_back(narrow(next));
      const std::size_t slots = a;
      a = narrow(next);
      next += slots;
    }
    return next;
  }

  // One by one.

  void one_by_one(std::size_t lefts, std::size_t rights, std::size_t colours) {
    colours_ = colours;
    words_ = words_for(colours);
    edge_at_[0].assign(lefts * colours, nobody);
    edge_at_[1].assign(rights * colours, nobody);
    fill_free(free_[0], lefts);
    fill_free(free_[1], rights);
    for (std::uint32_t e = 0; e < edges_.size(); ++e) {
      const auto [u, v] = edges_[e];
      const bit_row at_left = free(0, u), at_right = free(1, v);
      std::uint32_t c = first_common(at_left, at_right);
      if (c == nobody) {
        c = first_common(at_left, at_left);
        swap_path(v, c, first_common(at_right, at_right));
      }
      give(e, c);
      clear_bit(at_left, c);
      clear_bit(at_right, c);
    }
  }

  void fill_free(std::vector<word>& free, std::size_t vertices) const {
    free.resize(vertices * words_);
    for (std::size_t i = 0; i < vertices; ++i)
      fill_bits({free.data() + i * words_, words_}, colours_);
  }
  [[nodiscard]] bit_row free(int side, std::uint32_t v) {
    return {free_[side].data() + v * words_, words_};
  }
  static std::uint32_t first_common(const_bit_row a, const_bit_row b) {
    for (std::size_t k = 0; k < a.size(); ++k)
      if (const word w = a[k] & b[k])
        return static_cast<std::uint32_t>(k * 64 + static_cast<std::size_t>(std::countr_zero(w)));
    return nobody;
  }
  [[nodiscard]] std::uint32_t& edge_at(int side, std::uint32_t v, std::uint32_t c) {
    return edge_at_[side][v * colours_ + c];
  }
  void give(std::uint32_t e, std::uint32_t c) {
    colour_[e] = c;
    edge_at(0, edges_[e].left, c) = edge_at(1, edges_[e].right, c) = e;
  }

  /// Swaps colours a and b along the path of these colours that starts at right vertex v with a, so
  /// that a becomes free there. It cannot reach the left vertex where a is free: it enters left
  /// vertices by a. What is free changes at its two ends alone.
  void swap_path(std::uint32_t v, std::uint32_t a, std::uint32_t b) {
    std::uint32_t e = edge_at(1, v, a);
    edge_at(1, v, a) = nobody;
    exchange(free(1, v), a, b);
    for (int side = 0;; side = 1 - side) {
      // Edge e has colour a and takes b, at its other end in the place of the next edge.
      const std::uint32_t x = side == 0 ? edges_[e].left : edges_[e].right;
      const std::uint32_t next = edge_at(side, x, b);
      give(e, b);
      std::swap(a, b);
      if (next == nobody) {
        edge_at(side, x, b) = nobody;
        exchange(free(side, x), b, a);
        return;
      }
      e = next;
    }
  }
  /// `a` was taken and becomes free, `b` the other way round.
  static void exchange(bit_row free, std::uint32_t a, std::uint32_t b) {
    set_bit(free, a);
    clear_bit(free, b);
  }

  static std::uint32_t narrow(std::size_t i) { return static_cast<std::uint32_t>(i); }

  std::span<const bipartite_edge> edges_;
  std::vector<std::uint32_t> colour_;
  std::vector<std::uint32_t> left_at_, right_at_;      // degrees, then first slots
  std::vector<std::uint32_t> left_gaps_, right_gaps_;  // slots that no edge has
  detail::regular_colouring regular_;
  std::size_t colours_ = 0, words_ = 0;
  std::vector<std::uint32_t> edge_at_[2];  // of each left, of each right vertex, by colour
  std::vector<word> free_[2];              // the colours free there
};

}  // namespace heddle
