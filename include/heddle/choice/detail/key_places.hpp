// Numbers that name things which move.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace heddle::choice::detail {

/// Keys and the places of what they name; a key that was given back is given again, the least first.
class key_places {
 public:
  std::uint32_t take(std::size_t place) {
    if (free_.empty()) {
      place_.push_back(static_cast<std::uint32_t>(place));
      return static_cast<std::uint32_t>(place_.size() - 1);
    }
    std::pop_heap(free_.begin(), free_.end(), std::greater<>{});
    const std::uint32_t key = free_.back();
    free_.pop_back();
    move(key, place);
    return key;
  }
  void give_back(std::uint32_t key) {
    free_.push_back(key);
    std::push_heap(free_.begin(), free_.end(), std::greater<>{});
  }
  void move(std::uint32_t key, std::size_t place) {
    place_[key] = static_cast<std::uint32_t>(place);
  }
  [[nodiscard]] std::size_t operator[](std::uint32_t key) const { return place_[key]; }

 private:
  std::vector<std::uint32_t> place_, free_;
};

}  // namespace heddle::choice::detail
