// Jobs pass a blocked one that they do not delay.
#pragma once

#include <algorithm>
#include <cstddef>

#include <heddle/core/detail/scratch.hpp>
#include <heddle/schedule/admission.hpp>
#include <heddle/schedule/admit/in_order.hpp>
#include <heddle/schedule/queue.hpp>
#include <heddle/schedule/reservation.hpp>

namespace heddle::admit {

/// The first blocked job gets a reservation of GPUs *and links*: the earliest time at which those running
/// leave it a placement. Behind it start those that end by that time, and those with which it can still be
/// placed then. Trusts the run times of the trace.
/// References: Lifka, The ANL/IBM SP scheduling system, 1995; Mu'alem and Feitelson, IEEE TPDS 12(6), 2001.
/// That links are reserved is derived.
struct easy {
  std::size_t depth = schedule::whole_queue;  ///< jobs looked at behind the blocked one
  heddle::detail::scratch<schedule::refused_asks> refused = {};

  template <class Desk>
  void operator()(Desk& d) {
    const std::size_t blocked = in_order::first_blocked(d);
    if (blocked < d.queued()) pass(d, blocked);
  }

  /// Starts jobs behind the one at `blocked` in the queue.
  template <class Desk>
  void pass(Desk& d, std::size_t blocked) {
    const std::size_t behind = blocked + 1;
    const std::size_t end = behind + std::min(depth, d.queued() - behind);
    if (behind == end || d.left.gpus <= 0) return;
    schedule::reservation promised{d, d.waiting(blocked)};
    refused->clear();
    for (std::size_t i = behind; i < end && d.left.gpus > 0; ++i) {
      const schedule::queued_ask& a = d.asks(i);
      if (!promised.may_admit(a)) continue;
      // Those that end by then are asked for apart: they may have more.
      if (refused->has(a, promised.ends_by_then(a.run_s))) continue;
      const auto x = d.waiting(i);
      const auto* p = d.wish(x);
      if (!p) continue;
      const bool ends = promised.ends_by_then(d.job(x).run_time_s(*p, d.now_s()));
      if (const schedule::outcome o = promised.try_start(x, p))
        refused->clear();
      else if (o.why != place::wait_reason::budget)
        refused->add(a, ends);
    }
  }

  friend bool operator==(const easy&, const easy&) = default;
};

}  // namespace heddle::admit
