// Replays a workload against a scheduler.
#pragma once

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <queue>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/heap/d_ary_heap.hpp>

#include <heddle/model/workload.hpp>
#include <heddle/route/steady.hpp>
#include <heddle/schedule/decision.hpp>
#include <heddle/schedule/scheduler_concept.hpp>
#include <heddle/schedule/state.hpp>
#include <heddle/sim/detail/progress.hpp>
#include <heddle/sim/energy_account.hpp>
#include <heddle/sim/metrics.hpp>
#include <heddle/sim/observer.hpp>
#include <heddle/sim/options.hpp>
#include <heddle/sim/quantiles.hpp>
#include <heddle/sim/report.hpp>

namespace heddle::sim {

namespace detail {

/// The engine behind `run`. Time goes from event to event; events of one time are taken together,
/// finishes before failures before submissions, each by its place in the workload, and then decided
/// on once.
template <class Scheduler, class Network, class... Observers>
class engine {
 public:
  engine(const fabric::leaf_spine& dc, const model::workload& jobs, Scheduler& plan,
         Network network, const options& o, Observers&... observers)
      : fabric_(dc), workload_(jobs), plan_(plan), options_(o), observers_(observers...),
        state_(dc, o.power, o.moves), network_(std::move(network)), energy_(dc, o.power),
        metrics_(dc.gpus()), track_(jobs.size()) {
    check_input(dc, jobs, o);
  }

  report run() {
    report r;
    r.jobs = workload_.size();
    if (plan_.options().power_budget_w < state_.idle_power_w()) {
      r.status = run_status::budget_too_low;
      return r;
    }
    if (workload_.size() == 0) return r;
    first_s_ = now_s_ = workload_.jobs.front().submit_s;
    state_.start_s = state_.now_s = first_s_;
    state_.servers = schedule::server_power(fabric_, first_s_);
    if (!options_.up_at_start)
      for (server_id s : fabric_.all_servers()) {
        state_.ledger.fail(s);
        take_out(s);
      }
    while (next_failure_s() < first_s_) take(options_.failures[next_failure_++]);
    while (goes_on()) {
      const double at = next_time();
      advance_to(at);
      const bool woke = take_timers(at);
      bool changed = again_s_ <= at;
      for (; !finishes_.empty() && finishes_.top().time_s <= at; changed = true)
        finish(finishes_.top().slot);
      for (; next_failure_ < options_.failures.size() && next_failure_s() <= at; changed = true)
        take(options_.failures[next_failure_++]);
      for (; next_ < workload_.size() && workload_.jobs[next_].submit_s <= at; changed = true)
        submit();
      if (changed) {
        decide();
        // Nobody runs and nothing is to come: those stopped just now get one more look.
        if (finishes_.empty() && next_ == workload_.size() && !state_.waiting.empty()) decide();
      } else if (woke) {
        show(schedule::decision{});
      }
    }
    summarise(r);
    return r;
  }

 private:
  struct finish_event {
    double time_s = 0;
    std::uint32_t slot = 0;

    /// Of a max-heap: the earliest on top, then the earliest submitted.
    friend bool operator<(const finish_event& a, const finish_event& b) {
      return a.time_s != b.time_s ? a.time_s > b.time_s : a.slot > b.slot;
    }
  };
  using heap =
      boost::heap::d_ary_heap<finish_event, boost::heap::arity<4>, boost::heap::mutable_<true>>;

  struct tracked : progress {
    typename heap::handle_type finish;
    bool on_network = false;  ///< its flows are among the network's
    double jobs_s_before = 0;
  };
  /// A job or a server becomes active. One that no longer applies is passed over.
  struct timer {
    double time_s = 0;
    bool is_server = false;
    std::uint32_t index = 0;  // slot or server

    friend auto operator<=>(const timer&, const timer&) = default;
  };

  // --- time ------------------------------------------------------------------------------------

