// All-reduce around a ring.
#pragma once

#include <cassert>
#include <cstddef>
#include <vector>

#include <heddle/traffic/detail/servers.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::traffic {

/// N ranks hold D bytes each and add them up around a ring, then pass the sums around.
/// - N ≤ g, the size of a server: 2(N−1) runs of i → i±1, both directions at once, D/2N bytes a flow.
/// - *Hierarchical*, if N is a multiple of g and every server used holds the same number q > 1 of
///   consecutive ranks: q−1 runs inside the servers, 2(N/q−1) across, q−1 inside.
/// - Else 2(N−1) runs of i → i+1, D/N bytes a flow.
///
/// All but the first are partial permutations: each rank sends at most one flow and receives at most
/// one.
class ring {
 public:
  /// \param bytes  D, > 0
  ring(const group& ranks, double bytes) : n_(ranks.gpus.size()), bytes_(bytes) {
    two_way_ = n_ <= static_cast<std::size_t>(ranks.gpus_per_server);
    if (!two_way_) per_server_ = detail::equal_share_of_servers(ranks);
  }

  [[nodiscard]] std::size_t size() const { return n_ < 2 ? 0 : per_server_ > 1 ? 3 : 1; }

  /// O(ranks).
  phase write(std::size_t k, std::vector<flow>& out) const {
    assert(k < size());
    const int around = 2 * (static_cast<int>(n_) - 1);
    const double d = bytes_ / static_cast<double>(n_);
    if (two_way_) {
      out.clear();
      for (std::size_t i = 0; i < n_; ++i) {
        out.push_back({detail::u32(i), detail::u32((i + 1) % n_)});
        out.push_back({detail::u32(i), detail::u32((i + n_ - 1) % n_)});
      }
      return {.bytes = d / 2, .repeat = around};
    }
    const std::size_t q = per_server_;
    if (q == 1) {
      detail::write_shift(n_, 1, out);
      return {.bytes = d, .repeat = around};
    }
    if (k == 1) {
      detail::write_shift(n_, q, out);
      return {.bytes = d, .repeat = 2 * (static_cast<int>(n_ / q) - 1)};
    }
    detail::write_shift_within(n_, q, 1, out);
    return {.bytes = bytes_ / static_cast<double>(q), .repeat = static_cast<int>(q) - 1};
  }

 private:
  std::size_t n_;
  double bytes_;
  bool two_way_ = false;
  std::size_t per_server_ = 1;  // 1 flat, q > 1 hierarchical
};

}  // namespace heddle::traffic
