// Models of the time of one training iteration.
//
//   model                    what                                         cost of a call
//   powerflow_throughput     gradient time in batch and clock, ring        O(1), ≤ 3 pow
//                            synchronisation, partial overlap
//
// A model of one's own is a function of a configuration that returns a `step_time`.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>

#include <heddle/model/configuration.hpp>

namespace heddle::model {

/// Where the time of one iteration goes, in s.
struct step_time {
  double compute_s = 0;  ///< forward and backward pass on each GPU
  double sync_s = 0;     ///< synchronisation of the gradients, were it alone
  double total_s = 0;  ///< both, as far as they overlap: max(compute, sync) ≤ total ≤ their sum
};

/// T is a function from a configuration to the time of an iteration.
template <class T>
concept ThroughputModel = requires(const T& model, const configuration& c) {
  { model(c) } -> std::convertible_to<step_time>;
};

/// Samples per second of all GPUs together.
template <ThroughputModel M>
[[nodiscard]] double throughput(const M& model, const configuration& c) {
  return c.gpus * c.local_batch / model(c).total_s;
}

/// The time of two activities of which each hides the other in part: (x^γ + y^γ)^(1/γ). γ = 1 is
/// their sum, γ → ∞ the longer one. \pre x, y ≥ 0, γ ≥ 1. Nothing over- or underflows.
[[nodiscard]] inline double overlapped(double x, double y, double gamma) {
  if (gamma == 1 || x == 0 || y == 0) return x + y;
  const double large = std::max(x, y), small = std::min(x, y);
  return large * std::pow(1 + std::pow(small / large, gamma), 1 / gamma);
}

/// The form of Pollux (Qiao et al., OSDI 2021) with a term in the clock, derived:
///
///     compute = a0 + a1/f + (b0 + b1/f)·b
///     sync    = 0 for n = 1, α_r + β_r (n−2) within a server,
///               α_n + β_n (n−2) + ζ_n (1 − 2/n) across servers
///     total   = (compute^γ + sync^γ)^(1/γ)
///
/// a1, b1 are the share bound by the core clock, a0, b0 the one bound by memory and launch latency.
/// Two terms are 0 unless they are asked for:
///
/// - ζ_n, the part of a ring that is bound by bandwidth: a ring of n moves 2(n−1)/n of the gradient
///   through each link, so from 2 GPUs on its time grows as 1 − 2/n, to twice that of 2 GPUs.
/// - a knee f_k: below it compute grows by κ·compute(f_k)·(f_k/f − 1) more. With a1 = b1 = 0 and
///   κ = 1 that is a roofline in frequency, flat above f_k and inverse to the clock below.
///
/// Properties: total never grows with f and never falls with b; γ = 1 is the sum, γ → ∞ the maximum.
struct powerflow_throughput {
  double a0_s = 0;        ///< ≥ 0
  double a1_s_ghz = 0;    ///< ≥ 0
  double b0_s = 0;        ///< per sample, ≥ 0
  double b1_s_ghz = 0;    ///< per sample, ≥ 0
  double alpha_r_s = 0;   ///< synchronisation of two GPUs of one server, ≥ 0
  double beta_r_s = 0;    ///< and of each further GPU, ≥ 0
  double alpha_n_s = 0;   ///< synchronisation across servers, ≥ 0
  double beta_n_s = 0;    ///< and of each further GPU, ≥ 0
  double gamma = 1;       ///< overlap, in [1, 10]
  double zeta_n_s = 0;    ///< what a ring across servers gains from 2 GPUs to many, ≥ 0
  double knee_ghz = 0;    ///< f_k; 0: no knee
  double knee_slope = 0;  ///< κ ≥ 0

  [[nodiscard]] step_time operator()(const configuration& c) const {
    step_time t;
    t.compute_s = compute_s(c.local_batch, c.clock_ghz);
    t.sync_s = sync_s(c.gpus, c.servers);
    t.total_s = overlapped(t.compute_s, t.sync_s, gamma);
    return t;
  }

  /// Forward and backward pass of `local_batch` samples on one GPU.
  [[nodiscard]] double compute_s(double local_batch, double clock_ghz) const {
    const double fixed = a0_s + b0_s * local_batch, cycles = a1_s_ghz + b1_s_ghz * local_batch;
    double t = fixed + cycles / clock_ghz;
    if (clock_ghz < knee_ghz)
      t += knee_slope * (fixed + cycles / knee_ghz) * (knee_ghz / clock_ghz - 1);
    return t;
  }
  /// Synchronisation of `gpus` GPUs on `servers` servers, were it alone.
  [[nodiscard]] double sync_s(int gpus, int servers) const {
    if (gpus <= 1) return 0;
    if (servers <= 1) return alpha_r_s + beta_r_s * (gpus - 2);
    return alpha_n_s + beta_n_s * (gpus - 2) + zeta_n_s * (1 - 2.0 / gpus);
  }
};

}  // namespace heddle::model
