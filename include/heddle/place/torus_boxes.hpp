// Boxes of a static torus for meshes.
//
//   torus_first_fit   the first free box, straight
//   folded            also folded into another box
//   best_fit          the box that leaves the largest free one
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <heddle/core/detail/scratch.hpp>
#include <heddle/core/shape.hpp>
#include <heddle/place/detail/mesh_shapes.hpp>
#include <heddle/place/detail/torus_space.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::place {

namespace detail {

/// What of a mesh may be done to place it, and which of several places is best.
struct torus_rules {
  bool closed = false;
  bool folds = false;
  bool least_harm = false;
};

class torus_placer {
 public:
  static constexpr std::size_t most_sides = box_shape::most_sides;

  void look(const torus_ledger& book) { space_.look(book); }
  /// A failed link in a box is one too many, though a fold may have no use for it.
  [[nodiscard]] bool has_proved(const torus_rules& rules) const {
    return !rules.folds || space_.all_links_work();
  }

  bool find(const box_shape& mesh, const torus_rules& rules, placement& out) {
    closed_ = rules.closed;
    makers_.of(mesh, space_, rules.folds, rules.closed, ways_);
    return rules.least_harm ? find_best(mesh, out) : find_first(mesh, out);
  }

 private:
  bool find_first(const box_shape& mesh, placement& out) {
    for (const mesh_drawing& d : ways_) {
      if (!space_.starts(d.length, closed_, starts_)) continue;
      const auto at = std::find(starts_.begin(), starts_.end(), 1) - starts_.begin();
      write(mesh, d, space_.cell(static_cast<std::size_t>(at)), out);
      return true;
    }
    return false;
  }

  struct spot {
    int contact;  // free chips around it
    std::size_t way;
    per_axis start;
    std::size_t number;  // in the order in which they were found
  };

  /// Of all spots one after which the largest free box is largest; of these the one with fewest free
  /// neighbours.
  bool find_best(const box_shape& mesh, placement& out) {
    spots_.clear();
    for (std::size_t w = 0; w < ways_.size(); ++w)
      if (space_.starts(ways_[w].length, closed_, starts_))
        for (std::size_t i = 0; i < starts_.size(); ++i)
          if (starts_[i]) spots_.push_back({0, w, space_.cell(i), spots_.size()});
    if (spots_.empty()) return false;
    count_free_around();
    std::sort(spots_.begin(), spots_.end(), [](const spot& a, const spot& b) {
      return a.contact != b.contact ? a.contact < b.contact : a.number < b.number;
    });
    list_boxes();
    const spot* best = nullptr;
    for (std::size_t b = 0; b < boxes_.size() && !best;) {
      // Boxes of equal volume are equally good.
      for (const std::int64_t v = boxes_[b].first; b < boxes_.size() && boxes_[b].first == v; ++b) {
        const spot* here = first_that_leaves(boxes_[b].second);
        if (here && (!best || here->contact < best->contact)) best = here;
      }
    }
    if (!best) best = &spots_.front();  // it takes all that is free
    write(mesh, ways_[best->way], best->start, out);
    return true;
  }
  /// The first spot that leaves a free box of these sides, or null.
  const spot* first_that_leaves(const per_axis& length) {
    // Apart, they fit into the torus one after the other along some axis.
    fits_.assign(ways_.size(), false);
    for (std::size_t w = 0; w < ways_.size(); ++w)
      for (std::size_t a = 0; a < space_.axes(); ++a)
        if (ways_[w].length[a] + length[a] <= space_.side(a)) fits_[w] = true;
    if (std::find(fits_.begin(), fits_.end(), true) == fits_.end()) return nullptr;
    list_.clear();
    (void)space_.starts(length, false, starts_);
    for (std::size_t i = 0; i < starts_.size(); ++i) {
      if (!starts_[i]) continue;
      // Around the torus one start is as good as another.
      const per_axis at = space_.cell(i);
      bool counts = true;
      for (std::size_t a = 0; a < space_.axes(); ++a)
        counts = counts && (length[a] < space_.side(a) || at[a] == 0);
      if (counts) list_.push_back(at);
    }
    // Mostly one of the first leaves one; if not, all boxes that a spot meets are counted at once.
    const std::size_t few = std::min<std::size_t>(spots_.size(), 8);
    for (std::size_t i = 0; i < few; ++i)
      if (fits_[spots_[i].way])
        for (const per_axis& at : list_)
          if (space_.apart(spots_[i].start, ways_[spots_[i].way].length, at, length))
            return &spots_[i];
    if (few == spots_.size()) return nullptr;
    starts_.assign(starts_.size(), 0);
    for (const per_axis& at : list_) starts_[space_.number(at)] = 1;
    sums_.resize(ways_.size());
    for (std::size_t w = 0; w < ways_.size(); ++w) {
      if (!fits_[w]) continue;
      per_axis
          meets{};  // a box that begins in this window, which begins length − 1 before the spot
      for (std::size_t a = 0; a < space_.axes(); ++a)
        meets[a] = std::min(space_.side(a), ways_[w].length[a] + length[a] - 1);
      space_.box_sums(starts_, meets, sums_[w]);
    }
    per_axis back{};
    for (std::size_t a = 0; a < space_.axes(); ++a) back[a] = space_.side(a) - length[a] + 1;
    for (std::size_t i = few; i < spots_.size(); ++i) {
      const spot& s = spots_[i];
      if (fits_[s.way] &&
          sums_[s.way][space_.number(space_.from(s.start, back))] < static_cast<int>(list_.size()))
        return &s;
    }
    return nullptr;
  }
  /// All sizes of free boxes, largest volume first.
  void list_boxes() {
    boxes_.clear();
    per_axis length{};
    length.fill(1);
    levels_.resize(space_.axes() + 1);
    levels_[0] = space_.free();
    grow(0, length, 1);
    std::sort(boxes_.begin(), boxes_.end(), [](const auto& a, const auto& b) { return a > b; });
  }
  void grow(std::size_t axis, per_axis& length, std::int64_t volume) {
    if (axis == space_.axes()) {
      boxes_.push_back({volume, length});
      return;
    }
    // levels_[axis]: where boxes of the lengths so far begin.
    for (int l = 1; l <= space_.side(axis); ++l) {
      length[axis] = l;
      if (l == 1)
        levels_[axis + 1] = levels_[axis];
      else
        space_.keep_if(levels_[axis + 1], levels_[axis], axis, l - 1);
      if (!torus_space::any(levels_[axis + 1])) break;
      grow(axis + 1, length, volume * l);
    }
    length[axis] = 1;
  }
  /// Free cells beside each spot, across each of its faces.
  void count_free_around() {
    sums_.resize(1);
    for (std::size_t w = 0; w < ways_.size(); ++w)
      for (std::size_t a = 0; a < space_.axes(); ++a) {
        per_axis slab = ways_[w].length, after{}, before{};
        if (slab[a] == space_.side(a)) continue;
        after[a] = slab[a];
        before[a] = space_.side(a) - 1;
        slab[a] = 1;
        space_.box_sums(space_.free(), slab, sums_[0]);
        const auto at = [&](const spot& s, const per_axis& steps) {
          return sums_[0][space_.number(space_.from(s.start, steps))];
        };
        for (spot& s : spots_)
          if (s.way == w) s.contact += at(s, after) + (after == before ? 0 : at(s, before));
      }
  }

