// Depth-first search for any wiring, where some fibres may not be used: the circuit with the fewest
// switches left first.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <heddle/core/bits.hpp>
#include <heddle/optical/detail/rewire_board.hpp>

namespace heddle::optical::detail {

/// List edge colouring is NP-hard; this decides small cases, and proves that there is no wiring
/// where the annealing cannot. Copies of a pair take switches in increasing order.
class rewire_search {
 public:
  enum class outcome { found, none, gave_up };

  /// On `found` the board is complete.
  outcome operator()(rewire_board& board, std::size_t node_limit) {
    board_ = &board;
    nodes_left_ = node_limit;
    for (std::uint32_t e = 0; e < board.circuits(); ++e)
      if (board.switch_of(e) != rewire_board::none) board.take(e);
    return descend();
  }

 private:
  outcome descend() {
    rewire_board& board = *board_;
    if (board.unplaced().empty()) return outcome::found;
    if (nodes_left_ == 0) return outcome::gave_up;
    --nodes_left_;
    std::uint32_t next = 0;
    int fewest = std::numeric_limits<int>::max();
    for (std::uint32_t e : board.unplaced()) {
      const std::uint32_t first = board.core().pair_begin[board.pair(e)];
      if (e > first && board.switch_of(e - 1) == rewire_board::none)
        continue;  // an equal before it
      const int n = choices(e);
      if (n < fewest || (n == fewest && e < next)) {
        fewest = n;
        next = e;
      }
    }
    bool gave_up = false;
    for (const bool at_home : {true, false})
      for (std::size_t k = lowest(next); k < board.switches(); ++k) {
        if (board.home_is(next, k) != at_home || !is_idle(next, k)) continue;
        board.put(next, k);
        const outcome o = descend();
        if (o == outcome::found) return o;
        gave_up |= o == outcome::gave_up;
        board.take(next);
        if (nodes_left_ == 0) return outcome::gave_up;
      }
    return gave_up ? outcome::gave_up : outcome::none;
  }

  [[nodiscard]] bool is_idle(std::uint32_t e, std::size_t k) const {
    return ((board_->leaf_end(e).idle[k / 64] & board_->spine_end(e).idle[k / 64]) >> (k % 64)) &
           1u;
  }
  /// The switch of the copy before it: from there on.
  [[nodiscard]] std::size_t lowest(std::uint32_t e) const {
    const std::uint32_t first = board_->core().pair_begin[board_->pair(e)];
    return e == first ? 0 : static_cast<std::size_t>(board_->switch_of(e - 1));
  }
  [[nodiscard]] int choices(std::uint32_t e) const {
    const std::size_t from = lowest(e);
    int n = 0;
    for (std::size_t i = from / 64; i < board_->words(); ++i) {
      word w = board_->leaf_end(e).idle[i] & board_->spine_end(e).idle[i];
      if (i == from / 64) w &= ~word{0} << (from % 64);
      n += std::popcount(w);
    }
    return n;
  }

  rewire_board* board_ = nullptr;
  std::size_t nodes_left_ = 0;
};

}  // namespace heddle::optical::detail
