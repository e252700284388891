// What bounds a scheduler, whatever its parts.
#pragma once

#include <limits>

namespace heddle::schedule {

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
  /// A job that has waited longer, in s, goes before all others of its priority class, by
  /// submission, and nothing starts that would delay the first of them. So it waits at most
  ///
  ///     patience + (k + 1) · D
  ///
  /// for k jobs submitted before it that wait too, and D the longest run time (derived; for an
  /// allocation that is not elastic, and if each job can be placed on the empty cluster).
  double patience_s = std::numeric_limits<double>::infinity();
  /// An idle server is switched off after this time, in s; `break_even_s` is a good one.
  double off_after_s = std::numeric_limits<double>::infinity();
  energy_budget energy = {};
  /// What a joule costs, in weighted job-seconds: clocks faster than that is worth to a job are not given.
  double energy_price = 0;
};

}  // namespace heddle::schedule
