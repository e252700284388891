// The queue in its order.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <heddle/order/order.hpp>
#include <heddle/schedule/detail/identity.hpp>

namespace heddle::schedule {

/// Puts the waiting jobs of a state in an order, and remembers how many stand in it since when, so that
/// a queue of thousands is not gone through for one more. Another state than the last is put in order
/// from the beginning. One writer.
class queue {
 public:
  /// Jobs that stand in order: all but those that were stopped since.
  [[nodiscard]] std::size_t size() const { return size_; }

  /// Puts newcomers in their places. Those that were there keep their order among themselves, unless
  /// jobs have become overdue: have waited `patience_s`.
  template <class State, order::OrderPolicy Order>
  void put_in_order(State& s, Order& by, double patience_s) {
    const auto goes_first = [&](std::uint32_t a, std::uint32_t b) {
      return order::before(by, s.jobs[a].queue_entry(s.now_s, patience_s),
                           s.jobs[b].queue_entry(s.now_s, patience_s));
    };
    if (!s.identity().is(of_) || size_ > s.waiting.size()) {
      of_ = s.identity().known_by();
      size_ = 0;
    } else if (some_became_overdue(s, patience_s)) {
      std::sort(s.waiting.begin(), s.waiting.end(), goes_first);
      size_ = s.waiting.size();
    }
    for (; size_ < s.waiting.size(); ++size_) {
      const auto newcomer = s.waiting.begin() + static_cast<std::ptrdiff_t>(size_);
      const auto place = std::upper_bound(s.waiting.begin(), newcomer, *newcomer, goes_first);
      std::rotate(place, newcomer, newcomer + 1);
    }
    since_s_ = s.now_s;
  }

  /// Takes those out that run now; jobs stopped just now stand behind.
  template <class State>
  void drop_started(State& s) {
    const auto first = s.waiting.begin(), last = first + static_cast<std::ptrdiff_t>(size_);
    const auto kept =
        std::remove_if(first, last, [&](std::uint32_t slot) { return s.jobs[slot].running(); });
    size_ -= static_cast<std::size_t>(last - kept);
    s.waiting.erase(kept, last);
  }

 private:
  template <class State>
  [[nodiscard]] bool some_became_overdue(const State& s, double patience_s) const {
    if (patience_s == std::numeric_limits<double>::infinity()) return false;
    return std::any_of(s.waiting.begin(), s.waiting.end(), [&](std::uint32_t slot) {
      return s.jobs[slot].queue_entry(s.now_s, patience_s).overdue &&
             !s.jobs[slot].queue_entry(since_s_, patience_s).overdue;
    });
  }

  detail::identity::tag of_;
  std::size_t size_ = 0;
  double since_s_ = 0;
};

}  // namespace heddle::schedule