  [[nodiscard]] bool goes_on() const {
    if (next_ < workload_.size() || !finishes_.empty()) return true;
    return !state_.waiting.empty() &&
           (next_failure_ < options_.failures.size() || again_s_ < infinity);
  }
  [[nodiscard]] double next_failure_s() const {
    return next_failure_ < options_.failures.size() ? options_.failures[next_failure_].time_s
                                                    : infinity;
  }
  [[nodiscard]] double next_time() const {
    double t = std::min(again_s_, next_failure_s());
    if (next_ < workload_.size()) t = std::min(t, workload_.jobs[next_].submit_s);
    if (!finishes_.empty()) t = std::min(t, finishes_.top().time_s);
    if (!timers_.empty()) t = std::min(t, timers_.top().time_s);
    return std::max(t, now_s_);
  }

  /// Moves the clock and adds up what depends on time alone.
  void advance_to(double at) {
    const double dt = at - now_s_;
    if (dt > 0) {
      const fabric::ledger& l = state_.ledger;
      const int free = l.free_gpus();
      const int scattered = std::max(0, free - l.idle_servers() * fabric_.gpus_per_server());
      metrics_.advance(dt, used_, state_.waiting.empty() ? -1 : fitting(), free, scattered,
                       state_.waiting.size() + state_.running.size());
      const double w = energy_.power_w();
      state_.energy_j += w * dt;
      if (!options_.carbon_g_per_kwh.empty())
        carbon_ += w * options_.carbon_g_per_kwh.integral(now_s_, at);
      if (!options_.price_per_kwh.empty()) cost_ += w * options_.price_per_kwh.integral(now_s_, at);
      energy_.advance(dt);
    }
    now_s_ = state_.now_s = at;
  }

  /// GPUs of the longest prefix of the queue that would fit if only their number mattered.
  [[nodiscard]] int fitting() const {
    const int free = state_.ledger.free_gpus();
    int n = 0;
    for (std::uint32_t slot : state_.waiting) {
      const int more = state_.jobs[slot].spec->gpus;
      if (n + more > free) break;
      n += more;
    }
    return n;
  }

  /// Servers that are on now, and jobs that begin now that their servers and circuits are ready.
  bool take_timers(double at) {
    bool any = false;
    for (; !timers_.empty() && timers_.top().time_s <= at; timers_.pop()) {
      const timer t = timers_.top();
      if (t.is_server) {
        if (state_.servers.ready_s(server_id{t.index}) != t.time_s) continue;
        energy_.switched_on(server_id{t.index});
      } else {
        tracked& job = track_[t.index];
        if (job.active || job.active_s != t.time_s || !state_.jobs[t.index].running()) continue;
        activate(t.index);
      }
      any = true;
    }
    return any;
  }

  // --- jobs come and go ------------------------------------------------------------------------

  void submit() {
    const job& spec = workload_.jobs[next_];
    const auto slot = state_.submit(spec, workload_.curve_of_job(next_));
    assert(slot == next_);
    track_[slot].record.id = spec.id;
    track_[slot].record.submit_s = spec.submit_s;
    track_[slot].jobs_s_before = metrics_.jobs_s();
    ++next_;
    ++events_;
    tell([&](auto& o) {
      if constexpr (requires { o.on_submit(now_s_, spec); }) o.on_submit(now_s_, spec);
    });
  }

  void finish(std::uint32_t slot) {
    tracked& t = track_[slot];
    t.finish_at(now_s_, state_.jobs[slot]);
    leave(slot);
    const job& spec = *state_.jobs[slot].spec;
    state_.finish(slot);
    last_finish_s_ = now_s_;
    ++finished_;
    ++events_;
    jobs_j_ += t.record.energy_j;
    lost_gpu_s_ += t.lost_gpu_s;
    metrics_.finished(spec, t.record, t.jobs_s_before);
    t.finished = true;
    tell([&](auto& o) {
      if constexpr (requires { o.on_finish(now_s_, t.record); }) o.on_finish(now_s_, t.record);
    });
  }

