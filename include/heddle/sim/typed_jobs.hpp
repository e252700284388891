// Jobs over several types of GPU and what became of them, as plain data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/share/problem.hpp>

namespace heddle::sim {

/// Jobs that are known by their throughput on each type. Arrays of `jobs` as there: `capacity`, `throughput` in
/// steps/s, `gpus`, `weight`, and `steps`, all that a job has to do.
struct typed_jobs {
  share::problem jobs;
  std::vector<double> submit_s;  ///< one a job, not falling
};

/// Jobs that may run with other numbers of GPUs than they ask for.
struct elastic_jobs {
  std::vector<double> counts;  ///< numbers of GPUs, > 0, rising; those asked for are among them
  /// Goodput in steps/s: jobs × types × counts, 0 where a job does not run. With the number asked for, what `asked`
  /// says.
  std::vector<double> rate;
  typed_jobs asked;  ///< with the numbers that policies without a choice of numbers give them
};

/// The rules of a run. The defaults are those of Gavel's simulator.
struct round_options {
  double round_s = 360;  ///< infinite: decisions where a job comes or ends, in the place of rounds
  double switch_s =
      0;  ///< a job with another type or number of GPUs than just before, or none, does nothing so long
  bool whole_steps =
      true;  ///< a job does as many whole steps as fit into a round, and is idle then
};

/// What became of one job.
struct round_outcome {
  double start_s = 0, finish_s = 0;
  std::uint32_t switches = 0;  ///< how often it started: on a type, with a number of GPUs
};

/// What became of all.
struct round_report {
  std::vector<round_outcome> jobs;
  double mean_jct_s = 0,
         makespan_s = 0;     ///< from submission; from the first submission to the last end
  std::vector<double> busy;  ///< of each type, the part of its GPU time in which a job held it
  std::size_t rounds = 0, switches = 0;  ///< without those in which all wait; starts of all jobs
};

}  // namespace heddle::sim
