// Boxes of free chips in a static torus.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/core/shape.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/torus.hpp>

namespace heddle::place::detail {

using torus_ledger = fabric::ledger<fabric::torus>;
/// A number for each axis of a torus.
using per_axis = std::array<int, box_shape::most_sides>;

/// How a mesh is drawn in a box: each axis of the torus runs along one side of the mesh, or along none.
/// A side with several axes winds through them, the first fastest, every other row backwards.
struct mesh_drawing {
  per_axis along{};   // the side of the mesh, or −1
  per_axis length{};  // of the box

  [[nodiscard]] std::int64_t volume(std::size_t axes) const {
    return std::accumulate(length.begin(), length.begin() + static_cast<std::ptrdiff_t>(axes),
                           std::int64_t{1}, [](std::int64_t v, int l) { return v * l; });
  }
  /// Where the cell at `at` of the mesh lies in the box.
  [[nodiscard]] per_axis place_of(const per_axis& at, std::size_t axes) const {
    per_axis left = at, out{};
    for (std::size_t a = 0; a < axes; ++a) {
      if (along[a] < 0) continue;
      int& rest = left[static_cast<std::size_t>(along[a])];
      const int x = rest % length[a];
      rest /= length[a];
      out[a] = rest % 2 == 0 ? x : length[a] - 1 - x;
    }
    return out;
  }
};

/// The free chips of a torus as cells, numbered with the first axis fastest.
class torus_space {
 public:
  using cells = std::vector<std::uint8_t>;

  void look(const torus_ledger& book) {
    const fabric::torus& dc = book.fabric();
    axes_ = dc.dimensions();
    if (sides_ != dc.sides() || block_ != dc.grid().block()) learn(dc);
    free_.resize(chip_.size());
    for (std::size_t i = 0; i < chip_.size(); ++i) free_[i] = book.is_free(chip_[i]) ? 1 : 0;
    failed_.clear();
    if (!book.network().all_work())
      for (gpu_id g : dc.hosts().all_gpus())
        for (std::uint8_t d = 0; d < axes_; ++d)
          if (book.network().is_failed({g, d}) && dc.end_of({g, d}).valid())
            failed_.push_back({dc.cell_of(g), d});
  }

  [[nodiscard]] std::size_t axes() const { return axes_; }
  [[nodiscard]] int side(std::size_t a) const { return sides_[a]; }
  [[nodiscard]] const cells& free() const { return free_; }
  [[nodiscard]] gpu_id chip(const per_axis& at) const { return chip_[number(at)]; }
  [[nodiscard]] std::size_t number(const per_axis& at) const {
    std::size_t n = 0;
    for (std::size_t a = axes_; a-- > 0;)
      n = n * static_cast<std::size_t>(side(a)) + static_cast<std::size_t>(at[a]);
    return n;
  }
  [[nodiscard]] per_axis cell(std::size_t n) const {
    per_axis at{};
    for (std::size_t a = 0; a < axes_; ++a) {
      at[a] = static_cast<int>(n % static_cast<std::size_t>(side(a)));
      n /= static_cast<std::size_t>(side(a));
    }
    return at;
  }
  /// The cell `at` steps from `start`, around the torus.
  [[nodiscard]] per_axis from(const per_axis& start, const per_axis& at) const {
    per_axis out{};
    for (std::size_t a = 0; a < axes_; ++a) out[a] = (start[a] + at[a]) % side(a);
    return out;
  }

