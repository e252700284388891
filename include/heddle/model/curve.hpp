// A job's curve: the operating points worth considering.
#pragma once

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/gpu_types.hpp>
#include <heddle/core/random.hpp>
#include <heddle/model/job_model.hpp>

namespace heddle::model {

/// The configurations over which a curve is taken.
struct grid {
  std::vector<int> gpus;           ///< distinct, ≥ 1
  std::vector<double> clocks_ghz;  ///< distinct, > 0
  double global_batch = 0;         ///< > 0: strong scaling, local_batch = global_batch / gpus
  int gpus_per_server = 8;         ///< ≥ 1; a count spans ⌈n / gpus_per_server⌉ servers
  std::uint16_t type = 0;          ///< of the GPUs
};

/// Operating points pruned to the Pareto frontier of (throughput, power) *at each GPU count*: a
/// point stays if no other of its count is at least as fast on at most its power, and better in one
/// of the two. Points are sorted by (gpus, throughput), so that within a count power rises too.
///
/// Counts are not compared with each other: a scheduler may have to take the one that is free.
///
/// All points are of one type of GPU. A job that can run on several types has a curve for each: the one
/// that it is told by, *home*, knows the others (`on_types`, `on`).
class curve {
 public:
  curve() = default;

  /// Prunes `points`. Of points equal in both the one with the lowest clock
  /// stays. O(n log n).
  /// \throws input_error  for a point whose throughput or power is not a positive finite number, or points
  ///                      of several types
  explicit curve(std::vector<operating_point> points) : points_(std::move(points)) {
    for (const operating_point& p : points_) check(p, points_.front().config.type);
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
    if (type() != 0) fingerprint_ = mix(fingerprint_ ^ type());
  }

  [[nodiscard]] std::span<const operating_point> points() const { return points_; }
  [[nodiscard]] bool empty() const { return points_.empty(); }

  /// Of the GPUs; 0 if there are no points.
  [[nodiscard]] std::uint16_t type() const { return empty() ? 0 : points_.front().config.type; }
  /// This job's curve on GPUs of a type, or null: this one on its own, one of the others at home. Valid as
  /// long as this and its copies are. O(1).
  [[nodiscard]] const curve* on(int type_of_gpus) const {
    if (type_of_gpus == type()) return empty() ? nullptr : this;
    const auto t = static_cast<std::size_t>(type_of_gpus);
    return elsewhere_ && t < elsewhere_->size() && !(*elsewhere_)[t].empty() ? &(*elsewhere_)[t]
                                                                             : nullptr;
  }
  /// Those on which it has a curve.
  [[nodiscard]] gpu_type_set types() const {
    gpu_type_set all = empty() ? gpu_type_set{0} : types_of(type());
    for (std::size_t t = 0; elsewhere_ && t < elsewhere_->size(); ++t)
      if (!(*elsewhere_)[t].empty()) all = static_cast<gpu_type_set>(all | 1U << t);
    return all;
  }
  /// Its curve on the GPUs of `p`, a point of this or of one of the others.
  [[nodiscard]] const curve& of(const operating_point& p) const {
    assert(on(p.config.type));
    return *on(p.config.type);
  }

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

  friend curve on_types(std::vector<curve> each, int home);

  static void check(const operating_point& p, int type) {
    if (p.config.type != type)
      throw input_error("curve", "points of one type of GPU, " + std::to_string(type),
                        std::to_string(p.config.type));
    if (type >= most_gpu_types)
      throw input_error("curve", "a GPU type from 0 to " + std::to_string(most_gpu_types - 1),
                        std::to_string(type));
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
  std::shared_ptr<const std::vector<curve>> elsewhere_;  // by type, empty where it cannot run
};

/// The curve of a job that can run on several types of GPU: that of type `home`, by which its work and run
/// time are told, which knows the others.
///
///     model::on_types({on_v100, on_p100}, v100)
///
/// \throws input_error  if none is of type `home`, or two are of one type
[[nodiscard]] inline curve on_types(std::vector<curve> each, int home) {
  curve at_home;
  std::vector<curve> elsewhere;
  gpu_type_set seen = 0;
  for (curve& c : each) {
    if (c.empty()) continue;
    const int type = c.type();
    if (has_type(seen, type))
      throw input_error("curve", "one curve a type of GPU", "two of type " + std::to_string(type));
    seen = static_cast<gpu_type_set>(seen | types_of(type));
    if (type == home) {
      at_home = std::move(c);
      continue;
    }
    if (static_cast<std::size_t>(type) >= elsewhere.size())
      elsewhere.resize(static_cast<std::size_t>(type) + 1);
    elsewhere[static_cast<std::size_t>(type)] = std::move(c);
  }
  if (at_home.empty())
    throw input_error("curve", "a curve on GPUs of type " + std::to_string(home), "none");
  if (!elsewhere.empty())
    at_home.elsewhere_ = std::make_shared<const std::vector<curve>>(std::move(elsewhere));
  return at_home;
}

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
                              .clock_ghz = f,
                              .type = g.type}));
  return curve{std::move(points)};
}

}  // namespace heddle::model
