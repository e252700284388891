// What the parts of a cluster draw besides its computing GPUs.
#pragma once

#include <array>
#include <cstddef>

#include <heddle/core/gpu_types.hpp>

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
  /// As `gpu_idle_w`, of each type of GPU; 0: that.
  std::array<double, most_gpu_types> idle_w_of_type = {};

  [[nodiscard]] constexpr double idle_w(int type) const {
    const double told = idle_w_of_type[static_cast<std::size_t>(type)];
    return told > 0 ? told : gpu_idle_w;
  }

  friend bool operator==(const base_power&, const base_power&) = default;
};

}  // namespace heddle::fabric
