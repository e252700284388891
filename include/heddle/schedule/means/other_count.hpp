// A job makes do with another number of GPUs.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include <heddle/core/detail/scratch.hpp>
#include <heddle/model/operating_point.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/schedule/active_job.hpp>
#include <heddle/schedule/desk.hpp>

namespace heddle::schedule {

/// A job whose GPUs cannot be placed now takes another number within its elastic range if that can, and its
/// curve says that it will be done sooner than by waiting for those that run: allocation asks placement what
/// is possible. Not where a budget is what it lacks. Derived.
struct other_count {
  heddle::detail::scratch<std::vector<const model::operating_point*>> tried = {};

  template <class Desk>
  bool operator()(Desk& d, const hindered& job) {
    if (job.why == place::wait_reason::budget) return false;
    const active_job& j = d.job(job.slot);
    const double later_s =
        d.look_ahead(job.slot, *job.wanted).at_s + j.run_time_s(*job.wanted, d.now_s());
    tried->clear();
    for (const model::operating_point& p : j.curve->of(*job.wanted).points())
      if (p.config.gpus != job.wanted->config.gpus && p.config.gpus >= j.spec->min_gpus &&
          p.config.gpus <= j.spec->max_gpus && d.affords(job.slot, p) &&
          d.now_s() + j.run_time_s(p, d.now_s()) < later_s)
        tried->push_back(&p);
    std::sort(tried->begin(), tried->end(), [](const auto* a, const auto* b) {
      return std::pair{-a->throughput, a->config.gpus} < std::pair{-b->throughput, b->config.gpus};
    });
    int refused = 0;  // a count has several clocks; it is asked for once
    for (const model::operating_point* p : *tried) {
      if (p->config.gpus == refused) continue;
      refused = p->config.gpus;
      place::answer a = d.ask(job.slot, *p);
      if (!a) continue;
      d.start(job.slot, p, std::move(a));
      return true;
    }
    return false;
  }

  friend bool operator==(const other_count&, const other_count&) = default;
};

}  // namespace heddle::schedule
