// Everybody gets the pieces of all, or the sum of a piece, around a ring.
#pragma once

#include <cassert>
#include <cstddef>
#include <vector>

#include <heddle/traffic/detail/servers.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::traffic {

/// N−1 runs of i → i+1 with D/N bytes a flow; D is what each rank has in the end. A permutation.
class all_gather {
 public:
  /// \param bytes  D, > 0
  all_gather(const group& ranks, double bytes) : n_(ranks.gpus.size()), bytes_(bytes) {}

  [[nodiscard]] std::size_t size() const { return n_ < 2 ? 0 : 1; }

  /// O(ranks).
  phase write([[maybe_unused]] std::size_t k, std::vector<flow>& out) const {
    assert(k < size());
    detail::write_shift(n_, 1, out);
    return {.bytes = bytes_ / static_cast<double>(n_), .repeat = static_cast<int>(n_) - 1};
  }

 private:
  std::size_t n_;
  double bytes_;
};

/// The same flows with D what each rank has before: what differs is what is in them.
using reduce_scatter = all_gather;

}  // namespace heddle::traffic
