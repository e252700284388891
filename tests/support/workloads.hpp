// Curves and workloads made by hand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

#include <heddle/core/job.hpp>
#include <heddle/model/curve.hpp>
#include <heddle/model/operating_point.hpp>
#include <heddle/model/workload.hpp>

namespace heddle::test {

inline model::operating_point point(int gpus, double throughput, double power_w,
                                    double clock_ghz = 1) {
  return {.config = {.gpus = gpus, .servers = 1, .local_batch = 1, .clock_ghz = clock_ghz},
          .throughput = throughput,
          .power_w = power_w,
          .waiting_power_w = power_w / 4};
}

/// One point a count, a sample per GPU and second, 300 W a GPU.
inline model::curve linear_curve(std::vector<int> counts) {
  std::vector<model::operating_point> points;
  for (int n : counts) points.push_back(point(n, n, 300.0 * n));
  return model::curve{std::move(points)};
}

inline job make_job(std::uint32_t id, double submit_s, int gpus, double duration_s) {
  job j;
  j.id = job_id{id};
  j.submit_s = submit_s;
  j.gpus = gpus;
  j.duration_s = duration_s;
  return j;
}

/// All jobs on one linear curve with all counts that they ask for.
inline model::workload linear_workload(std::vector<job> jobs) {
  model::workload w;
  std::vector<int> counts;
  for (const job& j : jobs) counts.push_back(j.gpus);
  w.curves.push_back(linear_curve(std::move(counts)));
  w.curve_of.assign(jobs.size(), 0);
  w.jobs = std::move(jobs);
  return w;
}

}  // namespace heddle::test
