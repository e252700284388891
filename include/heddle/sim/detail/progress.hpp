// What a job has done, spent and lost so far.
#pragma once

#include <algorithm>
#include <cmath>

#include <heddle/schedule/state.hpp>
#include <heddle/sim/detail/footprint.hpp>
#include <heddle/sim/energy_account.hpp>
#include <heddle/sim/report.hpp>

namespace heddle::sim::detail {

/// What the engine knows of a job besides the scheduler's state. A job that runs goes through three
/// spans: until `active_s` it waits for servers and circuits, its GPUs idle; until `since_s` it
/// pauses to load its state, at full power; then it makes progress. Pauses are booked ahead, and
/// what is left of one that is cut short is given back.
struct progress {
  job_record record;
  energy_account::draw counted;   ///< what the cluster's account has of it
  double stretch = 1;             ///< of the whole job by contention, now
  double gpus_w = 0, base_w = 0;  ///< of its GPUs, and of its part of the servers, now
  double server_share = 0;        ///< servers' worth of the GPUs that it holds
  double idle_beyond_w = 0;       ///< of each of its GPUs, by their type (fabric/watts.hpp)
  double busy_s = 0;              ///< running, pauses apart
  double undisturbed_s = 0;       ///< the same work without contention
  double unsaved_run_s = 0;       ///< run time since its last checkpoint
  double unsaved_s = 0;           ///< work since then, in s at the reference
  double lost_gpu_s = 0;
  double active_s = 0;
  double jobs_s_before = 0;  ///< `metrics::jobs_s()` when it was submitted
  bool active = false, started = false, was_hit = false;
  bool on_network = false;  ///< its flows are among the network's

  void takes(const footprint& f) {
    record.gpus = f.gpus;
    record.leafs = f.leafs;
    record.servers = f.servers;
    server_share = f.server_share;
  }
  [[nodiscard]] double watts() const { return gpus_w + base_w; }
  [[nodiscard]] energy_account::draw draw() const {
    return energy_account::draw_of(gpus_w, base_w, record.gpus, idle_beyond_w);
  }
  [[nodiscard]] double delay_left(double now_s) const { return std::max(0.0, active_s - now_s); }
  [[nodiscard]] double pause_left(double now_s, const schedule::active_job& j) const {
    return std::max(0.0, j.since_s - std::max(now_s, active_s));
  }

  /// Books a delay and a pause that begin now; `j.since_s` is where the pause begins.
  void begin_pause(double delay_s, double pause_s, schedule::active_job& j) {
    if (started) record.run_s += delay_s;  // before the first start it is waiting
    record.run_s += pause_s;
    record.energy_j += watts() * pause_s;
    j.since_s = active_s + pause_s;
  }
  /// Changes the power; the rest of a pause was booked at that of before.
  void set_power(double now_s, const schedule::active_job& j, double of_gpus_w, double of_base_w) {
    const double before = watts();
    gpus_w = of_gpus_w;
    base_w = of_base_w;
    record.energy_j += (watts() - before) * pause_left(now_s, j);
  }

  /// Books what the job has done until now, or gives back what was booked ahead.
  void bank(double now_s, schedule::active_job& j, double checkpoint_s) {
    const double dt = now_s - j.since_s;
    if (dt > 0) {
      record.run_s += dt;
      record.energy_j += watts() * dt;
      j.remaining_s -= dt * j.rate;
      j.attained_gpu_s += dt * record.gpus;
      busy_s += dt;
      undisturbed_s += dt / stretch;
      note_unsaved(dt, j.rate, checkpoint_s);
    } else if (dt < 0) {
      const double pause = pause_left(now_s, j);
      record.energy_j -= watts() * pause;
      record.run_s -= started ? -dt : pause;
    }
    j.since_s = now_s;
  }
  /// Books the rest of the job, exact where now − since is rounded.
  void finish_at(double now_s, const schedule::active_job& j) {
    const double rest = j.remaining_s / j.rate;
    record.run_s += rest;
    record.energy_j += watts() * rest;
    busy_s += rest;
    undisturbed_s += rest / stretch;
    record.finish_s = now_s;
    record.slowdown = busy_s / undisturbed_s;
  }

  /// Everything done so far is saved.
  void save() { unsaved_run_s = unsaved_s = 0; }
  /// Takes the work since the last checkpoint away. \returns  that work, in s at the reference
  double lose_unsaved(schedule::active_job& j) {
    const double lost = unsaved_s;
    j.remaining_s += lost;
    record.lost_s += lost;
    lost_gpu_s += unsaved_run_s * record.gpus;
    was_hit = started;
    save();
    return lost;
  }

 private:
  void note_unsaved(double dt, double rate, double checkpoint_s) {
    unsaved_run_s += dt;
    unsaved_s += dt * rate;
    if (unsaved_run_s < checkpoint_s) return;
    unsaved_run_s = checkpoint_s > 0 ? std::fmod(unsaved_run_s, checkpoint_s) : 0;
    unsaved_s = unsaved_run_s * rate;  // all since the last checkpoint was at this rate
  }
};

}  // namespace heddle::sim::detail
