// Virtual Clos networks on leafs or units of any sizes, by brute force.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace heddle::test {

/// Whether `left` of n items can be had from the sizes from i on, as many flows leaving each as `width` at most.
inline bool splits(int n, int left, int width, const std::vector<int>& sizes, std::size_t i = 0) {
  if (left == 0) return true;
  if (i == sizes.size()) return false;
  for (int k = 0; k <= std::min(sizes[i], left); ++k)
    if (std::min(k, n - k) <= width && splits(n, left - k, width, sizes, i + 1)) return true;
  return false;
}

}  // namespace heddle::test
