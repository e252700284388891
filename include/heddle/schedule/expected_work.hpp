// What jobs are expected to have left, where nobody states it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/order/run_history.hpp>
#include <heddle/schedule/detail/identity.hpp>

namespace heddle::schedule {

/// Writes `active_job::expected_s` before a decision, by the run times of those jobs of the state that have ended by
/// then: policies, queue and look ahead see that in place of what is really left. A running job's rises and falls with
/// the time that it has run; a waiting one keeps the one with which it came into the queue, so that the order stands.
/// Another state than the last is followed from the beginning. O(jobs unfinished · log jobs). One writer.
class expected_work {
 public:
  order::run_history past;

  template <class State>
  void operator()(State& s) {
    if (!s.identity().is(of_) || s.jobs.size() < seen_.size()) {
      *this = {};
      of_ = s.identity().known_by();
    }
    seen_.resize(s.jobs.size(), 0);
    ++now_;
    for (const auto* all : {&s.running, &s.waiting})
      for (std::uint32_t slot : *all) seen_[slot] = now_;
    for (std::uint32_t slot : unfinished_)
      if (seen_[slot] != now_) past.add(*s.jobs[slot].spec);
    unfinished_.assign(s.running.begin(), s.running.end());
    unfinished_.insert(unfinished_.end(), s.waiting.begin(), s.waiting.end());
    for (std::uint32_t slot : s.running) guess(s, slot);
    waits_.resize(s.jobs.size(), 0);
    for (std::uint32_t slot : s.running) waits_[slot] = 0;
    for (std::uint32_t slot : s.waiting)
      if (!waits_[slot]) {
        guess(s, slot);
        waits_[slot] = 1;
      }
  }

 private:
  template <class State>
  void guess(State& s, std::uint32_t slot) const {
    auto& j = s.jobs[slot];
    const order::run_guess g = past(*j.spec, j.spec->duration_s - j.remaining_at(s.now_s));
    j.expected_s = g.left_s;
    j.expected_spread = g.spread;
  }

  detail::identity::tag of_;
  std::uint64_t now_ = 0;
  std::vector<std::uint64_t> seen_;  // by slot: the last decision at which it was unfinished
  std::vector<std::uint32_t> unfinished_;
  std::vector<std::uint8_t> waits_;  // by slot
};

}  // namespace heddle::schedule
