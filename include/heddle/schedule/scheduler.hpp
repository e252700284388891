// Order × allocation × placement × routing, composed into one scheduler.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/order/order.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/schedule/budget.hpp>
#include <heddle/schedule/decision.hpp>
#include <heddle/schedule/detail/booking.hpp>
#include <heddle/schedule/detail/compact.hpp>
#include <heddle/schedule/detail/fitting.hpp>
#include <heddle/schedule/forecast.hpp>
#include <heddle/schedule/options.hpp>
#include <heddle/schedule/state.hpp>

namespace heddle::schedule {

/// Whether an allocation policy wants to change running jobs: it then says
/// `static constexpr bool elastic = true`.
template <class A>
constexpr bool is_elastic = [] {
  if constexpr (requires { A::elastic; })
    return static_cast<bool>(A::elastic);
  else
    return false;
}();

/// A scheduler made of four policies. `decide` is all of it: the simulator and a live cluster call
/// the same.
///
/// With an allocation that is not elastic, jobs are considered one by one in the order's order and
/// the first that cannot start blocks all behind it, unless `backfill` lets some pass. With an
/// elastic one, running and waiting jobs get their operating points together; running ones shrink
/// first, then grow, then the queue starts, on fewer GPUs where the placement asked for cannot be
/// had.
///
///     scheduler plan{order::fifo{}, allocate::requested{}, place::vclos{}, route::source{}};
///
/// One writer.
template <class Order, class Allocate, class Place, class Route>
class scheduler {
  static_assert(
      order::OrderPolicy<Order>,
      "the first part of a scheduler orders two entries: bool(const entry&, const entry&)");
  static_assert(allocate::AllocationPolicy<Allocate>,
                "the second part of a scheduler gives each candidate an operating point: "
                "void(span<const candidate>, const limits&, allocation&)");
  static_assert(place::PlacementPolicy<Place>,
                "the third part of a scheduler places a request on a ledger: "
                "answer(const ledger&, const request&)");
  static_assert(route::RoutingPolicy<Route>,
                "the fourth part of a scheduler gives a flow its path: "
                "path(const view&, const flow&)");

 public:
  scheduler(Order order, Allocate allocate, Place place, Route route,
            scheduler_options options = {})
      : order_(std::move(order)), allocate_(std::move(allocate)), place_(std::move(place)),
        route_(std::move(route)), options_(options) {}

  [[nodiscard]] const Route& route() const { return route_; }
  [[nodiscard]] const scheduler_options& options() const { return options_; }

  /// Decides what to do at `now_s` and books it in `s`: the ledger, the jobs' points, the queue. The
  /// caller carries it out (and keeps the jobs' progress).
  /// Precondition: the power budget is at least `s.idle_power_w()`.
  decision decide(state& s, double now_s) {
    decision d;
    s.now_s = now_s;
    sort_queue(s);
    const budget_now budget = budget_at(options_, s);
    if (budget.used_up)
      save_energy(s, d);
    else if constexpr (is_elastic<Allocate>)
      reallocate(s, budget, d);
    else
      admit_in_order(s, budget, d);
    detail::switch_off_idle(s, options_.off_after_s, d);
    look_again(s, d);
    return d;
  }

  /// Starts all of `jobs` in this one decision, or none: parts of one program, for example. Each
  /// gets what it asked for. Where one cannot start, the decision names it and changes nothing.
  /// Preconditions: each of `jobs` waits; the allocation is not elastic.
  decision start_together(state& s, std::span<const job_id> jobs,
                          double now_s) requires(!is_elastic<Allocate>) {
    decision d;
    s.now_s = now_s;
    sort_queue(s);
    const server_power before = s.servers;
    allocate::limits l = limits_now(s, false, budget_at(options_, s));
    for (job_id id : jobs) {
      if (start_one(s, s.slot_of(id), l, d, false)) continue;
      detail::undo_starts(s, d);
      s.servers = before;
      d = {.waiting = {d.waiting.back()}};
      return d;
    }
    detail::drop_started(s, s.queued);
    return d;
  }

  /// Books a decision that was made before, here or elsewhere, on an equal state. False if the state
  /// is another, so that the decision does not fit; part of it may be booked then.
  [[nodiscard]] bool carry_out(state& s, double now_s, const decision& d) {
    s.now_s = now_s;
    sort_queue(s);
    return detail::book(s, d);
  }

 private:
  using point = detail::point;

  // --- the queue -------------------------------------------------------------------------------

