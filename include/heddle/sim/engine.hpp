// Replays a workload against a scheduler.
#pragma once

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/heap/d_ary_heap.hpp>

#include <heddle/core/error.hpp>
#include <heddle/core/statistics.hpp>
#include <heddle/model/workload.hpp>
#include <heddle/route/steady.hpp>
#include <heddle/schedule/decision.hpp>
#include <heddle/schedule/state.hpp>
#include <heddle/sim/report.hpp>
#include <heddle/sim/rescale.hpp>

namespace heddle::sim {

struct options {
  fabric::base_power power = {};
  route::steady_options contention = {};
  rescale_cost rescale = {};
};

/// What an observer is shown after each decision.
struct moment {
  double now_s = 0;
  double power_w = 0;  ///< of the whole cluster from now on
  const schedule::state& state;
  const schedule::decision& decided;
};

namespace detail {

/// The engine behind `run`. Time goes from event to event; events of one time are taken together,
/// finishes before submissions, each by its place in the workload, and then decided on once.
template <class Scheduler, class... Observers>
class engine {
 public:
  engine(const fabric::leaf_spine& dc, const model::workload& jobs, Scheduler& plan,
         const options& o, Observers&... observers)
      : fabric_(dc),
        workload_(jobs),
        plan_(plan),
        options_(o),
        observers_(observers...),
        state_(dc, o.power),
        network_(dc, plan.route(), o.contention),
        track_(jobs.size()) {
    check_input();
  }

  report run() {
    report r;
    r.jobs = workload_.size();
    if (plan_.options().power_budget_w < state_.idle_power_w()) {
      r.status = run_status::budget_too_low;
      return r;
    }
    if (workload_.size() == 0) return r;
    const double first_s = workload_.jobs.front().submit_s;
    now_s_ = first_s;
    while (next_ < workload_.size() || !finishes_.empty()) {
      const double at = next_time();
      advance_to(at);
      while (!finishes_.empty() && finishes_.top().time_s <= at) finish(finishes_.top().slot);
      while (next_ < workload_.size() && workload_.jobs[next_].submit_s <= at) submit();
      decide();
      // Nobody runs and nothing is to come: those stopped just now get one more look.
      if (finishes_.empty() && next_ == workload_.size() && !state_.waiting.empty()) decide();
    }
    summarise(r, first_s);
    return r;
  }

 private:
  struct finish_event {
    double time_s = 0;
    std::uint32_t slot = 0;

    /// Of a max-heap: the earliest on top, then the earliest submitted.
    friend bool operator<(const finish_event& a, const finish_event& b) {
      return std::pair{a.time_s, a.slot} > std::pair{b.time_s, b.slot};
    }
  };
  using heap =
      boost::heap::d_ary_heap<finish_event, boost::heap::arity<4>, boost::heap::mutable_<true>>;

  /// What the engine knows of a job besides the scheduler's state.
  struct tracked {
    typename heap::handle_type finish;
    job_record record;
    double stretch = 1;          ///< of the whole job by contention, now
    double watts = 0;            ///< of its GPUs and its part of the servers, now
    double busy_s = 0;           ///< running, pauses apart
    double undisturbed_s = 0;    ///< the same work without contention
    bool on_network = false;     ///< its flows are among the network's
    bool started = false, finished = false;
  };

  void check_input() const {
    for (std::size_t i = 0; i < workload_.size(); ++i) {
      const job& j = workload_.jobs[i];
      const std::string where = "job " + std::to_string(j.id.value);
      if (i > 0 && j.submit_s < workload_.jobs[i - 1].submit_s)
        throw input_error(where, "jobs in the order of their submission", "an earlier time");
      if (j.gpus < 1 || j.gpus > fabric_.gpus())
        throw input_error(where, "1 to " + std::to_string(fabric_.gpus()) + " GPUs",
                          std::to_string(j.gpus));
      if (!(j.duration_s > 0) || !std::isfinite(j.duration_s))
        throw input_error(where, "a positive duration", std::to_string(j.duration_s));
      if (!(j.comm_share >= 0 && j.comm_share < 1))
        throw input_error(where, "a communication share from 0 to below 1",
                          std::to_string(j.comm_share));
      if (!workload_.curve_of_job(i).fastest(j.gpus))
        throw input_error(where, "a curve with a point at " + std::to_string(j.gpus) + " GPUs",
                          "none");
    }
  }

