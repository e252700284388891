// Which parameters of a time model the samples can tell, what stands in for the others, and what is
// usual.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <heddle/model/beliefs.hpp>
#include <heddle/model/detail/dense.hpp>
#include <heddle/model/detail/time_problem.hpp>

namespace heddle::model::detail {

// What is usual, derived. A ring all-reduce moves 2(n−1)/n of the gradient through each link: from
// 2 to 8 GPUs of a server its time grows by 3/4, an eighth of α for each GPU more; from 2 to 64
// GPUs it doubles, α/62 for each. Links between servers are some times slower than those within.
inline constexpr double usual_beta_r = 1.0 / 8, usual_beta_n = 1.0 / 62, usual_alpha_ratio = 3;
inline constexpr double usual_gamma_u = -2.0794415;  // γ = 2, half way from 1/γ = 1 to 0
inline constexpr double usual_ridge_u = 1.0986123;   // the ridge at 75 % of the top clock
inline constexpr double usual_slope = 0.876;         // V100's, in shares of the top clock

/// How synchronisation grows with the number of GPUs.
enum class growth : unsigned char {
  line,  ///< α + β (n−2), the form of Pollux
  ring,  ///< α (2 − 2/n) + λ log2 n, twice the one on two servers; with a bend and stragglers
};

/// The shape of a fit, where it starts and what is believed.
struct pinned_shape {
  time_shape shape;
  growth grows = growth::line;
  int believed = 0;  ///< of the free parameters: those that samples need not identify
  std::vector<double> theta;
  std::vector<prior> priors;
  std::array<std::string, natural_count> why;  ///< of parameters that are not free

