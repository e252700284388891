// What a simulation found.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/sim/energy_account.hpp>
#include <heddle/sim/stuck.hpp>

namespace heddle::sim {

/// How a simulation ended.
enum class run_status : unsigned char {
  finished,        ///< every job did
  stuck,           ///< jobs wait that cannot start even on the empty cluster, or on no budget
  budget_too_low,  ///< the power budget is below the cluster's idle power; nothing was run
};

[[nodiscard]] constexpr std::string_view name(run_status s) {
  switch (s) {
  case run_status::finished:
    return "finished";
  case run_status::stuck:
    return "stuck";
  case run_status::budget_too_low:
    break;
  }
  return "budget_too_low";
}

/// One job's history.
struct job_record {
  job_id id;
  double submit_s = 0;
  double start_s = 0;  ///< first start, after servers woke and circuits were set up
  double finish_s = 0;
  double run_s = 0;  ///< JRT: finish − first start, pauses included, free of rounding by times
  int gpus = 0;      ///< of its last placement, as are the next two
  int leafs = 0;
  int servers = 0;
  int gpu_type = 0;     ///< of its last placement, by number
  double slowdown = 1;  ///< running time over that of the same work without contention
  double energy_j = 0;  ///< of its GPUs, and of its servers' base pro rata
  int rescales = 0;     ///< moves and pauses that the scheduler chose
  int restarts = 0;     ///< after failures
  double lost_s = 0;    ///< work lost by failures, in s of run time at the GPUs asked for
  place::wait_reason why_waited = place::wait_reason::none;  ///< the last reason

  [[nodiscard]] double jct_s() const { return finish_s - submit_s; }
  [[nodiscard]] double jwt_s() const { return start_s - submit_s; }
};

/// Sums over a run. Times in s, means over finished jobs. All but the two `decide_us` are the same
/// for the same input and seed.
struct report {
  run_status status = run_status::finished;
  std::size_t jobs = 0, finished = 0;
  double mean_jct_s = 0, p50_jct_s = 0, p90_jct_s = 0, p99_jct_s = 0;
  double mean_jwt_s = 0, p99_jwt_s = 0, mean_jrt_s = 0;
  double makespan_s = 0;     ///< from the first submission to the last finish
  double mean_slowdown = 0;  ///< of JRT over the duration asked for
  double share_waiting = 0;  ///< of jobs with JWT > 10 s
  /// Finish-time fairness ρ: JCT over what it would have been with an equal share of the cluster,
  /// duration · max(1, GPUs asked for · jobs in the system on average while it was there / GPUs).
  /// After Themis (Mahajan et al., NSDI 2020); the share by mean number of jobs is derived.
  double mean_ftf = 0, p99_ftf = 0;
  std::size_t deadlines = 0, deadlines_met = 0;  ///< jobs that have one, and made it
  double gpu_utilization = 0;                    ///< used GPU time over GPUs × makespan
  /// GPU time that jobs had of each type, in s, by number; empty where all GPUs are alike.
  std::vector<double> used_gpu_s_of_type = {};
  double network_fragmentation =
      0;  ///< 1 − ∫ used / ∫ (used + fitting), while the queue is not empty
  double gpu_fragmentation = 0;  ///< of free GPU time, the part in servers that are partly used
  double energy_j = 0;           ///< of the whole cluster over the makespan
  double overhead_energy_j = 0;  ///< the part that belongs to no job
  energy_parts parts;            ///< the same energy by component
  double energy_delay_js = 0;    ///< energy × mean JCT
  double mean_power_w = 0, peak_power_w = 0;
  double carbon_g = 0, cost = 0;  ///< by the series given, else 0
  std::size_t rescales = 0;
  std::size_t migrations = 0;      ///< moves of running jobs to as many other GPUs
  std::size_t circuits_moved = 0;  ///< of running jobs, for others
  std::size_t wake_ups = 0;        ///< of servers
  std::size_t failures = 0;        ///< of servers
  std::size_t restarts = 0;        ///< of jobs that these hit
  double lost_gpu_s = 0;           ///< GPU time of the work that they lost
  std::size_t decisions = 0;
  std::size_t events = 0;  ///< submissions, finishes, failures and repairs
  double decide_us_p50 = 0, decide_us_p99 = 0;

  std::vector<job_record> records;  ///< of finished jobs, by submission, if they were to be kept
  std::vector<job_id> stuck_jobs;   ///< those that wait for ever, in queue order
  stuck_reason stuck;               ///< of the first of them, if there are any
};

}  // namespace heddle::sim
