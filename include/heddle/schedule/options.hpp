// What bounds a scheduler, whatever its parts.
#pragma once

#include <algorithm>
#include <limits>
#include <memory>

#include <heddle/allocate/energy_plan.hpp>

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
  /// A budget over a horizon is handed out as a price of energy instead (energy_pacer.hpp), so that it
  /// lasts for the work of the horizon, whenever in it that comes. All of a horizon's energy may be spent at any time in it.
  bool pace_by_work = false;
  /// What is going to be spent at some prices (`sim::rehearse`). Null: the work to come is forecast from what came so
  /// far.
  std::shared_ptr<const allocate::energy_plan> plan = nullptr;
  /// How long nothing is forecast and the price is that of the options, in s.
  double learn_s = 86400;

  [[nodiscard]] bool limited() const { return energy_j < std::numeric_limits<double>::infinity(); }
  [[nodiscard]] bool recurs() const { return horizon_s < std::numeric_limits<double>::infinity(); }
  /// In which the past is counted: `learn_s`, or a day; not ever so short.
  [[nodiscard]] double day_s() const {
    return std::max(learn_s > 0 ? learn_s : 86400, horizon_s / 1000);
  }
  [[nodiscard]] bool by_work() const { return pace_by_work && limited() && recurs(); }
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
  /// What jobs have left is not known to policies: it is what those that have ended lead one to expect
  /// (expected_work.hpp).
  bool forecast_work = false;
};

}  // namespace heddle::schedule
