// Running jobs make room by stopping.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/core/detail/scratch.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/schedule/desk.hpp>

namespace heddle::schedule {

/// Stops running jobs that the waiting one outranks (`order::outranks`), the lowest first, until it can be
/// placed; then those are held again that it can do without, the best first, and placement is asked once
/// more beside each. Those that this decision has started or moved stay.
struct preempt {
  struct memory {
    std::vector<std::uint32_t> victims;
    std::vector<fabric::placement> lifted;
  };
  heddle::detail::scratch<memory> work = {};

  [[nodiscard]] static constexpr bool may_stop() { return true; }

  template <class Desk>
  bool operator()(Desk& d, const hindered& job) {
    auto& [victims, lifted] = *work;
    victims.clear();
    lifted.clear();
    int gpus = d.state().ledger.free_gpus();
    for (std::uint32_t v : d.state().running)
      if (d.outranks(job.slot, v) && !d.has_changed(v)) {
        victims.push_back(v);
        gpus += d.job(v).point()->config.gpus;
      }
    if (gpus < job.wanted->config.gpus) return false;
    std::sort(victims.begin(), victims.end(),
              [&](std::uint32_t a, std::uint32_t b) { return d.goes_before(b, a); });

    const allocate::limits before = d.left;
    const int wanted = job.wanted->config.gpus;
    std::optional<place::answer> a;
    for (std::uint32_t v : victims) {
      d.refund(v);
      lifted.push_back(d.lift(v));
      if (!d.affords(job.slot, *job.wanted)) continue;
      a = d.ask(job.slot, *job.wanted);
      // A policy may move circuits of jobs that stay, not of those that have just left.
      if (*a) break;
    }
    const bool placed = a && *a;
    // Those that it can do without stay, the best first. Without the best one lifted it could not.
    for (std::size_t i = lifted.size(); placed && i-- > 0;) {
      if (i + 1 == lifted.size() || d.state().ledger.free_gpus() - gpus_of(lifted[i]) < wanted ||
          !stays(d, victims[i], lifted[i], job))
        continue;
      if (place::answer again = d.ask(job.slot, *job.wanted)) {
        a = std::move(again);
        lifted[i].gpus.clear();
      } else {
        (void)d.lift(victims[i]);
        d.refund(victims[i]);
      }
    }
    if (placed) d.start(job.slot, job.wanted, std::move(*a));
    for (std::size_t i = lifted.size(); i-- > 0;) {
      if (lifted[i].gpus.empty()) continue;
      const std::uint32_t v = victims[i];
      const bool may = !placed || (d.affords(v, *d.job(v).point()) && d.may_have(v, lifted[i]));
      if (may && d.put_back(v, lifted[i]))
        d.charge(v);
      else
        d.drop(v, std::move(lifted[i]));
    }
    if (!placed) d.left = before;
    return placed;
  }

  friend bool operator==(const preempt&, const preempt&) = default;

 private:
  [[nodiscard]] static int gpus_of(const fabric::placement& p) {
    return static_cast<int>(p.gpus.size());
  }
  /// Puts a victim back if it and the job can be afforded together.
  template <class Desk>
  [[nodiscard]] static bool stays(Desk& d, std::uint32_t v, const fabric::placement& where,
                                  const hindered& job) {
    if (!d.affords(v, *d.job(v).point()) || !d.may_have(v, where) || !d.put_back(v, where))
      return false;
    d.charge(v);
    if (d.affords(job.slot, *job.wanted)) return true;
    (void)d.lift(v);
    d.refund(v);
    return false;
  }
};

}  // namespace heddle::schedule
