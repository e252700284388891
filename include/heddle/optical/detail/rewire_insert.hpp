// Brings in unplaced circuits by short trees of moves over any number of switches, the cheapest
// first.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/optical/detail/rewire_board.hpp>

namespace heddle::optical::detail {

/// Depth-first search with a limit on what a tree may cost, raised step by step (iterative
/// deepening). A waiting circuit goes to a switch where both ends are idle; where one end is, and
/// what is over the other's fibre goes on; or where none is, and one of the two that leave has an
/// idle place at once. No circuit moves twice in a tree.
class rewire_insert {
 public:
  /// \param least,most  kept circuits that a tree may move, less those that come home: the first
  /// limit
  ///                    that is tried, and the last
  /// \param nodes       limit of one search
  /// O(most · unplaced · nodes) at worst
  void operator()(rewire_board& board, int least, int most, std::size_t nodes) {
    board_ = &board;
    touched_.assign(board.core().circuits(), 0);
    all_nodes_ = 0;
    for (int limit = least; limit <= most && !board.unplaced().empty(); ++limit) {
      waiting_.assign(board.unplaced().begin(), board.unplaced().end());
      for (const std::uint32_t e : waiting_) {
        if (board.switch_of(e) != rewire_board::none) continue;
        nodes_left_ = nodes;
        (void)place(e, limit);
        all_nodes_ += nodes - nodes_left_;
      }
    }
  }

  /// Of the last call.
  [[nodiscard]] std::size_t nodes() const { return all_nodes_; }

 private:
  /// \returns whether e and all that had to leave for it are placed; else the board is as it was
  bool place(std::uint32_t e, int limit) {
    if (nodes_left_ == 0) return false;
    --nodes_left_;
    if (const std::size_t k = idle_place(e); k < board_->switches()) {
      if (limit + board_->home_is(e, k) < 0) return false;
      board_->put(e, k);
      return true;
    }
    if (limit < -1) return false;  // nor can coming home help
    touched_[e] = 1;
    const bool placed = by_one(e, limit) || by_two(e, limit);
    touched_[e] = 0;
    return placed;
  }

  bool by_one(std::uint32_t e, int limit) {
    const rewire_board::ends leaf = board_->leaf_end(e), spine = board_->spine_end(e);
    for (std::size_t i = 0; i < board_->words(); ++i)
      for (word w = (leaf.idle[i] ^ spine.idle[i]) & leaf.usable[i] & spine.usable[i]; w;
           w &= w - 1) {
        const std::size_t k = i * 64 + static_cast<std::size_t>(std::countr_zero(w));
        const bool at_leaf = !test_bit({leaf.idle, board_->words()}, k);
        const std::uint32_t f = at_leaf ? in_the_way_of_leaf(e, k) : in_the_way_of_spine(e, k);
        if (!may_leave(f, e)) continue;
        const int rest = limit - board_->is_kept(f) + board_->home_is(e, k);
        if (rest < -1) continue;
        board_->take(f);
        board_->put(e, k);
        if (place(f, rest)) return true;
        board_->take(e);
        board_->put(f, k);
      }
    return false;
  }

  bool by_two(std::uint32_t e, int limit) {
    const rewire_board::ends leaf = board_->leaf_end(e), spine = board_->spine_end(e);
    for (std::size_t i = 0; i < board_->words(); ++i) {
      word all = leaf.usable[i] & spine.usable[i] & ~(leaf.idle[i] | spine.idle[i]);
      if (limit < 1) all &= ~(leaf.kept[i] & spine.kept[i]) | board_->home(e)[i];
      for (word w = all; w; w &= w - 1) {
        const std::size_t k = i * 64 + static_cast<std::size_t>(std::countr_zero(w));
        std::uint32_t f = in_the_way_of_leaf(e, k), g = in_the_way_of_spine(e, k);
        if (!meet(leaf.idle, board_->spine_end(f).idle)) {
          if (!meet(spine.idle, board_->leaf_end(g).idle)) continue;
          std::swap(f, g);
        }
        if (!may_leave(f, e) || !may_leave(g, e)) continue;
        const int rest = limit - board_->is_kept(f) - board_->is_kept(g) + board_->home_is(e, k);
        if (rest < -1) continue;
        const std::size_t to = idle_place(f);
        const int left = rest + board_->home_is(f, to);
        board_->take(f);
        board_->take(g);
        board_->put(e, k);
        board_->put(f, to);
        touched_[f] = 1;
        const bool placed = place(g, left);
        touched_[f] = 0;
        if (placed) return true;
        board_->take(f);
        board_->take(e);
        board_->put(f, k);
        board_->put(g, k);
      }
    }
    return false;
  }

  [[nodiscard]] std::uint32_t in_the_way_of_leaf(std::uint32_t e, std::size_t k) const {
    return static_cast<std::uint32_t>(board_->in_the_way_of_leaf(board_->leaf(e), k));
  }
  [[nodiscard]] std::uint32_t in_the_way_of_spine(std::uint32_t e, std::size_t k) const {
    return static_cast<std::uint32_t>(board_->in_the_way_of_spine(board_->spine(e), k));
  }
  [[nodiscard]] bool meet(const word* a, const word* b) const {
    for (std::size_t i = 0; i < board_->words(); ++i)
      if (a[i] & b[i]) return true;
    return false;
  }
  [[nodiscard]] bool may_leave(std::uint32_t f, std::uint32_t e) const {
    return !touched_[f] && board_->pair(f) != board_->pair(e);
  }

  /// A switch that is idle at both ends, at home if one is; switches() if none is.
  [[nodiscard]] std::size_t idle_place(std::uint32_t e) const {
    const rewire_board::ends leaf = board_->leaf_end(e), spine = board_->spine_end(e);
    const word* home = board_->home(e);
    std::size_t to = board_->switches();
    for (std::size_t i = 0; i < board_->words(); ++i) {
      const word free = leaf.idle[i] & spine.idle[i];
      if (const word best = free & home[i])
        return i * 64 + static_cast<std::size_t>(std::countr_zero(best));
      if (free && to == board_->switches())
        to = i * 64 + static_cast<std::size_t>(std::countr_zero(free));
    }
    return to;
  }

  rewire_board* board_ = nullptr;
  std::size_t nodes_left_ = 0, all_nodes_ = 0;
  std::vector<std::uint8_t> touched_;
  std::vector<std::uint32_t> waiting_;
};

}  // namespace heddle::optical::detail
