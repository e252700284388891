// Everybody sends something to everybody, first inside the servers, then across.
#pragma once

#include <cassert>
#include <cstddef>
#include <vector>

#include <heddle/traffic/detail/servers.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::traffic {

/// Where s servers hold q > 1 consecutive ranks each (as for a hierarchical ring), rank (k, j) is
/// number j on server k: q−1 phases inside the servers, (k, j) → (k, j+t), with all that is for
/// column j+t, s·D bytes; then s−1 across, (k, j) → (k+t, j), q·D bytes. Where that is not so, or all
/// are on one server, pair by pair as `all_to_all`. Every phase is a permutation.
class hierarchical_all_to_all {
 public:
  /// \param bytes  D, for each pair, > 0
  hierarchical_all_to_all(const group& ranks, double bytes)
      : n_(ranks.gpus.size()), per_server_(detail::equal_share_of_servers(ranks)), bytes_(bytes) {
    if (per_server_ == n_) per_server_ = 1;
  }

  [[nodiscard]] std::size_t size() const {
    if (n_ < 2) return 0;
    return per_server_ > 1 ? per_server_ - 1 + n_ / per_server_ - 1 : n_ - 1;
  }

  /// O(ranks).
  phase write(std::size_t k, std::vector<flow>& out) const {
    assert(k < size());
    const std::size_t q = per_server_;
    if (q == 1) {
      detail::write_shift(n_, k + 1, out);
      return {.bytes = bytes_};
    }
    if (k >= q - 1) {
      detail::write_shift(n_, (k - (q - 1) + 1) * q, out);
      return {.bytes = bytes_ * static_cast<double>(q)};
    }
    detail::write_shift_within(n_, q, k + 1, out);
    return {.bytes = bytes_ * static_cast<double>(n_ / q)};
  }

 private:
  std::size_t n_, per_server_;
  double bytes_;
};

}  // namespace heddle::traffic
