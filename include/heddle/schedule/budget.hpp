// What there is to hand out, and what a budget allows of it now.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/energy_allowance.hpp>
#include <heddle/fabric/hosts.hpp>
#include <heddle/fabric/watts.hpp>
#include <heddle/schedule/active_job.hpp>
#include <heddle/schedule/options.hpp>

namespace heddle::schedule {

/// Limits for the whole cluster at one moment.
struct budget_now {
  double power_w = std::numeric_limits<double>::infinity();
  double energy_j = std::numeric_limits<double>::infinity();  ///< for all work that is left
  double energy_price = 0;                                    ///< weighted job-seconds a joule
  double gpu_base_w = 0;                                      ///< `gpu_base_w(o, s)`
  bool used_up = false;  ///< not even the idle cluster can be paid for
};

/// What is left of a budget that recurs, until its horizon ends.
struct energy_credit {
  double horizons = 0;  ///< that have begun
  double end_s = 0;     ///< of the last of them
  double floor_w = 0;   ///< what the cluster draws without jobs, its servers off where they may be
  double left_j = 0;    ///< come in, not spent, and not needed for the idle cluster until the end
};

/// Precondition: the budget is limited and recurs. O(1).
template <class State>
[[nodiscard]] energy_credit credit_at(const scheduler_options& o, const State& s) {
  const double horizon_s = o.energy.horizon_s;
  energy_credit c;
  c.horizons = std::floor((s.now_s - s.start_s) / horizon_s) + 1;
  c.end_s = s.start_s + c.horizons * horizon_s;
  if (c.end_s <= s.now_s) c.end_s = s.start_s + ++c.horizons * horizon_s;  // by rounding
  c.floor_w = s.idle_power_w();
  double wind_down_j = 0;  // of servers that have lost their jobs and are not off yet
  if (o.off_after_s < std::numeric_limits<double>::infinity()) {
    c.floor_w = s.power_when_off_w();
    wind_down_j = (s.idle_power_w() - c.floor_w) * o.off_after_s;
  }
  c.left_j =
      o.energy.energy_j * c.horizons - s.energy_j - c.floor_w * (c.end_s - s.now_s) - wind_down_j;
  return c;
}

/// What a GPU that is held draws of its server's base, where idle servers switch off: as much as there is for each
/// while all GPUs of a server are held.
template <class State>
[[nodiscard]] double full_base_w(const scheduler_options& o, const State& s) {
  const fabric::hosts& h = s.ledger.hosts();
  if (!(o.off_after_s < std::numeric_limits<double>::infinity()) || h.gpus() <= 0) return 0;
  return (s.power.server_w - s.power.server_off_w) * h.servers() / h.gpus();
}
/// The same with servers as full as they are now: few small jobs in a large cluster keep servers on that they do not
/// fill. In steps of a quarter of the least, so that what rests on it need not be worked out anew each time. O(1).
template <class State>
[[nodiscard]] double gpu_base_w(const scheduler_options& o, const State& s) {
  const double full_w = full_base_w(o, s);
  const fabric::hosts& h = s.ledger.hosts();
  const int held = h.gpus() - s.ledger.free_gpus();
  if (!(full_w > 0) || held <= 0) return full_w;
  const double on = h.servers() - s.ledger.idle_servers(),
               filled = on * h.gpus() / h.servers() / held;  // 1: all that are on are full
  return full_w * std::max(1.0, std::round(4 * filled) / 4);
}

/// Turns the budgets of `o` into limits at `s.now_s`. A budget over a horizon is a power limit
/// (allocate/energy_allowance.hpp), one without an amount. Derived. O(1).
template <class State>
[[nodiscard]] budget_now budget_at(const scheduler_options& o, const State& s) {
  budget_now b{
      .power_w = o.power_budget_w, .energy_price = o.energy_price, .gpu_base_w = gpu_base_w(o, s)};
  if (!o.energy.limited()) return b;
  if (o.energy.by_work()) return b;  // energy_pacer.hpp
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

/// What there is for candidates within `b`; running jobs are candidates too, or what they have is given.
template <class State>
[[nodiscard]] allocate::limits limits_at(const State& s, const budget_now& b, bool with_running) {
  allocate::limits l{.gpus = s.ledger.free_gpus(),
                     .gpu_idle_w = s.power.gpu_idle_w,
                     .power_w = b.power_w - s.idle_power_w(),
                     .energy_j = b.energy_j,
                     .energy_price = b.energy_price,
                     .gpu_base_w = b.gpu_base_w,
                     .now_s = s.now_s,
                     .rescale = s.moves.rescale};
  if (const fabric::hosts& h = s.ledger.hosts(); h.gpu_types() > 1) {
    l.by_type.types = h.gpu_types();
    for (int t = 0; t < h.gpu_types(); ++t) {
      const auto i = static_cast<std::size_t>(t);
      l.by_type.gpus[i] = s.ledger.free_gpus_of_type(t);
      l.by_type.idle_w[i] = s.power.idle_w(t);
    }
  }
  const bool limited = l.power_w < std::numeric_limits<double>::infinity() ||
                       l.energy_j < std::numeric_limits<double>::infinity();
  if (!with_running && !limited) return l;
  for (std::uint32_t slot : s.running) {
    const active_job& j = s.jobs[slot];
    if (with_running) {
      l.gpus += j.point()->config.gpus;
      if (!l.by_type.alike()) l.by_type.gpus[j.point()->config.type] += j.point()->config.gpus;
    } else {
      l.power_w -= allocate::extra_power_w(*j.point(), l);
      l.energy_j -= j.work_at(s.now_s) * j.point()->energy_per_sample_j();
    }
  }
  return l;
}

/// When `budget_at` should be asked again although no job comes or goes, in s.
/// \param wanted  somebody waits for the budget
template <class State>
[[nodiscard]] double budget_changes_s(const scheduler_options& o, const State& s, bool wanted) {
  constexpr double never = std::numeric_limits<double>::infinity();
  constexpr double least_s = 1;  // how late the end of a budget may be seen
  if (!o.energy.limited() || o.energy.by_work()) return never;  // see energy_pacer.hpp
  if (o.energy.recurs()) {
    // Energy that is not spent adds up, if it comes in faster than the idle cluster spends it.
    const bool grows = o.energy.energy_j / o.energy.horizon_s > s.idle_power_w();
    return wanted && grows ? s.now_s + o.energy.horizon_s / 100 : never;
  }
  const double left_j = o.energy.energy_j - s.energy_j;
  if (left_j <= 0 || s.running.empty()) return never;
  double most_w = s.idle_power_w();
  for (std::uint32_t slot : s.running)
    most_w += fabric::extra_power_w(*s.jobs[slot].point(),
                                    s.power.idle_w(s.jobs[slot].point()->config.type));
  return s.now_s + std::max(least_s, left_j / most_w);
}

}  // namespace heddle::schedule
