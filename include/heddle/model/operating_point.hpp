// What a configuration gives and costs.
#pragma once

#include <heddle/model/configuration.hpp>

namespace heddle::model {

/// A configuration with its throughput and the power of all its GPUs.
struct operating_point {
  configuration config;
  double throughput = 0;       ///< samples/s, > 0
  double power_w = 0;          ///< of all GPUs of the job while it runs undisturbed
  double waiting_power_w = 0;  ///< of all its GPUs while they wait for the network, ≤ power_w

  /// Energy of one sample, in J.
  [[nodiscard]] double energy_per_sample_j() const { return power_w / throughput; }

  /// Mean power of all GPUs when contention stretches the run time by `slowdown` ≥ 1: the time
  /// added is spent waiting.
  [[nodiscard]] double power_at_w(double slowdown) const {
    return (power_w + (slowdown - 1) * waiting_power_w) / slowdown;
  }

  friend bool operator==(const operating_point&, const operating_point&) = default;
};

}  // namespace heddle::model