  [[nodiscard]] double next_time() const {
    double t = std::numeric_limits<double>::infinity();
    if (next_ < workload_.size()) t = workload_.jobs[next_].submit_s;
    if (!finishes_.empty()) t = std::min(t, finishes_.top().time_s);
    return t;
  }

  /// Moves the clock and adds up what depends on time alone.
  void advance_to(double at) {
    const double dt = at - now_s_;
    const int used = fabric_.gpus() - state_.ledger.free_gpus();
    used_gpu_s_ += used * dt;
    overhead_j_ += overhead_w() * dt;
    if (!state_.waiting.empty()) {
      queue_used_ += used * dt;
      queue_fitting_ += (used + fitting()) * dt;
    }
    now_s_ = at;
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

  /// Power that belongs to no job: idle GPUs, their part of the servers, switches.
  [[nodiscard]] double overhead_w() const {
    const fabric::base_power& w = options_.power;
    const int idle = state_.ledger.free_gpus();
    return idle * (w.gpu_idle_w + w.server_w / fabric_.gpus_per_server()) +
           fabric_.switches() * w.switch_w;
  }
  [[nodiscard]] double power_w() const {
    return overhead_w() + static_cast<double>(job_microwatts_) * 1e-6;
  }
  static std::int64_t microwatts(double w) { return std::llround(w * 1e6); }

  void submit() {
    const auto slot = state_.submit(workload_.jobs[next_], workload_.curve_of_job(next_));
    assert(slot == next_);
    track_[slot].record.id = workload_.jobs[next_].id;
    track_[slot].record.submit_s = workload_.jobs[next_].submit_s;
    ++next_;
    ++events_;
  }

  /// Books what a job has done until now. A pause that was booked ahead and is cut short is given
  /// back.
  void bank(std::uint32_t slot) {
    schedule::active_job& j = state_.jobs[slot];
    tracked& t = track_[slot];
    const double dt = now_s_ - j.since_s;
    t.record.run_s += dt;
    t.record.energy_j += t.watts * dt;
    if (dt > 0) {
      j.remaining_s -= dt * j.rate;
      j.attained_gpu_s += dt * t.record.gpus;
      t.busy_s += dt;
      t.undisturbed_s += dt / t.stretch;
    }
    j.since_s = now_s_;
  }

  void finish(std::uint32_t slot) {
    schedule::active_job& j = state_.jobs[slot];
    tracked& t = track_[slot];
    const double rest = j.remaining_s / j.rate;  // exact where now − since is rounded
    t.record.run_s += rest;
    t.record.energy_j += t.watts * rest;
    t.busy_s += rest;
    t.undisturbed_s += rest / t.stretch;
    t.record.finish_s = now_s_;
    t.record.slowdown = t.busy_s / t.undisturbed_s;
    t.finished = true;
    finishes_.erase(t.finish);
    leave_network(slot);
    job_microwatts_ -= microwatts(t.watts);
    state_.finish(slot);
    last_finish_s_ = now_s_;
    ++finished_;
    ++events_;
  }

  void decide() {
    const auto before = std::chrono::steady_clock::now();
    const schedule::decision d = plan_.decide(state_, now_s_);
    const std::chrono::duration<double, std::micro> took =
        std::chrono::steady_clock::now() - before;
    decide_us_.push_back(took.count());

    for (job_id id : d.stops) stop(state_.slot_of(id));
    for (const schedule::resize& r : d.resizes) apply(r);
    for (const schedule::start& s : d.starts) apply(s);
    for (const schedule::blocked& b : d.waiting)
      track_[state_.slot_of(b.job)].record.why_waited = b.why;
    peak_w_ = std::max(peak_w_, power_w());
    const moment m{now_s_, power_w(), state_, d};
    std::apply([&](Observers&... o) { (o(m), ...); }, observers_);
  }

  void stop(std::uint32_t slot) {
    tracked& t = track_[slot];
    bank(slot);
    finishes_.erase(t.finish);
    leave_network(slot);
    job_microwatts_ -= microwatts(t.watts);
    t.watts = 0;
    state_.jobs[slot].rate = 0;
  }

  void apply(const schedule::start& s) {
    const std::uint32_t slot = state_.slot_of(s.job);
    tracked& t = track_[slot];
    double pause = 0;
    if (!t.started) {
      t.started = true;
      t.record.start_s = now_s_;
      if (now_s_ > t.record.submit_s && t.record.why_waited == place::wait_reason::none)
        t.record.why_waited = place::wait_reason::queue;
    } else {  // time between runs is part of JRT
      t.record.run_s += now_s_ - state_.jobs[slot].since_s;
      ++t.record.rescales;
      ++rescales_;
      pause = options_.rescale(s.point.config.gpus);
    }
    schedule::active_job& j = state_.jobs[slot];
    j.since_s = now_s_;
    t.stretch = 1;
    t.finish = finishes_.push({now_s_, slot});
    settle(slot, s.where, pause);
  }

  void apply(const schedule::resize& r) {
    const std::uint32_t slot = state_.slot_of(r.job);
    double pause = std::max(0.0, state_.jobs[slot].since_s - now_s_);  // a new clock ends no pause
    bank(slot);
    if (r.moved) {
      leave_network(slot);
      ++track_[slot].record.rescales;
      ++rescales_;
      pause = options_.rescale(r.point.config.gpus);
    }
    settle(slot, r.where, pause);
  }

  /// Puts a job on its GPUs, its flows on the network, and finds when it finishes.
  void settle(std::uint32_t slot, const fabric::placement& where, double pause_s) {
    schedule::active_job& j = state_.jobs[slot];
    tracked& t = track_[slot];
    count_parts(t.record, where);
    const job& spec = *j.spec;
    if (!t.on_network && t.record.leafs > 1 && spec.pattern != collective::none &&
        spec.comm_share > 0) {
      t.on_network = true;
      network_.add(spec.id, where, spec.pattern, spec.comm_share);
      update_others(slot);
    }
    set_pace(slot);
    t.record.run_s += pause_s;
    t.record.energy_j += t.watts * pause_s;
    j.since_s = now_s_ + pause_s;
    reschedule(slot);
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
      if (now_s_ > state_.jobs[other].since_s) bank(other);
      set_pace(other);
      reschedule(other);
    }
  }

