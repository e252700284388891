// Checks that a model of one's own keeps the promises that schedulers rely on.
//
//   broken_promises(throughput model, grid)     of a ThroughputModel
//   broken_promises(power model, clocks)        of a PowerModel
//   broken_promises_of_job(job model, grid)     of a JobModel
//
// Each returns one sentence for every promise that was seen broken; an empty list is conformance.
// Test-framework free: `CHECK(broken_promises(my_model, grid).empty())`.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <heddle/model/curve.hpp>
#include <heddle/model/job_model.hpp>

namespace heddle::model {

namespace detail {

[[nodiscard]] inline std::string in_words(const configuration& c) {
  return std::to_string(c.gpus) + " GPUs on " + std::to_string(c.servers) + " servers, batch " +
         std::to_string(c.local_batch) + ", " + std::to_string(c.clock_ghz) + " GHz";
}

/// Calls `use(configuration)` for GPU counts × clocks × three batches about the grid's.
template <class Use>
void for_each_configuration(const grid& g, Use use) {
  for (int n : g.gpus)
    for (double f : g.clocks_ghz)
      for (double scale : {0.5, 1.0, 2.0})
        use(configuration{.gpus = n,
                          .servers = (n + g.gpus_per_server - 1) / g.gpus_per_server,
                          .local_batch = scale * g.global_batch / n,
                          .clock_ghz = f});
}

inline constexpr double rounding = 1e-9;  ///< relative, of promises with "at least"

}  // namespace detail

/// The promises of a ThroughputModel, over a grid:
/// 1. times are finite, total > 0, compute and sync ≥ 0;
/// 2. max(compute, sync) ≤ total ≤ compute + sync;
/// 3. one GPU does not synchronise;
/// 4. a higher clock never takes longer, a larger batch never less;
/// 5. the same configuration always gives the same time.
template <ThroughputModel M>
[[nodiscard]] std::vector<std::string> broken_promises(const M& model, const grid& g) {
  std::vector<std::string> broken;
  detail::for_each_configuration(g, [&](const configuration& c) {
    const step_time t = model(c);
    const auto require = [&](bool kept, const char* promise) {
      if (!kept) broken.push_back(std::string(promise) + ": " + detail::in_words(c));
    };
    const double slack = detail::rounding * std::abs(t.total_s);
    require(std::isfinite(t.total_s) && t.total_s > 0, "the total is positive and finite");
    require(t.compute_s >= 0 && t.sync_s >= 0, "compute and sync are not negative");
    require(t.total_s >= std::max(t.compute_s, t.sync_s) - slack,
            "the total is at least the longer part");
    require(t.total_s <= t.compute_s + t.sync_s + slack, "the total is at most the sum of parts");
    if (c.gpus == 1) require(t.sync_s == 0, "one GPU does not synchronise");
    configuration other = c;
    other.clock_ghz *= 1.25;
    require(step_time(model(other)).total_s <= t.total_s + slack,
            "a higher clock never takes longer");
    other = c;
    other.local_batch *= 1.25;
    require(step_time(model(other)).total_s >= t.total_s - slack,
            "a larger batch never takes less");
    require(step_time(model(c)).total_s == t.total_s, "the same configuration gives the same time");
  });
  return broken;
}

/// The promises of a PowerModel, over clocks in ascending order: power is finite and > 0 at load,
/// never negative, and rises neither against the clock nor against the utilization.
template <PowerModel M>
[[nodiscard]] std::vector<std::string> broken_promises(const M& model,
                                                       std::span<const double> clocks_ghz) {
  std::vector<std::string> broken;
  for (std::size_t i = 0; i < clocks_ghz.size(); ++i)
    for (double u : {0.0, 0.25, 0.5, 0.75, 1.0}) {
      const double f = clocks_ghz[i], p = model(f, u);
      const auto require = [&](bool kept, const char* promise) {
        if (!kept)
          broken.push_back(std::string(promise) + ": " + std::to_string(f) + " GHz, utilization " +
                           std::to_string(u));
      };
      require(std::isfinite(p) && p >= 0, "power is finite and not negative");
      if (u == 1) require(p > 0, "a GPU at full load draws power");
      const double slack = detail::rounding * std::abs(p);
      if (u < 1) require(double(model(f, u + 0.25)) >= p - slack, "more load never draws less");
      if (i)
        require(double(model(clocks_ghz[i - 1], u)) <= p + slack, "a lower clock never draws more");
    }
  return broken;
}

/// The promises of a JobModel, over a grid: throughput and power are positive and finite, waiting
/// draws at most what running does, and the operating point says which configuration it is of (its
/// clock may be lower than asked for, under a cap).
template <JobModel M>
[[nodiscard]] std::vector<std::string> broken_promises_of_job(const M& model, const grid& g) {
  std::vector<std::string> broken;
  detail::for_each_configuration(g, [&](const configuration& c) {
    const operating_point p = model(c);
    const auto require = [&](bool kept, const char* promise) {
      if (!kept) broken.push_back(std::string(promise) + ": " + detail::in_words(c));
    };
    require(std::isfinite(p.throughput) && p.throughput > 0, "throughput is positive and finite");
    require(std::isfinite(p.power_w) && p.power_w > 0, "power is positive and finite");
    require(p.waiting_power_w >= 0 && p.waiting_power_w <= p.power_w * (1 + detail::rounding),
            "waiting draws at most what running does");
    require(p.config.gpus == c.gpus && p.config.servers == c.servers &&
                p.config.local_batch == c.local_batch && p.config.clock_ghz <= c.clock_ghz,
            "the point is of the configuration that was asked for");
    const operating_point again = model(c);
    require(again == p, "the same configuration gives the same point");
  });
  return broken;
}

}  // namespace heddle::model
