// Migrations that make room for a waiting job.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include <heddle/place/defragment.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/schedule/decision.hpp>
#include <heddle/schedule/detail/booking.hpp>
#include <heddle/schedule/state.hpp>

namespace heddle::schedule::detail {

/// Starts the job at `slot` after the cheapest set of running jobs has moved out of its way, at most
/// `most_gpus` GPUs in all; false, and nothing changed, if there is no such set. Not in a decision
/// that has started or moved a job already: nobody moves twice at a time.
template <class Place>
bool start_after_moves(state& s, std::uint32_t slot, point p, const place::request& job,
                       int most_gpus, const Place& place, decision& d) {
  constexpr std::size_t most_trials = 200;
  if (!d.starts.empty() || !d.resizes.empty() || s.ledger.fabric().is_optical()) return false;
  place::defragmentation found =
      place::defragment(s.ledger, job, {.gpus = most_gpus, .trials = most_trials}, place);
  if (!found || found.plan->moves.empty()) return false;
  for (const place::migration& m : found.plan->moves) s.lift(s.slot_of(m.job));
  begin(s, slot, p, place::answer{std::move(found.plan->where)}, d);
  for (place::migration& m : found.plan->moves) {
    const std::uint32_t other = s.slot_of(m.job);
    d.resizes.push_back({m.job, *s.jobs[other].point, m.to, true});
    hold(s, other, place::answer{std::move(m.to)}, d);
  }
  return true;
}

}  // namespace heddle::schedule::detail