  /// Sets `out` to the cells at which a free box of these sides begins; false if there is none.
  /// O(cells · axes · log sides).
  /// \param closed  whether rows around the torus need the link at their seam
  bool starts(const per_axis& length, bool closed, cells& out) {
    out = free_;
    for (std::size_t a = 0; a < axes_; ++a) {
      shrink_to(out, a, length[a]);
      if (length[a] > 1 && !any(out)) return false;
    }
    for (std::size_t i = 0; i < out.size() && !failed_.empty(); ++i)
      if (out[i] && needs_failed(cell(i), length, closed)) out[i] = 0;
    return any(out);
  }
  [[nodiscard]] static bool any(const cells& c) {
    return std::find(c.begin(), c.end(), 1) != c.end();
  }
  [[nodiscard]] bool all_links_work() const { return failed_.empty(); }
  /// out = cells from which on `length` in a row are in `out`.
  void shrink_to(cells& out, std::size_t axis, int length) {
    for (int have = 1; have < length;) {
      const int step = std::min(have, length - have);
      shrink(out, axis, step);
      have += step;
    }
  }
  /// out = cells that are in `out` and so is the one `step` further along an axis.
  void shrink(cells& out, std::size_t axis, int step) {
    copy_ = out;
    keep_if(out, copy_, axis, step);
  }
  /// out = cells that are in `out` while the one `step` further along an axis is in `other`.
  void keep_if(cells& out, const cells& other, std::size_t axis, int step) const {
    std::size_t stride = 1;
    for (std::size_t a = 0; a < axis; ++a) stride *= static_cast<std::size_t>(side(a));
    const std::size_t block = stride * static_cast<std::size_t>(side(axis)),
                      shift = stride * static_cast<std::size_t>(step);
    for (std::size_t base = 0; base < out.size(); base += block) {
      std::uint8_t* o = out.data() + base;
      const std::uint8_t* c = other.data() + base;
      for (std::size_t i = 0; i + shift < block; ++i) o[i] = o[i] & c[i + shift];
      for (std::size_t i = block - shift; i < block; ++i) o[i] = o[i] & c[i + shift - block];
    }
  }

  /// sums = how many of `c` are in the box of these lengths that begins at each cell, around the torus.
  /// O(cells · axes).
  void box_sums(const cells& c, const per_axis& length, std::vector<int>& sums) {
    sums.assign(c.begin(), c.end());
    std::size_t stride = 1;
    for (std::size_t a = 0; a < axes_; ++a) {
      const auto n = static_cast<std::size_t>(side(a)), l = static_cast<std::size_t>(length[a]);
      if (l > 1) {
        row_.resize(2 * n);
        for (std::size_t block = 0; block < sums.size(); block += stride * n)
          for (std::size_t base = block; base < block + stride; ++base) {
            int sum = 0;
            for (std::size_t i = 0; i < n; ++i) row_[i] = row_[i + n] = sums[base + i * stride];
            for (std::size_t i = 0; i < l; ++i) sum += row_[i];
            for (std::size_t i = 0; i < n; ++i) {
              sums[base + i * stride] = sum;
              sum += row_[i + l] - row_[i];
            }
          }
      }
      stride *= n;
    }
  }

  /// Whether two boxes, which may lie across the seam, have no cell in common.
  [[nodiscard]] bool apart(const per_axis& s, const per_axis& length, const per_axis& t,
                           const per_axis& other) const {
    for (std::size_t a = 0; a < axes_; ++a) {
      const int forth = (t[a] - s[a] + side(a)) % side(a), back = (side(a) - forth) % side(a);
      if (forth >= length[a] && back >= other[a]) return true;
    }
    return false;
  }

 private:
  void learn(const fabric::torus& dc) {
    sides_ = dc.sides();
    block_ = dc.grid().block();
    chip_.resize(static_cast<std::size_t>(sides_.volume()));
    for (std::size_t i = 0; i < chip_.size(); ++i) chip_[i] = dc.at(cell(i));
  }
  /// Whether a box has both ends of a failed link, next to one another.
  [[nodiscard]] bool needs_failed(const per_axis& start, const per_axis& length,
                                  bool closed) const {
    return std::any_of(failed_.begin(), failed_.end(), [&](const broken& k) {
      for (std::size_t a = 0; a < axes_; ++a) {
        const int at = (k.from[a] - start[a] + side(a)) % side(a);
        if (at >= length[a]) return false;
        const bool seam = length[a] == side(a) && (closed || side(a) == 2) && side(a) > 1;
        if (a == k.axis && at + 1 >= length[a] && !seam) return false;
      }
      return true;
    });
  }

  struct broken {
    per_axis from;
    std::size_t axis;
  };

