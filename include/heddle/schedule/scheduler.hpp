// Order × allocation × admission × means × placement × routing, composed into one scheduler.
//
// `decide`, and where its steps stand, in their order:
//
//   1  the queue in its order      queue.hpp                order/order.hpp
//   2  what there is to hand out   budget.hpp               options.hpp, energy_pacer.hpp
//   3  a desk for the decision     desk.hpp                 asks allocation: allocate/allocate.hpp
//   4  which jobs start            admission.hpp            admit/*.hpp
//   5  room for those that cannot  means.hpp                means/*.hpp
//   6  where                       desk.hpp                 asks placement: place/placement_policy.hpp
//   7  what was decided, booked    detail/booking.hpp       decision.hpp
//   8  idle servers, next look     detail/afterwards.hpp
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/order/order.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/schedule/admission.hpp>
#include <heddle/schedule/admit/elastic.hpp>
#include <heddle/schedule/admit/in_order.hpp>
#include <heddle/schedule/budget.hpp>
#include <heddle/schedule/decision.hpp>
#include <heddle/schedule/desk.hpp>
#include <heddle/schedule/detail/afterwards.hpp>
#include <heddle/schedule/detail/booking.hpp>
#include <heddle/schedule/detail/carry_out.hpp>
#include <heddle/schedule/detail/desk_parts.hpp>
#include <heddle/schedule/energy_pacer.hpp>
#include <heddle/schedule/expected_work.hpp>
#include <heddle/schedule/means.hpp>
#include <heddle/schedule/options.hpp>
#include <heddle/schedule/queue.hpp>
#include <heddle/schedule/state.hpp>

namespace heddle::schedule {

/// How jobs are admitted where nothing is said.
template <class Allocate>
using usual_admission =
    std::conditional_t<allocate::ElasticPolicy<Allocate>, admit::elastic, admit::in_order>;

/// A scheduler made of policies. `decide` is all of it: the simulator and a live cluster call the same.
///
///     scheduler plan{order::fifo{}, allocate::requested{}, place::vclos{}, route::source{},
///                    admit::easy{.depth = 5000}, means{preempt{}, migrate{.most_gpus = 64}}};
///
/// Admission, means and options may be left out. One writer.
template <class Order, class Allocate, class Place, class Route,
          class Admission = usual_admission<Allocate>, class Means = means<>>
class scheduler {
  static_assert(
      order::OrderPolicy<Order>,
      "the first part of a scheduler orders two entries: bool(const entry&, const entry&)");
  static_assert(allocate::AllocationPolicy<Allocate>,
                "the second part of a scheduler gives each candidate an operating point: "
                "void(span<const candidate>, const limits&, allocation&)");
  static_assert(place::PolicyOfSomeFabric<Place>,
                "the third part of a scheduler places a request on a ledger: "
                "answer(const ledger&, const request&)");
  static_assert(route::RoutingPolicy<Route>,
                "the fourth part of a scheduler gives a flow its path: "
                "path(const view&, const flow&)");

  static constexpr bool elastic = allocate::ElasticPolicy<Allocate>;
  using parts = detail::desk_parts<Order, Allocate, Place, Means>;

  static_assert(AdmissionPolicy<Admission, desk<state<fabric::leaf_spine>, parts>>,
                "the fifth part of a scheduler admits jobs at a desk: void(Desk&)");
  static_assert(is_means<Means>,
                "the sixth part of a scheduler is means{...}, of which each makes room for a job");
  static_assert(
      !elastic || ElasticAdmission<Admission>,
      "an elastic allocation gives and takes GPUs itself: admit::elastic goes with it, and "
      "no policy that admits one job at a time");
  static_assert(elastic || !ElasticAdmission<Admission>,
                "admit::elastic asks an allocation for all jobs together: one that is elastic");
  static_assert(!elastic || Means::none,
                "an elastic allocation makes room itself: there are no other means beside it");
  static_assert(!AdmissionWithoutMeans<Admission> || Means::none,
                "this admission starts no job by means of making room: leave them out");

