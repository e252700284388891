// Edge colouring of regular bipartite multigraphs by Euler splits.
#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/random.hpp>

namespace heddle::detail {

/// Colours a d-regular bipartite multigraph on n + n vertices with d colours, O(n·d·log d).
///
/// *Slots.* Left vertex u has the slots [u·d, (u+1)·d), right vertex v likewise, and an edge joins a
/// left slot to a right slot: the graph is a permutation. For even d pair slot p with slot p xor 1.
/// An edge then has one partner at either end, partners make cycles of even length, and every other
/// edge of a cycle goes to one half of the graph, the rest to the other: at each pair one edge goes
/// either way, so both halves are d/2-regular, and slot p of the whole is slot p/2 of its half. A
/// split is one walk over the edges that writes both halves in order of nothing else.
///
/// *Other degrees than powers of two.* An odd degree gives up a perfect matching first. The halves of
/// an even d are coloured one after the other: of the first, coloured, as many matchings move over to
/// the second as make its degree a power of two. So there is one matching to find for each level, not
/// for each part (Cole and Hopcroft, SIAM J. Comput. 11 (1982)). Matchings are found by random walks
/// in O(n log n) expected steps (Goel, Kapralov and Khanna, SIAM J. Comput. 42 (2013)); the stream is
/// fixed, so that the result is the same every time.
class regular_colouring {
 public:
  /// Makes room for n vertices a side of degree d, all slots open.
  void reset(std::size_t n, std::size_t d) {
    n_ = n;
    degree_ = d;
    assert(n * d < nobody);
    for (graph& g : graphs_) {
      if (g.left.size() < n * d) g.left.resize(n * d);
      if (g.right.size() < n * d) g.right.resize(n * d);
    }
    if (matching_.size() < n * d) matching_.resize(n * d);
    if (!std::has_single_bit(d) && right_of_.size() < n * d) right_of_.resize(n * d);
  }
  [[nodiscard]] std::size_t vertices() const { return n_; }
  [[nodiscard]] std::size_t degree() const { return degree_; }

  /// Joins two slots by edge `e` < n·d. Each slot must be joined once before `solve`.
  void join(std::uint32_t left_slot, std::uint32_t right_slot, std::uint32_t e) {
    graphs_[0].left[left_slot] = {right_slot, e};
    graphs_[0].right[right_slot] = left_slot;
    if (!std::has_single_bit(degree_))
      right_of_[e] = static_cast<std::uint32_t>(right_slot / degree_);
  }

  void solve() {
    if (n_ > 0 && degree_ > 0) colour(degree_, 0, 0, 0);
  }

  /// After `solve`: the edges of colour c, one at each left vertex.
  [[nodiscard]] std::span<const std::uint32_t> matching(std::size_t c) const {
    return {matching_.data() + c * n_, n_};
  }

 private:
  static constexpr std::uint32_t nobody = std::numeric_limits<std::uint32_t>::max();

  struct half_edge {
    std::uint32_t slot = 0;  // at the right
    std::uint32_t edge = 0;
  };
  struct graph {
    std::vector<half_edge> left;
    std::vector<std::uint32_t> right;  // the left slot of each right slot
  };

  /// Colours the d-regular graph that stands at `base` in graphs_[side] with the colours c, c + 1, …
  /// Overwrites the n·d slots from `base` of both graphs.
  void colour(std::size_t d, std::size_t base, int side, std::size_t c) {
    if (d == 1) {
      const half_edge* left = graphs_[side].left.data() + base;
      for (std::size_t u = 0; u < n_; ++u) matching_[c * n_ + u] = left[u].edge;
    } else if (d == 2) {
      halve(base, side, c);
    } else if (d % 2) {
      take_matching(d, base, side, c);
      colour(d - 1, base, 1 - side, c + 1);
    } else {
      const std::size_t half = d / 2, full = std::bit_ceil(half);
      split(d, base, side);
      colour(half, base, 1 - side, c);
      if (full == half) {
        colour(half, base + n_ * half, 1 - side, c + half);
      } else {
        widen(half, full, base, 1 - side, c + d - full);
        colour(full, base, side, c + d - full);
      }
    }
  }

  /// Calls first(p, q, edge) and second(p, q, edge) for the edges of the halves.
  template <class First, class Second>
  void walk(std::size_t slots, std::size_t base, int side, First&& first, Second&& second) {
    half_edge* const left = graphs_[side].left.data() + base;
    const std::uint32_t* const right = graphs_[side].right.data() + base;
    for (std::uint32_t start = 0; start < slots; start += 2) {
      if (left[start].slot == nobody) continue;
      std::uint32_t p = start;
      do {
        const half_edge a = left[p];
        left[p & ~1u].slot = nobody;  // the pair is done: read was its second edge, or is the first
        first(p >> 1, a.slot >> 1, a.edge);
        const std::uint32_t q = a.slot ^ 1u;
        p = right[q];
        second(p >> 1, q >> 1, left[p].edge);
        p ^= 1u;
      } while (p != start);
    }
  }