  /// A running job leaves its GPUs, for good or not; the state still has it.
  void leave(std::uint32_t slot) {
    tracked& t = track_[slot];
    finishes_.erase(t.finish);
    leave_network(slot);
    count(t, {});
    t.active = false;
    used_ -= t.record.gpus;
  }

  void take(const node_event& e) {
    ++events_;
    const server_id s{e.node};
    if (e.up == !state_.ledger.is_failed(s)) return;
    if (e.up) {
      state_.ledger.repair(s);
      state_.servers.repaired(s, now_s_);
      energy_.switched_on(s);
    } else {
      ++failures_;
      for (job_id id : state_.ledger.fail(s)) hit(state_.slot_of(id));
      take_out(s);
    }
    tell([&](auto& o) {
      if constexpr (requires { o.on_server(e); }) o.on_server(e);
    });
  }
  void take_out(server_id s) {
    energy_.switched_off(s);
    state_.servers.switch_off(s);
  }
  void hit(std::uint32_t slot) {
    tracked& t = track_[slot];
    schedule::active_job& j = state_.jobs[slot];
    t.bank(now_s_, j, options_.checkpoint_s);
    const double lost_s = t.lose_unsaved(j);
    leave(slot);
    j.rate = 0;
    state_.stop(slot);
    ++restarts_;
    tell([&](auto& o) {
      if constexpr (requires { o.on_hit(now_s_, j.spec->id, lost_s); })
        o.on_hit(now_s_, j.spec->id, lost_s);
    });
  }

  // --- decisions -------------------------------------------------------------------------------

  void decide() {
    const auto before = std::chrono::steady_clock::now();
    const schedule::decision d = plan_.decide(state_, now_s_);
    const std::chrono::duration<double, std::micro> took =
        std::chrono::steady_clock::now() - before;
    decide_us_.add(took.count());
    again_s_ = d.again_s;

    for (server_id s : d.servers_on) wake(s);
    for (job_id id : d.stops) stop(state_.slot_of(id));
    for (const schedule::resize& r : d.resizes) apply(r);
    for (const schedule::start& s : d.starts) apply(s);
    for (const schedule::blocked& b : d.waiting)
      track_[state_.slot_of(b.job)].record.why_waited = b.why;
    for (server_id s : d.servers_off) energy_.switched_off(s);
    tell([&](auto& o) {
      if constexpr (requires { o.on_decision(seen(d)); }) o.on_decision(seen(d));
    });
    show(d);
  }
  [[nodiscard]] moment seen(const schedule::decision& d) const {
    return {now_s_, energy_.power_w(), state_, d, energy_.parts()};
  }
  void show(const schedule::decision& d) {
    peak_w_ = std::max(peak_w_, energy_.power_w());
    const moment m = seen(d);
    tell([&](auto& o) {
      if constexpr (requires { o(m); }) o(m);
    });
  }

  void wake(server_id s) {
    energy_.began_to_wake(s);
    if (options_.power.wake_s > 0)
      timers_.push({state_.servers.ready_s(s), true, s.value});
    else
      energy_.switched_on(s);
  }

  void stop(std::uint32_t slot) {
    tracked& t = track_[slot];
    t.bank(now_s_, state_.jobs[slot], options_.checkpoint_s);
    t.save();
    leave(slot);
    state_.jobs[slot].rate = 0;
    tell([&](auto& o) {
      if constexpr (requires { o.on_stop(now_s_, t.record.id); }) o.on_stop(now_s_, t.record.id);
    });
  }

