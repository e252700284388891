// What the pilot is told at its start.
#pragma once

#include <cstddef>
#include <string>

#include "slurm_pilot/hints.hpp"
#include "slurm_pilot/job_needs.hpp"

namespace heddle::pilot {

/// Which clocks of a job's model the plan may choose from.
enum class clock_choice : unsigned char {
  fastest,    ///< for each number of GPUs the fastest
  efficient,  ///< for each the one of least energy a sample
  any,        ///< allocation chooses, also for jobs that run
};

struct pilot_options {
  double start_timeout_s = 120;  ///< as in reconcile_options
  std::string partition = {};    ///< as in reconcile_options
  bool dry_run = false;          ///< decide, and tell nobody but the notes
  double retry_s = 60;           ///< before a job that Slurm or a driver refused is tried again
  std::string gpu = "a100";      ///< of the catalogue: whose clocks and curves
  clock_choice clocks = clock_choice::fastest;
  std::size_t depth = 1000;    ///< jobs of the queue looked at
  job_needs* needs = nullptr;  ///< that the plan's placement reads (even_servers); filled in here

  bool elastic = false;      ///< the plan's allocation gives and takes GPUs
  std::string reports = {};  ///< directory of the jobs' reports; empty: no job is ever moved
  notice told_by = {};       ///< of jobs that do not say
  double settle_s = 60;      ///< a job that has started is not moved for so long
  double stale_s = 120;      ///< one that has not reported for so long is not moved
  double grace_s = 5;        ///< beyond its notice, before a job counts as deaf
};

}  // namespace heddle::pilot
