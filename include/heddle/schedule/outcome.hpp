// What came of an attempt to start a job.
#pragma once

#include <cstdint>

#include <heddle/model/operating_point.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::schedule {

/// Whether a job was started, or why not.
struct outcome {
  place::wait_reason why = place::wait_reason::none;
  bool proved = true;  ///< false if it may be possible all the same

  explicit operator bool() const { return why == place::wait_reason::none; }
};
/// A job that cannot start as things are.
struct hindered {
  std::uint32_t slot = 0;
  const model::operating_point* wanted = nullptr;  ///< what it would start with
  place::wait_reason why = place::wait_reason::gpus;
};

}  // namespace heddle::schedule
