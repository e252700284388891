// Edge colouring of bipartite multigraphs in which a vertex has some of the colours only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/edge_colouring.hpp>

namespace heddle {

/// Gives each edge a colour that both its ends have, so that few edges at a vertex share one: none where it
/// finds how. To tell whether there is such a colouring is NP-hard (of lists already for planar graphs);
/// this is a heuristic. Edges with fewest colours come first; each gets one that is free at both ends, if
/// need be after swapping two colours along an alternating path all of whose edges have both; what is left gets the
/// colour that is least used at its ends. Where all vertices have all colours, and no more edges than these, nobody
/// shares (Kőnig). Keeps its memory: a warm one allocates nothing. One writer.
///
/// O(edges · (colours / 64 + pairs of colours tried · length of a path)).
class list_colouring {
 public:
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  /// \param left, right  a row of bits for each vertex: the colours that it has
  /// \returns  a colour for each edge, in their order; `none` where its ends have none in common. Valid
  ///           until the next call
  std::span<const std::uint32_t> operator()(const bit_matrix& left, const bit_matrix& right,
                                            std::span<const bipartite_edge> edges) {
    edges_ = edges;
    left_ = &left;
    right_ = &right;
    const std::size_t words = left.words();
    width_ = words * 64;
    common_.resize(words);
    colour_.assign(edges.size(), none);
    free_[0] = left;
    free_[1] = right;
    at_[0].assign(left.rows() * width_, none);
    at_[1].assign(right.rows() * width_, none);
    sort_by_choice();
    left_over_.clear();
    for (std::uint32_t e : order_)
      if (!give_free_one(e) && !swap_for(e)) left_over_.push_back(e);
    most_ = edges.size() > left_over_.size();
    if (!left_over_.empty()) share();
    return colour_;
  }
  /// Most edges that share a colour at a vertex.
  [[nodiscard]] std::uint32_t most() const { return most_; }

 private:
  void sort_by_choice() {
    first_.assign(width_ + 2, 0);
    choices_.resize(edges_.size());
    for (std::size_t e = 0; e < edges_.size(); ++e) {
      const auto [u, v] = edges_[e];
      choices_[e] = static_cast<std::uint32_t>(count_common((*left_)[u], (*right_)[v]));
      ++first_[choices_[e] + 1];
    }
    std::partial_sum(first_.begin(), first_.end(), first_.begin());
    order_.resize(edges_.size());
    for (std::uint32_t e = 0; e < edges_.size(); ++e) order_[first_[choices_[e]]++] = e;
  }

  [[nodiscard]] std::uint32_t& at(int side, std::size_t vertex, std::size_t colour) {
    return at_[side][vertex * width_ + colour];
  }
  void set(std::uint32_t e, std::uint32_t c) {
    const auto [u, v] = edges_[e];
    colour_[e] = c;
    at(0, u, c) = at(1, v, c) = e;
    clear_bit(free_[0][u], c);
    clear_bit(free_[1][v], c);
  }
  void unset(std::uint32_t e) {
    const auto [u, v] = edges_[e];
    const std::uint32_t c = colour_[e];
    at(0, u, c) = at(1, v, c) = none;
    set_bit(free_[0][u], c);
    set_bit(free_[1][v], c);
  }

  bool give_free_one(std::uint32_t e) {
    const auto [u, v] = edges_[e];
    const const_bit_row a = free_[0][u], b = free_[1][v];
    for (std::size_t w = 0; w < a.size(); ++w)
      if (const word both = a[w] & b[w]) {
        set(e, static_cast<std::uint32_t>(w * 64) +
                   static_cast<std::uint32_t>(std::countr_zero(both)));
        return true;
      }
    return false;
  }

  /// Frees a colour for `e` at both its ends: a is free at u, b at v, and along the path that leaves v by a
  /// they change places.
  bool swap_for(std::uint32_t e) {
    const auto [u, v] = edges_[e];
    as_.clear();
    bs_.clear();
    intersect(free_[0][u], (*right_)[v], common_);
    for_each_bit(const_bit_row{common_},
                 [&](std::size_t c) { as_.push_back(static_cast<std::uint32_t>(c)); });
    intersect(free_[1][v], (*left_)[u], common_);
    for_each_bit(const_bit_row{common_},
                 [&](std::size_t c) { bs_.push_back(static_cast<std::uint32_t>(c)); });
    for (std::uint32_t a : as_)
      for (std::uint32_t b : bs_)
        if (path_from(v, a, b)) {
          for (std::uint32_t x : path_) unset(x);
          for (std::size_t i = 0; i < path_.size(); ++i) set_swapped(i, a, b);
          set(e, a);
          return true;
        }
    return false;
  }
  /// Edges along it alternate a, b, a, …
  void set_swapped(std::size_t i, std::uint32_t a, std::uint32_t b) {
    set(path_[i], i % 2 ? a : b);
  }
  bool path_from(std::size_t v, std::uint32_t a, std::uint32_t b) {
    path_.clear();
    int side = 1;
    std::size_t vertex = v;
    std::uint32_t has = a, gets = b;
    for (;;) {
      const std::uint32_t e = at(side, vertex, has);
      if (e == none) return true;
      const std::size_t other = side ? edges_[e].left : edges_[e].right;
      const bit_matrix& lists = side ? *left_ : *right_;
      if (!test_bit(lists[other], gets)) return false;
      path_.push_back(e);
      vertex = other;
      side = 1 - side;
      std::swap(has, gets);
    }
  }

  /// Those for which nothing is free, evenly.
  void share() {
    load_[0].assign(at_[0].size(), 0);
    load_[1].assign(at_[1].size(), 0);
    const auto load = [&](int side, std::size_t vertex, std::size_t c) -> std::uint32_t& {
      return load_[side][vertex * width_ + c];
    };
    const auto add = [&](std::uint32_t e) {
      ++load(0, edges_[e].left, colour_[e]);
      ++load(1, edges_[e].right, colour_[e]);
      most_ = std::max(
          {most_, load(0, edges_[e].left, colour_[e]), load(1, edges_[e].right, colour_[e])});
    };
    for (std::uint32_t e = 0; e < edges_.size(); ++e)
      if (colour_[e] != none) add(e);
    for (std::uint32_t e : left_over_) {
      const auto [u, v] = edges_[e];
      intersect((*left_)[u], (*right_)[v], common_);
      std::uint32_t least = none, sum = none;
      for_each_bit(const_bit_row{common_}, [&](std::size_t c) {
        const std::uint32_t x = load(0, u, c), y = load(1, v, c);
        if (std::max(x, y) > least || (std::max(x, y) == least && x + y >= sum)) return;
        least = std::max(x, y);
        sum = x + y;
        colour_[e] = static_cast<std::uint32_t>(c);
      });
      if (colour_[e] != none) add(e);
    }
  }

  std::span<const bipartite_edge> edges_;
  const bit_matrix *left_ = nullptr, *right_ = nullptr;
  std::size_t width_ = 0;
  std::uint32_t most_ = 0;
  bit_matrix free_[2];
  std::vector<std::uint32_t> at_[2], load_[2];  // by vertex and colour: its edge, how many edges
  std::vector<std::uint32_t> colour_, order_, first_, choices_, left_over_, as_, bs_, path_;
  std::vector<word> common_;
};

}  // namespace heddle
