// From stage to stage, and back.
#pragma once

#include <cassert>
#include <cstddef>
#include <vector>

#include <heddle/traffic/detail/servers.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::traffic {

/// i → i+1, then i+1 → i: D bytes over each boundary between stages, each way. Both phases are
/// partial permutations.
class pipeline {
 public:
  /// \param bytes  D, > 0
  pipeline(const group& ranks, double bytes) : n_(ranks.gpus.size()), bytes_(bytes) {}

  [[nodiscard]] std::size_t size() const { return n_ < 2 ? 0 : 2; }

  /// O(ranks).
  phase write(std::size_t k, std::vector<flow>& out) const {
    assert(k < size());
    out.clear();
    for (std::size_t i = 0; i + 1 < n_; ++i) {
      const flow forth{detail::u32(i), detail::u32(i + 1)};
      out.push_back(k == 0 ? forth : flow{forth.target, forth.source});
    }
    return {.bytes = bytes_};
  }

 private:
  std::size_t n_;
  double bytes_;
};

}  // namespace heddle::traffic