  [[nodiscard]] order::entry entry_of(const state& s, std::uint32_t slot, double now_s) const {
    order::entry e = s.jobs[slot].queue_entry(now_s);
    e.overdue = now_s - e.spec->submit_s >= options_.patience_s;
    return e;
  }

  /// Puts newcomers in their places. Those that were there keep their order among themselves, and a
  /// queue of thousands is not gone through for one more, unless jobs have become overdue.
  void sort_queue(state& s) {
    const auto goes_first = [&](std::uint32_t a, std::uint32_t b) {
      return order::before(order_, entry_of(s, a, s.now_s), entry_of(s, b, s.now_s));
    };
    if (some_became_overdue(s)) {
      std::sort(s.waiting.begin(), s.waiting.end(), goes_first);
      s.queued = s.waiting.size();
    }
    for (; s.queued < s.waiting.size(); ++s.queued) {
      const auto newcomer = s.waiting.begin() + static_cast<std::ptrdiff_t>(s.queued);
      const auto place = std::upper_bound(s.waiting.begin(), newcomer, *newcomer, goes_first);
      std::rotate(place, newcomer, newcomer + 1);
    }
    s.queued_s = s.now_s;
  }
  [[nodiscard]] bool some_became_overdue(const state& s) const {
    if (options_.patience_s == std::numeric_limits<double>::infinity()) return false;
    return std::any_of(s.waiting.begin(), s.waiting.end(), [&](std::uint32_t slot) {
      return entry_of(s, slot, s.now_s).overdue && !entry_of(s, slot, s.queued_s).overdue;
    });
  }

  // --- what there is ---------------------------------------------------------------------------

  [[nodiscard]] allocate::candidate as_candidate(const active_job& j, double now_s) const {
    return {.id = j.spec->id,
            .curve = j.curve,
            .work = j.work_at(now_s),
            .requested_gpus = j.spec->gpus,
            .min_gpus = j.spec->min_gpus,
            .max_gpus = j.spec->max_gpus,
            .weight = j.spec->weight,
            .priority = j.spec->priority,
            .current = j.point,
            .time_left_s = j.spec->deadline_s - now_s};
  }

  /// What there is for candidates; running jobs count as candidates or as given.
  [[nodiscard]] allocate::limits limits_now(const state& s, bool with_running,
                                            const budget_now& b) const {
    allocate::limits l{
        .gpus = s.ledger.free_gpus(), .gpu_idle_w = s.power.gpu_idle_w, .now_s = s.now_s};
    l.power_w = b.power_w - s.idle_power_w();
    l.energy_j = b.energy_j;
    const bool limited = l.power_w < std::numeric_limits<double>::infinity() ||
                         l.energy_j < std::numeric_limits<double>::infinity();
    if (!with_running && !limited) return l;
    for (std::uint32_t slot : s.running) {
      const active_job& j = s.jobs[slot];
      if (with_running) {
        l.gpus += j.point->config.gpus;
      } else {
        l.power_w -= allocate::extra_power_w(*j.point, l);
        l.energy_j -= j.work_at(s.now_s) * j.point->energy_per_sample_j();
      }
    }
    return l;
  }
  // --- starting --------------------------------------------------------------------------------

  /// Starts one job if it can be; else says why not in `d`. Preemption, compaction and joint mode
  /// take part if `all_means`.
  bool start_one(state& s, std::uint32_t slot, allocate::limits& l, decision& d, bool all_means) {
    active_job& j = s.jobs[slot];
    const bool preempt = all_means && options_.preemptive;
    point p = wish(s, slot, l);
    if (!p && preempt) p = j.reference;  // what it asked for, if others make room
    if (!p) {
      const bool few = l.gpus < j.spec->gpus;
      if (all_means && few && join(s, slot, j.reference, l, d)) return true;
      d.waiting.push_back(
          {j.spec->id, few ? place::wait_reason::gpus : place::wait_reason::budget});
      return false;
    }
    place::answer a = place::wait_reason::gpus;
    if (p->config.gpus <= l.gpus)
      a = allocate::extra_power_w(*p, l) <= l.power_w
              ? place::ask(place_, s.ledger, detail::request_of(j, p->config.gpus))
              : place::answer{place::wait_reason::budget};
    if (a) {
      detail::pay(l, j, *p, s.now_s);
      detail::begin(s, slot, p, std::move(a), d);
      return true;
    }
    if (preempt && make_room(s, slot, p, l, d)) return true;
    if (all_means && options_.most_moved_gpus > 0 &&
        a.why == place::wait_reason::gpu_fragmentation &&
        detail::start_after_moves(s, slot, p, detail::request_of(j, p->config.gpus),
                                  options_.most_moved_gpus, place_, d)) {
      detail::pay(l, j, *p, s.now_s);
      return true;
    }
    if (all_means && join(s, slot, p, l, d)) return true;
    d.waiting.push_back({j.spec->id, a.why, a.proved});
    return false;
  }
  /// What allocation gives the job at `slot`, alone.
  [[nodiscard]] point wish(const state& s, std::uint32_t slot, const allocate::limits& l) {
    const allocate::candidate c = as_candidate(s.jobs[slot], s.now_s);
    allocate_(std::span{&c, 1}, l, chosen_);
    return chosen_[0];
  }

