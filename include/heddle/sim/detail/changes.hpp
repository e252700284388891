// What is done to jobs: they come, start, move, stop, are hit and finish.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/core/job.hpp>
#include <heddle/core/node_event.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/schedule/decision.hpp>
#include <heddle/sim/detail/agenda.hpp>
#include <heddle/sim/detail/pace.hpp>
#include <heddle/sim/detail/progress.hpp>
#include <heddle/sim/detail/servers.hpp>
#include <heddle/sim/observer.hpp>

namespace heddle::sim::detail {

/// Carries out events and what a scheduler has decided and booked, one by one.
template <class World, class Network>
class changes {
 public:
  changes(World& w, Network network) : w_(w), pace_(w, std::move(network)) {}

  void submit(const newcomer& n) {
    const job& spec = *n.spec;
    const auto slot = w_.state.submit(spec, *n.curve);
    [[maybe_unused]] const auto same = w_.track.add({});
    assert(slot == same);
    progress& t = w_.track[slot];
    t.record.id = spec.id;
    t.record.submit_s = spec.submit_s;
    t.jobs_s_before = w_.sums.jobs_s();
    ++w_.count.events;
    w_.tell(submitted{w_.now_s(), spec});
  }

  void finish(std::uint32_t slot) {
    progress& t = w_.track[slot];
    t.finish_at(w_.now_s(), w_.state.jobs[slot]);
    pace_.leave(slot);
    const job& spec = *w_.state.jobs[slot].spec;
    w_.state.finish(slot);
    w_.count.last_finish_s = w_.now_s();
    ++w_.count.finished;
    ++w_.count.events;
    w_.count.jobs_j += t.record.energy_j;
    w_.count.lost_gpu_s += t.lost_gpu_s;
    w_.sums.finished(spec, t.record, t.jobs_s_before);
    w_.tell(sim::finished{w_.now_s(), t.record});
    if (w_.told.keep_records) w_.records.emplace_back(slot, t.record);
    w_.track.forget(slot);
    ended_.push_back(&spec);
  }
  /// Nobody asks for jobs that have finished any more.
  void forget_ended() {
    w_.state.forget_ended();
    for (const job* spec : ended_) w_.jobs.ended(spec);
    ended_.clear();
  }

  /// A server leaves or joins; nothing happens to one that has already.
  void take(const node_event& e) {
    ++w_.count.events;
    const server_id s{e.node};
    if (e.up != w_.state.ledger.is_failed(s)) return;
    if (!e.up) ++w_.count.failures;
    for (job_id id : change_server(w_, s, e.up ? server_mode::on : server_mode::failed))
      strike(w_.state.slot_of(id));
  }

  /// A job's servers and circuits, or a server that wakes, are ready. False if the job or server
  /// has become another meanwhile.
  bool ready(const timer& t) {
    if (t.is_server) {
      const server_id s{t.index};
      if (w_.state.servers.ready_s(s) != t.time_s) return false;
      change_server(w_, s, server_mode::on);
      return true;
    }
    if (!w_.track.holds(t.index)) return false;
    const progress& job = w_.track[t.index];
    if (job.active || job.active_s != t.time_s || !w_.state.jobs[t.index].running()) return false;
    pace_.activate(t.index);
    return true;
  }

  void apply(const schedule::decision& d) {
    for (server_id s : d.servers_on) wake_server(w_, s);
    for (job_id id : d.stops) stop(w_.state.slot_of(id));
    for (const schedule::resize& r : d.resizes) apply(r);
    for (const schedule::start& s : d.starts) apply(s);
    for (const schedule::blocked& b : d.waiting)
      w_.track[w_.state.slot_of(b.job)].record.why_waited = b.why;
    for (server_id s : d.servers_off) change_server(w_, s, server_mode::off);
  }

 private:
  /// A failure stops a job.
  void strike(std::uint32_t slot) {
    progress& t = w_.track[slot];
    auto& j = w_.state.jobs[slot];
    pace_.bank(slot);
    const double lost_s = t.lose_unsaved(j);
    pace_.leave(slot);
    j.rate = 0;
    w_.state.stop(slot);
    ++w_.count.restarts;
    w_.tell(hit{w_.now_s(), j.spec->id, lost_s});
  }

  /// The scheduler has stopped a job.
  void stop(std::uint32_t slot) {
    progress& t = w_.track[slot];
    pace_.bank(slot);
    t.save();
    pace_.leave(slot);
    w_.state.jobs[slot].rate = 0;
    w_.tell(stopped{w_.now_s(), t.record.id});
  }

  void apply(const schedule::start& s) {
    const std::uint32_t slot = w_.state.slot_of(s.job);
    const double pause_s = pause_before_start(slot, s.point.config.gpus);
    w_.track[slot].stretch = 1;
    pace_.make_way(s.rewired, slot);
    pace_.settle(slot, s.where, delay_of(s.where), pause_s);
    w_.tell(started{w_.now_s(), s});
  }
  /// What a job that ran before loads its state for, in s.
  double pause_before_start(std::uint32_t slot, int gpus) {
    progress& t = w_.track[slot];
    if (!t.started) {
      if (w_.now_s() > t.record.submit_s && t.record.why_waited == place::wait_reason::none)
        t.record.why_waited = place::wait_reason::queue;
      return 0;
    }
    t.record.run_s += w_.now_s() - w_.state.jobs[slot].since_s;  // between runs is part of JRT
    if (std::exchange(t.was_hit, false)) {
      ++t.record.restarts;
      return w_.told.moves.recovery(gpus);
    }
    ++t.record.rescales;
    ++w_.count.rescales;
    return w_.told.moves.rescale(gpus);
  }

  void apply(const schedule::resize& r) {
    const std::uint32_t slot = w_.state.slot_of(r.job);
    progress& t = w_.track[slot];
    // A new clock ends no pause.
    double delay_s = t.delay_left(w_.now_s());
    double pause_s = t.pause_left(w_.now_s(), w_.state.jobs[slot]);
    pace_.bank(slot);
    const int gpus = r.point.config.gpus;
    const bool migrates = gpus == t.record.gpus;
    pace_.lift(slot, r.moved);
    if (r.moved) {
      t.save();
      w_.count.migrations += migrates;
      w_.count.rescales += !migrates;
      ++t.record.rescales;
      pause_s = (migrates ? w_.told.moves.migration : w_.told.moves.rescale)(gpus);
      pace_.make_way(r.rewired, slot);
      delay_s = delay_of(r.where);
    }
    pace_.settle(slot, r.where, delay_s, pause_s);
    w_.tell(resized{w_.now_s(), r});
  }

  /// How long a job waits for the servers and circuits of `where`, in s.
  [[nodiscard]] double delay_of(const fabric::placement& where) const {
    double ready_s = w_.now_s();
    if (w_.state.servers.any_was_off())
      for (gpu_id g : where.gpus)
        ready_s = std::max(ready_s, w_.state.servers.ready_s(w_.dc.hosts().server_of(g)));
    return std::max(ready_s - w_.now_s(),
                    where.owns_circuits() ? w_.dc.equipment().switching_s : 0.0);
  }

  World& w_;
  pace<World, Network> pace_;
  std::vector<const job*> ended_;  // since the last decision
};

}  // namespace heddle::sim::detail
