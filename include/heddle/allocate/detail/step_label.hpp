// By what a job is known again from call to call.
#pragma once

#include <cstdint>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/core/ids.hpp>

namespace heddle::allocate::detail {

/// Of a candidate what its chain of steps depends on, and its id. One that was never written is of no job.
struct step_label {
  std::uint64_t print = 0;  ///< of its curve
  job_id id;
  int low = 0, high = 0;  ///< GPUs
  bool used = false;

  [[nodiscard]] static step_label of(const candidate& c) {
    return {c.curve->fingerprint(), c.id, c.min_gpus, c.max_gpus, true};
  }
  [[nodiscard]] bool is_of(const candidate& c) const {
    return id == c.id && print == c.curve->fingerprint() && low == c.min_gpus &&
           high == c.max_gpus && used;
  }
};

}  // namespace heddle::allocate::detail
