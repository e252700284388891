// Jobs pass a blocked one whatever that does to it.
#pragma once

#include <algorithm>
#include <cstddef>

#include <heddle/schedule/admit/easy.hpp>
#include <heddle/schedule/admit/in_order.hpp>

namespace heddle::admit {

/// Behind the first blocked job all start that fit; where jobs may be stopped, by all means of making
/// room. A stream of small jobs may keep a large one waiting for ever, unless the scheduler has patience:
/// nobody passes an overdue job but as `easy` does.
struct greedy {
  std::size_t depth = 1000;  ///< jobs looked at behind the blocked one

  template <class Desk>
  void operator()(Desk& d) const {
    const std::size_t blocked = in_order::first_blocked(d);
    if (blocked == d.queued()) return;
    if (d.overdue(d.waiting(blocked))) return easy{.depth = depth}.pass(d, blocked);
    const std::size_t behind = blocked + 1;
    const std::size_t end = behind + std::min(depth, d.queued() - behind);
    for (std::size_t i = behind; i < end && (d.left.gpus > 0 || d.may_stop()); ++i)
      if (d.may_stop())
        (void)d.try_all(d.waiting(i));
      else
        (void)d.try_start(d.waiting(i));
  }

  friend bool operator==(const greedy&, const greedy&) = default;
};

}  // namespace heddle::admit
