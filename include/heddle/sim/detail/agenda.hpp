// What is to come in a simulation.
#pragma once

#include <algorithm>
#include <cmath>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include <heddle/core/event_heap.hpp>
#include <heddle/core/job.hpp>
#include <heddle/core/moment.hpp>
#include <heddle/core/node_event.hpp>
#include <heddle/sim/detail/feed.hpp>

namespace heddle::sim::detail {

/// A job or a server is ready: a job's GPUs and circuits, a server that wakes.
struct timer {
  double time_s = 0;
  bool is_server = false;
  std::uint32_t index = 0;  ///< slot or server

  friend auto operator<=>(const timer&, const timer&) = default;
};

/// Submissions and failures as they were given, finishes and timers as they arise, and when the
/// scheduler wants to be asked again.
/// \tparam Feed  of detail/feed.hpp
template <class Feed>
class agenda {
 public:
  static constexpr double never = std::numeric_limits<double>::infinity();

  /// Both must outlive this.
  agenda(Feed& jobs, std::span<const node_event> failures) : jobs_(jobs), failures_(failures) {}

  event_heap finishes;
  double again_s = never;

  /// Whether anything can still happen.
  [[nodiscard]] bool goes_on(bool somebody_waits) const {
    if (jobs_.ahead() || !finishes.empty()) return true;
    return somebody_waits && (next_failure_ < failures_.size() || again_s < never);
  }
  /// Whether nobody runs and nobody is to be submitted.
  [[nodiscard]] bool is_over() const { return finishes.empty() && !jobs_.ahead(); }
  /// When something happens next, not before `now_s`. What differs by rounding alone is one moment: that
  /// of the time that was given, if there is one.
  [[nodiscard]] double next_s(double now_s) const {
    const double given = std::min(failure_s(), submission_s());
    double t = std::min(again_s, given);
    if (!finishes.empty()) t = std::min(t, finishes.top().time_s);
    if (!timers_.empty()) t = std::min(t, timers_.front().time_s);
    return std::max(given <= with_rounding(t) ? given : t, now_s);
  }
  [[nodiscard]] double submission_s() const {
    const job* const next = jobs_.ahead();
    return next ? next->submit_s : never;
  }
  [[nodiscard]] double failure_s() const {
    return next_failure_ < failures_.size() ? failures_[next_failure_].time_s : never;
  }

  // The next of a kind that is due at `at`, or nothing; it is taken off the agenda. A finish stays
  // until its job leaves.
  [[nodiscard]] std::optional<std::uint32_t> finish_due(double at) const {
    if (finishes.empty() || finishes.top().time_s > with_rounding(at)) return std::nullopt;
    return finishes.top().slot;
  }
  [[nodiscard]] const node_event* take_failure(double at) {
    if (next_failure_ >= failures_.size() || failure_s() > at) return nullptr;
    return &failures_[next_failure_++];
  }
  [[nodiscard]] std::optional<newcomer> take_submission(double at) {
    if (!jobs_.ahead() || submission_s() > at) return std::nullopt;
    return jobs_.take();
  }
  [[nodiscard]] std::optional<timer> take_timer(double at) {
    if (timers_.empty() || timers_.front().time_s > at) return std::nullopt;
    std::pop_heap(timers_.begin(), timers_.end(), is_later);
    const timer t = timers_.back();
    timers_.pop_back();
    return t;
  }
  void add(const timer& t) {
    timers_.push_back(t);
    std::push_heap(timers_.begin(), timers_.end(), is_later);
  }

 private:
  static bool is_later(const timer& a, const timer& b) { return a > b; }
  static double with_rounding(double t) { return t + rounding_of_times * std::abs(t); }

  Feed& jobs_;
  std::span<const node_event> failures_;
  std::size_t next_failure_ = 0;
  std::vector<timer>
      timers_;  // a heap, the next first (<queue> would bring <deque> to all who simulate)
};

}  // namespace heddle::sim::detail
