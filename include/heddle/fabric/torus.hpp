// A static torus of any number of dimensions: chips joined to their neighbours by fixed links.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include <heddle/core/error.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/core/shape.hpp>
#include <heddle/fabric/chip_links.hpp>
#include <heddle/fabric/equipment.hpp>
#include <heddle/fabric/hosts.hpp>

namespace heddle::fabric {

/// Where chips stand: cells of a box whose hosts are blocks of it. Ids run through a host, then
/// through the hosts; in both the first side counts fastest. All queries are O(dimensions).
class chip_grid {
 public:
  using cell = std::array<int, box_shape::most_sides>;

  /// Precondition: each side of `block` divides that of `sides`.
  chip_grid(const box_shape& sides, const box_shape& block) : sides_(sides), block_(block) {}

  [[nodiscard]] const box_shape& sides() const { return sides_; }
  /// The block of a host.
  [[nodiscard]] const box_shape& block() const { return block_; }
  [[nodiscard]] std::size_t dimensions() const { return sides_.size(); }

  [[nodiscard]] cell cell_of(gpu_id g) const {
    const auto chips = static_cast<std::uint32_t>(block_.volume());
    std::uint32_t inner = g.value % chips, host = g.value / chips;
    cell at{};
    for (std::size_t d = 0; d < dimensions(); ++d) {
      const auto b = static_cast<std::uint32_t>(block_[d]);
      const auto n = static_cast<std::uint32_t>(sides_[d]) / b;
      at[d] = static_cast<int>(inner % b + host % n * b);
      inner /= b;
      host /= n;
    }
    return at;
  }
  [[nodiscard]] gpu_id at(const cell& c) const {
    int inner = 0, host = 0;
    for (std::size_t d = dimensions(); d-- > 0;) {
      inner = inner * block_[d] + c[d] % block_[d];
      host = host * (sides_[d] / block_[d]) + c[d] / block_[d];
    }
    return gpu_id{host * static_cast<int>(block_.volume()) + inner};
  }

  friend bool operator==(const chip_grid&, const chip_grid&) = default;

 private:
  box_shape sides_, block_;
};

struct torus_shape {
  box_shape sides = {16, 16, 16};  ///< chips along each dimension, one to six
  box_shape host = {2, 2, 1};      ///< the block of chips of a host; must divide the sides
  double link_gbps = 400;          ///< each way, of the link between two chips, > 0

  friend bool operator==(const torus_shape&, const torus_shape&) = default;
};

/// Chips in a box that is closed to a ring in every dimension; a side of 2 is one link, a side of 1
/// none. Hosts are blocks of chips; all of it is one unit. Jobs own chips; a link is its job's whose
/// both ends are, and otherwise shared. An immutable value; copies are cheap.
class torus {
 public:
  using book = chip_link_book;

  /// \throws input_error  for no side, a host that does not divide the torus, or a speed that is not
  ///                      positive
  explicit torus(const torus_shape& s) : shape_(s), grid_(s.sides, s.host), hosts_(hosts_of(s)) {}

  [[nodiscard]] const torus_shape& shape() const { return shape_; }
  [[nodiscard]] const fabric::hosts& hosts() const { return hosts_; }
  [[nodiscard]] fabric::equipment equipment() const { return {}; }
  [[nodiscard]] double link_gbps() const { return shape_.link_gbps; }
  /// Where its chips stand.
  [[nodiscard]] const chip_grid& grid() const { return grid_; }
  [[nodiscard]] const box_shape& sides() const { return grid_.sides(); }
  [[nodiscard]] std::size_t dimensions() const { return grid_.dimensions(); }
  [[nodiscard]] chip_grid::cell cell_of(gpu_id g) const { return grid_.cell_of(g); }
  [[nodiscard]] gpu_id at(const chip_grid::cell& c) const { return grid_.at(c); }

  /// The chip at the other end of a link, or an invalid id where there is none: in a side of 1, and in a
  /// side of 2 from the second chip, whose one link is the first one's.
  [[nodiscard]] gpu_id end_of(const chip_link& k) const {
    chip_grid::cell c = cell_of(k.from);
    const int side = sides()[k.dimension];
    if (side == 1 || (side == 2 && c[k.dimension] == 1)) return {};
    c[k.dimension] = (c[k.dimension] + 1) % side;
    return at(c);
  }

  friend bool operator==(const torus&, const torus&) = default;

 private:
  static fabric::hosts hosts_of(const torus_shape& s) {
    if (s.sides.empty()) throw input_error("torus.sides", "one to six sides", "none");
    for (std::size_t d = 0; d < box_shape::most_sides; ++d)
      if (s.host[d] > s.sides[d] || s.sides[d] % s.host[d] != 0 || s.host.size() > s.sides.size())
        throw input_error("torus.host", "a block that divides " + text_of(s.sides),
                          text_of(s.host));
    if (!(s.link_gbps > 0))
      throw input_error("torus.link_gbps", "a speed above 0", std::to_string(s.link_gbps));
    const std::int64_t servers = s.sides.volume() / s.host.volume();
    if (s.sides.volume() > 1 << 28)
      throw input_error("torus.sides", "at most 2^28 chips", text_of(s.sides));
    return fabric::hosts{1, static_cast<int>(servers), static_cast<int>(s.host.volume())};
  }

  torus_shape shape_;
  chip_grid grid_;
  fabric::hosts hosts_;
};

}  // namespace heddle::fabric
