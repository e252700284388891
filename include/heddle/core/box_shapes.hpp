// All shapes that a number of cells can have.
#pragma once

#include <algorithm>
#include <tuple>
#include <vector>

#include <heddle/core/shape.hpp>

namespace heddle {

/// All boxes of `cells` cells and three sides of at most 65 535, largest side first, in order of what
/// communicates best: the shortest longest side first, as the load of an all-to-all and the steps of a ring
/// grow with it, then the shortest second one. Empty if there is none. O(cells^(1/3) · cells^(1/2)).
[[nodiscard]] inline std::vector<box_shape> boxes_of(int cells) {
  std::vector<box_shape> out;
  for (int c = 1; c <= cells / c / c; ++c) {
    if (cells % c != 0) continue;
    for (int b = c; b <= cells / c / b; ++b)
      if (cells / c % b == 0 && cells / c / b <= 65535) out.push_back({cells / c / b, b, c});
  }
  std::sort(out.begin(), out.end(), [](const box_shape& x, const box_shape& y) {
    return std::tuple{x[0], x[1], x[2]} < std::tuple{y[0], y[1], y[2]};
  });
  return out;
}

}  // namespace heddle
