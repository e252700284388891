// Brings in an unplaced circuit by an alternating path of two optical circuit switches (a Kempe
// chain).
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/optical/detail/rewire_board.hpp>

namespace heddle::optical::detail {

/// Of all pairs of an idle switch a of the leaf and an idle switch b of the spine, and of both ends
/// to begin at, takes the chain that moves the fewest kept circuits. Fibre i of an end to a goes on
/// as its fibre i to b, so that with several fibres a chain is a path all the same; it cannot come
/// back to the end where it must not, since that one has no circuit to enter by (Kőnig). Where all
/// fibres may be used it always succeeds. O(idle² · path).
class rewire_chain {
 public:
  /// \returns whether e was placed; else the board is as it was
  bool operator()(rewire_board& board, std::uint32_t e) {
    board_ = &board;
    best_cost_ = std::numeric_limits<int>::max();
    const const_bit_row at_leaf{board.leaf_end(e).idle, board.words()};
    const const_bit_row at_spine{board.spine_end(e).idle, board.words()};
    for_each_bit(at_leaf, [&](std::size_t a) {
      for_each_bit(at_spine, [&](std::size_t b) {
        for (const bool at_spine_first : {true, false}) {
          path_.clear();
          const int cost = walk(e, a, b, at_spine_first);
          if (cost >= best_cost_) continue;
          best_cost_ = cost;
          best_.swap(path_);
        }
      });
    });
    if (best_cost_ == std::numeric_limits<int>::max()) return false;
    for (std::size_t i = 1; i < best_.size(); ++i) board.take(best_[i].circuit);
    for (const move& m : best_) board.put(m.circuit, m.to, m.leaf_fibre, m.spine_fibre);
    return true;
  }

 private:
  struct move {
    std::uint32_t circuit;
    std::size_t to, leaf_fibre, spine_fibre;
  };
  static constexpr int no_way = std::numeric_limits<int>::max();

  /// Puts e at a and what is over the spine's fibre there at b, and so on; or e at b, beginning at
  /// the leaf. \returns how many circuits are no longer kept less those that are again
  int walk(std::uint32_t e, std::size_t a, std::size_t b, bool from_spine) {
    const rewire_board& board = *board_;
    std::size_t to = from_spine ? a : b, other = from_spine ? b : a;
    std::size_t leaf_fibre = board.free_leaf_fibre(board.leaf(e), a);
    std::size_t spine_fibre = board.free_spine_fibre(board.spine(e), b);
    bool at_spine = from_spine;
    std::uint32_t circuit = e;
    int cost = 0;
    for (;;) {
      path_.push_back({circuit, to, leaf_fibre, spine_fibre});
      cost += board.home_is(circuit, to) ? 0 : 1;
      const std::int32_t next = at_spine
                                    ? board.over_spine_fibre(board.spine(circuit), to, spine_fibre)
                                    : board.over_leaf_fibre(board.leaf(circuit), to, leaf_fibre);
      if (next == rewire_board::none) return cost;
      if (next < 0) return no_way;  // a fibre that may not be used
      circuit = static_cast<std::uint32_t>(next);
      cost -= board.is_kept(circuit);
      leaf_fibre = board.leaf_fibre(circuit);
      spine_fibre = board.spine_fibre(circuit);
      std::swap(to, other);
      at_spine = !at_spine;
    }
  }

  rewire_board* board_ = nullptr;
  int best_cost_ = no_way;
  std::vector<move> path_, best_;
};

}  // namespace heddle::optical::detail
