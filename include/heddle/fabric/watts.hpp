// What a cluster draws: the one account of watts, for budgets, simulations and reports.
//
//     P = Σ over running jobs of the power of their GPUs
//       + idle GPUs · gpu_idle_w + servers on · server_w + servers off · server_off_w
//       + waking servers · wake_j / wake_s + switches · switch_w + OCS · ocs_w
//
//   parts_when_idle, parts_when_off   the parts of a fabric at rest
//   watts_of                          what parts draw, kind by kind
//   extra_power_w                     what a job draws beyond its GPUs' idle power
#pragma once

#include <heddle/fabric/power.hpp>
#include <heddle/model/operating_point.hpp>

namespace heddle::fabric {

/// How many parts of each kind draw power, apart from the GPUs of running jobs.
struct powered_parts {
  int idle_gpus = 0;  ///< of servers that are on, held by no running job
  double idle_beyond_w =
      0;  ///< what those of other types draw beyond `gpu_idle_w` each, or less, in all
  int servers_on = 0;
  int servers_off = 0;  ///< or out of order
  int servers_waking = 0;
  int switches = 0;  ///< packet switches: leafs, spines, cores
  int ocs = 0;       ///< optical circuit switches
};

/// What parts draw, in W.
struct parts_watts {
  double idle_gpus = 0, servers_on = 0, servers_off = 0, servers_waking = 0, switches = 0, ocs = 0;

  [[nodiscard]] constexpr double total() const {
    return idle_gpus + servers_on + servers_off + servers_waking + switches + ocs;
  }
};

/// A server that wakes in no time draws nothing on the way. O(1).
[[nodiscard]] constexpr parts_watts watts_of(const powered_parts& n, const base_power& w) {
  return {.idle_gpus = n.idle_gpus * w.gpu_idle_w + n.idle_beyond_w,
          .servers_on = n.servers_on * w.server_w,
          .servers_off = n.servers_off * w.server_off_w,
          .servers_waking = w.wake_s > 0 ? n.servers_waking * w.wake_j / w.wake_s : 0,
          .switches = n.switches * w.switch_w,
          .ocs = n.ocs * w.ocs_w};
}

/// What an idle GPU of a type draws beyond `gpu_idle_w`, in W.
[[nodiscard]] constexpr double idle_beyond_w(const base_power& w, int type) {
  return w.idle_w(type) - w.gpu_idle_w;
}

/// The parts of `dc` with all servers on and no job.
template <class Fabric>
[[nodiscard]] powered_parts parts_when_idle(const Fabric& dc, const base_power& w) {
  double beyond_w = 0;
  for (int t = 0; t < dc.hosts().gpu_types(); ++t)
    beyond_w += dc.hosts().gpus_of_type(t) * idle_beyond_w(w, t);
  return {.idle_gpus = dc.hosts().gpus(),
          .idle_beyond_w = beyond_w,
          .servers_on = dc.hosts().servers(),
          .switches = dc.equipment().switches,
          .ocs = dc.equipment().circuit_switches};
}
/// The same with all servers off.
template <class Fabric>
[[nodiscard]] powered_parts parts_when_off(const Fabric& dc) {
  powered_parts n = parts_when_idle(dc, {});
  n.servers_off = n.servers_on;
  n.idle_gpus = n.servers_on = 0;
  n.idle_beyond_w = 0;
  return n;
}

/// What a job at `p` draws beyond what its GPUs would draw idle, in W; may be negative.
[[nodiscard]] constexpr double extra_power_w(const model::operating_point& p, double gpu_idle_w) {
  return p.power_w - p.config.gpus * gpu_idle_w;
}

}  // namespace heddle::fabric
