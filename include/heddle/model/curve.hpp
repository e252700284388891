// A job's curve: the operating points worth considering.
#pragma once

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/random.hpp>
#include <heddle/model/job_model.hpp>

namespace heddle::model {

/// The configurations over which a curve is taken.
struct grid {
  std::vector<int> gpus;           ///< distinct, ≥ 1
  std::vector<double> clocks_ghz;  ///< distinct, > 0
  double global_batch = 0;         ///< > 0: strong scaling, local_batch = global_batch / gpus
  int gpus_per_server = 8;         ///< ≥ 1; a count spans ⌈n / gpus_per_server⌉ servers
};

/// Operating points pruned to the Pareto frontier of (throughput, power) *at each GPU count*: a
/// point stays if no other of its count is at least as fast on at most its power, and better in one
/// of the two. Points are sorted by (gpus, throughput), so that within a count power rises too.
///
/// Counts are not compared with each other: a scheduler may have to take the one that is free.
class curve {
 public:
  curve() = default;

  /// Prunes `points`. Of points equal in both the one with the lowest clock
  /// stays. O(n log n).
  /// \throws input_error  for a point whose throughput or power is not a positive finite number
  explicit curve(std::vector<operating_point> points) : points_(std::move(points)) {
    for (const operating_point& p : points_) check(p);
    std::sort(points_.begin(), points_.end(), [](const auto& a, const auto& b) {
      return std::tuple{a.config.gpus,      -a.throughput,        a.power_w,
                        a.config.clock_ghz, a.config.local_batch, a.config.servers} <
             std::tuple{b.config.gpus,      -b.throughput,        b.power_w,
                        b.config.clock_ghz, b.config.local_batch, b.config.servers};
    });
    // Fastest first within a count: a point survives if it draws less than all faster ones.
    std::size_t kept = 0;
    for (const operating_point& p : points_) {
      const bool same_count = kept && points_[kept - 1].config.gpus == p.config.gpus;
      if (!same_count || p.power_w < points_[kept - 1].power_w) points_[kept++] = p;
    }
    points_.resize(kept);
    for (auto first = points_.begin(); first != points_.end();) {
      auto last = std::find_if(first, points_.end(),
                               [&](const auto& p) { return p.config.gpus != first->config.gpus; });
      std::reverse(first, last);
      first = last;
    }
    for (const operating_point& p : points_) {
      const auto gpus = static_cast<std::uint64_t>(p.config.gpus);
      for (std::uint64_t word : {gpus, std::bit_cast<std::uint64_t>(p.throughput),
                                 std::bit_cast<std::uint64_t>(p.power_w),
                                 std::bit_cast<std::uint64_t>(p.config.clock_ghz),
                                 std::bit_cast<std::uint64_t>(p.config.local_batch)})
        fingerprint_ = mix(fingerprint_ ^ word) + points_.size();
    }
  }

  [[nodiscard]] std::span<const operating_point> points() const { return points_; }
  [[nodiscard]] bool empty() const { return points_.empty(); }

  /// A hash of the points' counts, batches, clocks, throughputs and powers: curves that differ in them
  /// have different ones but for a chance of 2⁻⁶⁴. Lets a policy remember what it has worked out for a curve.
  [[nodiscard]] std::uint64_t fingerprint() const { return fingerprint_; }

  /// The points with exactly `gpus` GPUs, slowest first; empty if there are none. O(log n).
  [[nodiscard]] std::span<const operating_point> at(int gpus) const {
    const auto [first, last] = std::equal_range(points_.begin(), points_.end(), gpus, by_gpus{});
    return {first, last};
  }

  /// The fastest point with exactly `gpus` GPUs, or null. O(log n).
  [[nodiscard]] const operating_point* fastest(int gpus) const {
    const auto here = at(gpus);
    return here.empty() ? nullptr : &here.back();
  }

  /// The point with exactly `gpus` GPUs that spends least energy a sample, or null; of equal ones
  /// the fastest. O(log n + points of that count).
  [[nodiscard]] const operating_point* most_efficient(int gpus) const {
    const operating_point* best = nullptr;
    for (const operating_point& p : at(gpus))
      if (!best || p.energy_per_sample_j() <= best->energy_per_sample_j()) best = &p;
    return best;
  }

  /// The fastest point with exactly `gpus` GPUs that draws at most `power_w`, or null. O(log n).
  [[nodiscard]] const operating_point* fastest_within(int gpus, double power_w) const {
    const auto here = at(gpus);  // power rises with throughput
    const auto above =
        std::upper_bound(here.begin(), here.end(), power_w,
                         [](double w, const operating_point& p) { return w < p.power_w; });
    return above == here.begin() ? nullptr : &*std::prev(above);
  }

  /// The index of `p`, a point of this curve, in `points()`.
  [[nodiscard]] std::size_t index_of(const operating_point& p) const {
    assert(&p >= points_.data() && &p < points_.data() + points_.size());
    return static_cast<std::size_t>(&p - points_.data());
  }

 private:
  struct by_gpus {
    bool operator()(const operating_point& p, int n) const { return p.config.gpus < n; }
    bool operator()(int n, const operating_point& p) const { return n < p.config.gpus; }
  };

  static void check(const operating_point& p) {
    const auto positive = [](double x) {
      return x > 0 && x < std::numeric_limits<double>::infinity();
    };
    if (!positive(p.throughput))
      throw input_error("curve", "a positive finite throughput", std::to_string(p.throughput));
    if (!positive(p.power_w))
      throw input_error("curve", "a positive finite power in W", std::to_string(p.power_w));
    if (p.config.gpus < 1)
      throw input_error("curve", "at least 1 GPU", std::to_string(p.config.gpus));
  }

  std::vector<operating_point> points_;
  std::uint64_t fingerprint_ = 0;
};

/// The curve of a model over a grid. O(points log points).
template <JobModel M>
[[nodiscard]] curve make_curve(const M& model, const grid& g) {
  std::vector<operating_point> points;
  points.reserve(g.gpus.size() * g.clocks_ghz.size());
  for (int n : g.gpus)
    for (double f : g.clocks_ghz)
      points.push_back(
          model(configuration{.gpus = n,
                              .servers = (n + g.gpus_per_server - 1) / g.gpus_per_server,
                              .local_batch = g.global_batch / n,
                              .clock_ghz = f}));
  return curve{std::move(points)};
}

}  // namespace heddle::model
