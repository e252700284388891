// Every job at its own best trade of energy for time.
#pragma once

#include <cstddef>
#include <span>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/remaining.hpp>

namespace heddle::allocate {

/// The GPUs that a job's user asked for, at the point that costs least by Zeus' measure
///
///     η·E + (1 − η)·P_max·T
///
/// E being the energy and T the time of the rest of the job, P_max the power of the fastest point at that
/// count. η = 1 saves energy alone, η = 0 time alone. Of points alike the faster. Jobs are served in their
/// order while GPUs, power and energy last; one whose point does not fit waits. Not elastic.
///
/// Reference: You, Chung, Chowdhury, Zeus, NSDI 2023, whose power caps are the points of a count here; its
/// search over batch sizes is left to the curve. O(jobs · points of a count), stateless.
struct zeus {
  double eta = 0.5;  ///< η, from 0 to 1

  bool operator==(const zeus&) const = default;

  void operator()(std::span<const candidate> jobs, const limits& l, allocation& out) const {
    out.assign(jobs.size(), nullptr);
    remaining left{l};
    for (std::size_t i = 0; i < jobs.size() && left.gpus > 0; ++i) {
      if (!can_run(jobs[i])) continue;
      const model::operating_point* p = cheapest(*jobs[i].curve, jobs[i].requested_gpus);
      if (p && left.move(jobs[i], nullptr, p)) out[i] = p;
    }
  }

  /// The best point at a count, or null.
  [[nodiscard]] const model::operating_point* cheapest(const model::curve& c, int gpus) const {
    const auto points = c.at(gpus);  // power rises with throughput: the last draws most
    const model::operating_point* best = nullptr;
    double least = 0;
    for (const model::operating_point& p : points) {
      const double cost = (eta * p.power_w + (1 - eta) * points.back().power_w) / p.throughput;
      if (!best || cost <= least) {
        best = &p;
        least = cost;
      }
    }
    return best;
  }
};

}  // namespace heddle::allocate
