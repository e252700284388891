// Small steps in which schedulers book what they decide.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/model/curve.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/schedule/active_job.hpp>
#include <heddle/schedule/decision.hpp>

namespace heddle::schedule::detail {

using point = const model::operating_point*;

/// The fastest point with `gpus` GPUs that draws no more than `granted`, or null.
[[nodiscard]] inline point fastest_within(const model::curve& curve, int gpus,
                                          const model::operating_point& granted,
                                          const allocate::limits& l) {
  point best = nullptr;
  for (const model::operating_point& p : curve.at(gpus))
    if (allocate::extra_power_w(p, l) <= allocate::extra_power_w(granted, l)) best = &p;
  return best;
}
/// Any point with the next smaller number of GPUs of its type, or null. \param home  the job's curve
[[nodiscard]] inline point next_smaller(const model::curve& home, const model::operating_point& p) {
  const model::curve& curve = home.of(p);
  const point first = curve.at(p.config.gpus).data();
  return first == curve.points().data() ? nullptr : first - 1;
}

[[nodiscard]] inline allocate::candidate candidate_of(const active_job& j, double now_s) {
  return {.id = j.spec->id,
          .curve = j.curve,
          .work = j.work_at(now_s),
          .requested_gpus = j.spec->gpus,
          .min_gpus = j.spec->min_gpus,
          .max_gpus = j.spec->max_gpus,
          .weight = j.spec->weight,
          .priority = j.spec->priority,
          .current = j.point(),
          .time_left_s = j.spec->deadline_s - now_s,
          .work_spread = j.expected_s >= 0 ? j.expected_spread : 0,
          .types = types_of(j.spec->gpu_type)};
}
/// Takes what `j` needs at `p` from `l` so many times: −1 gives it back.
inline void pay(allocate::limits& l, const active_job& j, const model::operating_point& p,
                double now_s, int times) {
  l.gpus -= times * p.config.gpus;
  if (!l.by_type.alike()) l.by_type.gpus[p.config.type] -= times * p.config.gpus;
  l.power_w -= times * allocate::extra_power_w(p, l);
  if (l.energy_j < std::numeric_limits<double>::infinity())
    l.energy_j -= times * j.work_at(now_s) * p.energy_per_sample_j();
}
[[nodiscard]] inline bool affords(const allocate::limits& l, const active_job& j,
                                  const model::operating_point& p, double now_s) {
  return p.config.gpus <= l.gpus_of(p.config.type) && allocate::extra_power_w(p, l) <= l.power_w &&
         (l.energy_j == std::numeric_limits<double>::infinity() ||
          j.work_at(now_s) * p.energy_per_sample_j() <= l.energy_j);
}

/// Moves circuits of running jobs; false, and nothing changed, if they cannot be moved.
template <class State>
bool rewire(State& s, std::span<const fabric::circuit_move> moves) {
  if (moves.empty()) return true;
  if constexpr (fabric::RewirableLedger<std::remove_cvref_t<decltype(s.ledger)>>)
    return s.ledger.rewire(moves) == fabric::reserve_status::reserved;
  else
    return false;
}

/// Books what a placement policy answered for a job that holds nothing. Moves of circuits that are kept
/// for nobody, on the ledger that was asked, are taken out of the answer.
template <class State>
void hold(State& s, std::uint32_t slot, place::answer& a, decision& d) {
  std::erase_if(a.moved, [&](const fabric::circuit_move& m) { return !s.ledger.find(m.job); });
  [[maybe_unused]] const bool moved = rewire(s, a.moved);
  assert(moved && "a placement policy moved what it cannot");
  [[maybe_unused]] const bool held = s.hold(slot, *a.where, d.servers_on);
  assert(held && "a placement policy named what is taken");
}
template <class State>
void begin(State& s, std::uint32_t slot, point p, place::answer a, decision& d) {
  hold(s, slot, a, d);
  s.resume(slot, p);
  d.starts.push_back({s.jobs[slot].spec->id, *p, std::move(*a.where), std::move(a.moved)});
}
/// Takes the starts of `d` back, the last first.
template <class State>
void undo_starts(State& s, const decision& d) {
  for (auto it = d.starts.rbegin(); it != d.starts.rend(); ++it) {
    s.take_back(s.slot_of(it->job));
    std::vector<fabric::circuit_move> back;
    for (const fabric::circuit_move& m : it->rewired) back.push_back({m.job, m.to, m.from});
    rewire(s, back);
  }
}
/// Gives a running job another point on the GPUs that it has.
template <class State>
void change_point(State& s, std::uint32_t slot, point p, decision& d) {
  s.change_point(slot, p);
  const job_id id = s.jobs[slot].spec->id;
  d.resizes.push_back({id, *p, *s.ledger.find(id), false});
}
template <class State>
void stop(State& s, std::uint32_t slot, decision& d) {
  d.stops.push_back(s.jobs[slot].spec->id);
  s.stop(slot);
}

}  // namespace heddle::schedule::detail
