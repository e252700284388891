// The state of a cluster and its jobs, as schedulers see it.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include <heddle/allocate/order.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/core/job.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/power.hpp>
#include <heddle/fabric/watts.hpp>
#include <heddle/model/curve.hpp>
#include <heddle/schedule/server_power.hpp>

namespace heddle::schedule {

/// A job that has been submitted and has not finished. Run times are counted at the *reference*: the
/// fastest point of its curve at the GPUs asked for, without contention, where the whole job takes
/// `spec->duration_s`.
struct active_job {
  const job* spec = nullptr;
  const model::curve* curve = nullptr;
  const model::operating_point* reference = nullptr;
  const model::operating_point* point = nullptr;  ///< a point of `curve`; null while it waits

  double remaining_s = 0;     ///< reference run time left at `since_s`
  double since_s = 0;         ///< progress counts from here, may lie ahead (start-up, rescaling)
  double rate = 0;            ///< reference seconds done in a second
  double attained_gpu_s = 0;  ///< GPU time had until `since_s`

  [[nodiscard]] bool running() const { return point != nullptr; }
  [[nodiscard]] double remaining_at(double now_s) const {
    return remaining_s - std::max(0.0, now_s - since_s) * rate;
  }
  /// Samples left.
  [[nodiscard]] double work_at(double now_s) const {
    return remaining_at(now_s) * reference->throughput;
  }
  /// GPU time had until `now_s`, in s. One that has just been started has no rate yet.
  [[nodiscard]] double attained_at(double now_s) const {
    if (!running() || rate <= 0) return attained_gpu_s;
    return attained_gpu_s + std::max(0.0, now_s - since_s) * point->config.gpus;
  }
  /// Run time left at `p`, without contention, in s.
  [[nodiscard]] double run_time_s(const model::operating_point& p, double now_s) const {
    return work_at(now_s) / p.throughput;
  }
  [[nodiscard]] order::entry queue_entry() const { return {spec, remaining_s, attained_gpu_s}; }
  [[nodiscard]] order::entry queue_entry(double now_s) const {
    return {spec, remaining_at(now_s), attained_at(now_s)};
  }
};

/// Everything a decision depends on. `jobs` grows with every submission; `waiting` and `running`
/// are places in it. Whoever drives it keeps `now_s` and `energy_j` up to date. One writer.
struct state {
  explicit state(const fabric::leaf_spine& dc, const fabric::base_power& base = {})
      : ledger(dc), power(base), servers(dc) {}

  fabric::ledger ledger;
  fabric::base_power power;
  server_power servers;
  std::vector<active_job> jobs;        ///< all ever submitted
  std::vector<std::uint32_t> waiting;  ///< the first `queued` in the scheduler's order
  std::size_t queued = 0;
  double queued_s = 0;                 ///< when that order was made
  std::vector<std::uint32_t> running;  ///< by time of start
  double start_s = 0;                  ///< when its driver began
  double now_s = 0;
  double energy_j = 0;  ///< what the whole cluster has used until `now_s`

  /// Power of the cluster with all servers on and all GPUs idle, in W: no budget can be below.
  [[nodiscard]] double idle_power_w() const {
    return fabric::watts_of(fabric::parts_when_idle(ledger.fabric()), power).total();
  }

  /// Adds a job to the queue and returns its place in `jobs`. `spec` and `curve` must outlive it.
  /// Preconditions: the curve has a point at the GPUs asked for; ids are distinct.
  std::uint32_t submit(const job& spec, const model::curve& curve) {
    const model::operating_point* reference = curve.fastest(spec.gpus);
    assert(reference && !slot_of_.contains(spec.id.value));
    const auto slot = static_cast<std::uint32_t>(jobs.size());
    jobs.push_back(
        {.spec = &spec, .curve = &curve, .reference = reference, .remaining_s = spec.duration_s});
    slot_of_.emplace(spec.id.value, slot);
    waiting.push_back(slot);
    return slot;
  }

  /// Starts a waiting job on `where`; whoever calls takes it out of `waiting`. Servers that wake are
  /// added to `woken`. False, and nothing changed, if `where` is not free. Precondition: `p` is a
  /// point of the job's curve.
  bool begin(std::uint32_t slot, const model::operating_point* p, fabric::placement where,
             std::vector<server_id>& woken) {
    if (!hold(slot, std::move(where), woken)) return false;
    jobs[slot].point = p;
    running.push_back(slot);
    return true;
  }
  /// Books `where` for a job that holds nothing; false, and nothing changed, if it is not free.
  bool hold(std::uint32_t slot, fabric::placement where, std::vector<server_id>& woken) {
    const job_id id = jobs[slot].spec->id;
    if (ledger.reserve(id, std::move(where)) != fabric::reserve_status::reserved) return false;
    servers.taken(ledger.fabric(), *ledger.find(id), now_s, power.wake_s, woken);
    return true;
  }
  /// Takes what a job holds, which stays in `running`. Precondition: it holds something.
  fabric::placement lift(std::uint32_t slot) {
    std::optional<fabric::placement> held = ledger.extract(jobs[slot].spec->id);
    assert(held);
    servers.given_back(ledger, *held, now_s);
    return std::move(*held);
  }

  /// Takes a running job out and frees what it held.
  void finish(std::uint32_t slot) {
    lift(slot);
    end(slot);
    slot_of_.erase(jobs[slot].spec->id.value);
  }

  /// Puts a running job back into the queue and frees what it held.
  void stop(std::uint32_t slot) {
    lift(slot);
    end(slot);
    waiting.push_back(slot);
  }
  /// The same for one that was lifted.
  void stop_lifted(std::uint32_t slot) {
    end(slot);
    waiting.push_back(slot);
  }

  /// Whether a job was submitted and has not finished.
  [[nodiscard]] bool contains(job_id id) const { return slot_of_.contains(id.value); }
  /// The place in `jobs` of a job that has not finished. Precondition: there is such a job.
  [[nodiscard]] std::uint32_t slot_of(job_id id) const {
    const auto it = slot_of_.find(id.value);
    assert(it != slot_of_.end());
    return it->second;
  }

 private:
  void end(std::uint32_t slot) {
    assert(jobs[slot].running());
    jobs[slot].point = nullptr;
    running.erase(std::find(running.begin(), running.end(), slot));
  }

  std::unordered_map<std::uint32_t, std::uint32_t> slot_of_;  // by job id; never walked through
};

}  // namespace heddle::schedule
