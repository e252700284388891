// One decision in the making: what admission policies and means of making room work with.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/order/order.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/schedule/decision.hpp>
#include <heddle/schedule/detail/booking.hpp>
#include <heddle/schedule/detail/desk_parts.hpp>
#include <heddle/schedule/forecast.hpp>
#include <heddle/schedule/outcome.hpp>
#include <heddle/schedule/queue.hpp>

namespace heddle::schedule {

/// State, limits, decision and placement in one hand: what is started, changed or stopped here is booked
/// in the state and written into the decision. Jobs are named by their place in `state().jobs`.
///
/// Asking changes nothing: `wish`, `affords`, `ask`, `look_ahead`. Booking: `admit`, `try_start`, `start`,
/// `wait`; `move`, `change_point`, `stop`; `lift`, then `move_to`, `put_back` or `drop`. For one decision.
///
/// A job that is dropped stands in its place of the queue again, behind whoever it made room for, so that
/// admission comes to it in its turn: it may go on where it was, or start elsewhere.
template <class State, class Parts>
class desk {
 public:
  using slot = std::uint32_t;
  using point = const model::operating_point*;
  using ledger = std::remove_cvref_t<decltype(std::declval<State&>().ledger)>;

  desk(State& s, Parts& parts, queue& q, const allocate::limits& all, decision& d)
      : left(all), state_(s), parts_(parts), queue_(q), decision_(d) {
    queue_.nobody_has_begun();
    parts_.dropped->clear();
  }
  /// What is left to hand out. Starting takes from it; a means that fails puts back what it found.
  allocate::limits left;

  [[nodiscard]] const State& state() const { return state_; }
  [[nodiscard]] const active_job& job(slot x) const { return state_.jobs[x]; }
  [[nodiscard]] double now_s() const { return state_.now_s; }
  [[nodiscard]] const schedule::decision& decided() const { return decision_; }
  /// Jobs that waited when the decision began or were dropped since, those that start now among them, and
  /// the i-th of them, in the order's order.
  [[nodiscard]] std::size_t queued() const { return queue_.size(); }
  [[nodiscard]] slot waiting(std::size_t i) const { return state_.waiting[i]; }
  /// What the i-th asks for: for going through a long queue.
  [[nodiscard]] const queued_ask& asks(std::size_t i) const { return queue_.ask(i); }
  /// Whether the i-th starts in this decision.
  [[nodiscard]] bool has_begun(std::size_t i) const { return job(waiting(i)).running(); }
  /// Rises whenever the queue changes but by newcomers at its end and by those that start.
  [[nodiscard]] std::size_t queue_changes() const { return queue_.changes(); }

