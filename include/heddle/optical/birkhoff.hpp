// A demand matrix as a schedule of matchings, each held for a time.
#pragma once

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <heddle/core/bits.hpp>

namespace heddle::optical {

/// A matching of sources to targets and for how long it is held.
struct held_matching {
  std::vector<std::uint32_t> target;  ///< of each source
  std::int64_t units = 0;             ///< > 0; of the demand's measure: bytes, or time on a link

  friend bool operator==(const held_matching&, const held_matching&) = default;
};

/// Birkhoff–von Neumann decomposition of a demand from n sources to n targets, for switches that follow
/// it: a list of matchings whose times sum up to the largest row or column sum of the demand, which no
/// schedule of matchings can beat, and that together carry all of it.
///
/// The demand is filled up until all sums are equal; then, as long as anything is left, a perfect
/// matching is taken out, whose smallest entry is how long it is held. Matchings are sought among large
/// entries first (entries of at least the largest power of two that has a perfect matching), so that
/// few are needed: each costs the switches a switching time. At most n² − 2n + 2 in any case.
///
/// O(matchings · n · entries / 64) at worst. Reference: Birkhoff (1946); the threshold in powers of two
/// is that of demand-aware circuit scheduling (Solstice, CoNEXT 2015).
class birkhoff {
 public:
  /// \param demand  n × n, row-major, ≥ 0
  std::vector<held_matching> operator()(std::size_t n, std::span<const std::int64_t> demand) {
    assert(demand.size() == n * n);
    n_ = n;
    left_.assign(demand.begin(), demand.end());
    std::int64_t rest = fill_up();
    std::vector<held_matching> schedule;
    target_.assign(n, nobody);
    source_.assign(n, nobody);
    word threshold = rest > 0 ? std::bit_floor(static_cast<word>(rest)) : 0;
    large_.reset(n, n);
    mark_large(threshold);
    while (rest > 0) {
      if (!match_all()) {
        threshold /= 2;
        mark_large(threshold);
        continue;
      }
      std::int64_t units = std::numeric_limits<std::int64_t>::max();
      for (std::size_t i = 0; i < n; ++i) units = std::min(units, left_[i * n + target_[i]]);
      schedule.push_back({target_, units});
      rest -= units;
      for (std::size_t i = 0; i < n; ++i) {
        std::int64_t& x = left_[i * n + target_[i]];
        x -= units;
        if (x > 0 && static_cast<word>(x) >= threshold) continue;
        clear_bit(large_[i], target_[i]);  // and its match is off
        source_[target_[i]] = nobody;
        target_[i] = nobody;
      }
    }
    return schedule;
  }

 private:
  static constexpr std::uint32_t nobody = ~std::uint32_t{0};

  /// Adds to entries until all rows and columns have the largest sum; returns that.
  std::int64_t fill_up() {
    std::vector<std::int64_t> row(n_, 0), column(n_, 0);
    for (std::size_t i = 0; i < n_; ++i)
      for (std::size_t k = 0; k < n_; ++k) {
        assert(left_[i * n_ + k] >= 0);
        row[i] += left_[i * n_ + k];
        column[k] += left_[i * n_ + k];
      }
    std::int64_t most = 0;
    for (std::int64_t x : row) most = std::max(most, x);
    for (std::int64_t x : column) most = std::max(most, x);
    for (std::size_t i = 0, k = 0; i < n_ && k < n_;) {
      const std::int64_t more = std::min(most - row[i], most - column[k]);
      left_[i * n_ + k] += more;
      row[i] += more;
      column[k] += more;
      if (row[i] == most)
        ++i;
      else
        ++k;
    }
    return most;
  }
  void mark_large(word threshold) {
    for (std::size_t i = 0; i < n_; ++i)
      for (std::size_t k = 0; k < n_; ++k)
        if (left_[i * n_ + k] > 0 && static_cast<word>(left_[i * n_ + k]) >= threshold)
          set_bit(large_[i], k);
  }
  /// Completes the matching among large entries, by augmenting paths.
  bool match_all() {
    for (std::uint32_t i = 0; i < n_; ++i) {
      if (target_[i] != nobody) continue;
      unseen_.assign(large_.words(), ~word{0});
      if (!augment(i)) return false;
    }
    return true;
  }
  bool augment(std::uint32_t i) {
    const const_bit_row row = large_[i];
    for (std::size_t w = 0; w < row.size(); ++w)
      while (const word open = row[w] & unseen_[w]) {
        const auto k =
            static_cast<std::uint32_t>(w * 64 + static_cast<std::size_t>(std::countr_zero(open)));
        clear_bit(unseen_, k);
        if (source_[k] != nobody && !augment(source_[k])) continue;
        source_[k] = i;
        target_[i] = k;
        return true;
      }
    return false;
  }

  std::size_t n_ = 0;
  std::vector<std::int64_t> left_;              // demand not yet scheduled
  bit_matrix large_;                            // entries of at least the threshold
  std::vector<std::uint32_t> target_, source_;  // the matching so far
  std::vector<word> unseen_;
};

}  // namespace heddle::optical
