// All-reduce over two binary trees.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <vector>

#include <heddle/traffic/detail/servers.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::traffic {

/// Two binary trees carry half of the D bytes each, in 32 chunks: up, then down, a chunk behind the
/// other, D/64 bytes a flow. Who has children in one tree is a leaf of the other (but rank 0, for odd
/// N), so that all cards are loaded alike. A rank sends or receives up to as many flows at once as it
/// has neighbours in both trees.
/// Source: Sanders, Speck, Träff, Parallel Computing 35 (2009).
class tree {
 public:
  /// In how many chunks the bytes are cut.
  static constexpr std::size_t chunks = 32;

  /// \param bytes  D, > 0
  tree(const group& ranks, double bytes) : tree(ranks.gpus.size(), bytes) {}
  /// Over `ranks` of them, 0 … ranks − 1.
  tree(std::size_t ranks, double bytes) : n_(ranks), bytes_(bytes) {
    if (n_ > 1) grow();
  }

  /// Chunk c is at level s − c in step s, of twice the depth levels. All steps with every level at
  /// work are one phase.
  [[nodiscard]] std::size_t size() const {
    const std::size_t levels = 2 * levels_.size();
    if (levels == 0) return 0;
    return levels <= chunks ? 2 * levels - 1 : chunks + levels - 1;
  }

  /// O(ranks).
  phase write(std::size_t k, std::vector<flow>& out) const {
    assert(k < size());
    out.clear();
    const std::size_t levels = 2 * levels_.size();
    int repeat = 1;
    std::size_t step = k;
    if (levels <= chunks) {
      if (k == levels - 1) repeat = static_cast<int>(chunks - levels) + 1;
      if (k >= levels) step += chunks - levels;
    }
    for (std::size_t e = 0; e < levels; ++e) {
      if (step < e || step - e >= chunks) continue;
      const bool is_up = e < levels_.size();
      for (const flow f : levels_[is_up ? e : levels - 1 - e])
        out.push_back(is_up ? f : flow{f.target, f.source});
    }
    return {.bytes = bytes_ / (2 * static_cast<double>(chunks)), .repeat = repeat};
  }

 private:
  /// The flows of each level of the two trees, from the deepest up to the roots.
  void grow() {
    // In-order binary tree over 0…N−1 with root 0: whoever has b as lowest bit set is above the two
    // at distance b/2; odd ranks are leafs.
    const auto parent = [this](std::size_t r) {
      const std::size_t low = r & (~r + 1), up = (r ^ low) | (low << 1);
      return up < n_ ? up : r ^ low;
    };
    std::vector<std::size_t> depth(n_, 0);
    std::size_t deepest = 0;
    for (std::size_t r = 1; r < n_; ++r) {
      for (std::size_t a = r; a != 0; a = parent(a)) ++depth[r];
      deepest = std::max(deepest, depth[r]);
    }
    // The second tree: mirrored for even N, shifted by one for odd N, so that odd and even change.
    const auto other = [this](std::size_t r) { return n_ % 2 ? (r + 1) % n_ : n_ - 1 - r; };
    levels_.assign(deepest, {});
    for (std::size_t r = 1; r < n_; ++r) {
      auto& level = levels_[deepest - depth[r]];
      level.push_back({detail::u32(r), detail::u32(parent(r))});
      level.push_back({detail::u32(other(r)), detail::u32(other(parent(r)))});
    }
  }

  std::size_t n_;
  double bytes_;
  std::vector<std::vector<flow>> levels_;
};

}  // namespace heddle::traffic
