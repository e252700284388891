// All-reduce inside servers, and over two binary trees of servers.
#pragma once

#include <cassert>
#include <cstddef>
#include <vector>

#include <heddle/traffic/detail/servers.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>
#include <heddle/traffic/tree.hpp>

namespace heddle::traffic {

/// What collective libraries do on large jobs: every server adds up among its own q GPUs, then the GPUs of
/// each number add up over the servers by the two trees of `tree`, each number over its own cards, and hand the
/// sums around inside. q − 1 runs inside, the phases of the trees with D/q bytes, q − 1 runs inside.
/// Where the servers do not hold the same number of consecutive ranks it is a `tree` of all ranks.
/// Source: the trees as in `tree`; inside, the runs of the hierarchical ring stand for the libraries' chains.
class server_tree {
 public:
  /// \param bytes  D, > 0
  server_tree(const group& ranks, double bytes)
      : n_(ranks.gpus.size()), per_server_(detail::equal_share_of_servers(ranks)),
        bytes_(bytes / static_cast<double>(per_server_)), over_(n_ / per_server_, bytes_) {}

  [[nodiscard]] std::size_t size() const { return over_.size() + (per_server_ > 1 ? 2 : 0); }

  /// O(ranks).
  phase write(std::size_t k, std::vector<flow>& out) const {
    assert(k < size());
    const std::size_t q = per_server_;
    if (q == 1) return over_.write(k, out);
    if (k == 0 || k + 1 == size()) {
      detail::write_shift_within(n_, q, 1, out);
      return {.bytes = bytes_, .repeat = static_cast<int>(q) - 1};
    }
    const phase p = over_.write(k - 1, out);
    const std::size_t servers = out.size();
    out.resize(servers * q);
    for (std::size_t i = servers; i-- > 0;)
      for (std::size_t j = q; j-- > 0;)
        out[i * q + j] = {detail::u32(out[i].source * q + j), detail::u32(out[i].target * q + j)};
    return p;
  }

 private:
  std::size_t n_;
  std::size_t per_server_;
  double bytes_;  // of one column
  tree over_;     // servers in place of ranks
};

}  // namespace heddle::traffic