  void apply(const schedule::start& s) {
    const std::uint32_t slot = state_.slot_of(s.job);
    tracked& t = track_[slot];
    double pause = 0;
    if (!t.started) {
      if (now_s_ > t.record.submit_s && t.record.why_waited == place::wait_reason::none)
        t.record.why_waited = place::wait_reason::queue;
    } else {  // time between runs is part of JRT
      t.record.run_s += now_s_ - state_.jobs[slot].since_s;
      if (std::exchange(t.was_hit, false)) {
        ++t.record.restarts;
        pause = options_.moves.recovery(s.point.config.gpus);
      } else {
        ++t.record.rescales;
        ++rescales_;
        pause = options_.moves.rescale(s.point.config.gpus);
      }
    }
    t.stretch = 1;
    t.finish = finishes_.push({now_s_, slot});
    move_circuits(s.rewired, slot);
    settle(slot, s.where, delay_of(s.where), pause);
    tell([&](auto& o) {
      if constexpr (requires { o.on_start(now_s_, s); }) o.on_start(now_s_, s);
    });
  }

  void apply(const schedule::resize& r) {
    const std::uint32_t slot = state_.slot_of(r.job);
    tracked& t = track_[slot];
    // A new clock ends no pause.
    double delay = t.delay_left(now_s_);
    double pause = t.pause_left(now_s_, state_.jobs[slot]);
    t.bank(now_s_, state_.jobs[slot], options_.checkpoint_s);
    if (r.moved) {
      t.save();
      leave_network(slot);
      const bool migrates = r.point.config.gpus == t.record.gpus;
      migrations_ += migrates;
      rescales_ += !migrates;
      ++t.record.rescales;
      pause = (migrates ? options_.moves.migration : options_.moves.rescale)(r.point.config.gpus);
      move_circuits(r.rewired, slot);
      delay = delay_of(r.where);
    }
    used_ -= t.record.gpus;
    settle(slot, r.where, delay, pause);
    tell([&](auto& o) {
      if constexpr (requires { o.on_resize(now_s_, r); }) o.on_resize(now_s_, r);
    });
  }

  /// How long a job waits for the servers and circuits of `where`, in s.
  [[nodiscard]] double delay_of(const fabric::placement& where) const {
    double ready_s = now_s_;
    if (state_.servers.any_was_off())
      for (gpu_id g : where.gpus)
        ready_s = std::max(ready_s, state_.servers.ready_s(fabric_.server_of(g)));
    const bool switched = fabric_.is_optical() && !where.links.empty();
    return std::max(ready_s - now_s_, switched ? switching_s() : 0.0);
  }
  [[nodiscard]] double switching_s() const { return fabric_.optical().switching_ms / 1000; }

  /// Running jobs whose circuits make way for the one in `slot` pause while the OCS switch.
  void move_circuits(const std::vector<fabric::circuit_move>& moves, std::uint32_t slot) {
    circuits_moved_ += moves.size();
    for (std::size_t i = 0; i < moves.size(); ++i) {
      const auto same = [&](const fabric::circuit_move& m) { return m.job == moves[i].job; };
      if (std::any_of(moves.begin(), moves.begin() + static_cast<std::ptrdiff_t>(i), same))
        continue;
      const std::uint32_t other = state_.slot_of(moves[i].job);
      // One that this decision stops is gone, one that it starts or moves later comes to it.
      if (other == slot || !state_.jobs[other].running() || !track_[other].on_network) continue;
      tracked& t = track_[other];
      const double delay = t.delay_left(now_s_), pause = t.pause_left(now_s_, state_.jobs[other]);
      t.bank(now_s_, state_.jobs[other], options_.checkpoint_s);
      leave_network(other);
      used_ -= t.record.gpus;
      settle(other, *state_.ledger.find(moves[i].job), delay, pause + switching_s());
    }
  }

  // --- pace ------------------------------------------------------------------------------------

