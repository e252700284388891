// All jobs get their GPUs together.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/core/detail/scratch.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/schedule/decision.hpp>
#include <heddle/schedule/desk.hpp>
#include <heddle/schedule/detail/booking.hpp>
#include <heddle/schedule/detail/fitting.hpp>

namespace heddle::admit {

/// Running and waiting jobs get their operating points together; running ones shrink first, then grow, then
/// the queue starts, on fewer GPUs where the placement asked for cannot be had.
struct elastic {
  static constexpr bool for_elastic_allocations = true;

  /// A job grows only if that shortens the rest of its run by at least this much, in s, and by no less than
  /// the pause that it costs.
  double least_gain_s = 60;
  /// What allocation gives is tried out first: a job for which placement has fewer GPUs may have no more than
  /// those, and what they leave is allocated again, up to three times; one that cannot grow as far as it
  /// should tries the counts between. Derived.
  bool ask_place = false;

  struct memory {
    std::vector<allocate::candidate> candidates;
    allocate::allocation chosen;
    schedule::detail::fitting fitting;
    std::vector<std::uint32_t> was_running;
    std::vector<std::pair<std::size_t, fabric::placement>> lifted;  // by place among those
  };
  heddle::detail::scratch<memory> work = {};

  template <class Desk>
  void operator()(Desk& d) {
    auto& [candidates, chosen, fitting, was_running, lifted] = *work;
    candidates.clear();
    for (const auto* all : {&d.state().running, &d.state().waiting})
      for (std::uint32_t x : *all)
        candidates.push_back(schedule::detail::candidate_of(d.job(x), d.now_s()));
    d.allocate(candidates, chosen);
    fitting.start();
    constexpr int most_rounds = 3;  // one finds most of what there is, more than three nothing
    for (int i = 0; ask_place && i < most_rounds; ++i) {
      const auto grow = [&](std::uint32_t x, point to, point last) {
        return next_try(d, x, to, last);
      };
      if (!fitting.cap(d, chosen, grow, candidates)) break;
      d.allocate(candidates, chosen);
    }

    was_running = d.state().running;
    const std::size_t running = was_running.size();
    for (std::size_t i = 0; i < running; ++i)
      if (!chosen[i]) d.stop(was_running[i]);
    // Those that give GPUs back go first, so that those that want more find them.
    const auto change_all = [&](bool more) {
      for (std::size_t i = 0; i < running; ++i)
        if (const auto& j = d.job(was_running[i]);
            chosen[i] && j.running() && !changes_type(j, *chosen[i]) &&
            (chosen[i]->config.gpus > j.point()->config.gpus) == more)
          change(d, was_running[i], chosen[i]);
    };
    change_all(false);
    if (!d.left.by_type.alike()) change_types(d, *work);
    change_all(true);
    for (std::size_t i = 0; i < d.queued(); ++i) {
      const std::uint32_t x = d.waiting(i);
      if (const schedule::blocked* no = fitting.refusal_of(d.job(x).spec->id))
        d.wait(x, {no->why, no->proved});
      else
        start(d, x, chosen[running + i]);
    }
  }

  friend bool operator==(const elastic&, const elastic&) = default;

 private:
  using point = const model::operating_point*;

  /// Brings those that are to have GPUs of another type there, all at once, since they may change places: on fewer GPUs
  /// where there is no place for as many; back where they were, or off, where there is none.
  template <class Desk>
  static void change_types(Desk& d, memory& m) {
    m.lifted.clear();
    for (std::size_t i = 0; i < m.was_running.size(); ++i)
      if (const std::uint32_t x = m.was_running[i];
          m.chosen[i] && d.job(x).running() && changes_type(d.job(x), *m.chosen[i]))
        m.lifted.emplace_back(i, d.lift(x));
    for (auto& [i, where] : m.lifted) {
      const std::uint32_t x = m.was_running[i];
      point given = m.chosen[i];
      if (place::answer a = ask_for_fewer(d, x, given)) {
        d.move_to(x, given, std::move(a));
        where.gpus.clear();
      }
    }
    for (auto& [i, where] : m.lifted) {
      const std::uint32_t x = m.was_running[i];
      if (where.gpus.empty()) continue;
      const schedule::active_job& j = d.job(x);
      const int gpus = static_cast<int>(where.gpus.size());
      const point stays =
          schedule::detail::fastest_within(j.curve->of(*j.point()), gpus, *m.chosen[i], d.left);
      if (!stays || !d.may_have(x, where) || !d.put_back(x, std::move(where)))
        d.stop_lifted(x);
      else if (stays != j.point())
        d.change_point(x, stays);
    }
  }

