// What a blocked job is going to have, and who may start in spite of it.
#pragma once

#include <limits>
#include <utility>

#include <heddle/core/gpu_types.hpp>
#include <heddle/core/moment.hpp>
#include <heddle/model/operating_point.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/schedule/active_job.hpp>
#include <heddle/schedule/forecast.hpp>
#include <heddle/schedule/queue.hpp>

namespace heddle::schedule {

/// The earliest time at which a waiting job can be placed if those running keep their pace, for those who
/// would start before it: one that ends by then may have anything, one that runs longer must leave the job
/// a place then, not necessarily the one that it would have had. For one decision.
/// Reference: Lifka, The ANL/IBM SP scheduling system, 1995; what is "extra" there is a number of nodes,
/// here whatever the placement policy can do without.
template <class Desk>
class reservation {
 public:
  using slot = typename Desk::slot;
  using point = typename Desk::point;

  /// \param head  a waiting job that cannot start now
  reservation(Desk& d, slot head)
      : desk_(d), head_(head), for_(soonest(d, head)), at_(d.look_ahead(head, *for_)) {}

  /// When; infinite: never, on this cluster, so that it need be left nothing.
  [[nodiscard]] double at_s() const { return at_.at_s; }
  [[nodiscard]] bool ends_by_then(double run_s) const {
    return no_later(desk_.now_s() + run_s, at_.at_s);
  }
  /// Whether a job that asks for this is not ruled out by its numbers alone.
  [[nodiscard]] bool may_admit(const queued_ask& a) const {
    return a.gpus <= desk_.left.gpus && (a.gpus <= at_.spare_gpus || ends_by_then(a.run_s));
  }

  /// Starts a waiting job at `p` if that does not delay the one that is blocked.
  outcome try_start(slot x, point p) {
    using place::wait_reason;
    const active_job& j = desk_.job(x);
    if (!p || p->config.gpus > desk_.left.gpus_of(p->config.type)) return {wait_reason::gpus};
    const bool ends = ends_by_then(j.run_time_s(*p, desk_.now_s()));
    const double extra_w = desk_.extra_power_w(*p);
    if (!ends && extra_w > at_.spare_power_w) return {wait_reason::budget};
    place::answer a = ends ? desk_.ask(x, *p) : beside(x, *p);
    if (!a) return {a.why, a.proved};
    if (!ends) at_.spare_power_w -= extra_w;
    desk_.start(x, p, std::move(a));
    rest_ = nullptr;
    return {};
  }

 private:
  /// On GPUs of which type it would be done first.
  static point soonest(Desk& d, slot head) {
    point best = d.asked(head);
    if (d.left.by_type.alike()) return best;
    double best_s = std::numeric_limits<double>::infinity();
    gpu_type_set left = all_gpu_types;
    for (point p = best; p && left != 0; p = d.asked(head, left)) {
      const double end_s = d.look_ahead(head, *p).at_s + d.job(head).run_time_s(*p, d.now_s());
      if (end_s < best_s) {
        best = p;
        best_s = end_s;
      }
      left = static_cast<gpu_type_set>(left & ~types_of(p->config.type));
    }
    return best;
  }
  /// Where a job could have its GPUs for long.
  place::answer beside(slot x, const model::operating_point& p) {
    place::answer a = desk_.ask(x, p);
    if (!a || leaves_room(x, a)) return a;
    // Not where the policy would put it first: beside what the blocked one is going to have.
    if (!rest_) rest_ = &desk_.without(head_, at_.where);
    place::answer b = desk_.ask(*rest_, x, p);
    if (!b) return b;
    // It was found beside what the blocked one is going to have, not beside what all have now.
    if (!desk_.may_have(x, *b.where) || !leaves_room(x, b))
      return {place::wait_reason::gpu_fragmentation, false};
    return b;
  }
  bool leaves_room(slot x, const place::answer& a) {
    if (!desk_.leaves_room(head_, *for_, at_, x, a)) return false;
    rest_ = nullptr;
    return true;
  }

  Desk& desk_;
  slot head_;
  point for_;  // what it waits for
  earliest_start at_;
  const typename Desk::ledger* rest_ = nullptr;  // null: not of the ledger as it is now
};

}  // namespace heddle::schedule
