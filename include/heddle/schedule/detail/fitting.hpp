// What placement has for an allocation, found out on a copy of the ledger.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/core/detail/scratch.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/fabric/trial.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/schedule/active_job.hpp>
#include <heddle/schedule/decision.hpp>
#include <heddle/schedule/detail/booking.hpp>

namespace heddle::schedule::detail {

/// Tries an allocation out as the scheduler books it: those that give GPUs back, those that get
/// more, the queue. Keeps its copy of the ledger, so that later calls allocate little.
class fitting {
 public:
  /// Forgets whom it has refused.
  void start() { refused_.clear(); }

  /// Where placement has fewer GPUs for a candidate than `chosen` gives it, that becomes the most it
  /// may have; one for which there is no place at all gets no work. True if there is any, so that
  /// another allocation is worth while: it hands out what those leave.
  ///
  /// \param candidates  of the running jobs and then of those waiting, in the state's order
  /// \param grow        callable: (slot, chosen point, last tried or null) → what to try next, or null
  template <class Desk, class Grow>
  [[nodiscard]] bool cap(Desk& d, const allocate::allocation& chosen, Grow&& grow,
                         std::vector<allocate::candidate>& candidates) {
    const auto& s = d.state();
    auto& copy = trial_.template of<fabric::trial<typename Desk::ledger>>();
    copy.start(s.ledger);
    typename Desk::ledger& trial = *copy;
    bool any = false;
    const std::size_t running = s.running.size();
    const auto slot = [&](std::size_t i) {
      return i < running ? s.running[i] : s.waiting[i - running];
    };
    for (std::size_t i = 0; i < running; ++i)
      if (!chosen[i]) trial.release(candidates[i].id);
    for (const bool growing : {false, true})
      for (std::size_t i = 0; i < running; ++i) {
        if (!chosen[i]) continue;
        const active_job& j = s.jobs[slot(i)];
        const int had = j.point()->config.gpus, wanted = chosen[i]->config.gpus;
        if (wanted == had || (wanted > had) != growing) continue;
        int got = had;
        for (point p = grow(slot(i), chosen[i], nullptr); p && got == had;
             p = grow(slot(i), chosen[i], p)) {
          fabric::placement old = std::move(*trial.extract(candidates[i].id));
          if (put(d, trial, slot(i), *p))
            got = p->config.gpus;
          else
            (void)trial.reserve(candidates[i].id, std::move(old), j.spec->vc);
        }
        if (got >= wanted) continue;
        candidates[i].max_gpus = got;
        any = true;
      }
    for (std::size_t i = running; i < candidates.size(); ++i) {
      if (!chosen[i]) continue;
      const active_job& j = s.jobs[slot(i)];
      const place::answer first = put(d, trial, slot(i), *chosen[i]);
      if (first) continue;
      any = true;
      int got = 0;
      for (point p = next_smaller(*j.curve, *chosen[i]);
           p && p->config.gpus >= j.spec->min_gpus && got == 0; p = next_smaller(*j.curve, *p))
        if (put(d, trial, slot(i), *p)) got = p->config.gpus;
      if (got > 0) {
        candidates[i].max_gpus = got;
      } else {
        candidates[i].work = 0;
        refused_.push_back({j.spec->id, first.why, first.proved});
      }
    }
    return any;
  }

  /// Of a job for which there was no place since `start`: why not. Else null.
  [[nodiscard]] const blocked* refusal_of(job_id id) const {
    for (const blocked& b : refused_)
      if (b.job == id) return &b;
    return nullptr;
  }

 private:
  /// Places and books it, if that can be.
  template <class Desk>
  static place::answer put(Desk& d, typename Desk::ledger& trial, std::uint32_t slot,
                           const model::operating_point& p) {
    place::answer a = d.ask(trial, slot, p);
    if (!a) return a;
    if constexpr (fabric::RewirableLedger<typename Desk::ledger>)
      if (!a.moved.empty()) (void)trial.rewire(a.moved);
    const job& spec = *d.job(slot).spec;
    [[maybe_unused]] const auto booked = trial.reserve(spec.id, *a.where, spec.vc);
    assert(booked == fabric::reserve_status::reserved && "a placement policy named what is taken");
    return a;
  }

  heddle::detail::any_scratch trial_;
  std::vector<blocked> refused_;
};

}  // namespace heddle::schedule::detail
