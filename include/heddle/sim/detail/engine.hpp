// The loop of a simulation.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <utility>

#include <heddle/schedule/decision.hpp>
#include <heddle/schedule/server_power.hpp>
#include <heddle/sim/detail/changes.hpp>
#include <heddle/sim/detail/servers.hpp>
#include <heddle/sim/detail/world.hpp>
#include <heddle/sim/observer.hpp>
#include <heddle/sim/options.hpp>
#include <heddle/sim/report.hpp>
#include <heddle/sim/stuck.hpp>

namespace heddle::sim::detail {

/// The engine behind `run`. Time goes from event to event; events of one time are taken together,
/// finishes before failures before submissions, each by its place in the workload, and then decided
/// on once.
template <class Fabric, class Feed, class Scheduler, class Network, class... Observers>
class engine {
  using world_type = world<Fabric, Feed, Observers...>;

 public:
  engine(const Fabric& dc, Feed& jobs, Scheduler& plan, Network network, const options& o,
         Observers&... observers)
      : plan_(plan), w_(dc, jobs, o, observers...), changes_(w_, std::move(network)) {}

  report run() {
    report r;
    if (plan_.options().power_budget_w < w_.state.idle_power_w()) {
      r.status = run_status::budget_too_low;
      while (w_.jobs.ahead()) {
        const job* const spec = w_.jobs.take().spec;
        r.stuck_jobs.push_back(spec->id);
        w_.jobs.ended(spec);
      }
      r.jobs = w_.jobs.taken();
      r.stuck.why = place::wait_reason::budget;
      r.stuck.idle_w = w_.state.idle_power_w();
      r.stuck.budget_w = plan_.options().power_budget_w;
      return r;
    }
    if (!w_.jobs.ahead()) return r;
    begin();
    while (w_.next.goes_on(!w_.state.waiting.empty())) {
      const double at = w_.next.next_s(w_.now_s());
      advance_to(at);
      const bool woke = take_timers(at);
      if (take_events(at)) {
        decide();
        // Nobody runs and nothing is to come: those stopped just now get one more look.
        if (w_.next.is_over() && !w_.state.waiting.empty()) decide();
      } else if (woke) {
        const schedule::decision nothing;
        w_.tell(seen(nothing));
      }
    }
    summarise(r);
    return r;
  }

 private:
  void begin() {
    first_s_ = w_.jobs.ahead()->submit_s;
    w_.state.start_s = w_.state.now_s = first_s_;
    w_.state.servers = schedule::server_power(w_.dc.hosts(), first_s_);
    if (!w_.told.up_at_start)
      for (server_id s : w_.dc.hosts().all_servers()) change_server(w_, s, server_mode::failed);
    while (w_.next.failure_s() < first_s_) changes_.take(*w_.next.take_failure(first_s_));
  }

  /// Moves the clock and adds up what depends on time alone.
  void advance_to(double at) {
    const double now = w_.now_s();
    if (at > now) {
      const int free = w_.state.ledger.free_gpus();
      w_.sums.advance(at - now, w_.used_gpus, w_.state.waiting.empty() ? -1 : fitting(), free,
                      free - w_.state.ledger.gpus_of_idle_servers(),
                      w_.state.waiting.size() + w_.state.running.size());
      w_.state.energy_j += w_.energy.advance(now, at);
      w_.use_for(at - now);
    }
    w_.state.now_s = at;
  }
  /// GPUs of the longest prefix of the queue that would fit if only their number mattered.
  [[nodiscard]] int fitting() const {
    const int free = w_.state.ledger.free_gpus();
    int n = 0;
    for (std::uint32_t slot : w_.state.waiting) {
      const int more = w_.state.jobs[slot].spec->gpus;
      if (n + more > free) break;
      n += more;
    }
    return n;
  }

  /// Servers that are on now, and jobs that begin now that their servers and circuits are ready.
  bool take_timers(double at) {
    bool any = false;
    while (const auto t = w_.next.take_timer(at)) any |= changes_.ready(*t);
    return any;
  }
  /// \returns  whether there is something to decide
  bool take_events(double at) {
    bool any = w_.next.again_s <= at;
    for (; const auto slot = w_.next.finish_due(at); any = true) changes_.finish(*slot);
    for (; const auto* failure = w_.next.take_failure(at); any = true) changes_.take(*failure);
    for (; const auto job = w_.next.take_submission(at); any = true) changes_.submit(*job);
    return any;
  }

  // <chrono> would bring its calendars and streams to all who simulate. If somebody sets the clock, one time is wrong.
  static std::timespec clock_now() {
    std::timespec t{};
    std::timespec_get(&t, TIME_UTC);
    return t;
  }
  static double us_since(const std::timespec& before) {
    const std::timespec now = clock_now();
    return std::max(0.0, 1e6 * static_cast<double>(now.tv_sec - before.tv_sec) +
                             1e-3 * static_cast<double>(now.tv_nsec - before.tv_nsec));
  }
  void decide() {
    const std::timespec before = clock_now();
    const schedule::decision d = plan_.decide(w_.state, w_.now_s());
    w_.count.decide_us.add(us_since(before));
    w_.next.again_s = d.again_s;
    changes_.apply(d);
    const moment m = seen(d);
    w_.tell(decision_made{m.now_s, d, m});
    w_.tell(m);
    changes_.forget_ended();
  }
  [[nodiscard]] moment seen(const schedule::decision& d) {
    return {w_.now_s(), w_.energy.look(),         w_.used_gpus, w_.state, w_.state.ledger,
            d,          w_.energy.account.parts()};
  }

  void summarise(report& r) {
    tally& n = w_.count;
    for (std::uint32_t slot : w_.state.waiting)
      r.stuck_jobs.push_back(w_.state.jobs[slot].spec->id);
    r.status = r.stuck_jobs.empty() ? run_status::finished : run_status::stuck;
    if (!r.stuck_jobs.empty())
      r.stuck = why_stuck(w_.state, plan_.options(),
                          w_.track[w_.state.waiting.front()].record.why_waited);
    r.jobs = w_.jobs.taken();
    r.finished = n.finished;
    r.events = n.events;
    r.decisions = n.decide_us.count();
    r.rescales = n.rescales;
    r.migrations = n.migrations;
    r.circuits_moved = n.circuits_moved;
    r.failures = n.failures;
    r.restarts = n.restarts;
    r.makespan_s = n.finished ? n.last_finish_s - first_s_ : 0;
    w_.sums.write(r);
    r.used_gpu_s_of_type = w_.used_s_of_type;
    w_.track.for_each([&](const progress& t) {
      n.jobs_j += t.record.energy_j;
      n.lost_gpu_s += t.lost_gpu_s;
    });
    std::sort(w_.records.begin(), w_.records.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    r.records.reserve(w_.records.size());
    for (const auto& [slot, record] : w_.records) r.records.push_back(record);
    r.lost_gpu_s = n.lost_gpu_s;
    w_.energy.write(r, n.jobs_j, w_.now_s() - first_s_);
    r.decide_us_p50 = n.decide_us.at(0.5);
    r.decide_us_p99 = n.decide_us.at(0.99);
  }

  Scheduler& plan_;
  world_type w_;
  changes<world_type, Network> changes_;
  double first_s_ = 0;
};

}  // namespace heddle::sim::detail
