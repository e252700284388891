// What the parts of a cluster draw besides its computing GPUs.
#pragma once

namespace heddle::fabric {

/// Power of idle and shared parts. The defaults are round figures for eight-GPU servers; take one's
/// own from a meter.
struct base_power {
  double gpu_idle_w = 60;    ///< a GPU that no job holds, its server being on
  double server_w = 500;     ///< a server that is on, without its GPUs
  double server_off_w = 20;  ///< a server that is off
  double wake_s = 120;       ///< from off to on
  double wake_j = 60000;     ///< energy of one wake-up, all of it
  double switch_w = 300;     ///< a leaf or a spine
  double ocs_w = 50;         ///< an optical circuit switch

  friend bool operator==(const base_power&, const base_power&) = default;
};

}  // namespace heddle::fabric
