// When running jobs finish.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace heddle::sim::detail {

/// A heap of jobs, named by their slots, with the one that finishes first on top; of those that
/// finish together the one submitted first. It knows where each job stands, so that a time can be
/// changed. O(log jobs) a change; memory O(jobs ever submitted).
class finish_queue {
 public:
  struct entry {
    double time_s = 0;
    std::uint32_t slot = 0;

    [[nodiscard]] bool comes_before(const entry& other) const {
      return time_s != other.time_s ? time_s < other.time_s : slot < other.slot;
    }
  };

  [[nodiscard]] bool empty() const { return heap_.empty(); }
  /// Precondition: not empty.
  [[nodiscard]] const entry& top() const { return heap_.front(); }

  /// Puts a job in, or gives one that is there another time.
  void set(std::uint32_t slot, double time_s) {
    if (slot >= place_.size()) place_.resize(slot + std::size_t{1}, nowhere);
    std::uint32_t at = place_[slot];
    if (at == nowhere) {
      at = static_cast<std::uint32_t>(heap_.size());
      heap_.emplace_back();
    }
    put(at, {time_s, slot});
  }
  /// Takes a job out. Precondition: it is there.
  void erase(std::uint32_t slot) {
    const std::uint32_t at = place_[slot];
    assert(at != nowhere);
    const entry last = heap_.back();
    heap_.pop_back();
    place_[slot] = nowhere;
    if (last.slot != slot) put(at, last);
  }

 private:
  static constexpr std::uint32_t nowhere = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::uint32_t children = 4;

  /// Puts `x` where it belongs, the node `at` being empty.
  void put(std::uint32_t at, const entry& x) {
    while (at > 0 && x.comes_before(heap_[(at - 1) / children])) {
      const std::uint32_t parent = (at - 1) / children;
      settle(at, heap_[parent]);
      at = parent;
    }
    const auto size = static_cast<std::uint32_t>(heap_.size());
    while (children * at + 1 < size) {
      const std::uint32_t first = children * at + 1, end = std::min(first + children, size);
      std::uint32_t least = first;
      for (std::uint32_t c = first + 1; c < end; ++c)
        if (heap_[c].comes_before(heap_[least])) least = c;
      if (!heap_[least].comes_before(x)) break;
      settle(at, heap_[least]);
      at = least;
    }
    settle(at, x);
  }
  void settle(std::uint32_t at, const entry x) {
    heap_[at] = x;
    place_[x.slot] = at;
  }

  std::vector<entry> heap_;
  std::vector<std::uint32_t> place_;  // in the heap, by slot
};

}  // namespace heddle::sim::detail