  void write(const box_shape& mesh, const mesh_drawing& d, const per_axis& start,
             placement& p) const {
    p.shape = mesh;
    p.gpus.clear();
    p.gpus.reserve(static_cast<std::size_t>(mesh.volume()));
    per_axis at{};
    for (bool more = true; more;) {
      p.gpus.push_back(space_.chip(space_.from(start, d.place_of(at, space_.axes()))));
      more = false;
      for (std::size_t k = 0; k < mesh.size() && !more; ++k) {
        more = ++at[k] < mesh[k];
        if (!more) at[k] = 0;
      }
    }
  }

  bool closed_ = false;
  torus_space space_;
  drawings makers_;
  std::vector<mesh_drawing> ways_;
  torus_space::cells starts_;
  std::vector<spot> spots_;
  std::vector<per_axis> list_;
  std::vector<bool> fits_;
  std::vector<std::vector<int>> sums_;
  std::vector<std::pair<std::int64_t, per_axis>> boxes_;
  std::vector<torus_space::cells> levels_;
};

}  // namespace detail

/// Gives a job the first free box of a static torus, in each order of its sides and across the seam. Ranks
/// stand in the cells of the shape asked for, by number; a job that names a number of chips gets the shape
/// among those of it that communicates best and can be had. Exact, so a no is proved.
/// O(orders · chips · log sides). One writer: it keeps its work space.
struct torus_first_fit {
  bool closed = false;  ///< each row longer than 2 is a ring: once around the torus
  heddle::detail::scratch<detail::torus_placer> placer = {};

  bool operator==(const torus_first_fit&) const = default;

  answer operator()(const detail::torus_ledger& free, const request& job) {
    return detail::place_mesh(*placer, free, job, detail::torus_rules{.closed = closed});
  }
};

/// The same, and a side of the mesh may wind through several axes of a box: a line of 16 through 4 × 4, a
/// plane in layers. Boxes that waste least come first; of the last row of a box it takes what it needs,
/// though all of it must be free. A no is proved for these.
struct folded {
  bool closed = false;  ///< each row longer than 2 is a ring
  heddle::detail::scratch<detail::torus_placer> placer = {};

  bool operator==(const folded&) const = default;

  answer operator()(const detail::torus_ledger& free, const request& job) {
    return detail::place_mesh(*placer, free, job,
                              detail::torus_rules{.closed = closed, .folds = true});
  }
};

/// Of all free boxes one after which the largest free box has the largest volume, and of those one with
/// fewest free chips around it. Exact. O(free boxes of the shape · those of the largest size) at most.
struct best_fit {
  bool closed = false;  ///< each row longer than 2 is a ring
  bool folds = false;   ///< as `folded`
  heddle::detail::scratch<detail::torus_placer> placer = {};

  bool operator==(const best_fit&) const = default;

  answer operator()(const detail::torus_ledger& free, const request& job) {
    return detail::place_mesh(
        *placer, free, job,
        detail::torus_rules{.closed = closed, .folds = folds, .least_harm = true});
  }
};

}  // namespace heddle::place
