// Slices of cubes joined by optical circuit switches, straight and folded.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include <heddle/core/detail/scratch.hpp>
#include <heddle/core/shape.hpp>
#include <heddle/place/detail/cube_placer.hpp>
#include <heddle/place/detail/mesh_join.hpp>
#include <heddle/place/detail/mesh_shapes.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/place/spare_cubes.hpp>

namespace heddle::place {

namespace detail {
/// What a failure has left of a job's mesh, spare cubes in the place of the others: its circuits move, no
/// more than have to. Nothing if that cannot be, or is not what is asked for now.
[[nodiscard]] inline std::optional<placement> as_before(const cube_ledger& free, const request& job,
                                                        const cube_rules& rules) {
  if (!job.before ||
      (job.shape.empty() ? job.before->shape.volume() != job.gpus : job.before->shape != job.shape))
    return std::nullopt;
  const auto move = take_up_again(free, *job.before);
  if (!move) return std::nullopt;
  placement asked = move->where;
  const int twist = rules.twisted ? free.fabric().twist_of(asked.shape) : 0;
  if (!join(free, asked, rules.closed || twist > 0, twist) || asked != move->where)
    return std::nullopt;
  return asked;
}

[[nodiscard]] inline answer place_in_cubes(cube_placer& placer, const cube_ledger& free,
                                           const request& job, const cube_rules& rules) {
  if (auto again = as_before(free, job, rules)) return std::move(*again);
  return place_mesh(placer, free, job, rules);
}
}  // namespace detail

/// Gives a job the chips of a box of cubes' parts, wherever these are, and the circuits that join them.
/// The box is laid into a grid of cubes in each order of its sides and at each offset; the grid cuts it
/// into pieces; a piece takes any cube of which its cells are free, each a cube of its own. Pieces of one
/// box line up by themselves, so circuits between equal positions join them. Ranks stand in the cells of
/// the shape asked for, by number; a job that names a number of chips gets the shape among those of it
/// that communicates best and can be had.
///
/// Exact: a shape is refused only if none of these placements exists (a matching of pieces and cubes), so
/// a no is proved; of those that exist it takes one that breaks fewest empty cubes. A job that a failure
/// hit (`request::before`) keeps the cubes that it still can, and gets spare ones for the others.
/// O(side³ · pieces · cubes) words for a shape. One writer: it keeps its work space.
/// The rules, without the pieces that cannot be joined, are `reconfig` of RFold, arXiv 2510.03891 (2025).
struct reconfigured {
  bool closed = false;  ///< each row longer than 2 is a ring
  bool twisted =
      false;  ///< k × k × 2k and k × 2k × 2k of whole cubes are twisted tori (`cubes::twist_of`)
  heddle::detail::scratch<detail::cube_placer> placer = {};

  bool operator==(const reconfigured&) const = default;

  answer operator()(const detail::cube_ledger& free, const request& job) {
    return detail::place_in_cubes(*placer, free, job,
                                  detail::cube_rules{.closed = closed, .twisted = twisted});
  }
};

/// The same, and the shape may be folded: a plane into layers, a box of side 2 into two, and whatever is
/// long in one direction alone into a path that winds through whole cubes and the rests of others.
/// Neighbours of the mesh stay neighbours in it, over a link or a circuit. Pieces of a box may share a
/// cube.
///
/// Of all that it finds it takes what breaks fewest empty cubes, then what leaves fewest free chips beside
/// it; after a failure as `reconfigured`. A no is not proved: paths are searched within `search_steps`, and there are more folds.
/// One writer: it keeps its work space.
struct folded_reconfigured {
  bool closed = false;                ///< each row longer than 2 is a ring
  bool twisted = false;               ///< as of `reconfigured`
  std::int64_t search_steps = 4'000;  ///< of paths, for one shape; ≥ 1
  heddle::detail::scratch<detail::cube_placer> placer = {};

  bool operator==(const folded_reconfigured&) const = default;

  answer operator()(const detail::cube_ledger& free, const request& job) {
    return detail::place_in_cubes(
        *placer, free, job,
        detail::cube_rules{
            .closed = closed, .twisted = twisted, .folds = true, .steps = search_steps});
  }
};

}  // namespace heddle::place