  /// Rate, power and stretch under the contention of now.
  void set_pace(std::uint32_t slot) {
    schedule::active_job& j = state_.jobs[slot];
    tracked& t = track_[slot];
    const double share = j.spec->comm_share;
    t.stretch = t.on_network ? 1 + share * (network_.slowdown(j.spec->id) - 1) : 1;
    j.rate = j.point->throughput / j.reference->throughput / t.stretch;
    const double before_w = std::exchange(
        t.watts, j.point->power_at_w(t.stretch) +
                     options_.power.server_w * j.point->config.gpus / fabric_.gpus_per_server());
    job_microwatts_ += microwatts(t.watts) - microwatts(before_w);
    if (j.since_s > now_s_)  // the rest of a pause was booked at the power of before
      t.record.energy_j += (t.watts - before_w) * (j.since_s - now_s_);
  }

  void reschedule(std::uint32_t slot) {
    const schedule::active_job& j = state_.jobs[slot];
    const double at = std::max(now_s_, j.since_s + std::max(0.0, j.remaining_s) / j.rate);
    finishes_.update(track_[slot].finish, {at, slot});
  }

  void count_parts(job_record& r, const fabric::placement& where) {
    r.gpus = static_cast<int>(where.gpus.size());
    leafs_.clear();
    servers_.clear();
    for (gpu_id g : where.gpus) {
      if (const server_id s = fabric_.server_of(g); servers_.empty() || servers_.back() != s)
        servers_.push_back(s);
      if (const leaf_id l = fabric_.leaf_of(g); leafs_.empty() || leafs_.back() != l)
        leafs_.push_back(l);
    }
    r.leafs = distinct(leafs_);
    r.servers = distinct(servers_);
  }
  template <class Id>
  static int distinct(std::vector<Id>& ids) {
    std::sort(ids.begin(), ids.end());
    return static_cast<int>(std::unique(ids.begin(), ids.end()) - ids.begin());
  }

