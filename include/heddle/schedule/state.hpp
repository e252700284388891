// The state of a cluster and its jobs, as schedulers see it.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include <heddle/allocate/order.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/core/job.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/power.hpp>
#include <heddle/model/curve.hpp>

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
  [[nodiscard]] order::entry queue_entry() const { return {spec, remaining_s, attained_gpu_s}; }
};

/// Everything a decision depends on. `jobs` grows with every submission; `waiting` and `running`
/// are places in it. One writer.
struct state {
  explicit state(const fabric::leaf_spine& dc, const fabric::base_power& base = {})
      : ledger(dc), power(base) {}

  fabric::ledger ledger;
  fabric::base_power power;
  std::vector<active_job> jobs;         ///< all ever submitted
  std::vector<std::uint32_t> waiting;   ///< the first `queued` in the scheduler's order
  std::size_t queued = 0;
  std::vector<std::uint32_t> running;   ///< by time of start

  /// Power of the cluster with all GPUs idle, in W: no budget can be below.
  [[nodiscard]] double idle_power_w() const {
    const fabric::leaf_spine& dc = ledger.fabric();
    return dc.gpus() * power.gpu_idle_w + dc.servers() * power.server_w +
           dc.switches() * power.switch_w;
  }

  /// Adds a job to the queue and returns its place in `jobs`. `spec` and `curve` must outlive it.
  /// Preconditions: the curve has a point at the GPUs asked for; ids are distinct.
  std::uint32_t submit(const job& spec, const model::curve& curve) {
    const model::operating_point* reference = curve.fastest(spec.gpus);
    assert(reference && !slot_of_.contains(spec.id));
    const auto slot = static_cast<std::uint32_t>(jobs.size());
    jobs.push_back({.spec = &spec,
                    .curve = &curve,
                    .reference = reference,
                    .remaining_s = spec.duration_s});
    slot_of_.emplace(spec.id, slot);
    waiting.push_back(slot);
    return slot;
  }

  /// Takes a running job out and frees what it held.
  void finish(std::uint32_t slot) {
    leave(slot);
    slot_of_.erase(jobs[slot].spec->id);
  }

  /// Puts a running job back into the queue and frees what it held.
  void stop(std::uint32_t slot) {
    leave(slot);
    waiting.push_back(slot);
  }

  /// The place in `jobs` of a job that has not finished. Precondition: there is such a job.
  [[nodiscard]] std::uint32_t slot_of(job_id id) const {
    const auto it = slot_of_.find(id);
    assert(it != slot_of_.end());
    return it->second;
  }

 private:
  void leave(std::uint32_t slot) {
    assert(jobs[slot].running());
    ledger.release(jobs[slot].spec->id);
    jobs[slot].point = nullptr;
    running.erase(std::find(running.begin(), running.end(), slot));
  }

  std::map<job_id, std::uint32_t> slot_of_;
};

}  // namespace heddle::schedule
