// Jobs pass others that they do not delay, none of them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>

#include <heddle/core/detail/scratch.hpp>
#include <heddle/core/moment.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/schedule/gpu_profile.hpp>
#include <heddle/schedule/outcome.hpp>
#include <heddle/schedule/queue.hpp>
#include <heddle/schedule/reservation.hpp>

namespace heddle::admit {

/// Gives each job in turn the earliest time at which its GPUs are free by number, and starts those whose
/// time is now and with which the first that is blocked can still be *placed* at its time, as `easy` does.
/// For the others behind it GPUs are counted, which is as good as placing where any GPUs will do. Trusts
/// the run times of the trace. Nobody makes room: the times of all would have to be found anew.
/// Reference: Mu'alem and Feitelson, IEEE TPDS 12(6), 2001.
struct conservative {
  static constexpr bool makes_no_room = true;

  std::size_t depth = schedule::whole_queue;  ///< jobs looked at behind the first
  heddle::detail::scratch<schedule::gpu_profile> profile = {};

  template <class Desk>
  void operator()(Desk& d) {
    if (d.queued() == 0) return;
    const double now_s = d.now_s();
    profile->start(d.state(), now_s);
    std::optional<typename Desk::slot> blocked;
    std::optional<schedule::reservation<Desk>> promised;  // to the first that is blocked
    const std::size_t end = 1 + std::min(depth, d.queued() - 1);
    for (std::size_t i = 0, last = end; i < end; ++i) {
      // Nobody is to start any more whose GPUs are not there now, so their times need not be known.
      while (i < last && d.asks(last - 1).gpus > profile->free_now()) --last;
      if (i > 0 && i >= last) return;
      const schedule::queued_ask a = d.asks(i);
      const auto x = d.waiting(i);
      double at_s = profile->earliest(a.gpus, a.run_s, now_s);
      schedule::outcome no{place::wait_reason::gpus};
      if (no_later(at_s, now_s)) {
        if (blocked && !promised) promised.emplace(d, *blocked);
        no = promised ? promised->try_start(x, d.wish(x)) : d.try_start(x);
        // The number would do and the place does not: the next change is looked at.
        if (!no) at_s = profile->earliest(a.gpus, a.run_s, profile->next_step(now_s));
      }
      if (i == 0 && !no) d.wait(x, no);
      if (!no && !blocked) blocked = x;
      profile->take(a.gpus, at_s, a.run_s);
    }
  }

  friend bool operator==(const conservative&, const conservative&) = default;
};

}  // namespace heddle::admit