  /// Joint mode: another number of GPUs now, where that is done sooner than `wanted` later.
  bool join(state& s, std::uint32_t slot, point wanted, allocate::limits& l, decision& d) {
    if (!options_.joint) return false;
    active_job& j = s.jobs[slot];
    const double later = finish_if_waiting(s, slot, *wanted, l);
    tried_.clear();
    for (const model::operating_point& p : j.curve->points())
      if (p.config.gpus != wanted->config.gpus && p.config.gpus <= l.gpus &&
          p.config.gpus >= j.spec->min_gpus && p.config.gpus <= j.spec->max_gpus &&
          allocate::extra_power_w(p, l) <= l.power_w && s.now_s + j.run_time_s(p, s.now_s) < later)
        tried_.push_back(&p);
    std::sort(tried_.begin(), tried_.end(), [](point a, point b) {
      return std::pair{-a->throughput, a->config.gpus} < std::pair{-b->throughput, b->config.gpus};
    });
    int refused = 0;  // a count has several clocks; it is asked for once
    for (point p : tried_) {
      if (p->config.gpus == refused) continue;
      place::answer a = place::ask(place_, s.ledger, detail::request_of(j, p->config.gpus));
      refused = p->config.gpus;
      if (!a) continue;
      detail::pay(l, j, *p, s.now_s);
      detail::begin(s, slot, p, std::move(a), d);
      return true;
    }
    return false;
  }
  /// When a job would be done that waits until `wanted` can be placed.
  [[nodiscard]] double finish_if_waiting(const state& s, std::uint32_t slot,
                                         const model::operating_point& wanted,
                                         const allocate::limits& l) {
    const active_job& j = s.jobs[slot];
    return ahead(s, detail::request_of(j, wanted.config.gpus), wanted, l).at_s +
           j.run_time_s(wanted, s.now_s);
  }
  [[nodiscard]] earliest_start ahead(const state& s, const place::request& job,
                                     const model::operating_point& p, const allocate::limits& l) {
    return forecast_(s, job, s.now_s, place_, l.power_w, allocate::extra_power_w(p, l),
                     [&](const active_job& r) { return allocate::extra_power_w(*r.point, l); });
  }

  /// Stops running jobs that the one at `slot` outranks, the lowest first, until it can be placed;
  /// puts those back whose place it does not need. If it cannot be placed, all stays as it was.
  bool make_room(state& s, std::uint32_t slot, point p, allocate::limits& l, decision& d) {
    const order::entry me = entry_of(s, slot, s.now_s);
    victims_.clear();
    int gpus = s.ledger.free_gpus();
    for (std::uint32_t v : s.running)
      if (order::outranks(order_, me, entry_of(s, v, s.now_s))) {
        victims_.push_back(v);
        gpus += s.jobs[v].point->config.gpus;
      }
    if (gpus < p->config.gpus) return false;
    std::sort(victims_.begin(), victims_.end(), [&](std::uint32_t a, std::uint32_t b) {
      return order::before(order_, entry_of(s, b, s.now_s), entry_of(s, a, s.now_s));
    });

    lifted_.clear();
    allocate::limits with = l;
    std::optional<place::answer> a;
    for (std::uint32_t v : victims_) {
      with.gpus += s.jobs[v].point->config.gpus;
      with.power_w += allocate::extra_power_w(*s.jobs[v].point, l);
      lifted_.push_back(s.lift(v));
      if (with.gpus < p->config.gpus || with.power_w < allocate::extra_power_w(*p, l)) continue;
      a = place::ask(place_, s.ledger, detail::request_of(s.jobs[slot], p->config.gpus));
      // A policy may move circuits of jobs that stay, not of those that have just left.
      if (*a) break;
    }
    const bool placed = a && *a;
    if (placed) {
      detail::pay(with, s.jobs[slot], *p, s.now_s);
      detail::begin(s, slot, p, std::move(*a), d);
    }
    for (std::size_t i = lifted_.size(); i-- > 0;) {
      const std::uint32_t v = victims_[i];
      const model::operating_point& had = *s.jobs[v].point;
      const bool affordable = !placed || (had.config.gpus <= with.gpus &&
                                          allocate::extra_power_w(had, l) <= with.power_w);
      if (affordable && s.hold(v, std::move(lifted_[i]), d.servers_on)) {
        with.gpus -= had.config.gpus;
        with.power_w -= allocate::extra_power_w(had, l);
        continue;
      }
      d.stops.push_back(s.jobs[v].spec->id);
      s.stop_lifted(v);
    }
    if (placed) l = with;
    return placed;
  }

