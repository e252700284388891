// Random numbers for property tests, the same with every compiler.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <heddle/core/random.hpp>

namespace heddle::test {

/// Draws from the stream (seed, 0, "test"). Print the seed when a test fails.
class dice {
 public:
  explicit dice(std::uint64_t seed) : bits_(seed, 0, "test") {}

  /// In [0, 1).
  double real() { return static_cast<double>(bits_() >> 11) * 0x1p-53; }
  /// In [0, n).
  std::size_t index(std::size_t n) {
    return static_cast<std::size_t>(real() * static_cast<double>(n));
  }
  /// In [low, high].
  int between(int low, int high) {
    return low + static_cast<int>(index(static_cast<std::size_t>(high - low + 1)));
  }
  bool chance(double p) { return real() < p; }
  template <class T>
  void shuffle(std::vector<T>& xs) {
    for (std::size_t i = xs.size(); i > 1; --i) std::swap(xs[i - 1], xs[index(i)]);
  }

 private:
  stream bits_;
};

}  // namespace heddle::test
