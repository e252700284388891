// Small steps in which schedulers book what they decide.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/model/curve.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/schedule/decision.hpp>
#include <heddle/schedule/state.hpp>

namespace heddle::schedule::detail {

using point = const model::operating_point*;

/// The point of `c` that equals `p`, or null.
[[nodiscard]] inline point point_like(const model::curve& c, const model::operating_point& p) {
  const auto here = c.at(p.config.gpus);
  const auto it = std::find(here.begin(), here.end(), p);
  return it == here.end() ? nullptr : &*it;
}
/// The fastest point with `gpus` GPUs that draws no more than `granted`, or null.
[[nodiscard]] inline point fastest_within(const model::curve& curve, int gpus,
                                          const model::operating_point& granted,
                                          const allocate::limits& l) {
  point best = nullptr;
  for (const model::operating_point& p : curve.at(gpus))
    if (allocate::extra_power_w(p, l) <= allocate::extra_power_w(granted, l)) best = &p;
  return best;
}
/// Any point with the next smaller number of GPUs, or null.
[[nodiscard]] inline point next_smaller(const model::curve& curve,
                                        const model::operating_point& p) {
  const point first = curve.at(p.config.gpus).data();
  return first == curve.points().data() ? nullptr : first - 1;
}

[[nodiscard]] inline place::request request_of(const active_job& j, int gpus) {
  return {j.spec->id, gpus, j.spec->vc};
}

inline void pay(allocate::limits& l, const active_job& j, const model::operating_point& p,
                double now_s) {
  l.gpus -= p.config.gpus;
  l.power_w -= allocate::extra_power_w(p, l);
  if (l.energy_j < std::numeric_limits<double>::infinity())
    l.energy_j -= j.work_at(now_s) * p.energy_per_sample_j();
}

/// Moves circuits of those of the jobs that still hold something; false, and nothing changed, if
/// they cannot be moved.
inline bool rewire(state& s, std::span<const fabric::circuit_move> moves) {
  if (moves.empty()) return true;
  std::vector<fabric::circuit_move> there;
  for (const fabric::circuit_move& m : moves)
    if (s.ledger.find(m.job)) there.push_back(m);
  return s.ledger.fabric().is_optical() &&
         s.ledger.rewire(there) == fabric::reserve_status::reserved;
}

/// Books what a placement policy answered for a job that holds nothing.
inline void hold(state& s, std::uint32_t slot, const place::answer& a, decision& d) {
  [[maybe_unused]] const bool moved = rewire(s, a.moved);
  assert(moved && "a placement policy moved what it cannot");
  [[maybe_unused]] const bool held = s.hold(slot, *a.where, d.servers_on);
  assert(held && "a placement policy named what is taken");
}
inline void begin(state& s, std::uint32_t slot, point p, place::answer a, decision& d) {
  hold(s, slot, a, d);
  s.jobs[slot].point = p;
  s.running.push_back(slot);
  d.starts.push_back({s.jobs[slot].spec->id, *p, std::move(*a.where), std::move(a.moved)});
}
/// Takes the starts of `d` back, the last first.
inline void undo_starts(state& s, const decision& d) {
  for (auto it = d.starts.rbegin(); it != d.starts.rend(); ++it) {
    const std::uint32_t slot = s.slot_of(it->job);
    s.lift(slot);
    s.jobs[slot].point = nullptr;
    s.running.pop_back();
    std::vector<fabric::circuit_move> back;
    for (const fabric::circuit_move& m : it->rewired) back.push_back({m.job, m.to, m.from});
    rewire(s, back);
  }
}
inline void stop(state& s, std::uint32_t slot, decision& d) {
  d.stops.push_back(s.jobs[slot].spec->id);
  s.stop(slot);
}

/// Takes those of the first `n` that run now out of the queue.
inline void drop_started(state& s, std::size_t n) {
  const auto first = s.waiting.begin(), last = first + static_cast<std::ptrdiff_t>(n);
  const auto kept =
      std::remove_if(first, last, [&](std::uint32_t slot) { return s.jobs[slot].running(); });
  s.queued -= static_cast<std::size_t>(last - kept);
  s.waiting.erase(kept, last);
}

/// Switches servers off that have been idle for `after_s`, and asks to be called when the next will.
inline void switch_off_idle(state& s, double after_s, decision& d) {
  if (after_s == std::numeric_limits<double>::infinity()) return;
  const fabric::leaf_spine& dc = s.ledger.fabric();
  for (server_id x : dc.all_servers()) {
    const int gpus = static_cast<int>(dc.gpus_of(x).size());
    const double due = s.servers.idle_since_s(x) + after_s;
    if (gpus == 0 || due == std::numeric_limits<double>::infinity() || s.ledger.free_gpus(x) < gpus)
      continue;
    if (due > s.now_s) {
      d.again_s = std::min(d.again_s, due);
      continue;
    }
    s.servers.switch_off(x);
    d.servers_off.push_back(x);
  }
}

/// Carries a decision out on a state whose queue is in order; false where it does not fit, with
/// part of it done.
[[nodiscard]] inline bool book(state& s, const decision& d) {
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
    s.jobs[slot].point = p;
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
  drop_started(s, s.queued);
  for (server_id x : d.servers_off) {
    if (x.index() >= static_cast<std::size_t>(s.ledger.fabric().servers())) return false;
    s.servers.switch_off(x);
  }
  return woken == d.servers_on;
}

}  // namespace heddle::schedule::detail