  /// Brings a running job to `wanted`, or as near as placement allows without drawing more power.
  template <class Desk>
  void change(Desk& d, std::uint32_t x, point wanted) const {
    const schedule::active_job& j = d.job(x);
    if (wanted == j.point()) return;
    if (wanted->config.gpus != j.point()->config.gpus)
      for (point p = nullptr; (p = next_try(d, x, wanted, p));)
        if (d.move(x, p)) return;
    // The same GPUs, at the fastest clock that draws no more than was granted.
    const point p = schedule::detail::fastest_within(j.curve->of(*j.point()),
                                                     j.point()->config.gpus, *wanted, d.left);
    if (!p) return d.stop(x);
    if (p != j.point()) d.change_point(x, p);
  }

  static bool changes_type(const schedule::active_job& j, const model::operating_point& to) {
    return j.point()->config.type != to.config.type;
  }

  /// What to try first for a job that is to have `wanted`, or after `last`: where placement is asked, a growing
  /// one takes fewer more. Null if nothing (more) is worth the move.
  template <class Desk>
  [[nodiscard]] point next_try(Desk& d, std::uint32_t x, point wanted, point last) const {
    const schedule::active_job& j = d.job(x);
    point p = wanted;
    if (last) {
      p = ask_place ? schedule::detail::next_smaller(*j.curve, *last) : nullptr;
      if (p && p->config.gpus <= j.point()->config.gpus) p = nullptr;
      if (p) p = schedule::detail::fastest_within(j.curve->of(*p), p->config.gpus, *wanted, d.left);
    }
    return p && worth_moving(d, j, *p) ? p : nullptr;
  }
  /// A job that shrinks makes room and always moves; one that grows has to gain from it.
  template <class Desk>
  [[nodiscard]] bool worth_moving(Desk& d, const schedule::active_job& j,
                                  const model::operating_point& to) const {
    if (to.config.gpus < j.point()->config.gpus) return true;
    if (d.extra_power_w(to) < d.extra_power_w(*j.point())) return true;
    const double work_left = j.work_at(d.now_s());
    const double gain_s = work_left / j.point()->throughput - work_left / to.throughput;
    return gain_s >= std::max(least_gain_s, d.left.rescale(to.config.gpus));
  }

  /// Starts a waiting job with the point it was given, else with ever fewer GPUs: it can grow later.
  template <class Desk>
  static void start(Desk& d, std::uint32_t x, point wanted) {
    using place::wait_reason;
    const schedule::active_job& j = d.job(x);
    if (!wanted) {
      const bool few = d.state().ledger.free_gpus() < j.spec->min_gpus;
      return d.wait(x, {few ? wait_reason::gpus : wait_reason::budget});
    }
    place::answer a = ask_for_fewer(d, x, wanted);
    if (!a) return d.wait(x, {a.why, a.proved});
    d.start(x, wanted, std::move(a));
  }

  /// Where a job could have the GPUs of `wanted`, else ever fewer of them without drawing more power: `wanted` becomes the
  /// point. If nowhere, what the first question said.
  template <class Desk>
  [[nodiscard]] static place::answer ask_for_fewer(Desk& d, std::uint32_t x, point& wanted) {
    const schedule::active_job& j = d.job(x);
    place::answer a = d.ask(x, *wanted);
    const schedule::outcome no{a.why, a.proved};
    point given = wanted;
    for (point p = wanted; !a;) {
      p = schedule::detail::next_smaller(*j.curve, *p);
      if (!p || p->config.gpus < j.spec->min_gpus) return {no.why, no.proved};
      given = schedule::detail::fastest_within(j.curve->of(*p), p->config.gpus, *wanted, d.left);
      if (given) a = d.ask(x, *p);
    }
    wanted = given;
    return a;
  }
};

}  // namespace heddle::admit
