// A server that comes or goes.
#pragma once

#include <cstdint>

namespace heddle {

/// From `time_s` on, node `node` works or does not. Lists of events are by time; those of one time
/// happen in the order of the list.
struct node_event {
  double time_s = 0;
  std::uint32_t node = 0;  ///< dense from 0
  bool up = false;         ///< joined or was repaired; else left or failed

  friend bool operator==(const node_event&, const node_event&) = default;
};

}  // namespace heddle
