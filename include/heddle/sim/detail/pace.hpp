// How fast running jobs make progress.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/route/contention.hpp>
#include <heddle/sim/detail/footprint.hpp>
#include <heddle/sim/detail/progress.hpp>
#include <heddle/sim/energy_account.hpp>

namespace heddle::sim::detail {

/// Jobs on their GPUs and on the network: how fast they are, what they draw, and when they finish.
template <class World, route::Contention Network>
class pace {
 public:
  pace(World& w, Network network) : w_(w), network_(std::move(network)) {}

  /// Puts a job on its GPUs, its flows on the network, and finds when it finishes. \param delay_s
  /// until it may begin \param pause_s  after that, before it makes progress
  void settle(std::uint32_t slot, const fabric::placement& where, double delay_s, double pause_s) {
    auto& j = w_.state.jobs[slot];
    progress& t = w_.track[slot];
    const footprint f = count_parts_(w_.dc.hosts(), where.gpus);
    t.takes(f);
    t.record.gpu_type = j.point()->config.type;
    t.idle_beyond_w = fabric::idle_beyond_w(w_.told.power, t.record.gpu_type);
    w_.use(f.gpus, t.record.gpu_type);
    if (!t.on_network && talks(f) && j.spec->communication().on_network() > 0) {
      t.on_network = true;
      network_.add(*j.spec, where);
      update_others(slot);
    }
    t.active_s = w_.now_s() + delay_s;
    j.since_s = t.active_s;  // no pause is booked yet
    set_pace(slot);
    t.begin_pause(delay_s, pause_s, j);
    if (delay_s > 0) {
      t.active = false;
      draws(t, {});
      w_.next.add({t.active_s, false, slot});
    } else {
      activate(slot);
    }
    find_finish(slot);
  }

  /// The servers and circuits of a job are ready.
  void activate(std::uint32_t slot) {
    progress& t = w_.track[slot];
    t.active = true;
    if (!t.started) {
      t.started = true;
      t.record.start_s = t.active_s;
    }
    draws(t, t.draw());
  }

  /// Books what a job has done until now.
  void bank(std::uint32_t slot) {
    w_.track[slot].bank(w_.now_s(), w_.state.jobs[slot], w_.told.checkpoint_s);
  }
  /// A job leaves its GPUs, to settle on others at once; its flows leave the network if it `moves`.
  void lift(std::uint32_t slot, bool moves) {
    if (moves) leave_network(slot);
    w_.use(-w_.track[slot].record.gpus, w_.track[slot].record.gpu_type);
  }
  /// A job leaves its GPUs and runs no more, for good or not; the state still has it.
  void leave(std::uint32_t slot) {
    progress& t = w_.track[slot];
    w_.next.finishes.erase(slot);
    leave_network(slot);
    draws(t, {});
    t.active = false;
    w_.use(-t.record.gpus, t.record.gpu_type);
  }

  /// Running jobs whose circuits make way for the one in `slot` pause while the switches move.
  void make_way(const std::vector<fabric::circuit_move>& moves, std::uint32_t slot) {
    w_.count.circuits_moved += moves.size();
    for (auto m = moves.begin(); m != moves.end(); ++m) {
      const auto same = [&](const fabric::circuit_move& x) { return x.job == m->job; };
      if (std::any_of(moves.begin(), m, same)) continue;
      const std::uint32_t other = w_.state.slot_of(m->job);
      // One that this decision stops is gone, one that it starts or moves later comes to it.
      if (other == slot || !w_.state.jobs[other].running() || !w_.track[other].on_network) continue;
      const progress& t = w_.track[other];
      const double delay = t.delay_left(w_.now_s());
      const double pause = t.pause_left(w_.now_s(), w_.state.jobs[other]);
      bank(other);
      lift(other, true);
      settle(other, *w_.state.ledger.find(m->job), delay, pause + w_.dc.equipment().switching_s);
    }
  }

 private:
  /// Whether the GPUs of a job talk over the network. Where servers hang whole under leafs, those under
  /// one leaf meet nobody else's flows.
  [[nodiscard]] bool talks(const footprint& f) const {
    if constexpr (requires { w_.dc.whole_servers(); })
      if (w_.dc.whole_servers()) return f.leafs > 1;
    return f.servers > 1;
  }

  void leave_network(std::uint32_t slot) {
    if (!std::exchange(w_.track[slot].on_network, false)) return;
    network_.remove(w_.state.jobs[slot].spec->id);
    update_others(slot);
  }

  /// Jobs that share links with the one in `slot` run at another pace now.
  void update_others(std::uint32_t slot) {
    for (job_id id : network_.changed()) {
      const std::uint32_t other = w_.state.slot_of(id);
      // One that the same decision stops, a little later in its list, has no pace any more.
      if (other == slot || !w_.state.jobs[other].running()) continue;
      if (w_.now_s() > w_.state.jobs[other].since_s) bank(other);
      set_pace(other);
      progress& t = w_.track[other];
      if (t.active) draws(t, t.draw());
      find_finish(other);
    }
  }

  /// Rate, power and stretch under the contention of now.
  void set_pace(std::uint32_t slot) {
    auto& j = w_.state.jobs[slot];
    progress& t = w_.track[slot];
    t.stretch = t.on_network ? j.spec->communication().stretch(network_.slowdown(j.spec->id)) : 1;
    j.rate = j.point()->throughput / j.reference->throughput / t.stretch;
    t.set_power(w_.now_s(), j, j.point()->power_at_w(t.stretch),
                w_.told.power.server_w * t.server_share);
  }

  void find_finish(std::uint32_t slot) {
    const auto& j = w_.state.jobs[slot];
    w_.next.finishes.set(slot,
                         std::max(w_.now_s(), j.since_s + std::max(0.0, j.remaining_s) / j.rate));
  }
  void draws(progress& t, const energy_account::draw& now) {
    w_.energy.account.change(t.counted, now);
    t.counted = now;
  }

  World& w_;
  Network network_;
  footprint_counter count_parts_;
};

}  // namespace heddle::sim::detail
