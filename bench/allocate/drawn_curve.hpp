// Curves of jobs as the benchmarks of this room draw them.
#pragma once

#include <utility>
#include <vector>

#include <heddle/model/curve.hpp>
#include <heddle/model/operating_point.hpp>

namespace heddle::bench {

/// Throughput bound by communication and by what the clock does not reach, power by the cube of the clock:
/// GPUs 1, 2, 4, … below `gpus`, `clocks` clocks from 0.6 GHz on.
/// \param unit  callable: → a random number in [0, 1)
template <class Unit>
model::curve drawn_curve(Unit& unit, int gpus, int clocks) {
  const double share = 0.02 + 0.3 * unit(), bound = 0.1 + 0.8 * unit();
  std::vector<model::operating_point> points;
  for (int n = 1; n < gpus; n *= 2)
    for (int k = 0; k < clocks; ++k) {
      const double f = 0.6 + 0.1 * k;
      points.push_back({.config = {.gpus = n, .servers = 1, .local_batch = 1, .clock_ghz = f},
                        .throughput = n / (bound + (1 - bound) / f + share * (n - 1)),
                        .power_w = n * (60 + 150 * f * f * f),
                        .waiting_power_w = n * 60.0});
    }
  return model::curve{std::move(points)};
}

}  // namespace heddle::bench