  [[nodiscard]] bool overdue(slot x) const { return entry(x).overdue; }
  /// Whether `a` has a better claim than `b`, and not only a better place.
  [[nodiscard]] bool outranks(slot a, slot b) {
    return order::outranks(parts_.order, entry(a), entry(b));
  }
  [[nodiscard]] bool goes_before(slot a, slot b) {
    return order::before(parts_.order, entry(a), entry(b));
  }
  /// Whether there is a running job that this one may stop.
  [[nodiscard]] bool outranks_a_running_one(slot x) {
    return std::any_of(state_.running.begin(), state_.running.end(),
                       [&](slot v) { return outranks(x, v) && !has_changed(v); });
  }
  /// What allocation gives this job, alone; null: nothing. \param types  of GPU that it may have
  [[nodiscard]] point wish(slot x, gpu_type_set types = all_gpu_types) {
    allocate::candidate c = detail::candidate_of(job(x), now_s());
    c.types &= types;
    allocate(std::span{&c, 1}, *parts_.chosen);
    return (*parts_.chosen)[0];
  }
  /// What a job waits for: the reference, or where GPUs are of several types its fastest point with as many
  /// GPUs of a type that it may have and of which there are so many. \param types  of those alone
  [[nodiscard]] point asked(slot x, gpu_type_set types = all_gpu_types) const {
    const active_job& j = job(x);
    const fabric::hosts& h = state_.ledger.hosts();
    if (h.gpu_types() == 1) return j.reference;
    types = static_cast<gpu_type_set>(types & j.types());
    point best = nullptr;
    for (int t = 0; t < h.gpu_types(); ++t)
      if (has_type(types, t) && h.gpus_of_type(t) >= j.spec->gpus)
        if (const point p = j.curve->on(t)->fastest(j.spec->gpus);
            p && (!best || p->throughput > best->throughput))
          best = p;
    return best || types != j.types() ? best : j.reference;
  }
  /// What allocation gives to all of `jobs` together.
  void allocate(std::span<const allocate::candidate> jobs, allocate::allocation& out) {
    parts_.by_type(parts_.allocate, jobs, left, out);
  }
  [[nodiscard]] bool affords(slot x, const model::operating_point& p) const {
    return detail::affords(left, job(x), p, now_s());
  }
  [[nodiscard]] double extra_power_w(const model::operating_point& p) const {
    return allocate::extra_power_w(p, left);
  }
  /// Where this job could have the GPUs of a point, as things are, or on another ledger.
  [[nodiscard]] place::answer ask(slot x, const model::operating_point& p) {
    return ask(state_.ledger, x, p);
  }
  template <class Ledger>
  [[nodiscard]] place::answer ask(const Ledger& on, slot x, const model::operating_point& p) {
    return place::ask(parts_.place, on, request_of(x, p));
  }
  [[nodiscard]] place::request request_of(slot x, const model::operating_point& p) const {
    return request_of(x, p.config.gpus, left.by_type.alike() ? any_gpu_type : p.config.type);
  }
  /// For `gpus` of a type, or of any one.
  [[nodiscard]] place::request request_of(slot x, int gpus, int gpu_type) const {
    const heddle::job& j = *job(x).spec;
    return {.job = j.id,
            .gpus = gpus,
            .tenant = j.vc,
            .shape = gpus == j.gpus ? j.shape : box_shape{},
            .sends = j.declared(),
            .before = state_.before(x),
            .gpu_type = gpu_type};
  }
  [[nodiscard]] auto& place() { return parts_.place; }
  /// When and where this job could start with `p` at the earliest, if those running keep their pace.
  [[nodiscard]] earliest_start look_ahead(slot x, const model::operating_point& p) {
    return (*parts_.ahead)(state_, request_of(x, p), now_s(), parts_.place, left.power_w,
                           extra_power_w(p),
                           [&](const active_job& r) { return extra_power_w(*r.point()); });
  }
  /// After a look ahead for `x` at `p`: whether it can be placed at its time all the same if `other` has what an
  /// answer says from now on and for longer. If so, that is counted with, and `at` brought up to date.
  [[nodiscard]] bool leaves_room(slot x, const model::operating_point& p, earliest_start& at,
                                 slot other, const place::answer& a) {
    return parts_.ahead->leaves_room(state_.ledger, request_of(x, p), at, parts_.place,
                                     request_on(other, *a.where), a);
  }
  /// The ledger as it is for jobs that must leave alone what `x` is going to have, `wanted`.
  [[nodiscard]] const auto& without(slot x, const fabric::placement& wanted) {
    return parts_.ahead->without(std::as_const(state_.ledger), wanted, job(x).spec->vc);
  }
  /// Whether this decision has started or changed this job: it is not to be stopped as well.
  [[nodiscard]] bool has_changed(slot x) const { return decision_.changes(job(x).spec->id); }
  /// Whether a waiting job may stop running ones, and whether there are no other means than that.
  [[nodiscard]] bool may_stop() const { return parts_.means.may_stop(); }
  [[nodiscard]] bool only_stops() const { return parts_.means.only_stops(); }

  /// Starts a waiting job with what allocation gives it, by the means of making room if it must. If that
  /// cannot be, it is written down why.
  bool admit(slot x) {
    const outcome o = try_all(x);
    if (!o) wait(x, o);
    return static_cast<bool>(o);
  }
  /// The same, and nothing is written down.
  outcome try_all(slot x) {
    const point granted = wish(x);
    const outcome o = left.by_type.alike() ? try_start(x, granted) : try_start(x);
    // Without a grant, what it asked for is tried, if it lacks something that others could set free.
    const point wanted = granted ? granted : asked(x);
    if (o || (!granted && affords(x, *wanted))) return o;
    return parts_.means(*this, hindered{x, wanted, o.why}) ? outcome{} : o;
  }
  /// The same without any means.
  outcome try_start(slot x) {
    point p = wish(x);
    outcome o = try_start(x, p);
    // Where there is no place on GPUs of that type, there may be one on another.
    for (gpu_type_set types = all_gpu_types; !left.by_type.alike() && p && !o;) {
      types = static_cast<gpu_type_set>(types & ~types_of(p->config.type));
      p = wish(x, types);
      if (!p) break;
      if (try_start(x, p)) o = {};
    }
    return o;
  }
  /// Starts a waiting job on what an answer says.
  void start(slot x, point p, place::answer where) {
    detail::pay(left, job(x), *p, now_s(), 1);
    detail::begin(state_, x, p, std::move(where), decision_);
    queue_.begins(x);
    parts_.dropped->forget(x);
  }
  void wait(slot x, const outcome& no) {
    decision_.waiting.push_back({job(x).spec->id, no.why, no.proved});
  }

