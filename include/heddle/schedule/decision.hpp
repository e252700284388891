// What a scheduler wants done, as data.
#pragma once

#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/model/operating_point.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::schedule {

/// A job begins, or begins again, on these GPUs.
struct start {
  job_id job;
  model::operating_point point;
  fabric::placement where;

  friend bool operator==(const start&, const start&) = default;
};
/// A running job changes its GPUs, clock or batch.
struct resize {
  job_id job;
  model::operating_point point;
  fabric::placement where;
  bool moved = false;  ///< its GPUs changed, so that it must restart from a checkpoint

  friend bool operator==(const resize&, const resize&) = default;
};
/// A job that was considered and has to wait.
struct blocked {
  job_id job;
  place::wait_reason why = place::wait_reason::none;
  bool proved = true;

  friend bool operator==(const blocked&, const blocked&) = default;
};

/// One decision, to be carried out in this order: stops, resizes, starts.
struct decision {
  std::vector<job_id> stops;  ///< running jobs that go back to the queue
  std::vector<resize> resizes;
  std::vector<start> starts;
  std::vector<blocked> waiting;  ///< those looked at; all behind them wait for the queue

  [[nodiscard]] bool changes_nothing() const {
    return stops.empty() && resizes.empty() && starts.empty();
  }
  friend bool operator==(const decision&, const decision&) = default;
};

}  // namespace heddle::schedule
