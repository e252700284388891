// What a simulation is told besides its cluster, jobs and scheduler.
#pragma once

#include <vector>

#include <heddle/core/move_price.hpp>
#include <heddle/core/node_event.hpp>
#include <heddle/fabric/power.hpp>
#include <heddle/route/steady.hpp>
#include <heddle/sim/series.hpp>

namespace heddle::sim {

struct options {
  fabric::base_power power = {};
  route::steady_options contention = {};
  move_prices moves = {};  ///< what jobs pay for changes of their GPUs, and decisions weigh
  /// A job saves its work after so much run time without pauses, in s, and whenever the scheduler
  /// stops or moves it. Saving costs nothing. A failure takes what was not saved. ≥ 0
  double checkpoint_s = 1800;
  std::vector<node_event> failures = {};  ///< of servers, by time
  bool up_at_start = true;                ///< else all servers are away until they come
  series carbon_g_per_kwh = {};           ///< of the electricity
  series price_per_kwh = {};
  bool keep_records = true;  ///< of all jobs, in the report
};

}  // namespace heddle::sim
