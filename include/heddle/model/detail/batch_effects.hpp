// What residuals say of batch sizes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <heddle/model/batch_profile.hpp>
#include <heddle/model/sample.hpp>

namespace heddle::model::detail {

/// Multiplies `profile` by a factor for each batch size, if residuals differ between batch sizes by
/// clearly more than within them (one-way analysis of variance, each residual divided by what a
/// factor does to it); returns whether anything changed. Factors are shrunk as random effects are:
/// a batch seen once moves little.
///
/// \param r      ln(predicted/measured) of each sample
/// \param share  d ln(predicted) / d ln(factor), in [0, 1]
/// \param free   parameters that were fitted before
inline bool add_batch_effects(batch_profile& profile, std::span<const sample> samples,
                              const std::vector<double>& r, const std::vector<double>& share,
                              int free) {
  struct group {
    double batch = 0, mean = 0, leverage = 0;
    std::vector<std::size_t> of;
  };
  std::vector<group> groups;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double b = samples[i].config.local_batch;
    if (!(b > 0)) return false;
    auto at = std::find_if(groups.begin(), groups.end(), [&](auto& g) { return g.batch == b; });
    if (at == groups.end()) at = groups.insert(groups.end(), group{b, 0, 0, {}});
    at->of.push_back(i);
  }
  const double n = static_cast<double>(samples.size()), k = static_cast<double>(groups.size());
  if (groups.size() < 3 || n < 2 * k + free) return false;

  double level = 0;
  for (double x : r) level += std::abs(x);
  level *= 3 * 1.2533 / n;  // 3σ, by the mean of |x|
  double within = 0, between = 0, leverage = 0;
  for (group& g : groups) {
    double top = 0;
    for (std::size_t i : g.of)
      top += share[i] * std::clamp(r[i], -level, level), g.leverage += share[i] * share[i];
    if (!(g.leverage > 0)) continue;
    g.mean = top / g.leverage;
    for (std::size_t i : g.of) {
      const double rest = std::clamp(r[i], -level, level) - share[i] * g.mean;
      within += rest * rest;
    }
    between += g.leverage * g.mean * g.mean;
    leverage += g.leverage / k;
  }
  const double noise = within / (n - k), signal = between / std::max(1.0, k - 2);
  const bool clear = signal > noise * (1 + 7 * std::sqrt(2 / k + 2 / (n - k)));
  if (!clear || between < 1e-8 * n) return false;
  const double spread = (signal - noise) / leverage;  // variance of the effects

  std::sort(groups.begin(), groups.end(), [](auto& a, auto& b) { return a.batch < b.batch; });
  std::vector<batch_profile::knot> knots;
  for (const group& g : groups) {
    const double shrunk = g.mean * g.leverage / (g.leverage + noise / spread);
    knots.push_back({g.batch, profile.factor(g.batch) * std::exp(-shrunk)});
  }
  profile = batch_profile{std::move(knots)};
  return true;
}

}  // namespace heddle::model::detail