  // --- not elastic -----------------------------------------------------------------------------

  void admit_in_order(state& s, const budget_now& budget, decision& d) {
    const std::size_t n = s.queued;
    if (n == 0) return;
    allocate::limits l = limits_now(s, false, budget);
    if (options_.backfill == backfill::conservative) {
      admit_by_profile(s, l, d);
      return detail::drop_started(s, n);
    }
    std::size_t i = 0;
    while (i < n && start_one(s, s.waiting[i], l, d, true)) ++i;
    if (i < n && options_.backfill != backfill::none) {
      // Nobody passes an overdue job at its expense.
      const bool overdue = entry_of(s, s.waiting[i], s.now_s).overdue;
      if (options_.backfill == backfill::easy || overdue)
        pass_reserved(s, i, n, l, d);
      else
        pass_greedily(s, i, n, l, d);
    }
    // What was stopped stands behind the first n.
    if (!d.starts.empty()) detail::drop_started(s, n);
  }

  void pass_greedily(state& s, std::size_t blocked_one, std::size_t n, allocate::limits& l,
                     decision& d) {
    const std::size_t said = d.waiting.size();
    n = std::min(n, blocked_one + 1 + options_.depth);
    for (std::size_t i = blocked_one + 1; i < n && (l.gpus > 0 || options_.preemptive); ++i) {
      start_one(s, s.waiting[i], l, d, options_.preemptive);
      d.waiting.resize(said, blocked{});  // they wait behind the first
    }
  }

  /// Starts jobs behind the one at `blocked_one` that end before its earliest start, or leave it
  /// what it is going to have.
  void pass_reserved(state& s, std::size_t blocked_one, std::size_t n, allocate::limits& l,
                     decision& d) {
    const active_job& head = s.jobs[s.waiting[blocked_one]];
    const point wanted = head.reference;
    const earliest_start at = ahead(s, detail::request_of(head, wanted->config.gpus), *wanted, l);
    double spare_w = at.spare_power_w;
    bool fresh = false;
    fabric::ledger* rest = nullptr;
    n = std::min(n, blocked_one + 1 + options_.depth);
    for (std::size_t i = blocked_one + 1; i < n && l.gpus > 0; ++i) {
      active_job& j = s.jobs[s.waiting[i]];
      if (j.spec->gpus > l.gpus) continue;
      const point p = wish(s, s.waiting[i], l);
      if (!p || p->config.gpus > l.gpus) continue;
      const bool ends_before = s.now_s + j.run_time_s(*p, s.now_s) <= at.at_s;
      const double extra_w = allocate::extra_power_w(*p, l);
      if (!ends_before && extra_w > spare_w) continue;
      if (!ends_before && !fresh) {
        rest = &forecast_.without(s.ledger, at.where);
        fresh = true;
      }
      place::answer a =
          place::ask(place_, ends_before ? s.ledger : *rest, detail::request_of(j, p->config.gpus));
      if (!a) continue;
      if (!ends_before) spare_w -= extra_w;
      detail::pay(l, j, *p, s.now_s);
      detail::begin(s, s.waiting[i], p, std::move(a), d);
      fresh = false;
    }
  }

