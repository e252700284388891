// Dimension-order routing: ways of flows through a mesh, the loads of its links, and what that makes of time.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/core/shape.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route {

/// How a flow goes along one dimension.
struct row_way {
  int hops = 0;
  bool back = false;

  friend bool operator==(const row_way&, const row_way&) = default;
};

/// The shorter way; on a ring, where both are equal, forwards from even places and back from odd ones, so
/// that both directions carry as much.
[[nodiscard]] constexpr row_way way_along(int from, int to, int side, bool ring) {
  if (!ring) return to < from ? row_way{from - to, true} : row_way{to - from, false};
  const int forth = (to - from + side) % side, back = side - forth;
  const bool forwards = forth < back || (forth == back && from % 2 == 0);
  return forwards ? row_way{forth, false} : row_way{back, true};
}

/// The ways of flows through a mesh: one dimension after the other, the first first. No two flows wait for
/// one another in a circle on open rows.
class mesh_ways {
 public:
  using rings = std::array<bool, box_shape::most_sides>;

  /// \param ring  which dimensions' rows are closed
  explicit mesh_ways(const box_shape& mesh, const rings& ring = {}) : mesh_(mesh), ring_(ring) {}

  [[nodiscard]] const box_shape& mesh() const { return mesh_; }
  /// Numbers of directed links: that by which a rank is left along a dimension, forwards or back.
  [[nodiscard]] std::uint32_t number(std::uint32_t rank, std::size_t dimension, bool back) const {
    return (rank * static_cast<std::uint32_t>(mesh_.size()) +
            static_cast<std::uint32_t>(dimension)) *
               2 +
           (back ? 1 : 0);
  }
  [[nodiscard]] std::size_t links() const {
    return static_cast<std::size_t>(mesh_.volume()) * mesh_.size() * 2;
  }
  /// The rank to which that link leads.
  [[nodiscard]] std::uint32_t next(std::uint32_t rank, std::size_t dimension, bool back) const {
    std::uint32_t stride = 1;
    for (std::size_t d = 0; d < dimension; ++d) stride *= static_cast<std::uint32_t>(mesh_[d]);
    const auto side = static_cast<std::uint32_t>(mesh_[dimension]);
    const std::uint32_t at = rank / stride % side;
    return rank - at * stride + (back ? at + side - 1 : at + 1) % side * stride;
  }
  /// Calls `use(number)` for each link of a flow, in their order. O(hops).
  template <class Use>
  void operator()(const traffic::flow& f, Use&& use) const {
    std::uint32_t rank = f.source, from = f.source, to = f.target, stride = 1;
    for (std::size_t d = 0; d < mesh_.size(); ++d) {
      const auto side = static_cast<std::uint32_t>(mesh_[d]);
      std::uint32_t at = from % side;
      const row_way w =
          way_along(static_cast<int>(at), static_cast<int>(to % side), mesh_[d], ring_[d]);
      for (int h = 0; h < w.hops; ++h) {
        use(number(rank, d, w.back));
        const std::uint32_t then = (w.back ? at + side - 1 : at + 1) % side;
        rank = rank - at * stride + then * stride;
        at = then;
      }
      from /= side;
      to /= side;
      stride *= side;
    }
  }

 private:
  box_shape mesh_;
  rings ring_;
};

/// Flows on the fullest link of a row of n when each place sends one to each other: ⌊n/2⌋ ⌈n/2⌉ on an open
/// row, (n² − 1) / 8 on a ring of odd length, (n/2 − 1)(n/2) / 2 + ⌈n/4⌉ on one of even length.
[[nodiscard]] constexpr std::int64_t row_load(int n, bool ring) {
  const std::int64_t half = n / 2;
  if (!ring) return half * (n - half);
  if (n % 2 == 1) return (std::int64_t{n} * n - 1) / 8;
  return n == 0 ? 0 : (half - 1) * half / 2 + (n + 3) / 4;
}
/// The same of a mesh with all rows longer than 2 closed, or open: a row of length n along one dimension
/// carries what N / n places on either side send. By dimension order, exact.
[[nodiscard]] constexpr std::int64_t all_to_all_load(const box_shape& mesh, bool closed) {
  std::int64_t most = 0;
  for (std::size_t d = 0; d < mesh.size(); ++d)
    most = std::max(most, mesh.volume() / mesh[d] * row_load(mesh[d], closed && mesh[d] > 2));
  return most;
}
/// Seconds of an all-to-all of `bytes` for each pair of chips, by its fullest link, all at once.
[[nodiscard]] constexpr double all_to_all_s(const box_shape& mesh, bool closed, double bytes,
                                            double link_gbps) {
  return 8e-9 * bytes * static_cast<double>(all_to_all_load(mesh, closed)) / link_gbps;
}

/// Seconds of phases of a source on a mesh by itself: the fullest link of each, one phase after the other.
/// O(flows · hops).
template <traffic::PhaseSource Source>
[[nodiscard]] double phases_s(const Source& all, const box_shape& mesh, bool closed,
                              double link_gbps) {
  mesh_ways::rings ring{};
  for (std::size_t d = 0; d < mesh.size(); ++d) ring[d] = closed && mesh[d] > 2;
  const mesh_ways ways{mesh, ring};
  std::vector<int> load(ways.links());
  std::vector<traffic::flow> flows;
  double s = 0;
  for (std::size_t k = 0; k < all.size(); ++k) {
    const traffic::phase p = all.write(k, flows);
    std::fill(load.begin(), load.end(), 0);
    int most = 0;
    for (const traffic::flow& f : flows)
      ways(f, [&](std::uint32_t l) { most = std::max(most, ++load[l]); });
    s += 8e-9 * p.bytes * p.repeat * most / link_gbps;
  }
  return s;
}

}  // namespace heddle::route
