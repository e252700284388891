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
/// placed; puts those back whose place it does not need. Those that this decision has started or moved stay.
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
    std::optional<place::answer> a;
    for (std::uint32_t v : victims) {
      d.refund(v);
      lifted.push_back(d.lift(v));
      if (!d.affords(job.slot, *job.wanted)) continue;
      a = d.ask(job.slot, job.wanted->config.gpus);
      // A policy may move circuits of jobs that stay, not of those that have just left.
      if (*a) break;
    }
    const bool placed = a && *a;
    if (placed) d.start(job.slot, job.wanted, std::move(*a));
    for (std::size_t i = lifted.size(); i-- > 0;) {
      const std::uint32_t v = victims[i];
      const bool stays = !placed || (d.affords(v, *d.job(v).point()) && d.may_have(v, lifted[i]));
      if (stays && d.put_back(v, std::move(lifted[i])))
        d.charge(v);
      else
        d.drop(v);
    }
    if (!placed) d.left = before;
    return placed;
  }

  friend bool operator==(const preempt&, const preempt&) = default;
};

}  // namespace heddle::schedule
