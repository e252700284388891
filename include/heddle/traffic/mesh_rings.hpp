// All-reduce on a mesh, around rings along all its dimensions at once.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/core/shape.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::traffic {

/// The ranks of a mesh, each with D bytes, add them up. The data are cut into as many parts as a rank has
/// ways out: two along each dimension, one along a side of 2. A part is scattered around the rings of one
/// dimension after the other, beginning with its own, and gathered back; in every stage each dimension has
/// the parts of one other, so that all links are at work both ways. With all sides equal a link carries
/// D (N − 1) / N / ways in all, and twice that with gathering: none can do with less, as each rank has to
/// send 2 D (N − 1) / N over its links. With unequal sides the dimensions of a stage end one after the
/// other, and those that are done wait.
///
/// A phase is what happens until the next dimension of a stage is done, once while data are scattered and
/// once while they are gathered; the steps of a ring are one stream in it. Flows go to the next rank of the
/// row and to the one before, around it: in an open mesh that of its ends goes back through all of it.
/// Source: Sack, Gropp, Collective algorithms for multiported torus networks, ACM TOPC 1 (2015).
class mesh_rings {
 public:
  /// \param bytes  D, > 0
  mesh_rings(const box_shape& mesh, double bytes) : mesh_(mesh) {
    std::vector<std::size_t> dims;
    double ways = 0;
    for (std::size_t d = 0; d < mesh.size(); ++d)
      if (mesh[d] > 1) {
        dims.push_back(d);
        ways += ways_of(d);
      }
    struct amount {
      double bytes;  // over each link
      std::size_t dim;
    };
    for (std::size_t stage = 0; stage < dims.size(); ++stage) {
      std::vector<amount> each;
      for (std::size_t first = 0; first < dims.size(); ++first) {
        double part = bytes * ways_of(dims[first]) / ways;
        for (std::size_t k = 0; k < stage; ++k) part /= mesh[dims[(first + k) % dims.size()]];
        const std::size_t d = dims[(first + stage) % dims.size()];
        each.push_back({part * (mesh[d] - 1) / mesh[d] / ways_of(d), d});
      }
      std::sort(each.begin(), each.end(), [](const amount& a, const amount& b) {
        return a.bytes != b.bytes ? a.bytes < b.bytes : a.dim < b.dim;
      });
      double before = 0;
      for (std::size_t i = 0; i < each.size(); ++i) {
        if (!(each[i].bytes > before * (1 + 1e-12))) continue;
        step s{each[i].bytes - before, {}};
        for (std::size_t k = i; k < each.size(); ++k) s.dims.push_back(each[k].dim);
        before = each[i].bytes;
        steps_.push_back(s);
      }
    }
  }

  [[nodiscard]] std::size_t size() const { return steps_.size(); }

  /// O(ranks · dimensions).
  phase write(std::size_t k, std::vector<flow>& out) const {
    assert(k < size());
    out.clear();
    const auto all = static_cast<std::uint32_t>(mesh_.volume());
    for (std::size_t d : steps_[k].dims) {
      std::uint32_t stride = 1;
      for (std::size_t a = 0; a < d; ++a) stride *= static_cast<std::uint32_t>(mesh_[a]);
      const auto side = static_cast<std::uint32_t>(mesh_[d]);
      for (std::uint32_t r = 0; r < all; ++r) {
        const std::uint32_t at = r / stride % side, row = r - at * stride;
        out.push_back({r, row + (at + 1) % side * stride});
        if (side > 2) out.push_back({r, row + (at + side - 1) % side * stride});
      }
    }
    return {.bytes = steps_[k].bytes, .repeat = 2};
  }

 private:
  [[nodiscard]] double ways_of(std::size_t d) const { return mesh_[d] > 2 ? 2 : 1; }

  struct step {
    double bytes;  // of each flow
    std::vector<std::size_t> dims;
  };
  box_shape mesh_;
  std::vector<step> steps_;
};

}  // namespace heddle::traffic
