// What is believed of a job's time before it was measured.
//
//   belief         what is usual of one number, and how far jobs scatter about it
//   time_beliefs   of each number that shapes the time of an iteration; what `fit_time` starts from
//
// Those that come with heddle are from public tables; `learn_beliefs` (learn.hpp) makes others from
// jobs that were measured on the cluster at hand.
#pragma once

#include <array>

namespace heddle::model {

/// A positive number that differs from job to job: ln x is about N(ln usual, spread²).
struct belief {
  double usual = 1;   ///< the median, > 0
  double spread = 1;  ///< standard deviation of the logarithm, > 0
  friend bool operator==(const belief&, const belief&) = default;
};

/// What is believed of the numbers that shape `powerflow_throughput`. They are ratios, so that
/// neither units nor the speed of the hardware matter.
///
/// The defaults are means over four types of GPU: whole tables of 6 jobs on T4 (Pollux artifact, up to
/// 64 GPUs) and of 4 jobs each on K80, P100 and V100 (Gavel, up to 8), by
/// `heddle-fit-tables --few-counts` (docs/models/few_counts.md).
struct time_beliefs {
  belief per_sample{1.4,
                    1.4};    ///< what of the gradient time grows with the batch, over what is fixed
  belief within{0.14, 1.4};  ///< α_r over the gradient time
  belief across{3.3, 1.4};   ///< α_n over α_r
  belief doubling_within{0.22, 1.7};  ///< λ_r over α_r
  belief doubling_across{0.17, 1.5};  ///< λ_n over α_n
  belief two_servers{1.1, 0.35};      ///< τ
  belief bend{0.37, 1.7};             ///< p − 1
  belief straggle{0.036, 1.7};        ///< ω
  belief overlap{0.6, 2};             ///< 9·(γ − 1)/(10 − γ)
  belief noise{0.075, 0.6};           ///< σ of ln t about the model
  double stretch = 1.5;  ///< of intervals: fits are surer of themselves than they should be, ≥ 1

  friend bool operator==(const time_beliefs&, const time_beliefs&) = default;
};

/// What a ring and little else says: where a prior must not have seen any table (`learn_beliefs`). Set by hand.
inline constexpr time_beliefs ring_beliefs{.per_sample = {1, 1.5},
                                           .within = {0.2, 2},
                                           .across = {3, 1.5},
                                           .doubling_within = {0.1, 2},
                                           .doubling_across = {0.1, 2},
                                           .two_servers = {1, 0.5},
                                           .bend = {0.3, 1.5},
                                           .straggle = {0.02, 2},
                                           .overlap = {1, 2},
                                           .noise = {0.05, 0.5},
                                           .stretch = 1};

namespace detail {

/// Of the shape: all beliefs that a fit tells something about.
inline constexpr std::array<belief time_beliefs::*, 10> shape_beliefs{
    &time_beliefs::per_sample,
    &time_beliefs::within,
    &time_beliefs::across,
    &time_beliefs::doubling_within,
    &time_beliefs::doubling_across,
    &time_beliefs::two_servers,
    &time_beliefs::bend,
    &time_beliefs::straggle,
    &time_beliefs::overlap,
    &time_beliefs::noise};

}  // namespace detail

}  // namespace heddle::model