  /// Puts a job on its GPUs, its flows on the network, and finds when it finishes.
  void settle(std::uint32_t slot, const fabric::placement& where, double delay_s, double pause_s) {
    schedule::active_job& j = state_.jobs[slot];
    tracked& t = track_[slot];
    count_parts_(fabric_, where, t);
    used_ += t.record.gpus;
    const job& spec = *j.spec;
    if (!t.on_network && t.record.leafs > 1 && spec.pattern != collective::none &&
        spec.comm_share > 0) {
      t.on_network = true;
      network_.add(spec.id, where, spec.pattern, spec.comm_share);
      update_others(slot);
    }
    t.active_s = now_s_ + delay_s;
    j.since_s = t.active_s;  // no pause is booked yet
    set_pace(slot);
    t.begin_pause(delay_s, pause_s, j);
    if (delay_s > 0) {
      t.active = false;
      count(t, {});
      timers_.push({t.active_s, false, slot});
    } else {
      activate(slot);
    }
    reschedule(slot);
  }
  void activate(std::uint32_t slot) {
    tracked& t = track_[slot];
    t.active = true;
    if (!t.started) {
      t.started = true;
      t.record.start_s = t.active_s;
    }
    count(t, t.draw());
  }
  void count(tracked& t, const energy_account::draw& now) {
    energy_.change(t.counted, now);
    t.counted = now;
  }

  void leave_network(std::uint32_t slot) {
    tracked& t = track_[slot];
    if (!t.on_network) return;
    network_.remove(state_.jobs[slot].spec->id);
    t.on_network = false;
    update_others(slot);
  }

  /// Jobs that share links with the one in `slot` run at another pace now.
  void update_others(std::uint32_t slot) {
    for (job_id id : network_.changed()) {
      const std::uint32_t other = state_.slot_of(id);
      // One that the same decision stops, a little later in its list, has no pace any more.
      if (other == slot || !state_.jobs[other].running()) continue;
      if (now_s_ > state_.jobs[other].since_s)
        track_[other].bank(now_s_, state_.jobs[other], options_.checkpoint_s);
      set_pace(other);
      if (track_[other].active) count(track_[other], track_[other].draw());
      reschedule(other);
    }
  }

  /// Rate, power and stretch under the contention of now.
  void set_pace(std::uint32_t slot) {
    schedule::active_job& j = state_.jobs[slot];
    tracked& t = track_[slot];
    const double share = j.spec->comm_share;
    t.stretch = t.on_network ? 1 + share * (network_.slowdown(j.spec->id) - 1) : 1;
    j.rate = j.point()->throughput / j.reference->throughput / t.stretch;
    t.set_power(now_s_, j, j.point()->power_at_w(t.stretch),
                options_.power.server_w * t.server_share);
  }

  void reschedule(std::uint32_t slot) {
    const schedule::active_job& j = state_.jobs[slot];
    const double at = std::max(now_s_, j.since_s + std::max(0.0, j.remaining_s) / j.rate);
    finishes_.update(track_[slot].finish, {at, slot});
  }

  template <class F>
  void tell(F&& f) {
    std::apply([&](Observers&... o) { (f(o), ...); }, observers_);
  }

  void summarise(report& r) {
    r.finished = finished_;
    for (std::uint32_t slot : state_.waiting) r.stuck_jobs.push_back(state_.jobs[slot].spec->id);
    r.status = r.stuck_jobs.empty() ? run_status::finished : run_status::stuck;
    r.events = events_;
    r.decisions = decide_us_.count();
    r.rescales = rescales_;
    r.migrations = migrations_;
    r.circuits_moved = circuits_moved_;
    r.wake_ups = static_cast<std::size_t>(energy_.wake_ups());
    r.failures = failures_;
    r.restarts = restarts_;
    r.makespan_s = finished_ ? last_finish_s_ - first_s_ : 0;
    metrics_.write(r);
    for (const tracked& t : track_) {
      if (t.finished) {
        if (options_.keep_records) r.records.push_back(t.record);
        continue;
      }
      jobs_j_ += t.record.energy_j;
      lost_gpu_s_ += t.lost_gpu_s;
    }
    r.lost_gpu_s = lost_gpu_s_;
    r.overhead_energy_j = energy_.overhead_j();
    r.energy_j = jobs_j_ + energy_.overhead_j();
    r.parts = energy_.parts();
    r.energy_delay_js = r.energy_j * r.mean_jct_s;
    r.mean_power_w = now_s_ > first_s_ ? r.energy_j / (now_s_ - first_s_) : 0;
    r.peak_power_w = peak_w_;
    r.carbon_g = carbon_ / joules_per_kwh;
    r.cost = cost_ / joules_per_kwh;
    r.decide_us_p50 = decide_us_.at(0.5);
    r.decide_us_p99 = decide_us_.at(0.99);
  }

