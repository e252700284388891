// Jobs together with their curves.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/core/job.hpp>
#include <heddle/model/curve.hpp>

namespace heddle::model {

/// Jobs in the order of their submission, and for each of them its curve. Jobs of the same kind
/// share a curve. Plain data; invariant: curve_of.size() == jobs.size().
struct workload {
  std::vector<job> jobs;  ///< by (submit_s, id)
  std::vector<curve> curves;
  std::vector<std::uint32_t> curve_of;  ///< jobs[i] follows curves[curve_of[i]]

  [[nodiscard]] std::size_t size() const { return jobs.size(); }
  [[nodiscard]] const curve& curve_of_job(std::size_t i) const {
    assert(i < jobs.size());
    return curves[curve_of[i]];
  }
};

}  // namespace heddle::model