 public:
  scheduler(Order order, Allocate allocate, Place place, Route route,
            const scheduler_options& options = {})
      : scheduler(std::move(order), std::move(allocate), std::move(place), std::move(route),
                  Admission{}, Means{}, options) {}
  scheduler(
      Order order, Allocate allocate, Place place, Route route, Admission admission,
      const scheduler_options& options = {}) requires(!std::is_same_v<Admission, scheduler_options>)
      : scheduler(std::move(order), std::move(allocate), std::move(place), std::move(route),
                  std::move(admission), Means{}, options) {}
  scheduler(
      Order order, Allocate allocate, Place place, Route route, Admission admission, Means means,
      const scheduler_options& options = {}) requires(!std::is_same_v<Means, scheduler_options>)
      : parts_{std::move(order), std::move(allocate), std::move(place), std::move(means),
               options.patience_s},
        route_(std::move(route)), admission_(std::move(admission)), options_(options) {}

  [[nodiscard]] const Route& route() const { return route_; }
  [[nodiscard]] const scheduler_options& options() const { return options_; }

  /// Decides what to do at `now_s` and books it in `s`: the ledger, the jobs' points, the queue. The
  /// caller carries it out (and keeps the jobs' progress).
  /// Precondition: the power budget is at least `s.idle_power_w()`.
  template <class State>
  decision decide(State& s, double now_s) {
    check<State>();
    decision d;
    s.now_s = now_s;
    if (options_.forecast_work) expected_(s);
    queue_.put_in_order(s, parts_.order, options_.patience_s);
    const budget_now budget = pacer_(options_, s);
    if (budget.used_up) {
      detail::save_energy(s, queue_.size(), options_.energy.hard, d);
    } else {
      desk here{s, parts_, queue_, limits_at(s, budget, elastic), d};
      admission_(here);
      queue_.drop_begun(s);
    }
    if (!elastic && !d.stops.empty()) queue_.put_in_order(s, parts_.order, options_.patience_s);
    detail::switch_off_idle(s, options_.off_after_s, d);
    detail::look_again(s, parts_, options_, d);
    d.again_s = std::min(d.again_s, pacer_.changes_s(options_, s));
    return d;
  }

  /// Starts all of `jobs` in this one decision, or none: parts of one program, for example. Each
  /// gets what it asked for. Where one cannot start, the decision names it and changes nothing.
  /// Preconditions: each of `jobs` waits; the allocation is not elastic.
  template <class State>
  decision start_together(State& s, std::span<const job_id> jobs, double now_s) requires(!elastic) {
    check<State>();
    decision d;
    s.now_s = now_s;
    if (options_.forecast_work) expected_(s);
    queue_.put_in_order(s, parts_.order, options_.patience_s);
    const auto before = s.servers;
    desk here{s, parts_, queue_, limits_at(s, pacer_(options_, s), false), d};
    for (job_id id : jobs) {
      const std::uint32_t slot = s.slot_of(id);
      const outcome o = here.try_start(slot);
      if (o) continue;
      detail::undo_starts(s, d);
      queue_.nobody_has_begun();
      s.servers = before;
      return {.waiting = {{id, o.why, o.proved}}};
    }
    queue_.drop_begun(s);
    return d;
  }

  /// Books a decision that was made before, here or elsewhere, on an equal state. False if the state
  /// is another, so that the decision does not fit; part of it may be booked then.
  template <class State>
  [[nodiscard]] bool carry_out(State& s, double now_s, const decision& d) {
    s.now_s = now_s;
    if (options_.forecast_work) expected_(s);
    (void)pacer_(options_, s);
    queue_.put_in_order(s, parts_.order, options_.patience_s);
    const bool fits = detail::carry_out(s, d);
    if (!elastic && !d.stops.empty()) queue_.put_in_order(s, parts_.order, options_.patience_s);
    queue_.nobody_has_begun();
    for (const schedule::start& x : d.starts)
      if (s.contains(x.job) && s.jobs[s.slot_of(x.job)].running()) queue_.begins(s.slot_of(x.job));
    queue_.drop_begun(s);
    return fits;
  }

 private:
  template <class State>
  static constexpr void check() {
    static_assert(
        place::PlacementPolicy<Place, decltype(State::ledger)>,
        "this placement policy is not for this fabric: vclos and what is like it own fixed "
        "links, ocs_vclos owns circuits, packed and what is like it run on any "
        "(docs/concepts/fabric.md)");
    static_assert(Means::template work_on<decltype(State::ledger)>,
                  "a means of making room is not for this fabric: migrate moves jobs between GPUs "
                  "and fixed links, circuits move by place::ocs_vclos{.may_move = …}");
  }

  parts parts_;
  Route route_;
  Admission admission_;
  scheduler_options options_;
  queue queue_;
  energy_pacer pacer_;
  expected_work expected_;
};

}  // namespace heddle::schedule
