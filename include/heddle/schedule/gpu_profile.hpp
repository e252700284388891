// Free GPUs over time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <heddle/core/moment.hpp>
#include <heddle/schedule/active_job.hpp>
#include <heddle/schedule/forecast.hpp>

namespace heddle::schedule {

/// Free GPUs over time as a step function, from which jobs take their part.
class gpu_profile {
 public:
  /// From the present free GPUs and the expected finishes of those running.
  template <class State>
  void start(const State& s, double now_s) {
    finishes_of(s, now_s, finishes_);
    steps_.clear();
    steps_.push_back({now_s, s.ledger.free_gpus()});
    for (const expected_finish& f : finishes_) {
      if (!no_later(f.at_s, steps_.back().from_s)) steps_.push_back({f.at_s, steps_.back().free});
      steps_.back().free += s.jobs[f.slot].point()->config.gpus;
    }
  }
  /// Forgets what was before `now_s`. O(steps).
  void advance(double now_s) {
    const std::size_t now = step_at(now_s);
    steps_.erase(steps_.begin(), steps_.begin() + static_cast<std::ptrdiff_t>(now));
    steps_.front().from_s = now_s;
  }
  /// At the time of `start` or `advance`, less what was taken since.
  [[nodiscard]] int free_now() const { return steps_.front().free; }
  [[nodiscard]] int free_at(double t) const { return steps_[step_at(t)].free; }
  /// The earliest time, not before `from_s`, from which `gpus` are free for `run_s`. Infinite if
  /// there is none. O(steps).
  [[nodiscard]] double earliest(int gpus, double run_s, double from_s) const {
    double since = std::numeric_limits<double>::infinity();
    for (std::size_t i = step_at(from_s); i < steps_.size(); ++i) {
      if (steps_[i].free < gpus) {
        since = std::numeric_limits<double>::infinity();
        continue;
      }
      since = std::min(since, std::max(from_s, steps_[i].from_s));
      const double end =
          i + 1 < steps_.size() ? steps_[i + 1].from_s : std::numeric_limits<double>::infinity();
      if (no_later(since + run_s, end)) return since;
    }
    return since;
  }
  /// The first step after `now_s`, or infinite.
  [[nodiscard]] double next_step(double now_s) const {
    for (const step& x : steps_)
      if (!no_later(x.from_s, now_s)) return x.from_s;
    return std::numeric_limits<double>::infinity();
  }
  /// Takes `gpus` in [from_s, from_s + run_s). O(steps).
  void take(int gpus, double from_s, double run_s) {
    if (!(from_s < std::numeric_limits<double>::infinity())) return;
    const std::size_t first = cut(from_s), last = cut(from_s + run_s);
    for (std::size_t i = first; i < last; ++i) steps_[i].free -= gpus;
  }

 private:
  struct step {
    double from_s = 0;
    int free = 0;
  };
  /// The step in which `t` lies; one that ends then, rounding apart, has ended.
  [[nodiscard]] std::size_t step_at(double t) const {
    const auto after = std::partition_point(steps_.begin() + 1, steps_.end(),
                                            [&](const step& x) { return no_later(x.from_s, t); });
    return static_cast<std::size_t>(after - steps_.begin()) - 1;
  }
  /// The place of the step that begins at `t`, made if there is none.
  std::size_t cut(double t) {
    const auto same =
        std::lower_bound(steps_.begin(), steps_.end(), t,
                         [](const step& x, double y) { return !no_later(y, x.from_s); });
    const auto place = static_cast<std::size_t>(same - steps_.begin());
    if (same != steps_.end() && no_later(same->from_s, t)) return place;
    steps_.insert(same, {t, steps_[place - 1].free});
    return place;
  }

  std::vector<step> steps_;
  std::vector<expected_finish> finishes_;
};

}  // namespace heddle::schedule
