// Servers that fail and are repaired: one call for all who keep account of them in a state.
#pragma once

#include <vector>

#include <heddle/core/ids.hpp>

namespace heddle::schedule {

/// Puts `server` out of order in the ledger of `s` and switches it off. \returns  the jobs that
/// hold GPUs of it, by id; they still hold them, until they are stopped, and the state
/// remembers what (`before`). O(GPUs of the server and of these jobs).
template <class State>
std::vector<job_id> fail(State& s, server_id server) {
  std::vector<job_id> hit = s.ledger.fail(server);
  s.servers.switch_off(server);
  for (job_id id : hit) s.note_hit(s.slot_of(id), *s.ledger.find(id));
  return hit;
}

/// Puts `server` in order again: from `s.now_s` on it is on and idle. O(GPUs of the server).
template <class State>
void repair(State& s, server_id server) {
  s.ledger.repair(server);
  s.servers.repaired(server, s.now_s);
}

}  // namespace heddle::schedule
