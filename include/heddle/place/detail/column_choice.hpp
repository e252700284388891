// Which of the virtual spines that some leafs have in common a job gets.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

#include <heddle/core/bits.hpp>

namespace heddle::place::detail {

/// Virtual spines (spine · lanes + k) for the leafs of a job. Keeps its memory.
class column_choice {
 public:
  /// Of `common` the n that fewest leafs of the whole network could use, of equal ones the lowest, so that
  /// the others stay whole; and of these the r of a remainder.
  /// \param rows    what each leaf could use
  /// \param demand  of each column, how many of them
  /// \param rest  with r > 0, the leaf of the remainder
  void choose(const bit_matrix& rows, std::span<const int> demand, const_bit_row common, int n,
              int r = 0, std::uint32_t rest = 0) {
    columns_.clear();
    for_each_bit(common, [&](std::size_t c) { columns_.push_back(static_cast<std::uint32_t>(c)); });
    rest_columns_.clear();
    if (r == 0 && columns_.size() == static_cast<std::size_t>(n)) return;

    const auto sort_by_demand = [&](auto first, auto&& comes_last) {
      std::sort(first, columns_.end(), [&](std::uint32_t a, std::uint32_t b) {
        return std::tuple{comes_last(a), demand[a], a} < std::tuple{comes_last(b), demand[b], b};
      });
    };
    const auto others = columns_.begin() + r;
    if (r > 0) {
      const const_bit_row row = rows[rest];
      sort_by_demand(columns_.begin(), [&](std::uint32_t c) { return !test_bit(row, c); });
      rest_columns_.assign(columns_.begin(), others);
      std::sort(rest_columns_.begin(), rest_columns_.end());
    }
    sort_by_demand(others, [](std::uint32_t) { return false; });
    columns_.resize(static_cast<std::size_t>(n));
    std::sort(columns_.begin(), columns_.end());
  }

  /// What was chosen, sorted: of the remainder, or of the other leafs.
  [[nodiscard]] std::span<const std::uint32_t> of(bool rest) const {
    return rest ? rest_columns_ : columns_;
  }

 private:
  std::vector<std::uint32_t> columns_, rest_columns_;
};

}  // namespace heddle::place::detail
