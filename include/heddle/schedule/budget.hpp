// What an energy budget allows now.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include <heddle/allocate/energy_allowance.hpp>
#include <heddle/schedule/options.hpp>
#include <heddle/schedule/state.hpp>

namespace heddle::schedule {

/// Limits for the whole cluster at one moment.
struct budget_now {
  double power_w = std::numeric_limits<double>::infinity();
  double energy_j = std::numeric_limits<double>::infinity();  ///< for all work that is left
  bool used_up = false;  ///< not even the idle cluster can be paid for
};

/// Turns the budgets of `o` into limits at `s.now_s`. A budget over a horizon is a power limit
/// (allocate/energy_allowance.hpp), one without an amount. Derived. O(1).
[[nodiscard]] inline budget_now budget_at(const scheduler_options& o, const state& s) {
  budget_now b{.power_w = o.power_budget_w};
  if (!o.energy.limited()) return b;
  if (o.energy.recurs()) {
    allocate::energy_allowance account{o.energy.energy_j, o.energy.horizon_s, s.start_s};
    account.spend(s.now_s, s.energy_j);
    b.power_w = std::min(b.power_w, account.power_w());
    b.used_up = b.power_w < s.idle_power_w();
  } else {
    b.energy_j = std::max(0.0, o.energy.energy_j - s.energy_j);
    b.used_up = b.energy_j <= 0;
  }
  return b;
}

/// When `budget_at` should be asked again although no job comes or goes, in s.
/// \param wanted  somebody waits for the budget
[[nodiscard]] inline double budget_changes_s(const scheduler_options& o, const state& s,
                                             bool wanted) {
  constexpr double never = std::numeric_limits<double>::infinity();
  constexpr double least_s = 1;  // how late the end of a budget may be seen
  if (!o.energy.limited()) return never;
  if (o.energy.recurs()) {
    // Energy that is not spent adds up, if it comes in faster than the idle cluster spends it.
    const bool grows = o.energy.energy_j / o.energy.horizon_s > s.idle_power_w();
    return wanted && grows ? s.now_s + o.energy.horizon_s / 100 : never;
  }
  const double left_j = o.energy.energy_j - s.energy_j;
  if (left_j <= 0 || s.running.empty()) return never;
  double most_w = s.idle_power_w();
  for (std::uint32_t slot : s.running) {
    const model::operating_point& p = *s.jobs[slot].point;
    most_w += p.power_w - p.config.gpus * s.power.gpu_idle_w;
  }
  return s.now_s + std::max(least_s, left_j / most_w);
}

}  // namespace heddle::schedule
