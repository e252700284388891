// A slice of cubes goes on in spare ones when some have failed: circuits move, and nothing else.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/cubes.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/place/detail/spare_search.hpp>

namespace heddle::place {

/// What changes when a slice leaves failed cubes.
struct spare_move {
  fabric::placement where;                         ///< of the slice afterwards, ranks as before
  std::vector<std::pair<unit_id, unit_id>> cubes;  ///< a cube that it leaves, and the one for it
  std::vector<fabric::face_circuit> down, up;      ///< all others stay lit

  friend bool operator==(const spare_move&, const spare_move&) = default;
};

struct spare_options {
  std::int64_t search_steps = 20'000;  ///< cubes tried for pieces, ≥ 1
};

namespace detail {
[[nodiscard]] inline spare_move write_move(const fabric::cubes& dc, const fabric::placement& now,
                                           const spare_search& found) {
  spare_move move{.where = now, .cubes = {}, .down = {}, .up = {}};
  for (const mesh_piece& p : found.pieces())
    if (const unit_id from{p.cube}, to = found.cube_for(from); from != to)
      move.cubes.emplace_back(from, to);
  for (gpu_id& g : move.where.gpus) g = dc.at(found.cube_for(dc.cube_of(g)), dc.number_of(g));
  move.where.faces.clear();
  for (const fabric::face_circuit& k : now.faces)
    if (const auto then = found.after(k)) move.where.faces.push_back(*then);
  std::sort(move.where.faces.begin(), move.where.faces.end());
  std::set_difference(now.faces.begin(), now.faces.end(), move.where.faces.begin(),
                      move.where.faces.end(), std::back_inserter(move.down));
  std::set_difference(move.where.faces.begin(), move.where.faces.end(), now.faces.begin(),
                      now.faces.end(), std::back_inserter(move.up));
  return move;
}
}  // namespace detail

/// Moves what `job` has in cubes that have failed it to the same cells of others: cubes out of order, or in
/// which one of its chips or hosts is, or a link between two of its chips. Ranks in all other cubes stay
/// where they are, and so do circuits of which no end moves. It takes `equipment().switching_s`, all at once.
///
/// Of all cubes in which the cells are free it takes those to which fewest circuits are set up: in cubes of
/// side 2 two pieces that come to lie together need none between them. Then those with fewest free chips, so
/// open ones before empty ones. A circuit over an OCS that has failed comes to no other OCS so; where it can
/// be spared, in cubes of side 2, one of the pieces that it joins moves as well.
///
/// \returns  nothing if nothing of it has failed, or if there is no such move (within `search_steps`)
/// O(chips of the job + cubes) for a piece, if no cube has to be tried twice. Derived.
[[nodiscard]] inline std::optional<spare_move>
move_to_spares(const fabric::ledger<fabric::cubes>& book, job_id job, const spare_options& o = {}) {
  const fabric::placement* now = book.find(job);
  if (!now) return std::nullopt;
  detail::spare_search search{book, *now, true};
  if (!search.has_to_move() || !search.find(o.search_steps)) return std::nullopt;
  return detail::write_move(book.fabric(), *now, search);
}

/// Whether something has failed of what `job` holds. O(chips of the job + cubes).
[[nodiscard]] inline bool is_hit(const fabric::ledger<fabric::cubes>& book, job_id job) {
  const fabric::placement* now = book.find(job);
  return now && detail::spare_search{book, *now, true}.has_to_move();
}

/// The move of a slice that its job has given up: what of it is free stays, for the rest there are spares.
/// `cubes` is empty if all of it is free.
[[nodiscard]] inline std::optional<spare_move>
take_up_again(const fabric::ledger<fabric::cubes>& book, const fabric::placement& before,
              const spare_options& o = {}) {
  detail::spare_search search{book, before, false};
  if (!search.find(o.search_steps)) return std::nullopt;
  return detail::write_move(book.fabric(), before, search);
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
