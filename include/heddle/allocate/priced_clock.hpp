// A price of energy for policies that know none.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/remaining.hpp>

namespace heddle::allocate {

/// The point of least (weight + price · watts beyond idle) / throughput with the GPUs of `given`, of those that
/// draw no more; of points alike the faster. `given` itself at a price of 0. O(points of the count).
[[nodiscard]] inline const model::operating_point*
at_energy_price(const candidate& job, const model::operating_point& given, const limits& l,
                double price) {
  const model::operating_point* best = &given;
  const double weight = job.weight > 0 ? job.weight : 0;
  const auto cost = [&](const model::operating_point& p) {
    const double watts = extra_power_w(p, l) + l.gpu_base_w * p.config.gpus;
    return (weight + price * std::max(0.0, watts)) / p.throughput;
  };
  for (const model::operating_point& p : job.curve->at(given.config.gpus))
    if (p.throughput < given.throughput && p.power_w <= given.power_w &&
        (cost(p) < cost(*best) || (cost(p) == cost(*best) && p.throughput > best->throughput)))
      best = &p;
  return best;
}

/// Slows every job down to the clock that `limits::energy_price` is worth to it, on the GPUs that it has been given:
/// what any policy hands out, at a price of energy. Takes no more of any limit. O(points).
inline void slow_to_price(std::span<const candidate> jobs, const limits& l, allocation& out) {
  if (!(l.energy_price > 0)) return;
  for (std::size_t i = 0; i < jobs.size() && i < out.size(); ++i)
    if (out[i]) out[i] = at_energy_price(jobs[i], *out[i], l, l.energy_price);
}

/// `policy` under a price of energy of its own.
///
///     allocate::priced_clock<allocate::throughput_marginal> frugal{.energy_price = 3e-4};
template <AllocationPolicy Policy>
struct priced_clock {
  static constexpr bool elastic = ElasticPolicy<Policy>;
  static constexpr bool prices_energy = true;

  double energy_price = 0;  ///< weighted job-seconds a joule; `limits::energy_price` comes on top
  Policy policy = {};

  bool operator==(const priced_clock&) const = default;

  [[nodiscard]] double round_length_s() const requires TimeSharing<Policy> {
    return policy.round_length_s();
  }
  void operator()(std::span<const candidate> jobs, const limits& l, allocation& out) {
    policy(jobs, l, out);
    limits priced = l;
    priced.energy_price = std::max(0.0, l.energy_price) + std::max(0.0, energy_price);
    slow_to_price(jobs, priced, out);
  }
};

}  // namespace heddle::allocate
