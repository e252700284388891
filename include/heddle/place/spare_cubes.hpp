// A slice of cubes goes on in spare ones when some have failed: circuits move, and nothing else.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/cubes.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/place/detail/cube_view.hpp>

namespace heddle::place {

/// What changes when a slice leaves failed cubes.
struct spare_move {
  fabric::placement where;                         ///< of the slice afterwards, ranks as before
  std::vector<std::pair<unit_id, unit_id>> cubes;  ///< a cube that it leaves, and the one for it
  std::vector<fabric::face_circuit> down, up;      ///< all others stay lit

  friend bool operator==(const spare_move&, const spare_move&) = default;
};

/// Moves what `job` has in cubes that have failed it to the same cells of others: cubes out of order, or in
/// which one of its chips or hosts is, or a link between two of its chips. Ranks in all other cubes stay
/// where they are. A circuit moves if and only if one of its ends does, which no other move of these ranks
/// can undercut, or goes dark where its ends come to be neighbours; that takes `equipment().switching_s`,
/// all at once. Spares are the cubes that fit best, so open ones before empty ones.
///
/// \returns  nothing if nothing of it has failed, no spare is free, or a circuit would go over an OCS that
///           has failed
/// O(chips of the job + cubes).
[[nodiscard]] inline std::optional<spare_move>
move_to_spares(const fabric::ledger<fabric::cubes>& book, job_id job) {
  const fabric::cubes& dc = book.fabric();
  const fabric::placement* now = book.find(job);
  if (!now) return std::nullopt;
  detail::cube_view view;
  view.look(book);

  std::map<unit_id, word> mine;  // the cells that it has in each cube
  std::map<unit_id, bool> broken;
  for (gpu_id g : now->gpus) {
    const unit_id c = dc.cube_of(g);
    const auto at = dc.cell_of(g);
    mine[c] |= word{1} << view.cells.bit_at(at[0], at[1], at[2]);
    broken[c] = broken[c] || book.is_failed(c) || book.is_failed(g) ||
                book.is_failed(book.hosts().server_of(g));
  }
  for (const auto& [cube, ends] : view.cut)
    if (const auto has = mine.find(unit_id{cube});
        has != mine.end() && (has->second & ends) == ends)
      broken[has->first] = true;

  spare_move move{.where = *now, .cubes = {}, .down = {}, .up = {}};
  std::map<unit_id, unit_id> spare;
  for (const auto& [c, cells] : mine) {
    if (!broken[c]) continue;
    std::optional<std::uint32_t> best;
    for (std::uint32_t s = 0; s < view.free.size(); ++s)
      if (view.holds(s, cells) &&
          (!best || std::popcount(view.free[s]) < std::popcount(view.free[*best])))
        best = s;
    if (!best) return std::nullopt;
    view.free[*best] &= ~cells;
    spare[c] = unit_id{*best};
    move.cubes.emplace_back(c, unit_id{*best});
  }
  if (spare.empty()) return std::nullopt;

  const auto moved = [&](unit_id c) {
    const auto to = spare.find(c);
    return to == spare.end() ? c : to->second;
  };
  for (gpu_id& g : move.where.gpus) g = dc.at(moved(dc.cube_of(g)), dc.number_of(g));
  for (fabric::face_circuit& k : move.where.faces) {
    k.from = moved(k.from);
    k.to = moved(k.to);
  }
  // Two parts of it that come to lie in one cube of side 2 may need no circuit any more.
  std::erase_if(move.where.faces, [&](const fabric::face_circuit& k) {
    const auto [last, first] = dc.ends_of(k);  // of a row of its cube: two of them are neighbours
    return k.from == k.to && dc.side() == 2 &&
           !book.is_failed(fabric::chip_link{first, static_cast<std::uint8_t>(k.dimension)});
  });
  std::sort(move.where.faces.begin(), move.where.faces.end());
  std::set_difference(now->faces.begin(), now->faces.end(), move.where.faces.begin(),
                      move.where.faces.end(), std::back_inserter(move.down));
  std::set_difference(move.where.faces.begin(), move.where.faces.end(), now->faces.begin(),
                      now->faces.end(), std::back_inserter(move.up));
  const bool lit = std::none_of(move.up.begin(), move.up.end(),
                                [&](const auto& k) { return book.is_failed(dc.ocs_of(k)); });
  return lit ? std::optional{std::move(move)} : std::nullopt;
}

/// Books a move that was found on this ledger as it is. False, and nothing changed, if it does not fit.
/// O(cluster).
[[nodiscard]] inline bool carry_out(fabric::ledger<fabric::cubes>& book, job_id job,
                                    const spare_move& move) {
  if (!book.find(job)) return false;
  fabric::ledger<fabric::cubes> next = book;
  const std::string tenant{next.tenant_of(job)};
  next.release(job);
  if (next.reserve(job, move.where, tenant) != fabric::reserve_status::reserved) return false;
  book = std::move(next);
  return true;
}

}  // namespace heddle::place
