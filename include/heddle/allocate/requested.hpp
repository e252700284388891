// Every job gets what its user asked for.
#pragma once

#include <cstddef>
#include <span>

#include <heddle/allocate/allocation_policy.hpp>

namespace heddle::allocate {

/// The fastest point at the requested number of GPUs, for each job in turn that still fits into
/// GPUs, power and energy. What schedulers without elasticity do. O(jobs · log points).
struct requested {
  void operator()(std::span<const candidate> jobs, const limits& l, allocation& out) const {
    out.clear();
    out.resize(jobs.size(), nullptr);
    int gpus = l.gpus;
    double power = l.power_w, energy = l.energy_j;
    for (std::size_t i = 0; i < jobs.size() && gpus > 0; ++i) {
      const model::operating_point* p = jobs[i].curve->fastest(jobs[i].requested_gpus);
      if (!p || p->config.gpus > gpus || extra_power_w(*p, l) > power ||
          jobs[i].work * p->energy_per_sample_j() > energy)
        continue;
      gpus -= p->config.gpus;
      power -= extra_power_w(*p, l);
      energy -= jobs[i].work * p->energy_per_sample_j();
      out[i] = p;
    }
  }
};

}  // namespace heddle::allocate
