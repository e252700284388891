// A job whose model is known, for fits that must find it again.
#pragma once

#include <heddle/model/throughput.hpp>

namespace heddle::test {

/// Every term counts somewhere between one GPU and many, and no parameter lies on a bound.
inline constexpr model::powerflow_throughput known_job{.a0_s = 0.01,
                                                       .a1_s_ghz = 0.02,
                                                       .b0_s = 0.0004,
                                                       .b1_s_ghz = 0.0006,
                                                       .alpha_r_s = 0.03,
                                                       .beta_r_s = 0.006,
                                                       .alpha_n_s = 0.09,
                                                       .beta_n_s = 0.004,
                                                       .gamma = 2.5};

}  // namespace heddle::test