  void set_free(natural i, double start) {
    shape.links[i] = {shape.free++, 0, false};
    theta.push_back(start);
    why[i].clear();
  }
  /// Free, and never far from what is usual unless samples say so.
  void set_believed(natural i, double mean, double deviation) {
    set_free(i, mean);
    believe(i, mean, deviation);
    ++believed;
  }
  /// i/other likewise
  void set_believed_ratio(natural i, natural other, const belief& b) {
    set_free(i, theta[static_cast<std::size_t>(shape.links[other].index)] +
                    shape.links[other].offset + std::log(b.usual));
    believe_ratio(i, other, b.usual, b.spread);
    ++believed;
  }
  /// i = factor · other
  void tie(natural i, natural other, double factor, const std::string& reason) {
    shape.links[i] = shape.links[other];
    shape.links[i].offset += std::log(factor);
    why[i] = reason;
  }
  void set_constant(natural i, double u, const std::string& reason) {
    shape.links[i] = {-1, u, false};
    why[i] = reason;
  }
  void set_zero(natural i, const std::string& reason) {
    shape.links[i] = {};
    why[i] = reason;
  }
  void believe(natural i, double mean, double deviation) {
    priors.push_back({i, natural_count, mean, deviation});
  }
  /// i/other is about `ratio`
  void believe_ratio(natural i, natural other, double ratio, double deviation) {
    priors.push_back({i, other, std::log(ratio), deviation});
  }
};

/// What the samples show.
struct coverage {
  std::set<double> batches, clocks, limits;
  std::set<int> within, across;  ///< GPU counts ≥ 2
  std::size_t parallel = 0;      ///< configurations with several GPUs
  double single_s = 0;           ///< a usual time on one GPU, or the shortest of all
  double batch = 1, clock = 1;   ///< geometric means
};

[[nodiscard]] inline coverage seen_in(std::span<const sample> samples) {
  coverage seen;
  std::vector<double> single;
  double log_batch = 0, log_clock = 0, batches = 0,
         shortest = std::numeric_limits<double>::infinity();
  std::set<std::array<double, 5>> parallel;
  for (const sample& s : samples) {
    const configuration& c = s.config;
    seen.batches.insert(c.local_batch);
    seen.clocks.insert(c.clock_ghz);
    if (s.power_limit_w) seen.limits.insert(*s.power_limit_w);
    if (c.local_batch > 0) log_batch += std::log(c.local_batch), ++batches;
    if (c.clock_ghz > 0) log_clock += std::log(c.clock_ghz);
    shortest = std::min(shortest, s.iteration_s);
    if (c.gpus == 1) {
      single.push_back(s.iteration_s);
      continue;
    }
    (c.servers > 1 ? seen.across : seen.within).insert(c.gpus);
    parallel.insert({static_cast<double>(c.gpus), static_cast<double>(c.servers), c.local_batch,
                     c.clock_ghz, s.power_limit_w.value_or(0)});
  }
  seen.parallel = parallel.size();
  seen.single_s = shortest;
  if (!single.empty()) {
    std::sort(single.begin(), single.end());
    seen.single_s = single[single.size() / 2];
  }
  if (batches > 0) seen.batch = std::exp(log_batch / batches);
  if (samples[0].config.clock_ghz > 0)
    seen.clock = std::exp(log_clock / static_cast<double>(samples.size()));
  return seen;
}

inline void pin_gradient_time(pinned_shape& p, const coverage& seen, bool clock_known,
                              const time_beliefs& beliefs) {
  const bool ring = p.grows == growth::ring;
  const belief slope = ring ? beliefs.per_sample : belief{1, 1};
  const bool varies_b = seen.batches.size() > 1;
  const bool no_batch = seen.batches.size() == 1 && *seen.batches.begin() == 0;
  const bool limits = p.shape.by_limit;
  const bool varies_f = limits ? seen.limits.size() > 1 : seen.clocks.size() > 1;
  const bool no_clock = !clock_known && !limits;
  const double parts = (no_clock ? 1 : 2) * (no_batch ? 1 : 2), part = seen.single_s / parts;
  const std::string one_clock = std::string("one ") + (limits ? "power limit" : "clock") +
                                " only: half of the gradient time is taken to be core-bound";
  const std::string one_batch =
      "one batch size only: half of the gradient time is taken to grow with it";
  const std::string unknown_clock = "no clock was given";

  p.set_free(a0, std::log(part));
  if (no_clock)
    p.set_zero(a1, unknown_clock);
  else if (varies_f)
    p.set_free(a1, std::log(part * seen.clock));
  else
    p.tie(a1, a0, seen.clock, one_clock);

  if (no_batch) {
    for (natural i : {b0, b1}) p.set_zero(i, "the batch size is 0");
  } else if (varies_b) {
    p.set_free(b0, std::log(part / seen.batch));
    if (no_clock)
      p.set_zero(b1, unknown_clock);
    else if (varies_f)
      p.set_free(b1, std::log(part / seen.batch * seen.clock));
    else
      p.tie(b1, b0, seen.clock, one_clock);
  } else {
    p.tie(b0, a0, 1 / seen.batch, one_batch);
    if (no_clock)
      p.set_zero(b1, unknown_clock);
    else
      p.tie(b1, a1, 1 / seen.batch, varies_f ? one_batch : one_clock);
  }
  if (varies_b && !no_batch) p.believe_ratio(b0, a0, slope.usual / seen.batch, slope.spread);
  if (varies_f) p.believe_ratio(a1, a0, seen.clock, 1);
  if (varies_b && varies_f) {
    p.believe_ratio(b1, b0, seen.clock, 1);
    p.believe_ratio(b1, a1, slope.usual / seen.batch, slope.spread);
  }
  p.set_zero(bend, "not needed to explain the samples");
  if (ring && varies_b && !no_batch)
    p.set_believed(bend, std::log(beliefs.bend.usual), beliefs.bend.spread);
}

inline void pin_overlap(pinned_shape& p, const coverage& seen, double usual_u, double spread) {
  if (seen.parallel >= 3 &&
      (seen.batches.size() > 1 || seen.clocks.size() > 1 || seen.limits.size() > 1)) {
    p.set_free(gamma, usual_u);
    p.believe(gamma, usual_u, spread);
  } else {
    p.set_constant(
        gamma, usual_u,
        "too few samples with several GPUs and different gradient times: the usual overlap");
  }
}

/// Synchronisation that grows as a ring's and by a term in each doubling. What no sample shows stays
/// free, held by what is believed of it, so that intervals know that it is not known.
inline void pin_ring(pinned_shape& p, const coverage& seen, const time_beliefs& beliefs) {
  const std::string ring = "the growth is taken to be a ring's";
  const auto alone = [&](natural alpha, double start) {
    p.set_free(alpha, std::log(start));
    p.believe(alpha, std::log(start), beliefs.within.spread);
  };
  const double usual_within = beliefs.within.usual * seen.single_s;
  if (!seen.within.empty() || seen.across.empty()) {
    alone(alpha_r, usual_within);
    p.set_free(alpha_n, std::log(usual_within * beliefs.across.usual));
    p.believe_ratio(alpha_n, alpha_r, beliefs.across.usual, beliefs.across.spread);
    p.believed += seen.across.empty();
  } else {
    alone(alpha_n, usual_within * beliefs.across.usual);
    p.set_believed_ratio(alpha_r, alpha_n, {1 / beliefs.across.usual, beliefs.across.spread});
  }
  p.tie(zeta_r, alpha_r, 1, ring);
  p.tie(zeta_n, alpha_n, 1, ring);
  p.set_zero(beta_r, ring);
  p.set_zero(beta_n, ring);
  p.set_believed_ratio(lambda_r, alpha_r, beliefs.doubling_within);
  p.set_believed_ratio(lambda_n, alpha_n, beliefs.doubling_across);
  p.set_believed(two_servers, std::log(beliefs.two_servers.usual), beliefs.two_servers.spread);
  p.set_believed(straggle, std::log(beliefs.straggle.usual), beliefs.straggle.spread);
  pin_overlap(p, seen, std::log(beliefs.overlap.usual / 9), beliefs.overlap.spread);
}

inline void pin_synchronisation(pinned_shape& p, const coverage& seen,
                                const time_beliefs& beliefs) {
  const bool within = !seen.within.empty(), across = !seen.across.empty();
  if (!within && !across) {
    for (natural i : {alpha_r, beta_r, zeta_r, lambda_r, alpha_n, beta_n, zeta_n, lambda_n,
                      two_servers, straggle, gamma})
      p.set_zero(i, "no sample with several GPUs: synchronisation is taken to be free");
    return;
  }
  if (p.grows == growth::ring) return pin_ring(p, seen, beliefs);
  for (natural i : {zeta_r, lambda_r, lambda_n, two_servers, straggle})
    p.set_zero(i, "not needed to explain the samples");
  const std::string one_server = "no sample across servers: derived from those within one";
  const std::string no_server =
      "no sample with several GPUs in one server: derived from those across";
  const std::string one_count = "one GPU count only: the growth of a ring all-reduce is taken";
  const double unit = seen.single_s;
  if (within) {
    p.set_free(alpha_r, std::log(0.2 * unit));
    p.believe(alpha_r, std::log(0.2 * unit), 1.5);
    if (seen.within.size() > 1) {
      p.set_free(beta_r, std::log(0.2 * unit * usual_beta_r));
      p.believe_ratio(beta_r, alpha_r, usual_beta_r, 0.75);
    } else {
      p.tie(beta_r, alpha_r, usual_beta_r, one_count);
    }
  }
  if (across) {
    p.set_free(alpha_n, std::log(0.6 * unit));
    if (within)
      p.believe_ratio(alpha_n, alpha_r, usual_alpha_ratio, 0.75);
    else
      p.believe(alpha_n, std::log(0.6 * unit), 1.5);
    if (seen.across.size() > 1) {
      p.set_free(beta_n, std::log(0.6 * unit * usual_beta_n));
      p.believe_ratio(beta_n, alpha_n, usual_beta_n, 0.75);
    } else {
      p.tie(beta_n, alpha_n, usual_beta_n, one_count);
    }
  } else {
    p.tie(alpha_n, alpha_r, usual_alpha_ratio, one_server);
    p.tie(beta_n, alpha_r, usual_alpha_ratio * usual_beta_n, one_server);
  }
  if (!within) {
    p.tie(alpha_r, alpha_n, 1 / usual_alpha_ratio, no_server);
    p.tie(beta_r, alpha_n, usual_beta_r / usual_alpha_ratio, no_server);
  }
  p.set_zero(zeta_n, "not needed to explain the samples");
  pin_overlap(p, seen, usual_gamma_u, 1.2);
}

inline void pin_limits(pinned_shape& p, const coverage& seen) {
  p.shape.least_limit_w = *seen.limits.begin();
  p.shape.largest_limit_w = *seen.limits.rbegin();
  const std::size_t levels = seen.limits.size();
  const std::string few = "too few power limits: the usual ridge is taken";
  const auto set = [&](natural i, double start, double deviation, std::size_t needed) {
    if (levels < needed) return p.set_constant(i, start, few);
    p.set_free(i, start);
    p.believe(i, start, deviation);
  };
  set(limit_static, 0, 1, 3);
  set(limit_top, 0, 0.2, 4);
  set(limit_ridge, usual_ridge_u, 0.7, 5);
  set(limit_slope, std::log(usual_slope), 0.7, 5);
}

[[nodiscard]] inline pinned_shape pin(std::span<const sample> samples, growth grows,
                                      const time_beliefs& beliefs = {}) {
  pinned_shape p;
  p.grows = grows;
  const bool clock_known = samples[0].config.clock_ghz > 0;
  const coverage seen = seen_in(samples);
  p.shape.by_limit = !clock_known && samples[0].power_limit_w.has_value();
  pin_gradient_time(p, seen, clock_known, beliefs);
  pin_synchronisation(p, seen, beliefs);
  p.set_zero(knee, "not needed to explain the samples");
  if (p.shape.by_limit) pin_limits(p, seen);
  return p;
}

}  // namespace heddle::model::detail