  /// Gives each job in turn the earliest time at which its GPUs are free by number, and starts those
  /// whose time is now.
  void admit_by_profile(state& s, allocate::limits& l, decision& d) {
    profile_.start(s, s.now_s);
    const std::size_t n = std::min(s.queued, 1 + options_.depth);
    for (std::size_t i = 0; i < n; ++i) {
      active_job& j = s.jobs[s.waiting[i]];
      const int gpus = j.spec->gpus;
      const double run_s = j.run_time_s(*j.reference, s.now_s);
      double at = profile_.earliest(gpus, run_s, s.now_s);
      const std::size_t said = d.waiting.size();
      if (at == s.now_s && start_one(s, s.waiting[i], l, d, false)) {
        profile_.take(gpus, at, run_s);
        continue;
      }
      if (at == s.now_s)  // the number would do, the place does not: look at the next change
        at = profile_.earliest(gpus, run_s, profile_.next_step(s.now_s));
      else if (i == 0)
        d.waiting.push_back({j.spec->id, place::wait_reason::gpus});
      if (i > 0) d.waiting.resize(said, blocked{});
      profile_.take(gpus, at, run_s);
    }
  }

  // --- elastic ---------------------------------------------------------------------------------

  void reallocate(state& s, const budget_now& budget, decision& d) {
    candidates_.clear();
    for (std::uint32_t slot : s.running) candidates_.push_back(as_candidate(s.jobs[slot], s.now_s));
    for (std::uint32_t slot : s.waiting) candidates_.push_back(as_candidate(s.jobs[slot], s.now_s));
    const allocate::limits l = limits_now(s, true, budget);
    allocate_(candidates_, l, chosen_);
    const auto grow = [&](const active_job& j, point to, point last) {
      return next_try(j, to, last, l, s.now_s);
    };
    fitting_.start();
    constexpr int most_rounds = 3;  // one finds most of what there is, more than three nothing
    for (int i = 0; options_.joint && i < most_rounds; ++i) {
      if (!fitting_.cap(s, chosen_, place_, grow, candidates_)) break;
      allocate_(candidates_, l, chosen_);
    }

    const std::vector<std::uint32_t> was_running = s.running;
    const std::size_t n = s.queued;
    for (std::size_t i = 0; i < was_running.size(); ++i)
      if (!chosen_[i]) detail::stop(s, was_running[i], d);
    // Those that give GPUs back go first, so that those that want more find them.
    const auto resize_where = [&](auto&& wanted) {
      for (std::size_t i = 0; i < was_running.size(); ++i)
        if (chosen_[i] && s.jobs[was_running[i]].running() &&
            wanted(chosen_[i]->config.gpus - s.jobs[was_running[i]].point->config.gpus))
          change(s, was_running[i], chosen_[i], l, d);
    };
    resize_where([](int more) { return more <= 0; });
    resize_where([](int more) { return more > 0; });
    for (std::size_t i = 0; i < n; ++i) {
      if (const blocked* no = fitting_.refusal_of(s.jobs[s.waiting[i]].spec->id))
        d.waiting.push_back(*no);
      else
        start_elastic(s, s.waiting[i], chosen_[was_running.size() + i], l, d);
    }
    detail::drop_started(s, n);  // jobs stopped just now stand behind
  }

  /// Brings a running job to `wanted`, or as near as placement allows without drawing more power.
  void change(state& s, std::uint32_t slot, point wanted, const allocate::limits& l, decision& d) {
    active_job& j = s.jobs[slot];
    const job_id id = j.spec->id;
    if (wanted == j.point) return;
    if (wanted->config.gpus != j.point->config.gpus) {
      for (point p = nullptr; (p = next_try(j, wanted, p, l, s.now_s));) {
        fabric::placement old = s.lift(slot);
        place::answer a = place::ask(place_, s.ledger, detail::request_of(j, p->config.gpus));
        if (!a) {
          s.hold(slot, std::move(old), d.servers_on);
          continue;
        }
        detail::hold(s, slot, a, d);
        j.point = p;
        d.resizes.push_back({id, *p, std::move(*a.where), true, std::move(a.moved)});
        return;
      }
    }
    // The same GPUs, at the fastest clock that draws no more than was granted.
    const point p = detail::fastest_within(*j.curve, j.point->config.gpus, *wanted, l);
    if (!p) return detail::stop(s, slot, d);
    if (p == j.point) return;
    j.point = p;
    d.resizes.push_back({id, *p, *s.ledger.find(id), false});
  }
  /// What to try first for a job that is to have `wanted`, or after `last`: in joint mode a growing one
  /// takes fewer more. Null if nothing (more) is worth the move.
  [[nodiscard]] point next_try(const active_job& j, point wanted, point last,
                               const allocate::limits& l, double now_s) const {
    point p = wanted;
    if (last) {
      p = options_.joint ? detail::next_smaller(*j.curve, *last) : nullptr;
      if (p && p->config.gpus <= j.point->config.gpus) p = nullptr;
      if (p) p = detail::fastest_within(*j.curve, p->config.gpus, *wanted, l);
    }
    return p && worth_moving(j, *p, l, now_s) ? p : nullptr;
  }
  /// A job that shrinks makes room and always moves; one that grows has to gain from it.
  [[nodiscard]] bool worth_moving(const active_job& j, const model::operating_point& to,
                                  const allocate::limits& l, double now_s) const {
    if (to.config.gpus < j.point->config.gpus) return true;
    if (allocate::extra_power_w(to, l) < allocate::extra_power_w(*j.point, l)) return true;
    const double work = j.work_at(now_s);
    return work / j.point->throughput - work / to.throughput >= options_.least_gain_s;
  }

