// The jobs and servers of a cluster, as schedulers and those who watch see them.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/core/job.hpp>
#include <heddle/core/move_price.hpp>
#include <heddle/core/slot_table.hpp>
#include <heddle/fabric/hosts.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/fabric/power.hpp>
#include <heddle/fabric/watts.hpp>
#include <heddle/model/curve.hpp>
#include <heddle/schedule/active_job.hpp>
#include <heddle/schedule/detail/identity.hpp>
#include <heddle/schedule/server_power.hpp>

namespace heddle::schedule {

/// What of a state is the same on every fabric: all but who owns which GPU and link. `jobs` grows with
/// every submission; `waiting` and `running` hold indices of it. One writer.
struct job_table {
  job_table(const fabric::hosts& h, const fabric::powered_parts& at_rest,
            const fabric::base_power& base, const move_prices& prices)
      : power(base), moves(prices), servers(h), at_rest_(at_rest) {}

  fabric::base_power power;
  move_prices moves;  ///< what jobs pay for changes of their GPUs
  server_power servers;
  /// By number of submission; who has ended stands there until the driver forgets.
  slot_table<active_job> jobs;
  std::vector<std::uint32_t> waiting;  ///< newcomers last; a scheduler puts them in its order
  std::vector<std::uint32_t> running;  ///< by time of start
  double start_s = 0;                  ///< when its driver began
  double now_s = 0;
  double energy_j = 0;  ///< what the whole cluster has used until `now_s`

  /// Power of the cluster with all servers on and all GPUs idle, in W: no budget can be below.
  [[nodiscard]] double idle_power_w() const { return fabric::watts_of(at_rest_, power).total(); }
  /// The same with all servers off.
  [[nodiscard]] double power_when_off_w() const {
    fabric::powered_parts off = at_rest_;
    off.servers_off = off.servers_on;
    off.idle_gpus = off.servers_on = 0;
    off.idle_beyond_w = 0;
    return fabric::watts_of(off, power).total();
  }

  /// Adds a job to the queue and returns its index in `jobs`. `spec` and `curve` must outlive it.
  /// Preconditions: the curve has a point at the GPUs asked for; ids are distinct.
  std::uint32_t submit(const job& spec, const model::curve& curve) {
    assert(curve.fastest(spec.gpus) && !slot_of_.contains(spec.id.value));
    const std::uint32_t slot = jobs.add({spec, curve});
    slot_of_.emplace(spec.id.value, slot);
    waiting.push_back(slot);
    return slot;
  }
  /// Books that a job runs at a point of its curve; its GPUs are booked apart.
  void resume(std::uint32_t slot, const model::operating_point* p) {
    jobs[slot].point_ = jobs[slot].last_ = p;
    jobs[slot].start_ = ++starts_;
    running.push_back(slot);
    if (const auto at = before_.find(slot); at != before_.end()) at->second.again = true;
  }
  /// Gives a running job another point; its GPUs are booked apart.
  void change_point(std::uint32_t slot, const model::operating_point* p) {
    assert(jobs[slot].running() && p);
    jobs[slot].point_ = jobs[slot].last_ = p;
  }

  /// Writes down what a running job holds that a failure hits.
  void note_hit(std::uint32_t slot, const fabric::placement& held) {
    before_.insert_or_assign(slot, lost{held, false});
  }
  /// What a job had until a failure hit it, or null: then none has, or it has run since.
  [[nodiscard]] const fabric::placement* before(std::uint32_t slot) const {
    const auto at = before_.find(slot);
    return at == before_.end() || at->second.again ? nullptr : &at->second.held;
  }

  /// By which a scheduler knows this state again.
  [[nodiscard]] const detail::identity& identity() const { return identity_; }

  /// Jobs that have finished stand in `jobs` no longer, so that a million of them take no memory; whoever drives may
  /// call this after a decision, which may have looked at them.
  void forget_ended() {
    for (std::uint32_t slot : ended_) jobs.forget(slot);
    ended_.clear();
  }

  /// Whether a job was submitted and has not finished.
  [[nodiscard]] bool contains(job_id id) const { return slot_of_.contains(id.value); }
  /// The index in `jobs` of a job that has not finished. Precondition: there is such a job.
  [[nodiscard]] std::uint32_t slot_of(job_id id) const {
    const auto it = slot_of_.find(id.value);
    assert(it != slot_of_.end());
    return it->second;
  }

 protected:
  /// The job runs no more.
  void end(std::uint32_t slot) {
    assert(jobs[slot].running());
    jobs[slot].point_ = nullptr;
    running.erase(place_of(slot));
    if (const auto at = before_.find(slot); at != before_.end() && at->second.again)
      before_.erase(at);
  }
  /// The job that was started last does not run.
  void undo_resume(std::uint32_t slot) {
    assert(running.back() == slot);
    jobs[slot].point_ = nullptr;
    running.pop_back();
    if (const auto at = before_.find(slot); at != before_.end()) at->second.again = false;
  }
  /// Takes a job that has finished off the books.
  void forget(std::uint32_t slot) {
    slot_of_.erase(jobs[slot].spec->id.value);
    ended_.push_back(slot);
  }

 private:
  /// What a job held when a failure hit it, and whether it runs again since.
  struct lost {
    fabric::placement held;
    bool again = false;
  };

  /// Where in `running` a job stands. O(log running), but for those that went on in their old places after they
  /// had been stopped.
  [[nodiscard]] std::vector<std::uint32_t>::iterator place_of(std::uint32_t slot) {
    const auto at = std::lower_bound(
        running.begin(), running.end(), jobs[slot].start_,
        [&](std::uint32_t r, std::uint64_t start) { return jobs[r].start_ < start; });
    return at != running.end() && *at == slot ? at
                                              : std::find(running.begin(), running.end(), slot);
  }

  fabric::powered_parts at_rest_;
  std::uint64_t starts_ = 0;
  std::unordered_map<std::uint32_t, std::uint32_t> slot_of_;  // by job id; never walked through
  std::vector<std::uint32_t> ended_;                          // and not forgotten
  std::unordered_map<std::uint32_t, lost> before_;            // by index; never walked through
  detail::identity identity_;
};

}  // namespace heddle::schedule