  static constexpr double infinity = std::numeric_limits<double>::infinity();
  static constexpr double joules_per_kwh = 3.6e6;

  const fabric::leaf_spine& fabric_;
  const model::workload& workload_;
  Scheduler& plan_;
  const options& options_;
  std::tuple<Observers&...> observers_;

  schedule::state state_;
  Network network_;
  heap finishes_;
  std::priority_queue<timer, std::vector<timer>, std::greater<>> timers_;
  energy_account energy_;
  metrics metrics_;
  std::vector<tracked> track_;  // by place in the workload, which is the place in state_.jobs

  double now_s_ = 0, first_s_ = 0, last_finish_s_ = 0, again_s_ = infinity;
  std::size_t next_ = 0, next_failure_ = 0, events_ = 0, finished_ = 0;
  std::size_t rescales_ = 0, migrations_ = 0, circuits_moved_ = 0, failures_ = 0, restarts_ = 0;
  int used_ = 0;
  double peak_w_ = 0, jobs_j_ = 0, lost_gpu_s_ = 0, carbon_ = 0, cost_ = 0;
  quantiles decide_us_;
  parts_counter count_parts_;
};

}  // namespace detail

/// Replays `jobs` on an empty `dc` under `plan`, on a given network model: anything with `add`,
/// `remove`, `slowdown` and `changed` as `route::steady` has them. See `run`.
template <class Scheduler, class Network, class... Observers>
[[nodiscard]] report run_on(Network network, const fabric::leaf_spine& dc,
                            const model::workload& jobs, Scheduler& plan, const options& o,
                            Observers&&... observers) {
  static_assert(schedule::Scheduler<Scheduler>,
                "a simulation drives a scheduler: decide, carry_out, options");
  static_assert((Observer<std::remove_reference_t<Observers>> && ...),
                "an observer of a simulation has at least one of the members in sim/observer.hpp");
  return detail::engine<Scheduler, Network, std::remove_reference_t<Observers>...>(
             dc, jobs, plan, std::move(network), o, observers...)
      .run();
}

/// Replays `jobs` on an empty `dc` under `plan` until all have finished. Deterministic; the
/// scheduler is used as it is, so hand in a fresh one for comparable runs.
///
/// \param observers  see sim/observer.hpp
/// \throws input_error  for jobs out of order, larger than the cluster, without a duration or a
///                      curve at the GPUs they ask for; for failures out of order or of no server
/// Cost per event: one decision, and the contention of the jobs that share links with the one that
/// came or went. Memory: O(jobs + links).
template <class Scheduler, class... Observers>
[[nodiscard]] report run(const fabric::leaf_spine& dc, const model::workload& jobs, Scheduler& plan,
                         const options& o = {}, Observers&&... observers) {
  if constexpr (requires { plan.make_network(dc, o.contention); })
    return run_on(plan.make_network(dc, o.contention), dc, jobs, plan, o, observers...);
  else
    return run_on(
        route::steady<std::remove_cvref_t<decltype(plan.route())>>(dc, plan.route(), o.contention),
        dc, jobs, plan, o, observers...);
}

}  // namespace heddle::sim
