// Cubes of chips whose faces are joined by optical circuit switches.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include <heddle/core/error.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/core/shape.hpp>
#include <heddle/fabric/cube_book.hpp>
#include <heddle/fabric/cube_cells.hpp>
#include <heddle/fabric/equipment.hpp>
#include <heddle/fabric/hosts.hpp>
#include <heddle/fabric/torus.hpp>

namespace heddle::fabric {

struct cubes_shape {
  int cubes = 64;            ///< ≥ 1
  int side = 4;              ///< chips along each edge of a cube: 2 or 4
  double switching_ms = 50;  ///< time to set up circuits, ≥ 0
  double link_gbps = 400;    ///< each way, of a link or circuit between two chips, > 0

  friend bool operator==(const cubes_shape&, const cubes_shape&) = default;
};

/// Cubes of chips. Inside a cube neighbours are joined by fixed links. For each dimension and position on
/// its face there is one OCS, to which that + port and that − port of every cube lead; a circuit over it
/// joins the + port of a cube with the − port of any cube, itself included. So there are 3 · side² OCS,
/// and a slice of whole cubes takes any cubes that are free.
///
/// A host is a block of 2 × 2 × 1 chips, a cube a unit; the 64 chips of a cube of side 4 are one word of
/// the free GPUs. Links and ports are their chips'; a circuit exists while a job owns it. An immutable
/// value; copies are cheap. All queries are O(1) and allocate nothing.
class cubes {
 public:
  using book = cube_book;
  using cell = cube_cells::cell;

  /// \throws input_error  for a number out of its range
  explicit cubes(const cubes_shape& s) : shape_(s), hosts_(hosts_of(s)) {}

  [[nodiscard]] const cubes_shape& shape() const { return shape_; }
  [[nodiscard]] const fabric::hosts& hosts() const { return hosts_; }
  [[nodiscard]] int side() const { return shape_.side; }
  [[nodiscard]] int chips_per_cube() const { return side() * side() * side(); }
  [[nodiscard]] id_range<unit_id> all_cubes() const { return hosts_.all_units(); }
  [[nodiscard]] int circuit_switches() const { return 3 * side() * side(); }
  [[nodiscard]] id_range<ocs_id> all_switches() const {
    return {0, static_cast<std::uint32_t>(circuit_switches())};
  }
  [[nodiscard]] fabric::equipment equipment() const {
    return {.circuit_switches = circuit_switches(), .switching_s = shape_.switching_ms / 1000};
  }
  [[nodiscard]] double link_gbps() const { return shape_.link_gbps; }

  [[nodiscard]] unit_id cube_of(gpu_id g) const {
    return unit_id{g.value / static_cast<std::uint32_t>(chips_per_cube())};
  }
  /// The cell of a chip in its cube, and its number among the cube's chips.
  [[nodiscard]] cell cell_of(gpu_id g) const { return cells().cell_at(number_of(g)); }
  [[nodiscard]] int number_of(gpu_id g) const {
    return static_cast<int>(g.value % static_cast<std::uint32_t>(chips_per_cube()));
  }
  [[nodiscard]] gpu_id at(unit_id cube, const cell& c) const {
    return at(cube, cells().number_at(c));
  }
  [[nodiscard]] gpu_id at(unit_id cube, int number) const {
    return gpu_id{cube.value * static_cast<std::uint32_t>(chips_per_cube()) +
                  static_cast<std::uint32_t>(number)};
  }
  /// How a cube's chips are numbered.
  [[nodiscard]] cube_cells cells() const { return cube_cells{side()}; }

  /// The OCS of a dimension and position.
  [[nodiscard]] ocs_id ocs_of(const face_circuit& k) const {
    return ocs_id{int{k.dimension} * side() * side() + int{k.position}};
  }
  /// The chips whose ports a circuit joins.
  [[nodiscard]] std::array<gpu_id, 2> ends_of(const face_circuit& k) const {
    return {at(k.from, cells().cell_on_face(k.dimension, k.position, true)),
            at(k.to, cells().cell_on_face(k.dimension, k.position, false))};
  }
  /// The chip at the other end of a fixed link, or an invalid id where there is none.
  [[nodiscard]] gpu_id end_of(const chip_link& k) const {
    cell c = cell_of(k.from);
    if (k.dimension > 2 || ++c[k.dimension] == side()) return {};
    return at(cube_of(k.from), c);
  }

  /// How far rows of a mesh of whole cubes end beside where they begin if it is twisted, or 0: it cannot be.
  [[nodiscard]] int twist_of(const box_shape& mesh) const {
    const int by = heddle::twist_of(mesh);
    return by % side() == 0 ? by : 0;
  }

  friend bool operator==(const cubes&, const cubes&) = default;

 private:
  static fabric::hosts hosts_of(const cubes_shape& s) {
    if (s.cubes < 1 || s.cubes > 1 << 16)
      throw input_error("cubes.cubes", "a number from 1 to 65536", std::to_string(s.cubes));
    if (s.side != 2 && s.side != 4)
      throw input_error("cubes.side", "2 or 4 chips", std::to_string(s.side));
    if (!(s.switching_ms >= 0))
      throw input_error("cubes.switching_ms", "a time of at least 0",
                        std::to_string(s.switching_ms));
    if (!(s.link_gbps > 0))
      throw input_error("cubes.link_gbps", "a speed above 0", std::to_string(s.link_gbps));
    return fabric::hosts{s.cubes, s.side * s.side * s.side / 4, 4};
  }

  cubes_shape shape_;
  fabric::hosts hosts_;
};

}  // namespace heddle::fabric
