// The free chips of cubes, as placements on them see them.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/cubes.hpp>
#include <heddle/fabric/ledger.hpp>

namespace heddle::place::detail {

using cube_ledger = fabric::ledger<fabric::cubes>;

/// Cells of a cube as a word: (x, y, z) is bit x + side · (y + side · z).
struct cell_words {
  int side = 4;

  [[nodiscard]] word all() const { return side == 4 ? ~word{0} : word{0xff}; }
  [[nodiscard]] int count() const { return side * side * side; }
  [[nodiscard]] int bit_at(int x, int y, int z) const { return x + side * (y + side * z); }
  [[nodiscard]] fabric::cube_cells::cell cell_at(int bit) const {
    return {bit % side, bit / side % side, bit / (side * side)};
  }
  /// Of chips numbered host by host: for a side of 4 bits 1 and 2 of their numbers change places.
  [[nodiscard]] word from_chips(word chips) const {
    if (side == 2) return chips;
    const word moved = (chips ^ (chips >> 2)) & 0x0c0c0c0c0c0c0c0cull;
    return chips ^ moved ^ (moved << 2);
  }
};

/// A cube and its free cells, so many.
struct open_cube {
  std::uint32_t cube = 0;
  int count = 0;
  word free = 0;
};

/// What is free in each cube. Cubes of which all is free are *empty*, those of which some is are *open*.
struct cube_view {
  cell_words cells;
  std::vector<word> free;                           // of each cube
  std::vector<std::uint32_t> empty;                 // by number
  std::vector<open_cube> open;                      // by free chips, then number
  std::vector<std::pair<std::uint32_t, word>> cut;  // a cube and the two cells of a failed link

  void look(const cube_ledger& book) {
    const fabric::cubes& dc = book.fabric();
    cells.side = dc.side();
    const std::size_t n = dc.all_cubes().size();
    const const_bit_row bits = book.free_gpu_bits();
    free.resize(n);
    empty.clear();
    open.clear();
    cut.clear();
    if (!book.network().all_links_work()) look_for_cuts(book);
    for (std::uint32_t c = 0; c < n; ++c) {
      free[c] = dc.side() == 4 ? cells.from_chips(bits[c]) : bits[c / 8] >> (c % 8 * 8) & 0xff;
      if (free[c] == cells.all() && !is_cut(c))
        empty.push_back(c);
      else if (free[c] != 0)
        open.push_back({c, std::popcount(free[c]), free[c]});
    }
    std::sort(open.begin(), open.end(), [](const open_cube& a, const open_cube& b) {
      return a.count != b.count ? a.count < b.count : a.cube < b.cube;
    });
  }
  /// Whether cube `c` has all of `mask` free, and no failed link between two cells of it.
  [[nodiscard]] bool holds(std::uint32_t c, word mask) const {
    return (free[c] & mask) == mask && !is_cut(c, mask);
  }
  [[nodiscard]] bool is_cut(std::uint32_t c, word mask = ~word{0}) const {
    for (const auto& [cube, ends] : cut)
      if (cube == c && (mask & ends) == ends) return true;
    return false;
  }

 private:
  void look_for_cuts(const cube_ledger& book) {
    const fabric::cubes& dc = book.fabric();
    for (gpu_id g : dc.hosts().all_gpus())
      for (std::uint8_t d = 0; d < 3; ++d) {
        const fabric::chip_link k{g, d};
        if (!book.network().is_failed(k) || !dc.end_of(k).valid()) continue;
        word ends = 0;
        for (gpu_id end : {g, dc.end_of(k)}) {
          const auto c = dc.cell_of(end);
          ends |= word{1} << cells.bit_at(c[0], c[1], c[2]);
        }
        cut.push_back({dc.cube_of(g).value, ends});
      }
  }
};

}  // namespace heddle::place::detail
