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

#include <heddle/core/ids.hpp>
#include <heddle/core/job.hpp>
#include <heddle/core/move_price.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/power.hpp>
#include <heddle/fabric/watts.hpp>
#include <heddle/model/curve.hpp>
#include <heddle/order/order.hpp>
#include <heddle/schedule/active_job.hpp>
#include <heddle/schedule/detail/identity.hpp>
#include <heddle/schedule/server_power.hpp>

namespace heddle::schedule {

/// Everything a decision depends on. `jobs` grows with every submission; `waiting` and `running`
/// are places in it. Whoever drives it keeps `now_s` and `energy_j` up to date. One writer.
struct state {
  explicit state(const fabric::leaf_spine& dc, const fabric::base_power& base = {},
                 const move_prices& prices = {})
      : ledger(dc), power(base), moves(prices), servers(dc) {}

  fabric::ledger ledger;
  fabric::base_power power;
  move_prices moves;  ///< what jobs pay for changes of their GPUs
  server_power servers;
  std::vector<active_job> jobs;        ///< all ever submitted
  std::vector<std::uint32_t> waiting;  ///< newcomers last; a scheduler puts them in its order
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
    assert(curve.fastest(spec.gpus) && !slot_of_.contains(spec.id.value));
    const auto slot = static_cast<std::uint32_t>(jobs.size());
    jobs.emplace_back(spec, curve);
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
    resume(slot, p);
    return true;
  }
  /// The same for one that runs already, where its driver knows: nothing is booked.
  void resume(std::uint32_t slot, const model::operating_point* p) {
    jobs[slot].point_ = p;
    running.push_back(slot);
  }
  /// Undoes the last `begin`, of a job that nobody has taken out of `waiting` since.
  void take_back(std::uint32_t slot) {
    assert(running.back() == slot);
    lift(slot);
    jobs[slot].point_ = nullptr;
    running.pop_back();
  }
  /// Gives a running job another point; its GPUs are booked with `lift` and `hold`.
  void change_point(std::uint32_t slot, const model::operating_point* p) {
    assert(jobs[slot].running() && p);
    jobs[slot].point_ = p;
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

  /// By which a scheduler knows this state again.
  [[nodiscard]] const detail::identity& identity() const { return identity_; }

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
    jobs[slot].point_ = nullptr;
    running.erase(std::find(running.begin(), running.end(), slot));
  }

  std::unordered_map<std::uint32_t, std::uint32_t> slot_of_;  // by job id; never walked through
  detail::identity identity_;
};

}  // namespace heddle::schedule
