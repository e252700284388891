// What a simulation found.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::sim {

/// How a simulation ended.
enum class run_status : unsigned char {
  finished,        ///< every job did
  stuck,           ///< jobs wait that cannot start even on the empty cluster
  budget_too_low,  ///< the power budget is below the cluster's idle power; nothing was run
};

[[nodiscard]] constexpr std::string_view name(run_status s) {
  switch (s) {
    case run_status::finished: return "finished";
    case run_status::stuck: return "stuck";
    case run_status::budget_too_low: break;
  }
  return "budget_too_low";
}

/// One job's history.
struct job_record {
  job_id id;
  double submit_s = 0;
  double start_s = 0;     ///< first start
  double finish_s = 0;
  double run_s = 0;       ///< JRT: finish − first start, pauses included, free of rounding by times
  int gpus = 0;           ///< of its last placement, as are the next two
  int leafs = 0;
  int servers = 0;
  double slowdown = 1;    ///< running time over that of the same work without contention
  double energy_j = 0;    ///< of its GPUs, and of its servers' base pro rata
  int rescales = 0;
  place::wait_reason why_waited = place::wait_reason::none;  ///< the last reason

  [[nodiscard]] double jct_s() const { return finish_s - submit_s; }
  [[nodiscard]] double jwt_s() const { return start_s - submit_s; }
};

/// Sums over a run. Times in s, means over finished jobs. All but the two `decide_us` are the same
/// for the same input and seed.
struct report {
  run_status status = run_status::finished;
  std::size_t jobs = 0, finished = 0;
  double mean_jct_s = 0, p50_jct_s = 0, p99_jct_s = 0;
  double mean_jwt_s = 0, mean_jrt_s = 0;
  double makespan_s = 0;             ///< from the first submission to the last finish
  double mean_slowdown = 0;          ///< of JRT over the duration asked for
  double share_waiting = 0;          ///< of jobs with JWT > 10 s
  double gpu_utilization = 0;        ///< used GPU time over GPUs × makespan
  double network_fragmentation = 0;  ///< 1 − ∫ used / ∫ (used + fitting), while the queue is not empty
  double energy_j = 0;               ///< of the whole cluster over the makespan
  double overhead_energy_j = 0;      ///< the part that belongs to no job
  double mean_power_w = 0, peak_power_w = 0;
  std::size_t rescales = 0;
  std::size_t migrations = 0;
  std::size_t circuits_moved = 0;
  std::size_t decisions = 0;
  std::size_t events = 0;            ///< submissions and finishes
  double decide_us_p50 = 0, decide_us_p99 = 0;

  std::vector<job_record> records;   ///< of finished jobs, by submission
  std::vector<job_id> stuck_jobs;    ///< those that wait for ever, in queue order
};

}  // namespace heddle::sim
