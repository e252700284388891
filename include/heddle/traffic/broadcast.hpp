// The first rank sends to all.
#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <vector>

#include <heddle/traffic/detail/servers.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::traffic {

/// ⌈log2 N⌉ phases: i → i + 2^t for i < 2^t, D bytes a flow. Every phase is a partial permutation.
class broadcast {
 public:
  /// \param bytes  D, > 0
  broadcast(const group& ranks, double bytes) : n_(ranks.gpus.size()), bytes_(bytes) {}

  [[nodiscard]] std::size_t size() const {
    return n_ < 2 ? 0 : static_cast<std::size_t>(std::bit_width(n_ - 1));
  }

  /// O(ranks).
  phase write(std::size_t k, std::vector<flow>& out) const {
    assert(k < size());
    out.clear();
    const std::size_t have = std::size_t{1} << k;
    for (std::size_t i = 0; i < have && i + have < n_; ++i)
      out.push_back({detail::u32(i), detail::u32(i + have)});
    return {.bytes = bytes_};
  }

 private:
  std::size_t n_;
  double bytes_;
};

}  // namespace heddle::traffic
