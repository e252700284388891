// What is read from a published trace: its jobs, and what became of the others.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <heddle/core/job.hpp>

namespace heddle::trace {

/// How a part of a GPU becomes whole ones. Every job that asks for any gets at least one.
enum class whole_gpus : unsigned char { up, nearest, down };

struct published_options {
  whole_gpus rounding = whole_gpus::up;
  bool keep_running = true;  ///< jobs cut off by the end of the trace, with the run time they had
};

/// What became of the jobs of a source:
/// found = read + never_ran + no_gpus + no_time + running.
struct read_report {
  std::size_t found = 0;
  std::size_t read = 0;
  std::size_t never_ran = 0;  ///< never started, or nothing tells for how long
  std::size_t no_gpus = 0;    ///< asked for none
  std::size_t no_time = 0;    ///< ran for 0 s or, by the source's clocks, less
  std::size_t running = 0;    ///< still running at the end: not wanted, or for an unknown time
  std::size_t steps = 0;      ///< rows of a job's steps: parts of jobs found, passed over
  std::size_t components =
      0;  ///< rows of components of heterogeneous jobs, all but the first of each

  friend bool operator==(const read_report&, const read_report&) = default;
};

/// What was passed over, by reason: `2 jobs that never ran, 1 job without GPUs`; empty if nothing was.
[[nodiscard]] inline std::string passed_over(const read_report& r) {
  std::string out;
  const auto say = [&](std::size_t n, const char* one, const char* many) {
    if (n > 0) (out += out.empty() ? "" : ", ") += std::to_string(n) + " " + (n == 1 ? one : many);
  };
  say(r.never_ran, "job that never ran", "jobs that never ran");
  say(r.no_gpus, "job without GPUs", "jobs without GPUs");
  say(r.no_time, "job that ran for no time", "jobs that ran for no time");
  say(r.running, "job still running for an unknown time", "jobs still running for an unknown time");
  say(r.steps, "row of a step", "rows of steps");
  say(r.components, "row of a further component of a heterogeneous job",
      "rows of further components of heterogeneous jobs");
  return out;
}

struct published_jobs {
  /// By submission, then in the source's order; ids count from 0 and times from the first
  /// submission. `status` is 1 for completed, 2 failed, 3 cancelled, 4 still running at the end, −1
  /// unknown.
  std::vector<job> jobs;
  std::vector<std::string> names;  ///< of job i in the source
  double origin_s = 0;             ///< time 0 in the source: since 1970, or since its own beginning
  read_report report;
};

}  // namespace heddle::trace