  /// The halves of an even graph, side by side into the other store.
  void split(std::size_t d, std::size_t base, int side) {
    const std::size_t half = n_ * (d / 2);
    half_edge* const l0 = graphs_[1 - side].left.data() + base;
    half_edge* const l1 = l0 + half;
    std::uint32_t* const r0 = graphs_[1 - side].right.data() + base;
    std::uint32_t* const r1 = r0 + half;
    walk(
        n_ * d, base, side,
        [=](std::uint32_t p, std::uint32_t q, std::uint32_t e) {
          l0[p] = {q, e};
          r0[q] = p;
        },
        [=](std::uint32_t p, std::uint32_t q, std::uint32_t e) {
          l1[p] = {q, e};
          r1[q] = p;
        });
  }

  /// The two matchings of a 2-regular graph.
  void halve(std::size_t base, int side, std::size_t c) {
    std::uint32_t* const m0 = matching_.data() + c * n_;
    std::uint32_t* const m1 = m0 + n_;
    walk(
        n_ * 2, base, side, [=](std::uint32_t p, std::uint32_t, std::uint32_t e) { m0[p] = e; },
        [=](std::uint32_t p, std::uint32_t, std::uint32_t e) { m1[p] = e; });
  }

  /// Copies the d-regular second half of the graph at `base` into the other store and adds the
  /// matchings of the colours c, c + 1, … to make it wide-regular.
  void widen(std::size_t d, std::size_t wide, std::size_t base, int side, std::size_t c) {
    const half_edge* const left = graphs_[side].left.data() + base + n_ * d;
    half_edge* const l = graphs_[1 - side].left.data() + base;
    std::uint32_t* const r = graphs_[1 - side].right.data() + base;
    const auto join = [&](std::size_t p, std::size_t q, std::uint32_t e) {
      l[p] = {static_cast<std::uint32_t>(q), e};
      r[q] = static_cast<std::uint32_t>(p);
    };
    for (std::size_t u = 0, at = 0; u < n_; ++u)
      for (std::size_t i = 0; i < d; ++i, ++at) {
        const std::size_t v = left[at].slot / d;
        join(u * wide + i, v * wide + left[at].slot % d, left[at].edge);
      }
    for (std::size_t k = 0; k < wide - d; ++k)
      for (std::size_t u = 0; u < n_; ++u) {
        const std::uint32_t e = matching_[(c + k) * n_ + u];
        join(u * wide + d + k, right_of_[e] * wide + d + k, e);
      }
  }

  /// Colours a perfect matching with c and copies the rest, (d−1)-regular, into the other store.
  void take_matching(std::size_t d, std::size_t base, int side, std::size_t c) {
    find_matching(d, base, side);
    const half_edge* const left = graphs_[side].left.data() + base;
    half_edge* const l = graphs_[1 - side].left.data() + base;
    std::uint32_t* const r = graphs_[1 - side].right.data() + base;
    for (std::size_t u = 0; u < n_; ++u) {
      const std::uint32_t taken = taken_[u];
      matching_[c * n_ + u] = left[taken].edge;
      gone_[left[taken].slot / d] = left[taken].slot;
    }
    for (std::size_t u = 0; u < n_; ++u)
      for (std::size_t p = u * d, to = u * (d - 1); p < (u + 1) * d; ++p) {
        if (p == taken_[u]) continue;
        // The last slot moves into the gap that the matching leaves.
        std::size_t q = left[p].slot;
        const std::size_t v = q / d;
        q = q % d == d - 1 ? gone_[v] - v : q - v;
        l[to] = {static_cast<std::uint32_t>(q), left[p].edge};
        r[q] = static_cast<std::uint32_t>(to++);
      }
  }

  /// A perfect matching as the slot of each left vertex, into taken_. From a left vertex without a
  /// match a random edge leads to a right vertex, its match back to the left, until a right vertex is
  /// free; each left vertex on the way remembers where it was last left, which cuts out the loops.
  void find_matching(std::size_t d, std::size_t base, int side) {
    const half_edge* const left = graphs_[side].left.data() + base;
    taken_.assign(n_, nobody);
    mate_.assign(n_, nobody);
    gone_.resize(n_);
    stream random{0, n_ * d, "matching"};
    for (std::uint32_t u0 = 0; u0 < n_; ++u0) {
      std::uint32_t u = u0, v = 0;
      do {
        const bool is_matched = taken_[u] != nobody;
        const std::uint64_t choices = is_matched ? d - 1 : d;
        auto p = static_cast<std::uint32_t>(u * d + ((random() >> 32) * choices >> 32));
        if (is_matched && p >= taken_[u]) ++p;
        gone_[u] = p;
        v = static_cast<std::uint32_t>(left[p].slot / d);
        u = mate_[v];
      } while (u != nobody);
      for (u = u0; u != nobody;) {
        taken_[u] = gone_[u];
        v = static_cast<std::uint32_t>(left[taken_[u]].slot / d);
        std::swap(mate_[v], u);
      }
    }
  }

  std::size_t n_ = 0, degree_ = 0;
  graph graphs_[2];
  std::vector<std::uint32_t> matching_;  // colour-major: the edge at each left vertex
  std::vector<std::uint32_t> right_of_;  // the right vertex of each edge
  std::vector<std::uint32_t> taken_, gone_, mate_;
};

}  // namespace heddle::detail