  /// Moves a job to `p.config.gpus` GPUs; false, and nothing changed, if they cannot be placed.
  bool move(slot x, point p) {
    fabric::placement old = lift(x);
    place::answer a = ask(x, *p);
    const bool placed{a};
    if (placed)
      move_to(x, p, std::move(a));
    else
      put_back(x, std::move(old));
    return placed;
  }
  /// The same for one that was lifted, to where an answer says.
  void move_to(slot x, point p, place::answer a) {
    detail::hold(state_, x, a, decision_);
    state_.change_point(x, p);
    decision_.resizes.push_back(
        {job(x).spec->id, *p, std::move(*a.where), true, std::move(a.moved)});
  }
  /// Another clock or batch on the same GPUs.
  void change_point(slot x, point p) { detail::change_point(state_, x, p, decision_); }
  void stop(slot x) { detail::stop(state_, x, decision_); }

  /// Takes a running job off its GPUs until it is moved, put back or dropped.
  [[nodiscard]] fabric::placement lift(slot x) { return state_.lift(x); }
  /// Whether one that was lifted may have its place again, after others have been placed.
  [[nodiscard]] bool may_have(slot x, const fabric::placement& where) {
    return place::may_have(parts_.place, std::as_const(state_.ledger), request_on(x, where), where);
  }
  /// Stops one that was lifted; this decision does not come back to it.
  void stop_lifted(slot x) {
    decision_.stops.push_back(job(x).spec->id);
    state_.stop_lifted(x);
  }
  /// False, and nothing changed, if they are taken.
  bool put_back(slot x, fabric::placement where) {
    return state_.hold(x, std::move(where), decision_.servers_on);
  }
  /// What it has is left to others again, or is no longer.
  void refund(slot x) { detail::pay(left, job(x), *job(x).point(), now_s(), -1); }
  void charge(slot x) { detail::pay(left, job(x), *job(x).point(), now_s(), 1); }
  /// Stops one that was lifted from `where`.
  void drop(slot x, fabric::placement where) {
    parts_.dropped->add({x, job(x).point(), std::move(where)}, state_.running);
    decision_.stops.push_back(job(x).spec->id);
    queue_.has_stopped(state_, x);
    state_.stop_lifted(x);
    queue_.put_in_order(state_, parts_.order, parts_.patience_s);
  }

 private:
  [[nodiscard]] order::entry entry(slot x) const {
    return job(x).queue_entry(now_s(), parts_.patience_s);
  }
  outcome try_start(slot x, point p) {
    using place::wait_reason;
    if (goes_on(x)) return {};
    if (!p) return {has_gpus(x) ? wait_reason::budget : wait_reason::gpus};
    if (p->config.gpus > left.gpus_of(p->config.type)) return {wait_reason::gpus};
    if (!(extra_power_w(*p) <= left.power_w)) return {wait_reason::budget};
    place::answer a = ask(x, *p);
    if (!a) return {a.why, a.proved};
    start(x, p, std::move(a));
    return {};
  }
  /// Whether as many GPUs are left as the job asks for, of one type that it can have.
  [[nodiscard]] bool has_gpus(slot x) const {
    const gpu_type_set types = job(x).types();
    for (int t = 0; t < left.by_type.types; ++t)
      if (has_type(types, t) && left.gpus_of(t) >= job(x).spec->gpus) return true;
    return left.by_type.alike() && left.gpus >= job(x).spec->gpus;
  }
  [[nodiscard]] place::request request_on(slot x, const fabric::placement& where) const {
    return request_of(x, static_cast<int>(where.gpus.size()),
                      place::gpu_type_of(state_.ledger.hosts(), where));
  }
  /// A job that this decision has dropped goes on as if it had not, if its place is free again.
  bool goes_on(slot x) {
    const detail::dropped_job* j = parts_.dropped->find(x);
    if (!j || !affords(x, *j->at) || !may_have(x, j->where) || !put_back(x, j->where)) return false;
    detail::pay(left, job(x), *j->at, now_s(), 1);
    state_.resume(x, j->at);
    queue_.begins(x);
    std::erase(decision_.stops, job(x).spec->id);
    parts_.dropped->goes_on(state_.running);
    return true;
  }

  State& state_;
  Parts& parts_;
  queue& queue_;
  schedule::decision& decision_;
};

}  // namespace heddle::schedule
