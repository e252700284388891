// Sides of a box of chips: what a job asks for, and what a torus is.
#pragma once

#include <array>
#include <cassert>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include <heddle/core/text.hpp>

namespace heddle {

/// Up to six sides, each from 1 to 65 535; none at all where a job asks for no shape. Written `4x4x8`.
/// The cell (x, y, z) of a box has the number x + a · (y + b · z): the first side counts fastest.
class box_shape {
 public:
  static constexpr std::size_t most_sides = 6;

  constexpr box_shape() = default;
  /// Precondition: at most six sides, each from 1 to 65 535.
  constexpr box_shape(std::initializer_list<int> sides) {
    assert(sides.size() <= most_sides);
    for (int s : sides) add(s);
  }

  /// How many sides it has; 0 where no shape is meant.
  [[nodiscard]] constexpr std::size_t size() const { return size_; }
  [[nodiscard]] constexpr bool empty() const { return size_ == 0; }
  /// A side; 1 beyond the last, as a plane is a box one cell high.
  [[nodiscard]] constexpr int operator[](std::size_t d) const {
    return d < size_ ? int{sides_[d]} : 1;
  }
  constexpr void set(std::size_t d, int side) {
    assert(d < size_ && side >= 1 && side <= 65535);
    sides_[d] = static_cast<std::uint16_t>(side);
  }
  constexpr void add(int side) {
    assert(size_ < most_sides);
    sides_[size_++] = 1;
    set(size_ - 1u, side);
  }
  /// The number of cells.
  [[nodiscard]] constexpr std::int64_t volume() const {
    std::int64_t n = 1;
    for (std::size_t d = 0; d < size_; ++d) n *= sides_[d];
    return n;
  }

  friend constexpr auto operator<=>(const box_shape&, const box_shape&) = default;

 private:
  std::array<std::uint16_t, most_sides> sides_{};
  std::uint16_t size_ = 0;
};

/// k of a box k × k × 2k or k × 2k × 2k, k ≥ 2, which a torus can be *twisted* on: the step that closes a row
/// along a side of k goes k further along each side of 2k. 0 for all other boxes.
/// Source: Camarero, Martinez, Beivide, Lattice graphs for high-scale interconnection topologies, IEEE TPDS
/// 26 (2015): FCC and BCC lattices.
[[nodiscard]] constexpr int twist_of(const box_shape& s) {
  if (s.size() != 3) return 0;
  int k = s[0], longer = 0;
  for (std::size_t d = 1; d < 3; ++d) k = s[d] < k ? s[d] : k;
  for (std::size_t d = 0; d < 3; ++d) {
    if (s[d] != k && s[d] != 2 * k) return 0;
    longer += s[d] != k;
  }
  return k >= 2 && longer > 0 ? k : 0;
}

/// `4x4x8`; nothing for no shape.
[[nodiscard]] inline std::string text_of(const box_shape& s) {
  std::string out;
  for (std::size_t d = 0; d < s.size(); ++d) out += (d ? "x" : "") + std::to_string(s[d]);
  return out;
}

/// The shape that a text is; nothing for any text that is none, or has more than 2^28 cells.
[[nodiscard]] inline std::optional<box_shape> shape_in(std::string_view text) {
  constexpr std::int64_t most_cells = 1 << 28;
  box_shape s;
  for (bool more = true; more;) {
    const std::size_t end = text.find('x');
    const auto side = number_in<int>(text.substr(0, end));
    if (!side || *side < 1 || *side > 65535 || s.size() == box_shape::most_sides)
      return std::nullopt;
    s.add(*side);
    if (s.volume() > most_cells) return std::nullopt;
    more = end != std::string_view::npos;
    if (more) text.remove_prefix(end + 1);
  }
  return s;
}

}  // namespace heddle
