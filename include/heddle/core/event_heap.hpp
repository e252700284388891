// Events that may still move in time, the next of them on top.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace heddle {

/// A heap of at most one event a slot, by time and then by slot, so that the order of events does not
/// depend on how they came in. It knows where each slot's event stands: O(log n) to move or take out any.
class event_heap {
 public:
  struct event {
    double time_s = 0;
    std::uint32_t slot = 0;

    [[nodiscard]] bool before(const event& b) const {
      return time_s != b.time_s ? time_s < b.time_s : slot < b.slot;
    }
  };

  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] std::size_t size() const { return heap_.size(); }
  [[nodiscard]] bool contains(std::uint32_t slot) const {
    return slot < place_.size() && place_[slot] != nowhere;
  }
  /// Precondition: not empty.
  [[nodiscard]] const event& top() const {
    assert(!empty());
    return heap_.front();
  }

  /// The slot's event happens at `time_s`, whether it had one or not. `time_s` is not NaN.
  void set(std::uint32_t slot, double time_s) {
    if (slot >= place_.size()) place_.resize(slot + std::size_t{1}, nowhere);
    std::size_t at = place_[slot];
    if (at == nowhere) {
      at = heap_.size();
      heap_.push_back({});
    }
    put({time_s, slot}, at);
  }

  /// The slot has no event any more. Nothing happens if it had none.
  void erase(std::uint32_t slot) {
    if (!contains(slot)) return;
    const std::size_t hole = place_[slot];
    place_[slot] = nowhere;
    const event last = heap_.back();
    heap_.pop_back();
    if (hole < heap_.size()) put(last, hole);
  }

 private:
  static constexpr std::uint32_t nowhere = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::size_t arity = 4;  // shallower than two, and four events share a cache line

  // Writes an event into the hole at `at`, which moves to where the event belongs.
  void put(const event& e, std::size_t at) {
    for (; at > 0 && e.before(heap_[(at - 1) / arity]); at = (at - 1) / arity)
      write(heap_[(at - 1) / arity], at);
    for (;;) {
      const std::size_t first = arity * at + 1;
      if (first >= heap_.size()) break;
      std::size_t next = first;
      for (std::size_t c = first + 1; c < first + arity && c < heap_.size(); ++c)
        if (heap_[c].before(heap_[next])) next = c;
      if (!heap_[next].before(e)) break;
      write(heap_[next], at);
      at = next;
    }
    write(e, at);
  }
  void write(const event& e, std::size_t at) {
    heap_[at] = e;
    place_[e.slot] = static_cast<std::uint32_t>(at);
  }

  std::vector<event> heap_;
  std::vector<std::uint32_t> place_;  // by slot
};

}  // namespace heddle
