// A symmetric matrix of wanted circuits as A + Aᵀ, row and column sums as even as integers can be.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace heddle::optical {

/// Circuits wanted between two different leafs (or pods), whichever way they are drawn.
struct wanted_pair {
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  int circuits = 1;
};

/// Of a wanted pair, how many circuits run from `a` to `b`; the others run from `b` to `a`.
///
/// Every pair of n circuits has ⌊n/2⌋ or ⌈n/2⌉ each way, and a leaf of d circuits sends and receives
/// ⌊d/2⌋ or ⌈d/2⌉: half of each pair goes either way, and what is left, at most one circuit a pair, is
/// directed along Euler trails, in which odd leafs are the ends. So the symmetric matrix C is A + Aᵀ
/// with entries, row and column sums of A within ⌊·/2⌋ and ⌈·/2⌉: LumosCore's decomposition
/// (arXiv 2411.01503), there by min-cost flow, here in O(pairs + leafs). The method is derived.
///
/// Keeps its memory between calls. One writer.
class symmetric_split {
 public:
  /// \returns  for each pair the circuits from `a` to `b`; valid until the next call
  /// Precondition: a ≠ b < leafs, circuits ≥ 0. A pair may be named several times.
  std::span<const int> operator()(std::size_t leafs, std::span<const wanted_pair> pairs) {
    forth_.clear();
    first_.assign(leafs + 2, 0);
    for (const wanted_pair& k : pairs) {
      assert(k.a != k.b && k.a < leafs && k.b < leafs && k.circuits >= 0);
      forth_.push_back(k.circuits / 2);
      if (k.circuits % 2 == 0) continue;
      ++first_[k.a + 2];
      ++first_[k.b + 2];
    }
    for (std::size_t i = 2; i < first_.size(); ++i) first_[i] += first_[i - 1];
    odd_.resize(first_.back());
    for (std::uint32_t i = 0; i < pairs.size(); ++i)
      if (pairs[i].circuits % 2) {
        odd_[first_[pairs[i].a + 1]++] = i;
        odd_[first_[pairs[i].b + 1]++] = i;
      }
    next_.assign(first_.begin(), first_.end() - 1);
    is_drawn_.assign(pairs.size(), false);
    left_.resize(leafs);
    for (std::size_t l = 0; l < leafs; ++l) left_[l] = first_[l + 1] - first_[l];
    // Trails between leafs with an odd number left first. Then all numbers are even and trails close.
    for (std::uint32_t l = 0; l < leafs; ++l)
      if (left_[l] % 2) draw(l, pairs);
    for (std::uint32_t l = 0; l < leafs; ++l) draw(l, pairs);
    return forth_;
  }

 private:
  /// Follows circuits that have no direction yet, from `l` until there is no way on: at another leaf
  /// with an odd number left, or at `l` itself.
  void draw(std::uint32_t l, std::span<const wanted_pair> pairs) {
    for (;;) {
      while (next_[l] < first_[l + 1] && is_drawn_[odd_[next_[l]]]) ++next_[l];
      if (next_[l] == first_[l + 1]) return;
      const std::uint32_t i = odd_[next_[l]++];
      is_drawn_[i] = true;
      --left_[pairs[i].a];
      --left_[pairs[i].b];
      forth_[i] += pairs[i].a == l;
      l = pairs[i].a == l ? pairs[i].b : pairs[i].a;
    }
  }

  std::vector<int> forth_;
  std::vector<std::uint32_t> first_, next_, odd_;  // the pairs with a circuit left over, by leaf
  std::vector<std::uint32_t> left_;                // of these, without a direction yet, by leaf
  std::vector<char> is_drawn_;
};

}  // namespace heddle::optical
