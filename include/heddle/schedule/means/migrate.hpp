// Running jobs make room by moving.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include <heddle/fabric/ledger.hpp>
#include <heddle/place/defragment.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/schedule/desk.hpp>

namespace heddle::schedule {

/// Compaction: where enough GPUs are free, but not where the placement wants them, the cheapest set of
/// running jobs that makes room moves elsewhere (place/defragment.hpp), with the scheduler's own placement.
/// Not in a decision that has started or moved a job already, so that nobody moves twice at a time. Not
/// where links are circuits.
struct migrate {
  int most_gpus = 64;             ///< of all that move for one job; 0: nobody moves
  std::size_t most_trials = 200;  ///< sets of jobs looked at for one job

  template <class Ledger>
  static constexpr bool works_on = !fabric::RewirableLedger<Ledger>;

  template <class Desk>
  bool operator()(Desk& d, const hindered& job) const {
    const auto& ledger = d.state().ledger;
    static_assert(
        works_on<typename Desk::ledger>,
        "migrate moves jobs between GPUs and fixed links; on a fabric of circuits there is "
        "place::ocs_vclos{.may_move = …} for it");
    if (job.why != place::wait_reason::gpu_fragmentation || most_gpus <= 0) return false;
    if (!d.decided().starts.empty() || !d.decided().resizes.empty()) return false;
    place::defragmentation found =
        place::defragment(ledger, d.request_of(job.slot, *job.wanted),
                          {.gpus = most_gpus, .trials = most_trials}, std::as_const(d.place()));
    if (!found || found.plan->moves.empty()) return false;
    for (const place::migration& m : found.plan->moves) (void)d.lift(d.state().slot_of(m.job));
    d.start(job.slot, job.wanted, place::answer{std::move(found.plan->where)});
    for (place::migration& m : found.plan->moves) {
      const std::uint32_t other = d.state().slot_of(m.job);
      d.move_to(other, d.job(other).point(), place::answer{std::move(m.to)});
    }
    return true;
  }

  friend bool operator==(const migrate&, const migrate&) = default;
};

}  // namespace heddle::schedule
