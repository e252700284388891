// Meshes that are long in one direction alone, laid as paths through the free chips of cubes.
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

/// The steps of a path in a cube. A step is a block of cells one thick along at least one axis; it moves
/// along an axis on which it is one thick, and there also through a face into another cube. Where it is
/// half as thick as the cube is wide it may turn over, (0, 1) to (3, 2): inner cells are joined by links,
/// outer ones by the circuit that closes the axis. Steps are numbered x + levels x · (y + levels y · z).
struct step_grid {
  cell_words cells;
  std::array<int, 3> thick{}, shift{}, levels{}, stride{};
  std::array<word, 3> not_first{}, not_last{};
  std::vector<word> mask;  // the cells of each step
  word all = 0, corners = 0, at_face = 0;
  bool is_fine = false;  // steps are cells, numbered alike

  step_grid(const cell_words& words, const std::array<int, 3>& thickness,
            const std::array<int, 3>& from)
      : cells(words), thick(thickness), shift(from) {
    const int side = words.side;
    for (std::size_t d = 0; d < 3; ++d)
      levels[d] = thick[d] == 1 ? side : thick[d] * 2 == side ? 2 : 1;
    stride = {1, levels[0], levels[0] * levels[1]};
    const int n = stride[2] * levels[2];
    is_fine = thick == std::array<int, 3>{1, 1, 1};
    all = n == 64 ? ~word{0} : (word{1} << n) - 1;
    for (int i = 0; i < n; ++i) {
      bool corner = true, face = false;
      for (std::size_t d = 0; d < 3; ++d) {
        const int at = level(i, d);
        if (at > 0) not_first[d] |= word{1} << i;
        if (at + 1 < levels[d]) not_last[d] |= word{1} << i;
        corner = corner && (at == 0 || at + 1 == levels[d]);
        face = face || (thick[d] == 1 && (at == 0 || at + 1 == side));
      }
      if (corner && face) corners |= word{1} << i;
      if (face) at_face |= word{1} << i;
      word m = 0;
      for (int z = 0; z < thick[2]; ++z)
        for (int y = 0; y < thick[1]; ++y)
          for (int x = 0; x < thick[0]; ++x) m |= word{1} << bit_of(i, {x, y, z});
      mask.push_back(m);
    }
  }

  [[nodiscard]] int count() const { return static_cast<int>(mask.size()); }
  [[nodiscard]] int level(int step, std::size_t d) const { return step / stride[d] % levels[d]; }
  /// The cell at `inner` of the block of a step.
  [[nodiscard]] int bit_of(int step, const std::array<int, 3>& inner) const {
    std::array<int, 3> c{};
    for (std::size_t d = 0; d < 3; ++d) {
      const int at = level(step, d);
      if (thick[d] == 1)
        c[d] = at + 0 * inner[d];
      else if (levels[d] == 2)
        c[d] = at == 0 ? inner[d] : cells.side - 1 - inner[d];
      else
        c[d] = shift[d] + inner[d];
    }
    return cells.bit_at(c[0], c[1], c[2]);
  }
  /// Steps whose cells are all in `free`.
  [[nodiscard]] word within(word free) const {
    if (is_fine) return free;
    word s = 0;
    for (std::size_t i = 0; i < mask.size(); ++i)
      if ((free & mask[i]) == mask[i]) s |= word{1} << i;
    return s;
  }
  [[nodiscard]] word neighbours(word s) const {
    word n = 0;
    for (std::size_t d = 0; d < 3; ++d)
      n |= (s & not_last[d]) << stride[d] | (s & not_first[d]) >> stride[d];
    return n;
  }
  /// All of `s` that can be reached from `from` through it.
  [[nodiscard]] word reach(word s, word from) const {
    for (word r = from;;) {
      const word next = (r | neighbours(r)) & s;
      if ((next | r) == r) return r;
      r |= next;
    }
  }
  /// Calls `f(step)` with the step on the other side of each face that `step` touches.
  template <class F>
  void for_each_beyond(int step, F&& f) const {
    for (std::size_t d = 0; d < 3; ++d) {
      if (thick[d] != 1) continue;
      if (level(step, d) == 0) f(step + (levels[d] - 1) * stride[d]);
      if (level(step, d) + 1 == levels[d]) f(step - (levels[d] - 1) * stride[d]);
    }
  }
};

/// Looks for paths by always taking the neighbour with fewest free ones of its own, and going back.
class path_search {
 public:
  /// \param steps   that it may try, in all
  /// \param of_one  and for one path
  explicit path_search(std::int64_t steps = 0, int of_one = 400) : left(steps), most_(of_one) {}

  std::int64_t left;  ///< steps that it may still try

  /// A path of exactly `wanted` steps of `s` that begins at `from` and ends in `ends`.
  bool find(const step_grid& g, word s, int from, int wanted, word ends) {
    path.clear();
    tried_ = 0;
    return go(g, s, from, wanted, ends);
  }
  std::vector<int> path;

 private:
  bool go(const step_grid& g, word s, int at, int wanted, word ends) {
    if (left <= 0 || ++tried_ > most_) return false;
    --left;
    path.push_back(at);
    s &= ~(word{1} << at);
    if (wanted == 1) {
      if (ends >> at & 1u) return true;
      path.pop_back();
      return false;
    }
    std::array<std::pair<int, int>, 6> next;
    std::size_t n = 0;
    for (word w = g.neighbours(word{1} << at) & s; w; w &= w - 1) {
      const int c = std::countr_zero(w);
      next[n++] = {std::popcount(g.neighbours(word{1} << c) & s), c};
    }
    std::sort(next.begin(), next.begin() + static_cast<std::ptrdiff_t>(n));
    for (std::size_t i = 0; i < n; ++i) {
      const word reach = g.reach(s, word{1} << next[i].second);
      if (std::popcount(reach) < wanted - 1 || !(reach & ends)) continue;
      if (go(g, s, next[i].second, wanted - 1, ends)) return true;
      if (left <= 0 || tried_ > most_) break;
    }
    path.pop_back();
    return false;
  }

  int most_, tried_ = 0;
};

/// A stretch of a path: steps in one cube.
struct stretch {
  std::uint32_t cube = 0;
  std::vector<int> steps;
};

}  // namespace heddle::place::detail
