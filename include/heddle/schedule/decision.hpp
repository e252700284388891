// What a scheduler wants done, as data.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/model/operating_point.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::schedule {

/// A job begins, or begins again, on these GPUs. Its circuits are set up after those of other
/// jobs in `rewired` have made way.
struct start {
  job_id job;
  model::operating_point point = {};
  fabric::placement where = {};
  std::vector<fabric::circuit_move> rewired = {};

  friend bool operator==(const start&, const start&) = default;
};
/// A running job changes its GPUs, clock or batch.
struct resize {
  job_id job;
  model::operating_point point = {};
  fabric::placement where = {};
  bool moved = false;  ///< its GPUs changed, so that it must restart from a checkpoint
  std::vector<fabric::circuit_move> rewired = {};

  friend bool operator==(const resize&, const resize&) = default;
};
/// A job that was considered and has to wait.
struct blocked {
  job_id job;
  place::wait_reason why = place::wait_reason::none;
  bool proved = true;

  friend bool operator==(const blocked&, const blocked&) = default;
};

/// One decision, to be carried out in this order: stops, resizes, starts, servers off. Servers wake
/// on their own when a job starts on them; `servers_on` says which. A job that stops may start again
/// elsewhere in the same decision.
struct decision {
  std::vector<job_id> stops = {};  ///< running jobs that go back to the queue
  std::vector<resize> resizes = {};
  std::vector<start> starts = {};
  std::vector<blocked> waiting = {};        ///< those looked at; all behind them wait for the queue
  std::vector<server_id> servers_on = {};   ///< woken by the starts and resizes
  std::vector<server_id> servers_off = {};  ///< idle ones
  /// When to decide again if nothing happens before, in s; later than now.
  double again_s = std::numeric_limits<double>::infinity();

  [[nodiscard]] bool changes_nothing() const {
    return stops.empty() && resizes.empty() && starts.empty() && servers_off.empty();
  }
  /// Whether it starts this job or changes it.
  [[nodiscard]] bool changes(job_id id) const {
    const auto is_it = [&](const auto& step) { return step.job == id; };
    return std::any_of(starts.begin(), starts.end(), is_it) ||
           std::any_of(resizes.begin(), resizes.end(), is_it);
  }
  friend bool operator==(const decision&, const decision&) = default;
};

}  // namespace heddle::schedule
