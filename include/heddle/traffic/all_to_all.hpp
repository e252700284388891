// Everybody sends something to everybody, pair by pair.
#pragma once

#include <cassert>
#include <cstddef>
#include <vector>

#include <heddle/traffic/detail/servers.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::traffic {

/// N−1 phases: i → (i+k) mod N, D bytes for each pair. Every phase is a permutation.
class all_to_all {
 public:
  /// \param bytes  D, > 0
  all_to_all(const group& ranks, double bytes) : n_(ranks.gpus.size()), bytes_(bytes) {}

  [[nodiscard]] std::size_t size() const { return n_ < 2 ? 0 : n_ - 1; }

  /// O(ranks).
  phase write(std::size_t k, std::vector<flow>& out) const {
    assert(k < size());
    detail::write_shift(n_, k + 1, out);
    return {.bytes = bytes_};
  }

 private:
  std::size_t n_;
  double bytes_;
};

}  // namespace heddle::traffic
