// What a scheduler may do besides starting jobs in their order.
#pragma once

#include <cstddef>
#include <limits>
#include <string_view>

namespace heddle::schedule {

/// Which jobs may start when one before them in the queue cannot.
///
///     kind           behind a blocked job start                        the blocked job waits
///     none           none                                              for those that run
///     greedy         all that fit                                      for ever, maybe
///     easy           those that do not delay the first blocked one     for those that run
///     conservative   those that delay no job before them               for those before it
///
/// `easy` reserves GPUs *and links*: the placement that the blocked job could have at the earliest
/// time that those running leave it one. `conservative` reserves GPUs by number alone, which is as
/// good where any GPUs will do. Both trust the run times of the trace.
/// Reference: Lifka, The ANL/IBM SP scheduling system, 1995 (EASY); Mu'alem and Feitelson, IEEE TPDS
/// 12(6), 2001. Reserving links is derived.
enum class backfill : unsigned char { none, greedy, easy, conservative };

[[nodiscard]] constexpr std::string_view name(backfill b) {
  switch (b) {
  case backfill::none:
    break;
  case backfill::greedy:
    return "greedy";
  case backfill::easy:
    return "easy";
  case backfill::conservative:
    return "conservative";
  }
  return "none";
}

/// Energy that the whole cluster may use, idle parts and switches included.
struct energy_budget {
  double energy_j = std::numeric_limits<double>::infinity();
  /// If finite, so much comes in evenly in each such time, what is not spent stays, and the budget is
  /// handed out as a power limit. If infinite, it is for all there is to do and binds when it runs out.
  double horizon_s = std::numeric_limits<double>::infinity();
  /// When it is used up, running jobs stop. Else they go on at the clock that spends least energy,
  /// and none start.
  bool hard = false;

  [[nodiscard]] bool limited() const { return energy_j < std::numeric_limits<double>::infinity(); }
  [[nodiscard]] bool recurs() const { return horizon_s < std::numeric_limits<double>::infinity(); }
};

struct scheduler_options {
  /// Power of the whole cluster, idle parts and switches included, in W.
  double power_budget_w = std::numeric_limits<double>::infinity();
  /// An elastic job grows only if that shortens the rest of its run by at least this much, in s.
  double least_gain_s = 60;
  schedule::backfill backfill = schedule::backfill::none;
  std::size_t depth = 1000;  ///< jobs looked at behind a blocked one
  /// A job may stop running ones that it outranks (order::outranks). Not for elastic allocations,
  /// which give and take themselves.
  bool preemptive = false;
  /// A job that has waited longer, in s, goes before all others of its priority class, by
  /// submission, and nothing starts that would delay the first of them. So it waits at most
  ///
  ///     patience + (k + 1) · D
  ///
  /// for k jobs submitted before it that wait too, and D the longest run time (derived; for an
  /// allocation that is not elastic, and if each job can be placed on the empty cluster).
  double patience_s = std::numeric_limits<double>::infinity();
  /// Allocation asks placement what is possible. Where a job gets what it asked for: one whose GPUs
  /// cannot be placed now takes another number within its elastic range if that can, and its curve
  /// says that it will be done sooner than by waiting for those running. With an elastic allocation:
  /// what it gives is tried out first; a job for which placement has fewer GPUs may have no more than
  /// those, and what they leave is allocated again, up to three times. Derived.
  bool joint = false;
  /// Compaction: if enough GPUs are free, but not where the placement wants them, running jobs of so
  /// many GPUs in all may migrate to make room for one job, the cheapest set that does. Not for
  /// elastic allocations, nor on optical fabrics. 0: nobody moves.
  int most_moved_gpus = 0;
  /// An idle server is switched off after this time, in s; `break_even_s` is a good one.
  double off_after_s = std::numeric_limits<double>::infinity();
  energy_budget energy = {};
};

}  // namespace heddle::schedule
