// Which cubes take over the pieces of a mesh that cannot stay, so that fewest circuits are set up.
#pragma once

#include <algorithm>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/cubes.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/place/detail/cube_view.hpp>
#include <heddle/place/detail/mesh_join.hpp>

namespace heddle::place::detail {

/// All that a mesh has in one cube.
struct mesh_piece {
  std::uint32_t cube = 0;
  word cells = 0;
  bool must = false;  ///< it cannot stay
  bool may = false;   ///< it can go, if that spares a circuit over an OCS that has failed
};

/// What it takes to move pieces: least is best.
struct spare_cost {
  int chips = 0;   ///< that are left for others
  int set_up = 0;  ///< circuits
  int room = 0;    ///< free cells of the cubes taken: those of open ones first

  friend auto operator<=>(const spare_cost&, const spare_cost&) = default;
};

/// Tries the cubes for one piece after the other, best first. Cubes with the same free cells that have
/// nothing of the mesh count as one.
class spare_search {
 public:
  /// `now` is what the job has, or had: then it holds nothing.
  spare_search(const cube_ledger& book, const fabric::placement& now, bool holds_it)
      : book_(book), now_(now) {
    const fabric::cubes& dc = book.fabric();
    view_.look(book);
    std::vector<word> mine(view_.free.size(), 0);
    for (gpu_id g : now.gpus) {
      const std::uint32_t c = dc.cube_of(g).value;
      const auto at = dc.cell_of(g);
      const word cell = word{1} << view_.cells.bit_at(at[0], at[1], at[2]);
      mine[c] |= cell;
      if (holds_it && !book.is_failed(g) && !book.is_failed(dc.cube_of(g)) &&
          !book.is_failed(book.hosts().server_of(g)))
        view_.free[c] |= cell;
    }
    piece_in_.assign(mine.size(), none);
    for (std::uint32_t c = 0; c < mine.size(); ++c) {
      if (mine[c] == 0) continue;
      piece_in_[c] = static_cast<std::uint32_t>(pieces_.size());
      pieces_.push_back({c, mine[c], !view_.holds(c, mine[c]), false});
      // No piece goes where another of them has been: a spare stands ready before it is left.
      view_.free[c] &= ~mine[c];
    }
    // Two pieces that come to lie in one cube need no circuit between ends that are neighbours there; in
    // cubes of side 4 those of a circuit never are.
    for (const fabric::face_circuit& k : now.faces) {
      if (!book.is_failed(dc.ocs_of(k))) continue;
      dark_ = true;
      if (dc.side() > 2) hopeless_ = true;
      for (unit_id c : {k.from, k.to}) pieces_[piece_in_[c.index()]].may = true;
    }
    for (std::uint32_t i = 0; i < pieces_.size(); ++i)
      if (pieces_[i].must || pieces_[i].may) order_.push_back(i);
    std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
      const mesh_piece &p = pieces_[a], &q = pieces_[b];
      if (p.must != q.must) return p.must;
      const int n = std::popcount(p.cells), m = std::popcount(q.cells);
      return n != m ? n > m : a < b;
    });
    for (const mesh_piece& p : pieces_) to_.push_back(p.cube);
    decided_.assign(pieces_.size(), true);
    for (std::uint32_t i : order_) decided_[i] = false;
    touching_.resize(pieces_.size());
    for (std::uint32_t k = 0; k < now.faces.size(); ++k) {
      const std::uint32_t a = piece_in_[now.faces[k].from.index()],
                          b = piece_in_[now.faces[k].to.index()];
      touching_[a].push_back(k);
      if (a != b) touching_[b].push_back(k);
    }
  }

  [[nodiscard]] bool has_to_move() const {
    return dark_ ||
           std::any_of(pieces_.begin(), pieces_.end(), [](const mesh_piece& p) { return p.must; });
  }
  /// The best within so many steps; false if it has found none.
  bool find(std::int64_t steps) {
    steps_ = steps;
    spare_cost least;
    for (const mesh_piece& p : pieces_)
      if (p.must) least.chips += std::popcount(p.cells);
    if (!hopeless_) try_next(0, least);
    return found_.has_value();
  }
  /// After a find: each piece, and the cube for it.
  [[nodiscard]] std::span<const mesh_piece> pieces() const { return pieces_; }
  [[nodiscard]] unit_id cube_for(unit_id c) const { return unit_id{best_[piece_in_[c.index()]]}; }
  /// The circuit that stands for `k` afterwards, or nothing where its ends come to be neighbours.
  [[nodiscard]] std::optional<fabric::face_circuit> after(const fabric::face_circuit& k) const {
    return moved(k, best_);
  }

 private:
  static constexpr std::uint32_t none = ~0u;

  [[nodiscard]] std::optional<fabric::face_circuit>
  moved(fabric::face_circuit k, const std::vector<std::uint32_t>& to) const {
    k.from = unit_id{to[piece_in_[k.from.index()]]};
    k.to = unit_id{to[piece_in_[k.to.index()]]};
    const auto [a, b] = book_.fabric().ends_of(k);
    return k.from == k.to && are_linked(book_, a, b) ? std::nullopt : std::optional{k};
  }

  void try_next(std::size_t i, const spare_cost& cost) {
    if (found_ && cost >= *found_) return;
    if (i == order_.size()) {
      found_ = cost;
      best_ = to_;
      return;
    }
    if (steps_-- <= 0) return;
    const std::uint32_t x = order_[i];
    const mesh_piece& p = pieces_[x];
    if (!p.must) put(i, p.cube, cost);
    std::vector<std::pair<word, std::uint32_t>> spares;  // free cells, and the cube
    for (std::uint32_t c = 0; c < view_.free.size(); ++c)
      if (c != p.cube && view_.holds(c, p.cells)) spares.emplace_back(view_.free[c], c);
    std::sort(spares.begin(), spares.end(), [&](const auto& a, const auto& b) {
      const int n = std::popcount(a.first), m = std::popcount(b.first);
      return n != m ? n < m : a < b;
    });
    std::optional<word> seen;
    for (const auto& [free, c] : spares) {
      const bool plain = !view_.is_cut(c) && piece_in_[c] == none &&
                         std::find(to_.begin(), to_.end(), c) == to_.end();
      if (plain && seen == free) continue;
      if (plain) seen = free;
      put(i, c, cost);
    }
  }
  /// Puts the piece into cube `c`, and goes on with the others.
  void put(std::size_t i, std::uint32_t c, spare_cost cost) {
    const std::uint32_t x = order_[i];
    const mesh_piece& p = pieces_[x];
    const word before = view_.free[c];
    to_[x] = c;
    decided_[x] = true;
    if (c != p.cube) {
      if (!p.must) cost.chips += std::popcount(p.cells);
      cost.room += std::popcount(before);
      view_.free[c] &= ~p.cells;
    }
    if (settle(x, cost)) try_next(i + 1, cost);
    view_.free[c] = before;
    decided_[x] = false;
    to_[x] = p.cube;
  }
  /// Adds the circuits of piece `x` whose other end is decided; false if one would be over a failed OCS.
  bool settle(std::uint32_t x, spare_cost& cost) const {
    for (std::uint32_t i : touching_[x]) {
      const fabric::face_circuit& k = now_.faces[i];
      if (!decided_[piece_in_[k.from.index()]] || !decided_[piece_in_[k.to.index()]]) continue;
      const auto then = moved(k, to_);
      if (!then) continue;
      if (book_.is_failed(book_.fabric().ocs_of(*then))) return false;
      cost.set_up += *then != k;
    }
    return true;
  }

  const cube_ledger& book_;
  const fabric::placement& now_;
  cube_view view_;
  std::vector<mesh_piece> pieces_;
  std::vector<std::uint32_t> piece_in_;  // by cube
  std::vector<std::uint32_t> order_;     // those that move, or may
  std::vector<std::vector<std::uint32_t>> touching_;
  std::vector<std::uint32_t> to_, best_;  // the cube of each piece
  std::vector<bool> decided_;
  std::optional<spare_cost> found_;
  bool dark_ = false, hopeless_ = false;
  std::int64_t steps_ = 0;
};

}  // namespace heddle::place::detail
