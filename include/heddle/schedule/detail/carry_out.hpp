// Booking a decision that was made before.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/model/curve.hpp>
#include <heddle/schedule/decision.hpp>
#include <heddle/schedule/detail/booking.hpp>

namespace heddle::schedule::detail {

/// The point of `c` that equals `p`, or null.
[[nodiscard]] inline point point_like(const model::curve& c, const model::operating_point& p) {
  const model::curve* const of_type = c.on(p.config.type);
  if (!of_type) return nullptr;
  const auto here = of_type->at(p.config.gpus);
  const auto it = std::find(here.begin(), here.end(), p);
  return it == here.end() ? nullptr : &*it;
}

/// Carries a decision out on a state; false where it does not fit, with part of it done. Whoever calls
/// takes those started out of the queue.
template <class State>
[[nodiscard]] bool carry_out(State& s, const decision& d) {
  std::vector<server_id> woken;
  const auto runs = [&](job_id id) { return s.contains(id) && s.jobs[s.slot_of(id)].running(); };
  for (job_id id : d.stops) {
    if (!runs(id)) return false;
    s.stop(s.slot_of(id));
  }
  // Those that change places leave them first.
  for (const resize& r : d.resizes) {
    if (!runs(r.job) || !s.ledger.find(r.job)) return false;
    const std::uint32_t slot = s.slot_of(r.job);
    const point p = point_like(*s.jobs[slot].curve, r.point);
    if (!p) return false;
    s.change_point(slot, p);
    if (r.moved) s.lift(slot);
  }
  for (const resize& r : d.resizes)
    if (r.moved && (!rewire(s, r.rewired) || !s.hold(s.slot_of(r.job), r.where, woken)))
      return false;
  for (const start& x : d.starts) {
    if (!s.contains(x.job) || runs(x.job)) return false;
    const std::uint32_t slot = s.slot_of(x.job);
    const point p = point_like(*s.jobs[slot].curve, x.point);
    if (!p || !rewire(s, x.rewired) || !s.begin(slot, p, x.where, woken)) return false;
  }
  for (server_id x : d.servers_off) {
    if (x.index() >= static_cast<std::size_t>(s.ledger.hosts().servers())) return false;
    s.servers.switch_off(x);
  }
  return woken == d.servers_on;
}

}  // namespace heddle::schedule::detail