  void summarise(report& r, double first_s) {
    r.finished = finished_;
    for (std::uint32_t slot : state_.waiting) r.stuck_jobs.push_back(state_.jobs[slot].spec->id);
    r.status = r.stuck_jobs.empty() ? run_status::finished : run_status::stuck;
    r.events = events_;
    r.decisions = decide_us_.size();
    r.rescales = rescales_;
    r.makespan_s = finished_ ? last_finish_s_ - first_s : 0;

    std::vector<double> jct;
    std::vector<double> jwt, jrt, slow;
    double jobs_j = 0;
    for (std::size_t i = 0; i < track_.size(); ++i) {
      tracked& t = track_[i];
      if (!t.finished) continue;
      jct.push_back(t.record.jct_s());
      jwt.push_back(t.record.jwt_s());
      jrt.push_back(t.record.run_s);
      slow.push_back(t.record.run_s / workload_.jobs[i].duration_s);
      r.share_waiting += t.record.jwt_s() > 10;
      jobs_j += t.record.energy_j;
      r.records.push_back(t.record);
    }
    if (jct.empty()) return;
    r.share_waiting /= static_cast<double>(jct.size());
    r.mean_jct_s = mean(jct);
    r.mean_jwt_s = mean(jwt);
    r.mean_jrt_s = mean(jrt);
    r.mean_slowdown = mean(slow);
    r.p50_jct_s = quantile(jct, 0.5);
    r.p99_jct_s = quantile(jct, 0.99);
    r.gpu_utilization = used_gpu_s_ / (fabric_.gpus() * r.makespan_s);
    r.network_fragmentation = queue_fitting_ > 0 ? 1 - queue_used_ / queue_fitting_ : 0;
    r.overhead_energy_j = overhead_j_;
    r.energy_j = jobs_j + overhead_j_;
    r.mean_power_w = r.energy_j / r.makespan_s;
    r.peak_power_w = peak_w_;
    r.decide_us_p50 = quantile(decide_us_, 0.5);
    r.decide_us_p99 = quantile(decide_us_, 0.99);
  }

  const fabric::leaf_spine& fabric_;
  const model::workload& workload_;
  Scheduler& plan_;
  options options_;
  std::tuple<Observers&...> observers_;

  schedule::state state_;
  route::steady<std::remove_cvref_t<decltype(std::declval<Scheduler&>().route())>> network_;
  heap finishes_;
  std::vector<tracked> track_;  // by place in the workload, which is the place in state_.jobs

  double now_s_ = 0, last_finish_s_ = 0;
  std::size_t next_ = 0, events_ = 0, finished_ = 0, rescales_ = 0;
  double used_gpu_s_ = 0, overhead_j_ = 0, queue_used_ = 0, queue_fitting_ = 0, peak_w_ = 0;
  std::int64_t job_microwatts_ = 0;  // whole, so that what comes and goes leaves nothing behind
  std::vector<double> decide_us_;
  std::vector<leaf_id> leafs_;      // scratch
  std::vector<server_id> servers_;  // scratch
};

}  // namespace detail

/// Replays `jobs` on an empty `dc` under `plan` until all have finished. Deterministic; the
/// scheduler is used as it is, so hand in a fresh one for comparable runs.
///
/// \param observers  each is called as `observer(moment)` after every decision
/// \throws input_error  for jobs out of order, larger than the cluster, without a duration or a
///                      curve at the GPUs they ask for
/// Cost per event: one decision, and the contention of the jobs that share links with the one that
/// came or went. Memory: O(jobs + links).
template <class Scheduler, class... Observers>
[[nodiscard]] report run(const fabric::leaf_spine& dc, const model::workload& jobs, Scheduler& plan,
                         const options& o = {}, Observers&&... observers) {
  return detail::engine<Scheduler, std::remove_reference_t<Observers>...>(dc, jobs, plan, o,
                                                                         observers...)
      .run();
}

}  // namespace heddle::sim
