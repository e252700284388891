// The circuits that join neighbours of a mesh whose ranks have their chips.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <heddle/core/ids.hpp>
#include <heddle/core/shape.hpp>
#include <heddle/fabric/chip_links.hpp>
#include <heddle/fabric/cubes.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/placement.hpp>

namespace heddle::place::detail {

/// Calls `f(rank, next)` for all neighbours of a mesh; on `closed` also the last with the first of each
/// row longer than 2. \param twist  that of the mesh (`twist_of`), or 0: rows end in themselves
template <class F>
void for_each_neighbours(const box_shape& mesh, bool closed, int twist, F&& f) {
  const auto all = static_cast<std::size_t>(mesh.volume());
  const auto by = static_cast<std::size_t>(twist);
  // `twist` further along all sides that are longer.
  const auto twisted = [&](std::size_t r) {
    std::size_t step = 1;
    for (std::size_t d = 0; d < mesh.size(); ++d) {
      const auto side = static_cast<std::size_t>(mesh[d]);
      const std::size_t at = r / step % side;
      if (side > by) r = r - at * step + (at + by) % side * step;
      step *= side;
    }
    return r;
  };
  std::size_t stride = 1;
  for (std::size_t d = 0; d < mesh.size(); ++d) {
    const auto side = static_cast<std::size_t>(mesh[d]);
    if (side > 1)
      for (std::size_t r = 0; r < all; ++r) {
        if (r / stride % side + 1 < side)
          f(r, r + stride);
        else if (side == by)
          f(r, twisted(r - stride * (side - 1)));
        else if ((closed || by > 0) && side > 2)
          f(r, r - stride * (side - 1));
      }
    stride *= side;
  }
}

/// Whether a fixed link that works joins two chips.
[[nodiscard]] inline bool are_linked(const fabric::ledger<fabric::cubes>& book, gpu_id a,
                                     gpu_id b) {
  const fabric::cubes& dc = book.fabric();
  if (dc.cube_of(a) != dc.cube_of(b)) return false;
  const auto p = dc.cell_of(a), q = dc.cell_of(b);
  int steps = 0;
  std::uint8_t along = 0;
  for (std::uint8_t d = 0; d < 3; ++d)
    if (p[d] != q[d]) {
      steps += p[d] > q[d] ? p[d] - q[d] : q[d] - p[d];
      along = d;
    }
  if (steps != 1) return false;
  return book.network().all_links_work() ||
         !book.is_failed(fabric::chip_link{p[along] < q[along] ? a : b, along});
}

/// Adds the circuit between a + port of `a` and a − port of `b`, if one can be; false if not.
inline bool add_circuit(const fabric::cubes& dc, gpu_id a, gpu_id b, fabric::placement& p) {
  const auto x = dc.cell_of(a), y = dc.cell_of(b);
  for (std::size_t d = 0; d < 3; ++d) {
    if (x[d] != dc.side() - 1 || y[d] != 0) continue;
    if (dc.cells().position_of(x, d) != dc.cells().position_of(y, d)) continue;
    p.faces.push_back({dc.cube_of(a), dc.cube_of(b), static_cast<std::uint16_t>(d),
                       static_cast<std::uint16_t>(dc.cells().position_of(x, d))});
    return true;
  }
  return false;
}

/// Sets up the circuits that the mesh of `p.shape` needs between its chips. \returns false if some
/// neighbours can be joined by none. O(chips · dimensions).
[[nodiscard]] inline bool join(const fabric::ledger<fabric::cubes>& book, fabric::placement& p,
                               bool closed = false, int twist = 0) {
  const fabric::cubes& dc = book.fabric();
  p.faces.clear();
  bool all = true;
  for_each_neighbours(p.shape, closed, twist, [&](std::size_t r, std::size_t next) {
    const gpu_id a = p.gpus[r], b = p.gpus[next];
    if (!are_linked(book, a, b))
      all = all && (add_circuit(dc, a, b, p) || add_circuit(dc, b, a, p));
  });
  std::sort(p.faces.begin(), p.faces.end());
  return all;
}

}  // namespace heddle::place::detail
