// Which parts are out of order, each by itself.
#pragma once

#include <cstddef>
#include <vector>

#include <heddle/core/bits.hpp>

namespace heddle::fabric::detail {

/// A set of numbered parts that knows whether it is empty: a repaired server does not repair a GPU
/// that failed on its own, so every part has a mark to itself.
class marks {
 public:
  explicit marks(std::size_t parts = 0) : bits_(1, parts) {}

  [[nodiscard]] bool contains(std::size_t part) const { return test_bit(bits_[0], part); }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  /// Sets the mark of `part`, or takes it away. \returns whether that changed it
  bool set(std::size_t part, bool failed) {
    if (contains(part) == failed) return false;
    if (failed)
      set_bit(bits_[0], part);
    else
      clear_bit(bits_[0], part);
    count_ += failed ? 1 : -1;
    return true;
  }

  friend bool operator==(const marks&, const marks&) = default;

 private:
  bit_matrix bits_;  // one row
  int count_ = 0;
};

}  // namespace heddle::fabric::detail
