// Exact search for rows of bits, cut into bands, that have enough columns of each band in common.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/place/detail/biclique.hpp>

namespace heddle::place::detail {

/// Some words of a row, and how many columns each item of a job needs of them.
struct band {
  std::uint32_t first = 0, words = 0;
  int weight = 1;
};

/// Rows of equal width that stand one after the other in memory.
struct banded_rows {
  const word* data = nullptr;
  std::size_t words = 0;  ///< of a row
  std::span<const band> bands = {};

  [[nodiscard]] const_bit_row operator[](std::size_t r) const { return {data + r * words, words}; }

  /// Whether a ∩ b has `n` · weight columns of each band.
  [[nodiscard]] bool meet(const_bit_row a, const_bit_row b, int n) const {
    for (const band& x : bands)
      if (count_common(a.subspan(x.first, x.words), b.subspan(x.first, x.words)) < n * x.weight)
        return false;
    return true;
  }
  /// Makes `row` hold all columns of all bands, and no others.
  void fill(std::vector<word>& row) const {
    row.assign(words, 0);
    for (const band& x : bands) std::fill_n(row.begin() + x.first, x.words, ~word{0});
  }
};

/// m rows that have n · weight columns of every band in common.
using banded_biclique = row_search<banded_rows>;

}  // namespace heddle::place::detail
