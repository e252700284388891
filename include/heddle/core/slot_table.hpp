// Things with rising numbers of which few are there at a time.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace heddle {

/// Things numbered as they come: their *slots*, 0, 1, …, never used again. One that is not needed any more is
/// forgotten, and its memory goes to one that comes: 4 bytes stay. All calls O(1). References hold until something
/// is added. One writer.
template <class T>
class slot_table {
 public:
  /// Slots given so far.
  [[nodiscard]] std::size_t size() const { return cell_of_.size(); }
  [[nodiscard]] bool holds(std::size_t slot) const {
    return slot < cell_of_.size() && cell_of_[slot] != nowhere;
  }
  // Precondition: the slot holds something.
  [[nodiscard]] T& operator[](std::size_t slot) { return cells_[cell_of_[slot]]; }
  [[nodiscard]] const T& operator[](std::size_t slot) const { return cells_[cell_of_[slot]]; }

  /// \returns  its slot
  std::uint32_t add(T thing) {
    const auto slot = static_cast<std::uint32_t>(size());
    if (free_.empty()) {
      cell_of_.push_back(static_cast<std::uint32_t>(cells_.size()));
      cells_.push_back(std::move(thing));
    } else {
      cell_of_.push_back(free_.back());
      cells_[free_.back()] = std::move(thing);
      free_.pop_back();
    }
    return slot;
  }
  /// Precondition: the slot holds something.
  void forget(std::uint32_t slot) {
    assert(holds(slot));
    free_.push_back(std::exchange(cell_of_[slot], nowhere));
  }
  /// Calls `f(thing)` for all that are there, by slot. O(slots given).
  template <class F>
  void for_each(F&& f) {
    for (std::uint32_t slot = 0; slot < size(); ++slot)
      if (holds(slot)) f((*this)[slot]);
  }

 private:
  static constexpr std::uint32_t nowhere = std::numeric_limits<std::uint32_t>::max();

  std::vector<std::uint32_t> cell_of_, free_;
  std::vector<T> cells_;
};

}  // namespace heddle
