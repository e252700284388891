// Servers that fail, are repaired, go off, wake and are on.
#pragma once

#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/schedule/failing.hpp>
#include <heddle/sim/observer.hpp>
#include <heddle/sim/server_mode.hpp>

namespace heddle::sim::detail {

/// The one place where a server changes: the ledger and the scheduler's knowledge of servers that
/// are on, the energy account, and the observers are told. (That a server goes off or wakes the
/// scheduler has booked when it decided so.) \returns  the jobs that a failure hits, by id
template <class World>
std::vector<job_id> change_server(World& w, server_id s, server_mode to) {
  std::vector<job_id> hit;
  if (to == server_mode::failed)
    hit = schedule::fail(w.state, s);
  else if (to == server_mode::on && w.state.ledger.is_failed(s))
    schedule::repair(w.state, s);
  w.energy.account.set(s, to);
  w.tell(server_changed{w.now_s(), s, to});
  return hit;
}

/// Begins to wake a server that the scheduler has woken.
template <class World>
void wake_server(World& w, server_id s) {
  change_server(w, s, server_mode::waking);
  if (w.told.power.wake_s > 0)
    w.next.add({w.state.servers.ready_s(s), true, s.value});
  else
    change_server(w, s, server_mode::on);
}

}  // namespace heddle::sim::detail
