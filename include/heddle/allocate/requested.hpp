// Every job gets what its user asked for.
#pragma once

#include <cstddef>
#include <span>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/remaining.hpp>

namespace heddle::allocate {

/// The fastest point at the requested number of GPUs, for each job in turn that still fits into
/// GPUs, power and energy. What schedulers without elasticity do. O(jobs · log points).
struct requested {
  bool operator==(const requested&) const = default;

  void operator()(std::span<const candidate> jobs, const limits& l, allocation& out) const {
    out.clear();
    out.resize(jobs.size(), nullptr);
    remaining left{l};
    for (std::size_t i = 0; i < jobs.size() && left.gpus > 0; ++i) {
      const model::operating_point* p = jobs[i].curve->fastest(jobs[i].requested_gpus);
      if (p && can_run(jobs[i]) && left.move(jobs[i], nullptr, p)) out[i] = p;
    }
  }
};

}  // namespace heddle::allocate
