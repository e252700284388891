// What is left to decide when the jobs are: servers, and when to look again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/order/order.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/schedule/budget.hpp>
#include <heddle/schedule/decision.hpp>
#include <heddle/schedule/detail/booking.hpp>
#include <heddle/schedule/options.hpp>

namespace heddle::schedule::detail {

/// The energy is used up: nothing starts; what runs goes on at the clock that spends least energy, or stops
/// if `hard`.
template <class State>
void save_energy(State& s, std::size_t queued, bool hard, decision& d) {
  while (hard && !s.running.empty()) stop(s, s.running.back(), d);
  for (std::uint32_t slot : s.running) {
    const auto& j = s.jobs[slot];
    const point p = j.curve->of(*j.point()).most_efficient(j.point()->config.gpus);
    if (p != j.point()) change_point(s, slot, p, d);
  }
  if (queued > 0)
    d.waiting.push_back({s.jobs[s.waiting.front()].spec->id, place::wait_reason::budget});
}

/// Switches servers off that have been idle for `after_s`, and asks to be called when the next will.
template <class State>
void switch_off_idle(State& s, double after_s, decision& d) {
  if (after_s == std::numeric_limits<double>::infinity()) return;
  const auto& dc = s.ledger.hosts();
  for (server_id x : dc.all_servers()) {
    const int gpus = static_cast<int>(dc.gpus_of(x).size());
    const double due = s.servers.idle_since_s(x) + after_s;
    if (gpus == 0 || due == std::numeric_limits<double>::infinity() || s.ledger.free_gpus(x) < gpus)
      continue;
    if (due > s.now_s) {
      d.again_s = std::min(d.again_s, due);
      continue;
    }
    s.servers.switch_off(x);
    d.servers_off.push_back(x);
  }
}

/// When things change although nobody comes or goes: claims that age, rounds that end, energy used up.
template <class State, class Parts>
void look_again(const State& s, const Parts& parts, const scheduler_options& o, decision& d) {
  if constexpr (order::AgeingOrder<decltype(parts.order)>)
    if (parts.means.may_stop() && !s.waiting.empty())
      for (std::uint32_t slot : s.running) {
        const auto& j = s.jobs[slot];
        const double from_s = std::max(s.now_s, j.since_s);
        d.again_s = std::min(
            d.again_s, from_s + parts.order.steady_for_s(j.queue_entry(from_s, parts.patience_s),
                                                         j.point()->config.gpus));
      }
  if constexpr (allocate::TimeSharing<decltype(parts.allocate)>)
    if (!s.waiting.empty() && !s.running.empty())
      d.again_s = std::min(d.again_s, s.now_s + parts.allocate.round_length_s());
  const bool for_budget = std::any_of(d.waiting.begin(), d.waiting.end(), [](const blocked& b) {
    return b.why == place::wait_reason::budget;
  });
  d.again_s = std::min(d.again_s, budget_changes_s(o, s, for_budget));
}

}  // namespace heddle::schedule::detail
