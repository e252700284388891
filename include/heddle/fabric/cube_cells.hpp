// How the chips of a cube are numbered.
#pragma once

#include <array>
#include <cstddef>

namespace heddle::fabric {

/// Cells of a cube of even side. A host is a block of 2 × 2 × 1 chips, numbered before the next host's;
/// in both the first coordinate counts fastest.
struct cube_cells {
  using cell = std::array<int, 3>;

  int side = 4;

  [[nodiscard]] constexpr int count() const { return side * side * side; }
  [[nodiscard]] constexpr int number_at(const cell& c) const {
    const int half = side / 2;
    return c[0] % 2 + 2 * (c[1] % 2) + 4 * (c[0] / 2 + half * (c[1] / 2 + half * c[2]));
  }
  [[nodiscard]] constexpr cell cell_at(int number) const {
    const int half = side / 2, host = number / 4;
    return {host % half * 2 + number % 2, host / half % half * 2 + number / 2 % 2,
            host / (half * half)};
  }
  /// The position of a cell on the faces of a dimension: u + side · v of its other two coordinates.
  [[nodiscard]] constexpr int position_of(const cell& c, std::size_t dimension) const {
    return c[dimension == 0 ? 1 : 0] + side * c[dimension == 2 ? 1 : 2];
  }
  /// The cell at a position of the + face of a dimension (`last`), or of its − face.
  [[nodiscard]] constexpr cell cell_on_face(std::size_t dimension, int position, bool last) const {
    cell c{};
    c[dimension] = last ? side - 1 : 0;
    c[dimension == 0 ? 1 : 0] = position % side;
    c[dimension == 2 ? 1 : 2] = position / side;
    return c;
  }

  friend constexpr bool operator==(const cube_cells&, const cube_cells&) = default;
};

}  // namespace heddle::fabric