  /// Starts a waiting job with the point it was given, else with ever fewer GPUs: it can grow later.
  bool start_elastic(state& s, std::uint32_t slot, point wanted, const allocate::limits& l,
                     decision& d) {
    active_job& j = s.jobs[slot];
    if (!wanted) {
      d.waiting.push_back({j.spec->id, s.ledger.free_gpus() < j.spec->min_gpus
                                           ? place::wait_reason::gpus
                                           : place::wait_reason::budget});
      return false;
    }
    place::answer a = place::ask(place_, s.ledger, detail::request_of(j, wanted->config.gpus));
    const blocked first_no{j.spec->id, a.why, a.proved};
    point given = wanted;
    for (point p = wanted; !a;) {
      p = detail::next_smaller(*j.curve, *p);
      if (!p || p->config.gpus < j.spec->min_gpus) break;
      given = detail::fastest_within(*j.curve, p->config.gpus, *wanted, l);
      if (given) a = place::ask(place_, s.ledger, detail::request_of(j, p->config.gpus));
    }
    if (!a) {
      d.waiting.push_back(first_no);
      return false;
    }
    detail::begin(s, slot, given, std::move(a), d);
    return true;
  }

  // --- energy ----------------------------------------------------------------------------------

  /// Nothing starts; what runs goes on at the clock that spends least energy, or stops.
  void save_energy(state& s, decision& d) {
    if (options_.energy.hard) {
      while (!s.running.empty()) detail::stop(s, s.running.back(), d);
    }
    for (std::uint32_t slot : s.running) {
      active_job& j = s.jobs[slot];
      const point p = j.curve->most_efficient(j.point->config.gpus);
      if (p == j.point) continue;
      j.point = p;
      d.resizes.push_back({j.spec->id, *p, *s.ledger.find(j.spec->id), false});
    }
    if (s.queued > 0)
      d.waiting.push_back({s.jobs[s.waiting.front()].spec->id, place::wait_reason::budget});
  }

  /// When things change although nobody comes or goes: levels of the order, energy used up.
  void look_again(const state& s, decision& d) const {
    if constexpr (requires(const Order& o, order::entry e) { o.steady_for_s(e, 1); })
      if (options_.preemptive && !s.waiting.empty())
        for (std::uint32_t slot : s.running) {
          const active_job& j = s.jobs[slot];
          const double from = std::max(s.now_s, j.since_s);
          d.again_s = std::min(
              d.again_s, from + order_.steady_for_s(entry_of(s, slot, from), j.point->config.gpus));
        }
    if constexpr (requires(const Allocate& a) { a.round_s; })  // it shares time by rounds
      if (!s.waiting.empty() && !s.running.empty())
        d.again_s = std::min(d.again_s, s.now_s + allocate_.round_s);
    const bool for_budget = std::any_of(d.waiting.begin(), d.waiting.end(), [](const blocked& b) {
      return b.why == place::wait_reason::budget;
    });
    d.again_s = std::min(d.again_s, budget_changes_s(options_, s, for_budget));
  }

  Order order_;
  Allocate allocate_;
  Place place_;
  Route route_;
  scheduler_options options_;
  std::vector<allocate::candidate> candidates_;
  allocate::allocation chosen_;
  forecast forecast_;
  detail::fitting fitting_;
  gpu_profile profile_;
  std::vector<point> tried_;
  std::vector<std::uint32_t> victims_;
  std::vector<fabric::placement> lifted_;
};

}  // namespace heddle::schedule
