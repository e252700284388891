// The throughput model of Pollux, at one clock.
#pragma once

#include <heddle/model/throughput.hpp>

namespace heddle::model {

/// The time of an iteration as in Pollux (Qiao et al., OSDI 2021, section 3.2):
///
///     grad  = α_g + β_g·b
///     sync  = 0 (n = 1) | α_r + β_r (n−2) (one server) | α_n + β_n (n−2) (several)
///     total = (grad^γ + sync^γ)^(1/γ)
///
/// Blind to the clock: use it where clocks are fixed, and `powerflow()` to give it a core-bound
/// share.
struct pollux_throughput {
  double alpha_g_s = 0, beta_g_s = 0;  ///< fixed and per sample, ≥ 0
  double alpha_r_s = 0, beta_r_s = 0;  ///< within a server, ≥ 0
  double alpha_n_s = 0, beta_n_s = 0;  ///< across servers, ≥ 0
  double gamma = 1;                    ///< in [1, 10]

  [[nodiscard]] step_time operator()(const configuration& c) const {
    return powerflow(0, 1)({c.gpus, c.servers, c.local_batch, 1});
  }

  /// The same at `clock_ghz`, with `core_share` of the gradient time bound by the core clock,
  /// derived. \pre 0 ≤ core_share ≤ 1, clock_ghz > 0
  [[nodiscard]] powerflow_throughput powerflow(double core_share, double clock_ghz) const {
    return {.a0_s = alpha_g_s * (1 - core_share),
            .a1_s_ghz = alpha_g_s * core_share * clock_ghz,
            .b0_s = beta_g_s * (1 - core_share),
            .b1_s_ghz = beta_g_s * core_share * clock_ghz,
            .alpha_r_s = alpha_r_s,
            .beta_r_s = beta_r_s,
            .alpha_n_s = alpha_n_s,
            .beta_n_s = beta_n_s,
            .gamma = gamma};
  }
};

}  // namespace heddle::model
