// The state of a cluster and its jobs, as schedulers see it.
#pragma once

#include <cassert>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/core/move_price.hpp>
#include <heddle/fabric/fabric.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/fabric/power.hpp>
#include <heddle/fabric/watts.hpp>
#include <heddle/model/operating_point.hpp>
#include <heddle/schedule/job_table.hpp>

namespace heddle::schedule {

/// Everything a decision depends on: the jobs and servers, and who owns what of the fabric. Whoever
/// drives it keeps `now_s` and `energy_j` up to date. One writer.
template <fabric::Fabric F>
struct state : job_table {
  explicit state(const F& dc, const fabric::base_power& base = {}, const move_prices& prices = {})
      : job_table(dc.hosts(), fabric::parts_when_idle(dc, base), base, prices), ledger(dc) {}

  fabric::ledger<F> ledger;

  /// Starts a waiting job on `where`; whoever calls takes it out of `waiting`. Servers that wake are
  /// added to `woken`. False, and nothing changed, if `where` is not free. Precondition: `p` is a
  /// point of the job's curve.
  bool begin(std::uint32_t slot, const model::operating_point* p, fabric::placement where,
             std::vector<server_id>& woken) {
    if (!hold(slot, std::move(where), woken)) return false;
    resume(slot, p);
    return true;
  }
  /// Undoes the last `begin`, of a job that nobody has taken out of `waiting` since.
  void take_back(std::uint32_t slot) {
    lift(slot);
    undo_resume(slot);
  }
  /// Books `where` for a job that holds nothing, and for its tenant; false, and nothing changed, if it
  /// is not free.
  bool hold(std::uint32_t slot, fabric::placement where, std::vector<server_id>& woken) {
    const job& spec = *jobs[slot].spec;
    if (ledger.reserve(spec.id, std::move(where), spec.vc) != fabric::reserve_status::reserved)
      return false;
    servers.taken(ledger.hosts(), *ledger.find(spec.id), now_s, power.wake_s, woken);
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
    forget(slot);
  }
  /// Puts a running job back into the queue and frees what it held.
  void stop(std::uint32_t slot) {
    lift(slot);
    stop_lifted(slot);
  }
  /// The same for one that was lifted.
  void stop_lifted(std::uint32_t slot) {
    end(slot);
    waiting.push_back(slot);
  }
};

template <class F>
state(const F&, const fabric::base_power& = {}, const move_prices& = {}) -> state<F>;

}  // namespace heddle::schedule
