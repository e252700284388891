// A fabric of one's own: a 2-D torus of servers, each joined to its four neighbours.
#pragma once

#include <array>
#include <cstdint>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/equipment.hpp>
#include <heddle/fabric/fabric.hpp>
#include <heddle/fabric/hosts.hpp>

namespace heddle::test {

/// Cables run from server to server, nobody owns them, and there is no switch: every server is a unit.
class torus {
 public:
  using book = fabric::no_links;

  torus(int width, int height, int gpus_per_server)
      : width_(width), height_(height), hosts_(width * height, 1, gpus_per_server) {}

  [[nodiscard]] const fabric::hosts& hosts() const { return hosts_; }
  [[nodiscard]] fabric::equipment equipment() const { return {}; }

  /// East, west, north, south.
  [[nodiscard]] std::array<server_id, 4> neighbours(server_id s) const {
    const int x = static_cast<int>(s.value) % width_, y = static_cast<int>(s.value) / width_;
    return {at(x + 1, y), at(x - 1, y), at(x, y + 1), at(x, y - 1)};
  }

  friend bool operator==(const torus&, const torus&) = default;

 private:
  [[nodiscard]] server_id at(int x, int y) const {
    return server_id{(y + height_) % height_ * width_ + (x + width_) % width_};
  }

  int width_, height_;
  fabric::hosts hosts_;
};

static_assert(fabric::Fabric<torus>);

}  // namespace heddle::test
