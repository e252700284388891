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
///     sync    = 0 for n = 1, else α + β (n−2) + ζ (1 − 2/n) + λ log2 n, with α_r, β_r, … within a
///               server and α_n, β_n, … across servers, there times τ on exactly two
///     total   = (compute^γ + sync^γ)^(1/γ)
///
/// a1, b1 are the share bound by the core clock, a0, b0 the one bound by memory and launch latency.
/// Further terms do nothing unless they are asked for:
///
/// - ζ, the part of a ring that is bound by bandwidth: a ring of n moves 2(n−1)/n of the gradient
///   through each link, so from 2 GPUs on its time grows as 1 − 2/n, to twice that of 2 GPUs.
///   α = ζ is such a ring and nothing else.
/// - λ, what each doubling of the GPUs adds: the depth of a tree, and waiting for one another.
/// - τ: two servers have one pair of cards between them, where three and more have a ring of them.
/// - a bend p ≥ 1: compute = ((a0 + a1/f)^p + ((b0 + b1/f)·b)^p)^(1/p), launches that run beside the
///   kernels. A batch cut ever smaller comes to the fixed part sooner than along a line.
/// - stragglers ω: compute grows by ω log2 n, since all wait for the slowest.
/// - a knee f_k: below it compute grows by κ·compute(f_k)·(f_k/f − 1) more. With a1 = b1 = 0 and
///   κ = 1 that is a roofline in frequency, flat above f_k and inverse to the clock below.
///
/// Properties: total never grows with f and never falls with b; γ = 1 is the sum, γ → ∞ the maximum.
struct powerflow_throughput {
  double a0_s = 0;         ///< ≥ 0
  double a1_s_ghz = 0;     ///< ≥ 0
  double b0_s = 0;         ///< per sample, ≥ 0
  double b1_s_ghz = 0;     ///< per sample, ≥ 0
  double alpha_r_s = 0;    ///< synchronisation of two GPUs of one server, ≥ 0
  double beta_r_s = 0;     ///< and of each further GPU, ≥ 0
  double alpha_n_s = 0;    ///< synchronisation across servers, ≥ 0
  double beta_n_s = 0;     ///< and of each further GPU, ≥ 0
  double gamma = 1;        ///< overlap, in [1, 10]
  double zeta_n_s = 0;     ///< what a ring across servers gains from 2 GPUs to many, ≥ 0
  double knee_ghz = 0;     ///< f_k; 0: no knee
  double knee_slope = 0;   ///< κ ≥ 0
  double zeta_r_s = 0;     ///< as ζ_n, within a server, ≥ 0
  double lambda_r_s = 0;   ///< each doubling within a server, ≥ 0
  double lambda_n_s = 0;   ///< and across servers, ≥ 0
  double two_servers = 1;  ///< τ > 0, factor on the synchronisation of exactly two servers
  double bend = 1;         ///< p, in [1, ∞)
  double straggle = 0;     ///< ω ≥ 0

  [[nodiscard]] step_time operator()(const configuration& c) const {
    step_time t;
    t.compute_s = compute_s(c.local_batch, c.clock_ghz) * waiting(c.gpus);
    t.sync_s = sync_s(c.gpus, c.servers);
    t.total_s = overlapped(t.compute_s, t.sync_s, gamma);
    return t;
  }

  /// Forward and backward pass of `local_batch` samples on one GPU.
  [[nodiscard]] double compute_s(double local_batch, double clock_ghz) const {
    double t = above_knee_s(local_batch, clock_ghz);
    if (clock_ghz < knee_ghz)
      t += knee_slope * above_knee_s(local_batch, knee_ghz) * (knee_ghz / clock_ghz - 1);
    return t;
  }
  /// How much longer the slowest of `gpus` GPUs computes than one alone, ≥ 1.
  [[nodiscard]] double waiting(int gpus) const {
    return straggle == 0 ? 1 : 1 + straggle * std::log2(gpus);
  }
  /// Synchronisation of `gpus` GPUs on `servers` servers, were it alone.
  [[nodiscard]] double sync_s(int gpus, int servers) const {
    if (gpus <= 1) return 0;
    const double ring = 1 - 2.0 / gpus;
    if (servers <= 1)
      return alpha_r_s + beta_r_s * (gpus - 2) + zeta_r_s * ring + doublings(lambda_r_s, gpus);
    const double t =
        alpha_n_s + beta_n_s * (gpus - 2) + zeta_n_s * ring + doublings(lambda_n_s, gpus);
    return servers == 2 ? t * two_servers : t;
  }

 private:
  [[nodiscard]] double above_knee_s(double local_batch, double clock_ghz) const {
    if (bend == 1)
      return a0_s + b0_s * local_batch + (a1_s_ghz + b1_s_ghz * local_batch) / clock_ghz;
    return overlapped(a0_s + a1_s_ghz / clock_ghz, local_batch * (b0_s + b1_s_ghz / clock_ghz),
                      bend);
  }
  [[nodiscard]] static double doublings(double lambda_s, int gpus) {
    return lambda_s == 0 ? 0 : lambda_s * std::log2(gpus);
  }
};

}  // namespace heddle::model
