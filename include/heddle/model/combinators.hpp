// Models made of models.
//
//   scaled             a throughput model on hardware that is faster or slower throughout
//   capped             a job model under a power cap for each GPU: the clock gives way
//   noisy              a job model with reproducible measurement noise, for tests
//   with_server_share  a job model that also pays for the servers it sits on
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/random.hpp>
#include <heddle/model/job_model.hpp>

namespace heddle::model {

/// `model` with its gradient time and its synchronisation multiplied by constants. γ is the
/// overlap of the two.
template <ThroughputModel Model>
struct scaled {
  Model model;
  double compute = 1;  ///< > 0
  double sync = 1;     ///< ≥ 0
  double gamma = 1;    ///< ≥ 1

  [[nodiscard]] step_time operator()(const configuration& c) const {
    step_time t = model(c);
    t.compute_s *= compute, t.sync_s *= sync;
    t.total_s = overlapped(t.compute_s, t.sync_s, gamma);
    return t;
  }
};
template <class M>
scaled(M) -> scaled<M>;
template <class M>
scaled(M, double) -> scaled<M>;
template <class M>
scaled(M, double, double) -> scaled<M>;
template <class M>
scaled(M, double, double, double) -> scaled<M>;

/// `model` under a power cap of `cap_w` for each GPU: it runs at the highest clock of the ladder, up
/// to the one asked for, at which it draws at most the cap; if none is low enough, at the lowest.
/// The configuration of the operating point says which. O(log ladder) evaluations, no allocation.
template <JobModel Model>
class capped {
 public:
  /// \param ladder_ghz  clocks in ascending order over which power rises
  /// \throws input_error  for an empty or unsorted ladder, or a cap that is not positive
  capped(Model model, double cap_w, std::vector<double> ladder_ghz)
      : model_(std::move(model)), cap_w_(cap_w), ladder_(std::move(ladder_ghz)) {
    if (ladder_.empty() || !(ladder_.front() > 0) ||
        !std::is_sorted(ladder_.begin(), ladder_.end()))
      throw input_error("capped.ladder", "clocks > 0 in ascending order", "others");
    if (!(cap_w_ > 0)) throw input_error("capped.cap_w", "a cap > 0 W", std::to_string(cap_w_));
  }

  [[nodiscard]] operating_point operator()(const configuration& c) const {
    const auto end = std::upper_bound(ladder_.begin(), ladder_.end(), c.clock_ghz);
    configuration at = c;
    const auto too_much = std::partition_point(ladder_.begin(), end, [&](double f) {
      at.clock_ghz = f;
      return operating_point(model_(at)).power_w <= cap_w_ * c.gpus;
    });
    at.clock_ghz = too_much == ladder_.begin() ? ladder_.front() : *std::prev(too_much);
    return model_(at);
  }

 private:
  Model model_;
  double cap_w_;
  std::vector<double> ladder_;
};

/// `model` as somebody would measure it: throughput and power each multiplied by e^(σ·z), z standard
/// normal. The draw belongs to (seed, configuration), so that a configuration measured twice gives
/// the same; `measurement` counts further ones.
template <JobModel Model>
struct noisy {
  Model model;
  double sigma = 0.03;  ///< of ln throughput and of ln power, ≥ 0
  std::uint64_t seed = 1;
  std::uint64_t measurement = 0;

  [[nodiscard]] operating_point operator()(const configuration& c) const {
    operating_point p = model(c);
    std::uint64_t entity = mix(measurement);
    for (const double x :
         {static_cast<double>(c.gpus), static_cast<double>(c.servers), c.local_batch, c.clock_ghz})
      entity = mix(entity ^ std::bit_cast<std::uint64_t>(x));
    p.throughput *= std::exp(sigma * normal(entity, "throughput"));
    const double factor = std::exp(sigma * normal(entity, "power"));
    p.power_w *= factor, p.waiting_power_w *= factor;
    return p;
  }

 private:
  /// Box and Muller (1958) on two words of a stream.
  [[nodiscard]] double normal(std::uint64_t entity, const char* purpose) const {
    stream draw(seed, entity, purpose);
    const auto uniform = [&] { return (static_cast<double>(draw() >> 11) + 0.5) * 0x1p-53; };
    const double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(6.283185307179586 * uniform());
  }
};
template <class M>
noisy(M) -> noisy<M>;
template <class M>
noisy(M, double) -> noisy<M>;
template <class M>
noisy(M, double, std::uint64_t) -> noisy<M>;
template <class M>
noisy(M, double, std::uint64_t, std::uint64_t) -> noisy<M>;

/// `model` plus the base power of its servers, pro rata to the GPUs held: n GPUs pay for
/// n/gpus_per_server servers, computing or waiting.
template <JobModel Model>
struct with_server_share {
  Model model;
  double server_w = 0;      ///< base power of one server, ≥ 0
  int gpus_per_server = 8;  ///< ≥ 1

  [[nodiscard]] operating_point operator()(const configuration& c) const {
    operating_point p = model(c);
    const double share = server_w * c.gpus / gpus_per_server;
    p.power_w += share, p.waiting_power_w += share;
    return p;
  }
};
template <class M>
with_server_share(M, double) -> with_server_share<M>;
template <class M>
with_server_share(M, double, int) -> with_server_share<M>;

}  // namespace heddle::model
