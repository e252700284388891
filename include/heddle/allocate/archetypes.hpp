// The least that a type must be to model each concept of this room. Algorithms are compiled against
// these, so that a concept asks for all that is used.
#pragma once

#include <cstddef>
#include <span>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/objective.hpp>

namespace heddle::allocate::archetype {

/// An AllocationPolicy and nothing more: movable, not default constructible, and not const. It gives
/// what is asked for while GPUs last, where nothing else is limited.
class allocation_policy {
 public:
  explicit allocation_policy(int) {}
  allocation_policy(allocation_policy&&) = default;
  allocation_policy& operator=(allocation_policy&&) = default;
  void operator()(std::span<const candidate> jobs, const limits& l, allocation& out) {
    out.assign(jobs.size(), nullptr);
    int left = l.gpus;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      out[i] =
          jobs[i].requested_gpus <= left ? jobs[i].curve->fastest(jobs[i].requested_gpus) : nullptr;
      if (out[i]) left -= out[i]->config.gpus;
    }
  }
};

/// An Objective and nothing more; its worth is only convertible to double.
struct objective {
  struct worth {
    double value;
    operator double() const { return value; }
  };
  worth operator()(const candidate&, const model::operating_point& p) const {
    return {p.throughput};
  }
};

static_assert(AllocationPolicy<allocation_policy>);
static_assert(allocate::objective::Objective<objective>);

}  // namespace heddle::allocate::archetype