  std::size_t axes_ = 0;
  box_shape sides_, block_;
  std::vector<gpu_id> chip_;  // of each cell
  cells free_, copy_;
  std::vector<int> row_;
  std::vector<broken> failed_;
};

/// Adds all ways to draw `mesh` in boxes of a torus: straight, and folded if `folds`. Least waste first,
/// then the shortest longest side.
class drawings {
 public:
  void of(const box_shape& mesh, const torus_space& space, bool folds, bool closed,
          std::vector<mesh_drawing>& out) {
    mesh_ = mesh;
    space_ = &space;
    folds_ = folds;
    closed_ = closed;
    out_ = &out;
    out.clear();
    mesh_drawing d;
    d.along.fill(-1);
    d.length.fill(1);
    choose(0, d);
    const auto axes = space.axes();
    const auto key = [&](const mesh_drawing& x) {
      return std::pair{x.volume(axes), *std::max_element(x.length.begin(), x.length.end())};
    };
    const auto less = [&](const mesh_drawing& a, const mesh_drawing& b) { return key(a) < key(b); };
    // By insertion, which keeps the order of equals.
    for (auto it = out.begin(); it != out.end(); ++it)
      std::rotate(std::upper_bound(out.begin(), it, *it, less), it, it + 1);
  }

 private:
  void choose(std::size_t axis, mesh_drawing& d) {
    if (axis == space_->axes()) return fill(0, d);
    const auto sides = static_cast<int>(mesh_.size());
    for (int s = -1; s < sides; ++s) {
      if (s >= 0 && mesh_[static_cast<std::size_t>(s)] == 1) continue;
      if (s >= 0 && !folds_ && std::count(d.along.begin(), d.along.end(), s) > 0) continue;
      d.along[axis] = s;
      choose(axis + 1, d);
    }
    d.along[axis] = -1;
  }
  /// Chooses the lengths of the axes of side `s` of the mesh, and those after it.
  void fill(std::size_t s, mesh_drawing& d) {
    if (s == mesh_.size()) {
      out_->push_back(d);
      return;
    }
    if (mesh_[s] == 1) return fill(s + 1, d);
    std::array<std::size_t, box_shape::most_sides> mine{};
    std::size_t n = 0;
    for (std::size_t a = 0; a < space_->axes(); ++a)
      if (d.along[a] == static_cast<int>(s)) mine[n++] = a;
    if (n > 0) lengths(s, mine, n, 0, mesh_[s], d);
    for (std::size_t k = 0; k < n; ++k) d.length[mine[k]] = 1;
  }
  void lengths(std::size_t s, const std::array<std::size_t, box_shape::most_sides>& mine,
               std::size_t n, std::size_t k, int rest, mesh_drawing& d) {
    const int most = space_->side(mine[k]);
    if (k + 1 == n) {
      if (rest > most || (n > 1 && rest < 2)) return;
      d.length[mine[k]] = rest;
      if (!closed_ || closes(s, mine, n, d)) fill(s + 1, d);
      return;
    }
    for (int l = 2; l <= most && l < rest; ++l) {
      d.length[mine[k]] = l;
      lengths(s, mine, n, k + 1, (rest + l - 1) / l, d);
    }
  }
  /// Whether the side is a ring: once around the torus, or two rows of equal length, or an even number of
  /// them around it.
  [[nodiscard]] bool closes(std::size_t s,
                            const std::array<std::size_t, box_shape::most_sides>& mine,
                            std::size_t n, const mesh_drawing& d) const {
    if (mesh_[s] <= 2) return true;
    const int first = d.length[mine[0]];
    if (n == 1) return first == space_->side(mine[0]);
    const int rows = d.length[mine[1]];
    return n == 2 && first * rows == mesh_[s] && rows % 2 == 0 &&
           (rows == 2 || rows == space_->side(mine[1]));
  }

  box_shape mesh_;
  const torus_space* space_ = nullptr;
  bool folds_ = false, closed_ = false;
  std::vector<mesh_drawing>* out_ = nullptr;
};

}  // namespace heddle::place::detail
