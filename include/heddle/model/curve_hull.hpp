// Views of a curve: its concave hull, and its frontier of completion time against energy.
//
//   concave_hull      the points that a price of power can pick, at each GPU count    O(n)
//   energy_frontier   the points not dominated in (JCT, energy) over all GPU counts   O(n log n)
//
// Both are computed once; their queries allocate nothing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <heddle/model/curve.hpp>

namespace heddle::model {

/// The upper concave hull of throughput over power at each GPU count: for every price p ≥ 0 the
/// point that maximises throughput − p·power is on it, and between two neighbours time-sharing
/// gives the straight line. Monotone chain (Andrew, 1979).
class concave_hull {
 public:
  concave_hull() = default;
  explicit concave_hull(const curve& c) {
    for (const operating_point& p : c.points()) {
      while (size_of_last(p.config.gpus) >= 2 && !turns_right(p)) points_.pop_back();
      points_.push_back(p);
    }
  }

  [[nodiscard]] std::span<const operating_point> points() const { return points_; }
  /// The hull's points with exactly `gpus` GPUs, slowest first. O(log n).
  [[nodiscard]] std::span<const operating_point> at(int gpus) const {
    const auto first = std::partition_point(points_.begin(), points_.end(),
                                            [&](const auto& p) { return p.config.gpus < gpus; });
    const auto last = std::partition_point(first, points_.end(),
                                           [&](const auto& p) { return p.config.gpus <= gpus; });
    return {first, last};
  }
  /// The point that maximises throughput − price·power with exactly `gpus` GPUs, or null. O(log n).
  [[nodiscard]] const operating_point* best_at_price(int gpus, double price_per_w) const {
    const auto here = at(gpus);
    if (here.empty()) return nullptr;
    std::size_t low = 0, high = here.size() - 1;
    while (low < high) {  // slopes fall along the hull
      const std::size_t middle = (low + high) / 2;
      const double gain = here[middle + 1].throughput - here[middle].throughput;
      const double cost = here[middle + 1].power_w - here[middle].power_w;
      if (gain > price_per_w * cost)
        low = middle + 1;
      else
        high = middle;
    }
    return &here[low];
  }

 private:
  [[nodiscard]] std::size_t size_of_last(int gpus) const {
    std::size_t n = 0;
    while (n < points_.size() && n < 2 && points_[points_.size() - 1 - n].config.gpus == gpus) ++n;
    return n;
  }
  [[nodiscard]] bool turns_right(const operating_point& p) const {
    const operating_point& a = points_[points_.size() - 2];
    const operating_point& b = points_.back();
    return (b.throughput - a.throughput) * (p.power_w - b.power_w) >
           (p.throughput - b.throughput) * (b.power_w - a.power_w);
  }

  std::vector<operating_point> points_;
};

/// The points of a curve that no other beats in both completion time and energy, over all GPU
/// counts, slowest (and most frugal) first. For any amount of work both scale alike, so that the
/// frontier is one of 1/throughput and energy per sample.
class energy_frontier {
 public:
  energy_frontier() = default;
  explicit energy_frontier(const curve& c) : points_(c.points().begin(), c.points().end()) {
    std::sort(points_.begin(), points_.end(), [](const auto& a, const auto& b) {
      if (a.throughput != b.throughput) return a.throughput > b.throughput;
      if (a.power_w != b.power_w) return a.power_w < b.power_w;
      return a.config.gpus < b.config.gpus;
    });
    std::size_t kept = 0;
    for (const operating_point& p : points_)
      if (!kept || p.energy_per_sample_j() < points_[kept - 1].energy_per_sample_j())
        points_[kept++] = p;
    points_.resize(kept);
    std::reverse(points_.begin(), points_.end());
  }

  [[nodiscard]] std::span<const operating_point> points() const { return points_; }
  /// The most frugal point that finishes `samples` within `deadline_s`, or null. O(log n).
  [[nodiscard]] const operating_point* within(double samples, double deadline_s) const {
    const auto at = std::partition_point(points_.begin(), points_.end(), [&](const auto& p) {
      return p.throughput * deadline_s < samples;
    });
    return at == points_.end() ? nullptr : &*at;
  }
  /// The fastest point that spends at most `energy_j` on `samples`, or null. O(log n).
  [[nodiscard]] const operating_point* affordable(double samples, double energy_j) const {
    const auto at = std::partition_point(points_.begin(), points_.end(), [&](const auto& p) {
      return p.energy_per_sample_j() * samples <= energy_j;
    });
    return at == points_.begin() ? nullptr : &*std::prev(at);
  }

 private:
  std::vector<operating_point> points_;
};

}  // namespace heddle::model
