// A roofline over the core clock.
#pragma once

#include <algorithm>

#include <heddle/model/throughput.hpp>

namespace heddle::model {

/// Gradient time of kernels bound by either memory or the core clock (Williams, Waterman, Patterson,
/// CACM 52, 2009, read over the clock, derived):
///
///     compute = launch + b·max(memory, core/f)
///
/// Above the ridge clock core/memory a higher clock gains nothing; below it time is inverse to the
/// clock. Synchronisation is added where a fabric tells it (fabric_sync.hpp).
struct roofline_throughput {
  double launch_s = 0;    ///< per iteration, ≥ 0
  double memory_s = 0;    ///< per sample at any clock, ≥ 0
  double core_s_ghz = 0;  ///< per sample, times GHz, ≥ 0

  [[nodiscard]] step_time operator()(const configuration& c) const {
    const double t = launch_s + c.local_batch * std::max(memory_s, core_s_ghz / c.clock_ghz);
    return {.compute_s = t, .sync_s = 0, .total_s = t};
  }
  /// The clock from which on memory binds; infinite without a memory bound.
  [[nodiscard]] double ridge_ghz() const { return core_s_ghz / memory_s; }
};

}  // namespace heddle::model
