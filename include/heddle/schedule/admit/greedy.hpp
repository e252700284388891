// Jobs pass a blocked one whatever that does to it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

#include <heddle/core/detail/scratch.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/schedule/admit/easy.hpp>
#include <heddle/schedule/admit/in_order.hpp>
#include <heddle/schedule/queue.hpp>

namespace heddle::admit {

/// Behind the first blocked job all start that fit; where jobs may be stopped, by all means of making
/// room. A stream of small jobs may keep a large one waiting for ever, unless the scheduler has patience:
/// nobody passes an overdue job but as `easy` does.
struct greedy {
  std::size_t depth = schedule::whole_queue;  ///< jobs looked at behind the blocked one
  heddle::detail::scratch<schedule::refused_asks> refused = {};

  template <class Desk>
  void operator()(Desk& d) {
    const std::size_t blocked = in_order::first_blocked(d);
    if (blocked == d.queued()) return;
    if (d.overdue(d.waiting(blocked))) {
      easy as_easy{.depth = depth, .refused = std::move(refused)};
      as_easy.pass(d, blocked);
      refused = std::move(as_easy.refused);
      return;
    }
    refused->clear();
    bool makes_room = d.may_stop();
    for (std::size_t i = blocked + 1, looked_at = 0;
         i < d.queued() && looked_at < depth && (d.left.gpus > 0 || makes_room); ++i, ++looked_at) {
      // Who comes behind one that outranks nobody who runs outranks nobody either.
      if (makes_room && d.only_stops() && !d.outranks_a_running_one(d.waiting(i)))
        makes_room = false;
      if (makes_room) {
        if (d.try_all(d.waiting(i))) refused->clear();
        continue;
      }
      const schedule::queued_ask a = d.asks(i);
      if (a.gpus > d.left.gpus || refused->has(a)) continue;
      if (const schedule::outcome o = d.try_start(d.waiting(i)))
        refused->clear();
      else if (o.why != place::wait_reason::budget)
        refused->add(a);
    }
  }

  friend bool operator==(const greedy&, const greedy&) = default;
};

}  // namespace heddle::admit
