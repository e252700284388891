// Jobs pass others that they do not delay, none of them.
#pragma once

#include <algorithm>
#include <cstddef>

#include <heddle/core/detail/scratch.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/schedule/desk.hpp>
#include <heddle/schedule/forecast.hpp>

namespace heddle::admit {

/// Gives each job in turn the earliest time at which its GPUs are free by number, and starts those whose
/// time is now. That counts GPUs alone, which is as good as placing where any GPUs will do. Trusts the run
/// times of the trace. Nobody makes room: the times of all would have to be found anew.
/// Reference: Mu'alem and Feitelson, IEEE TPDS 12(6), 2001.
struct conservative {
  static constexpr bool makes_no_room = true;

  std::size_t depth = 1000;  ///< jobs looked at behind the first
  heddle::detail::scratch<schedule::gpu_profile> profile = {};

  template <class Desk>
  void operator()(Desk& d) {
    if (d.queued() == 0) return;
    profile->start(d.state(), d.now_s());
    const double now_s = d.now_s();
    const std::size_t end = 1 + std::min(depth, d.queued() - 1);
    for (std::size_t i = 0; i < end; ++i) {
      const auto x = d.waiting(i);
      const schedule::active_job& j = d.job(x);
      const int gpus = j.spec->gpus;
      const double run_s = j.run_time_s(*j.reference, now_s);
      double at_s = profile->earliest(gpus, run_s, now_s);
      schedule::outcome no{place::wait_reason::gpus};
      if (at_s == now_s) {
        no = d.try_start(x);
        // The number would do and the place does not: the next change is looked at.
        if (!no) at_s = profile->earliest(gpus, run_s, profile->next_step(now_s));
      }
      if (i == 0 && !no) d.wait(x, no);
      profile->take(gpus, at_s, run_s);
    }
  }

  friend bool operator==(const conservative&, const conservative&) = default;
};

}  // namespace heddle::admit
