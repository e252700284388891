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
#include <heddle/allocate/order.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/schedule/decision.hpp>
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

struct scheduler_options {
  /// Power of the whole cluster, idle parts and switches included, in W.
  double power_budget_w = std::numeric_limits<double>::infinity();
  /// An elastic job grows only if that shortens the rest of its run by at least this much, in s.
  double least_gain_s = 60;
};

/// A scheduler made of four policies. `decide` is all of it: the simulator and a live cluster call
/// the same.
///
/// With an allocation that is not elastic, jobs are considered one by one in the order's order and
/// the first that cannot start blocks all behind it. With an elastic one, running and waiting jobs
/// get their operating points together; running ones shrink first, then grow, then the queue starts,
/// on fewer GPUs where the placement asked for cannot be had.
///
///     scheduler plan{order::fifo{}, allocate::requested{}, place::vclos{}, route::source{}};
///
/// One writer.
template <class Order, class Allocate, class Place, class Route>
class scheduler {
  static_assert(order::OrderPolicy<Order>,
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
  scheduler(Order order, Allocate allocate, Place place, Route route, scheduler_options options = {})
      : order_(std::move(order)),
        allocate_(std::move(allocate)),
        place_(std::move(place)),
        route_(std::move(route)),
        options_(options) {}

  [[nodiscard]] const Route& route() const { return route_; }
  [[nodiscard]] const scheduler_options& options() const { return options_; }

  /// Decides what to do at `now_s` and books it in `s`: the ledger, the jobs' points, the queue. The
  /// caller carries it out (and keeps the jobs' progress).
  /// Precondition: the power budget is at least `s.idle_power_w()`.
  decision decide(state& s, double now_s) {
    decision d;
    sort_queue(s);
    if constexpr (is_elastic<Allocate>)
      reallocate(s, now_s, d);
    else
      admit_in_order(s, now_s, d);
    return d;
  }

 private:
  using point = const model::operating_point*;

  /// Puts newcomers in their places. Those that were there keep their order among themselves, and a
  /// queue of thousands is not gone through for one more.
  void sort_queue(state& s) {
    const auto goes_first = [&](std::uint32_t a, std::uint32_t b) {
      return order::before(order_, s.jobs[a].queue_entry(), s.jobs[b].queue_entry());
    };
    for (; s.queued < s.waiting.size(); ++s.queued) {
      const auto newcomer = s.waiting.begin() + static_cast<std::ptrdiff_t>(s.queued);
      const auto place = std::upper_bound(s.waiting.begin(), newcomer, *newcomer, goes_first);
      std::rotate(place, newcomer, newcomer + 1);
    }
  }

  [[nodiscard]] allocate::candidate as_candidate(const active_job& j, double now_s) const {
    return {.id = j.spec->id,
            .curve = j.curve,
            .work = j.work_at(now_s),
            .requested_gpus = j.spec->gpus,
            .min_gpus = j.spec->min_gpus,
            .max_gpus = j.spec->max_gpus,
            .weight = j.spec->weight,
            .priority = j.spec->priority,
            .current = j.point};
  }

  /// What there is for candidates; running jobs count as candidates or as given.
  [[nodiscard]] allocate::limits limits_now(const state& s, bool with_running) const {
    allocate::limits l{.gpus = s.ledger.free_gpus(), .gpu_idle_w = s.power.gpu_idle_w};
    l.power_w = options_.power_budget_w - s.idle_power_w();
    for (std::uint32_t slot : s.running) {
      const point p = s.jobs[slot].point;
      if (with_running)
        l.gpus += p->config.gpus;
      else if (l.power_w < std::numeric_limits<double>::infinity())
        l.power_w -= allocate::extra_power_w(*p, l);
    }
    return l;
  }

  // --- not elastic -----------------------------------------------------------------------------

  void admit_in_order(state& s, double now_s, decision& d) {
    if (s.waiting.empty()) return;
    allocate::limits l = limits_now(s, false);
    std::size_t admitted = 0;
    for (; admitted < s.waiting.size(); ++admitted) {
      active_job& j = s.jobs[s.waiting[admitted]];
      const allocate::candidate c = as_candidate(j, now_s);
      allocate_(std::span{&c, 1}, l, chosen_);
      const point p = chosen_[0];
      if (!p) {
        const bool few = l.gpus < j.spec->gpus;
        d.waiting.push_back({j.spec->id, few ? place::wait_reason::gpus : place::wait_reason::budget});
        break;
      }
      place::answer a = place::ask(place_, s.ledger, {j.spec->id, p->config.gpus});
      if (!a) {
        d.waiting.push_back({j.spec->id, a.why, a.proved});
        break;
      }
      l.gpus -= p->config.gpus;
      l.power_w -= allocate::extra_power_w(*p, l);
      begin(s, s.waiting[admitted], p, std::move(*a.where), d);
    }
    drop_started(s, admitted);
  }

  void drop_started(state& s, std::size_t n) {
    s.waiting.erase(s.waiting.begin(), s.waiting.begin() + static_cast<std::ptrdiff_t>(n));
    s.queued = s.waiting.size();
  }

  void begin(state& s, std::uint32_t slot, point p, fabric::placement where, decision& d) {
    active_job& j = s.jobs[slot];
    d.starts.push_back({j.spec->id, *p, where});
    [[maybe_unused]] const auto status = s.ledger.reserve(j.spec->id, std::move(where));
    assert(status == fabric::reserve_status::reserved && "a placement policy named what is taken");
    j.point = p;
    s.running.push_back(slot);
  }

  // --- elastic ---------------------------------------------------------------------------------

  void reallocate(state& s, double now_s, decision& d) {
    candidates_.clear();
    for (std::uint32_t slot : s.running) candidates_.push_back(as_candidate(s.jobs[slot], now_s));
    for (std::uint32_t slot : s.waiting) candidates_.push_back(as_candidate(s.jobs[slot], now_s));
    const allocate::limits l = limits_now(s, true);
    allocate_(candidates_, l, chosen_);

    const std::vector<std::uint32_t> was_running = s.running;
    for (std::size_t i = 0; i < was_running.size(); ++i)
      if (!chosen_[i]) {
        d.stops.push_back(s.jobs[was_running[i]].spec->id);
        s.stop(was_running[i]);
      }
    // Those that give GPUs back go first, so that those that want more find them.
    const auto resize_where = [&](auto&& wanted) {
      for (std::size_t i = 0; i < was_running.size(); ++i)
        if (chosen_[i] && wanted(chosen_[i]->config.gpus - s.jobs[was_running[i]].point->config.gpus))
          change(s, was_running[i], chosen_[i], l, now_s, d);
    };
    resize_where([](int more) { return more <= 0; });
    resize_where([](int more) { return more > 0; });

    const std::size_t first_waiting = was_running.size();
    std::size_t kept = 0;
    for (std::size_t i = 0; i < s.queued; ++i) {
      const std::uint32_t slot = s.waiting[i];
      if (!start_elastic(s, slot, chosen_[first_waiting + i], l, d)) s.waiting[kept++] = slot;
    }
    // Jobs stopped just now stand behind the queue until it is sorted again.
    const auto stopped = s.waiting.begin() + static_cast<std::ptrdiff_t>(s.queued);
    s.waiting.erase(s.waiting.begin() + static_cast<std::ptrdiff_t>(kept), stopped);
    s.queued = kept;
  }

  /// Brings a running job to `wanted`, or as near as placement allows without drawing more power.
  void change(state& s, std::uint32_t slot, point wanted, const allocate::limits& l, double now_s,
              decision& d) {
    active_job& j = s.jobs[slot];
    const job_id id = j.spec->id;
    if (wanted == j.point) return;
    if (wanted->config.gpus != j.point->config.gpus && worth_moving(j, *wanted, l, now_s)) {
      const fabric::placement old = *s.ledger.extract(id);
      if (place::answer a = place::ask(place_, s.ledger, {id, wanted->config.gpus})) {
        book(s, id, *a.where);
        j.point = wanted;
        d.resizes.push_back({id, *wanted, std::move(*a.where), true});
        return;
      }
      book(s, id, old);
    }
    // The same GPUs, at the fastest clock that draws no more than was granted.
    const point p = fastest_within(*j.curve, j.point->config.gpus, *wanted, l);
    if (!p) {
      d.stops.push_back(id);
      s.stop(slot);
      return;
    }
    if (p == j.point) return;
    j.point = p;
    d.resizes.push_back({id, *p, *s.ledger.find(id), false});
  }

  /// A job that shrinks makes room and always moves; one that grows has to gain from it.
  [[nodiscard]] bool worth_moving(const active_job& j, const model::operating_point& to,
                                  const allocate::limits& l, double now_s) const {
    if (to.config.gpus < j.point->config.gpus) return true;
    if (allocate::extra_power_w(to, l) < allocate::extra_power_w(*j.point, l)) return true;
    const double work = j.work_at(now_s);
    return work / j.point->throughput - work / to.throughput >= options_.least_gain_s;
  }

  static void book(state& s, job_id id, fabric::placement where) {
    [[maybe_unused]] const auto status = s.ledger.reserve(id, std::move(where));
    assert(status == fabric::reserve_status::reserved && "a placement policy named what is taken");
  }

  /// The fastest point with `gpus` GPUs that draws no more than `granted`, or null.
  [[nodiscard]] static point fastest_within(const model::curve& curve, int gpus,
                                            const model::operating_point& granted,
                                            const allocate::limits& l) {
    const auto points = curve.at(gpus);
    point best = nullptr;
    for (const model::operating_point& p : points)
      if (allocate::extra_power_w(p, l) <= allocate::extra_power_w(granted, l)) best = &p;
    return best;
  }

  /// Starts a waiting job with the point it was given, else with ever fewer GPUs.
  bool start_elastic(state& s, std::uint32_t slot, point wanted, const allocate::limits& l,
                     decision& d) {
    active_job& j = s.jobs[slot];
    if (!wanted) {
      d.waiting.push_back({j.spec->id, s.ledger.free_gpus() < j.spec->min_gpus
                                           ? place::wait_reason::gpus
                                           : place::wait_reason::budget});
      return false;
    }
    place::answer a = place::ask(place_, s.ledger, {j.spec->id, wanted->config.gpus});
    const blocked first_no{j.spec->id, a.why, a.proved};
    point given = wanted;
    for (point p = wanted; !a; ) {
      p = next_smaller(*j.curve, *p);
      if (!p || p->config.gpus < j.spec->min_gpus) break;
      given = fastest_within(*j.curve, p->config.gpus, *wanted, l);
      if (given) a = place::ask(place_, s.ledger, {j.spec->id, p->config.gpus});
    }
    if (!a) {
      d.waiting.push_back(first_no);
      return false;
    }
    begin(s, slot, given, std::move(*a.where), d);
    return true;
  }

  /// Any point with the next smaller number of GPUs, or null.
  [[nodiscard]] static point next_smaller(const model::curve& curve, const model::operating_point& p) {
    const point first = curve.at(p.config.gpus).data();
    return first == curve.points().data() ? nullptr : first - 1;
  }

  Order order_;
  Allocate allocate_;
  Place place_;
  Route route_;
  scheduler_options options_;
  std::vector<allocate::candidate> candidates_;
  allocate::allocation chosen_;
};

}  // namespace heddle::schedule
