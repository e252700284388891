// Throughput and power of one job together.
#pragma once

#include <algorithm>
#include <concepts>

#include <heddle/model/operating_point.hpp>
#include <heddle/model/power.hpp>
#include <heddle/model/throughput.hpp>

namespace heddle::model {

/// T is a function from a configuration to its operating point.
template <class T>
concept JobModel = requires(const T& model, const configuration& c) {
  { model(c) } -> std::convertible_to<operating_point>;
};

/// A JobModel made of a ThroughputModel and a PowerModel. A GPU is busy while it computes, and to
/// the share `waiting_utilization` (ρ) while it waits for the network:
///
///     u = min(1, (compute + ρ·sync) / total)
template <class Throughput, class Power>
struct job_model {
  static_assert(
      ThroughputModel<Throughput>,
      "job_model: the first type must be a ThroughputModel, that is callable as const with "
      "a configuration and return a step_time");
  static_assert(PowerModel<Power>,
                "job_model: the second type must be a PowerModel, that is callable as const with "
                "(clock_ghz, utilization) and return watts");

  Throughput time;
  Power power;
  double waiting_utilization = 0.3;  ///< ρ, in [0, 1]

  [[nodiscard]] operating_point operator()(const configuration& c) const {
    const step_time t = time(c);
    const double busy = t.compute_s + waiting_utilization * t.sync_s;
    return {.config = c,
            .throughput = c.gpus * c.local_batch / t.total_s,
            .power_w = c.gpus * power(c.clock_ghz, std::min(1.0, busy / t.total_s)),
            .waiting_power_w = c.gpus * power(c.clock_ghz, waiting_utilization)};
  }
};

template <class T, class P>
job_model(T, P) -> job_model<T, P>;
template <class T, class P>
job_model(T, P, double) -> job_model<T, P>;

}  // namespace heddle::model
