// Jobs pass a blocked one that they do not delay.
#pragma once

#include <algorithm>
#include <cstddef>

#include <heddle/place/placement_policy.hpp>
#include <heddle/schedule/active_job.hpp>
#include <heddle/schedule/admit/in_order.hpp>
#include <heddle/schedule/forecast.hpp>

namespace heddle::admit {

/// The first blocked job gets a reservation of GPUs *and links*: the placement that it could have at the
/// earliest time that those running leave it one. Behind it start those that end before that time, and
/// those that leave it what it is going to have. Trusts the run times of the trace.
/// Reference: Lifka, The ANL/IBM SP scheduling system, 1995. Reserving links is derived.
struct easy {
  std::size_t depth = 1000;  ///< jobs looked at behind the blocked one

  template <class Desk>
  void operator()(Desk& d) const {
    const std::size_t blocked = in_order::first_blocked(d);
    if (blocked < d.queued()) pass(d, blocked);
  }

  /// Starts jobs behind the one at `blocked` in the queue.
  template <class Desk>
  void pass(Desk& d, std::size_t blocked) const {
    const auto head = d.waiting(blocked);
    const schedule::earliest_start at = d.look_ahead(head, *d.job(head).reference);
    double spare_w = at.spare_power_w;
    const std::size_t behind = blocked + 1;
    const std::size_t end = behind + std::min(depth, d.queued() - behind);
    const typename Desk::ledger* rest = nullptr;  // null: not of the ledger as it is now
    for (std::size_t i = behind; i < end && d.left.gpus > 0; ++i) {
      const auto x = d.waiting(i);
      const schedule::active_job& j = d.job(x);
      if (j.spec->gpus > d.left.gpus) continue;
      const auto* p = d.wish(x);
      if (!p || p->config.gpus > d.left.gpus) continue;
      const bool ends_before = d.now_s() + j.run_time_s(*p, d.now_s()) <= at.at_s;
      const double extra_w = d.extra_power_w(*p);
      if (!ends_before && extra_w > spare_w) continue;
      if (!ends_before && !rest) rest = &d.without(head, at.where);
      place::answer a = ends_before ? d.ask(x, p->config.gpus) : d.ask(*rest, x, p->config.gpus);
      if (!a) continue;
      // It was found beside what the blocked one is going to have, not beside what all have now.
      if (!ends_before && !d.may_have(x, *a.where)) continue;
      if (!ends_before) spare_w -= extra_w;
      d.start(x, p, std::move(a));
      rest = nullptr;
    }
  }

  friend bool operator==(const easy&, const easy&) = default;
};

}  // namespace heddle::admit
