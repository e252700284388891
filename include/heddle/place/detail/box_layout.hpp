// How a box, straight or folded, lies in a grid of cubes, and into which pieces they cut it.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/place/detail/cube_view.hpp>

namespace heddle::place::detail {

/// Pieces that take the same cells of their cubes, and how many there are.
struct piece_kind {
  word mask = 0;
  int count = 0;
  int cells = 0;  // of each
};

/// A box of sides a × b × c in a grid of cubes without end: a runs along one axis, in layers of `width`
/// which are stacked along a second, each c thick; b runs along the third. Every other layer runs back,
/// so that neighbours stay neighbours; with c > 1 also its cells are stacked in reverse, and the outer
/// ones meet over the circuit that closes the second axis: that works if the two layers fill the side of
/// a cube. One layer is the box as it is. Axes and mesh dimensions: a, c, b in `axis` and `dim`.
struct box_layout {
  std::array<int, 3> sides{};  // a, c, b
  std::array<int, 3> dim{};    // the mesh dimension of each
  std::array<int, 3> axis{};   // the cube axis of each
  int width = 0;               // of a layer
  std::array<int, 3> from{};   // where it begins in its first cube, along the axes of a, c, b

  [[nodiscard]] int layers() const { return (sides[0] + width - 1) / width; }
  [[nodiscard]] int height() const { return layers() * sides[1]; }
  /// [first, end) of the width that the last layer takes.
  [[nodiscard]] std::pair<int, int> last_layer() const {
    const int n = layers(), last = sides[0] - (n - 1) * width;
    const int low = n % 2 == 1 ? 0 : width - last;
    return {low, low + last};
  }
  /// Cubes along the axes of a, c, b.
  [[nodiscard]] std::array<int, 3> cubes(int side) const {
    return {(from[0] + width + side - 1) / side, (from[1] + height() + side - 1) / side,
            (from[2] + sides[2] + side - 1) / side};
  }
  /// Where cell (i, k, j) of a, c, b lies along the axes of a, c, b.
  [[nodiscard]] std::array<int, 3> place_of(int i, int k, int j) const {
    const int layer = i / width, x = i % width;
    const bool back = layer % 2 == 1;
    return {from[0] + (back ? width - 1 - x : x),
            from[1] + layer * sides[1] + (back ? sides[1] - 1 - k : k), from[2] + j};
  }
};

/// Words for the patterns that a plane across two axes and a line along the third make in a cube.
class pattern_words {
 public:
  explicit pattern_words(int side) : cells_{side} {
    for (std::size_t a = 0; a < 3; ++a)
      for (std::size_t b = 0; b < 3; ++b)
        if (a != b)
          for (std::size_t half = 0; half < 2; ++half)
            for (std::size_t bits = 0; bits < 256; ++bits)
              plane_[a][b][half][bits] = plane_of(a, b, bits << (8 * half));
    for (std::size_t a = 0; a < 3; ++a)
      for (std::size_t bits = 0; bits < 16; ++bits) line_[a][bits] = line_of(a, bits);
  }
  /// Cells whose coordinates along axes a and b are in `plane` (bit u + side · v), and along the third in
  /// `line`.
  [[nodiscard]] word cells(std::size_t a, std::size_t b, std::uint16_t plane,
                           std::uint8_t line) const {
    return (plane_[a][b][0][plane & 255u] | plane_[a][b][1][plane >> 8]) & line_[3 - a - b][line];
  }

 private:
  template <class Has>
  [[nodiscard]] word where(Has&& has) const {
    word m = 0;
    for (int bit = 0; bit < cells_.side * cells_.side * cells_.side; ++bit)
      if (has(cells_.cell_at(bit))) m |= word{1} << bit;
    return m;
  }
  [[nodiscard]] word plane_of(std::size_t a, std::size_t b, std::size_t bits) const {
    return where([&](const auto& c) { return bits >> (c[a] + cells_.side * c[b]) & 1u; });
  }
  [[nodiscard]] word line_of(std::size_t a, std::size_t bits) const {
    return where([&](const auto& c) { return bits >> c[a] & 1u; });
  }

  cell_words cells_;
  std::array<std::array<std::array<std::array<word, 256>, 2>, 3>, 3> plane_{};
  std::array<std::array<word, 16>, 3> line_{};
};

/// The patterns of a layout along its axes, whichever these are: of a and c a plane, of b a line. Few
/// kinds, however many pieces.
class layout_patterns {
 public:
  /// Of a and c.
  void planes_of(const box_layout& l, int side) {
    planes_.clear();
    const std::array<int, 3> n = l.cubes(side);
    const auto [low, high] = l.last_layer();
    // The cubes in which something begins or ends.
    std::array<int, 4> edges{0, n[0] - 1, (l.from[0] + std::max(low - 1, 0)) / side,
                             (l.from[0] + std::min(high, l.width - 1)) / side};
    std::sort(edges.begin(), edges.end());
    const auto edges_end = std::unique(edges.begin(), edges.end());
    for (int v = 0; v < n[1]; ++v) {
      for (auto e = edges.begin(); e != edges_end; ++e) {
        add(planes_, plane(l, side, *e, v), 1);
        if (e + 1 == edges_end || e[1] == *e + 1) continue;
        // All between two edges are alike but for the last layer, which covers them wholly or not.
        add(planes_, plane(l, side, *e + 1, v), e[1] - *e - 1);
      }
    }
  }
  /// Of b.
  void lines_of(const box_layout& l, int side) {
    lines_.clear();
    const int n = l.cubes(side)[2];
    add(lines_, line(l, side, 0), 1);
    if (n > 2) add(lines_, line(l, side, 1), n - 2);
    if (n > 1) add(lines_, line(l, side, n - 1), 1);
  }
  [[nodiscard]] const auto& planes() const { return planes_; }
  [[nodiscard]] const auto& lines() const { return lines_; }

  /// The cells of piece (u, v, w) along the axes of a, c, b.
  [[nodiscard]] static std::uint16_t plane(const box_layout& l, int side, int u, int v) {
    std::uint32_t bits = 0;
    const int height = l.height(), layers = l.layers();
    const auto [low, high] = l.last_layer();
    for (int z = 0; z < side; ++z) {
      const int at = v * side + z - l.from[1];
      if (at < 0 || at >= height) continue;
      const bool is_last = at / l.sides[1] == layers - 1;
      const int first = l.from[0] + (is_last ? low : 0),
                end = l.from[0] + (is_last ? high : l.width);
      bits |= run(first, end, u * side, side) << (side * z);
    }
    return static_cast<std::uint16_t>(bits);
  }
  [[nodiscard]] static std::uint8_t line(const box_layout& l, int side, int w) {
    return static_cast<std::uint8_t>(run(l.from[2], l.from[2] + l.sides[2], w * side, side));
  }

 private:
  /// [first, end) as bits of [base, base + side).
  [[nodiscard]] static std::uint32_t run(int first, int end, int base, int side) {
    const int a = std::max(first - base, 0), b = std::min(end - base, side);
    return a < b ? (1u << b) - (1u << a) : 0u;
  }
  struct pattern {
    std::uint16_t bits;
    int count, cells;  // how many there are, and of each
  };
  static void add(std::vector<pattern>& all, std::uint16_t bits, int n) {
    if (bits == 0) return;
    for (pattern& p : all)
      if (p.bits == bits) {
        p.count += n;
        return;
      }
    all.push_back({bits, n, std::popcount(bits)});
  }

  std::vector<pattern> planes_, lines_;
};

}  // namespace heddle::place::detail
