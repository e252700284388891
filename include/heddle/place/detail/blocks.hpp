// Buddy blocks inside a server: aligned sets of 2^k GPUs.
#pragma once

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/gpu_book.hpp>

namespace heddle::place::detail {

/// An aligned block of a server: GPUs [first, first + size), counted within the server.
struct block {
  int first = 0, size = 0;

  [[nodiscard]] word mask() const {
    return (size >= 64 ? ~word{0} : (word{1} << size) - 1) << first;
  }
};

/// The smallest power of two that is at least `gpus` ≥ 1.
[[nodiscard]] inline int block_size(int gpus) {
  return static_cast<int>(std::bit_ceil(static_cast<unsigned>(gpus)));
}

/// The GPUs of a server as bits from its first. Precondition: it has at most 64.
[[nodiscard]] inline word server_word(const_bit_row gpus, const id_range<gpu_id>& server) {
  const std::size_t n = server.size();
  assert(n <= 64);
  if (n == 0) return 0;
  const std::size_t at = server.front().index();
  word w = gpus[at / 64] >> (at % 64);
  if (at % 64 + n > 64) w |= gpus[at / 64 + 1] << (64 - at % 64);
  return n == 64 ? w : w & ((word{1} << n) - 1);
}
[[nodiscard]] inline word free_word(const fabric::gpu_book& free, server_id s) {
  return server_word(free.free_gpu_bits(), free.hosts().gpus_of(s));
}

/// Of the free blocks of a server that hold `gpus`, the one that lies in the smallest free block
/// that is part of no larger one: nothing is split that need not be. Of equal ones the first. The
/// last block of a server whose GPUs are no power of two ends with the server. Size 0 if there is none.
/// \param free  of the server, see server_word
/// \param all   number of the server's GPUs
[[nodiscard]] inline block tightest_block(word free, int all, int gpus, int& whole) {
  block best;
  whole = 0;
  const int size = block_size(gpus);
  for (int first = 0; first < all; first += size) {
    const auto is_free = [&](int at, int n) {
      const word m = block{at, std::min(n, all - at)}.mask();
      return (free & m) == m;
    };
    if (first + gpus > all || !is_free(first, size)) continue;
    int outer = size;  // grow to the block that is part of no larger one
    while (outer < all && is_free(first - first % (2 * outer), 2 * outer)) outer *= 2;
    if (best.size > 0 && outer >= whole) continue;
    best = {first, std::min(size, all - first)};
    whole = outer;
  }
  return best;
}

}  // namespace heddle::place::detail
