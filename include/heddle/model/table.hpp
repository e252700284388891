// Measured points in place of a formula.
//
//   monotone_table     a function that rises (or falls) through given points       O(log points)
//   table_power        power of one GPU over its clock                             O(log points)
//   table_throughput   time of an iteration over local batch, for each GPU count   O(log points)
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/model/throughput.hpp>

namespace heddle::model {

/// A monotone function through points (x, y): cubic pieces with Fritsch and Carlson's slopes (SIAM
/// J. Numer. Anal. 17, 1980), so that it neither overshoots nor turns between them. Beyond the ends
/// it stays. Queries allocate nothing.
class monotone_table {
 public:
  struct point {
    double x = 0, y = 0;
    friend bool operator==(const point&, const point&) = default;
  };

  monotone_table() = default;
  /// Sorts the points by x and, where measurements turn against the trend, pools neighbours to
  /// their mean (isotonic regression), so that the table is monotone. O(n log n).
  /// \param rising  whether y may only rise with x, or only fall
  /// \throws input_error  for no points, points that are not finite, or one x twice
  monotone_table(std::vector<point> points, bool rising) : points_(std::move(points)) {
    if (points_.empty()) throw input_error("monotone_table", "at least one point", "none");
    for (const point& p : points_)
      if (!std::isfinite(p.x) || !std::isfinite(p.y))
        throw input_error("monotone_table", "finite points", "others");
    std::sort(points_.begin(), points_.end(), [](auto& a, auto& b) { return a.x < b.x; });
    for (std::size_t i = 1; i < points_.size(); ++i)
      if (points_[i].x == points_[i - 1].x)
        throw input_error("monotone_table", "each x once", std::to_string(points_[i].x) + " twice");
    pool(rising ? 1 : -1);
    find_slopes();
  }

  [[nodiscard]] const std::vector<point>& points() const { return points_; }

  [[nodiscard]] double operator()(double x) const {
    const auto next = std::upper_bound(points_.begin(), points_.end(), x,
                                       [](double v, const point& p) { return v < p.x; });
    if (next == points_.begin()) return points_.front().y;
    if (next == points_.end()) return points_.back().y;
    const auto i = static_cast<std::size_t>(next - points_.begin()) - 1;
    const double h = points_[i + 1].x - points_[i].x, t = (x - points_[i].x) / h;
    const double t2 = t * t, t3 = t2 * t;
    return (2 * t3 - 3 * t2 + 1) * points_[i].y + (t3 - 2 * t2 + t) * h * slopes_[i] +
           (3 * t2 - 2 * t3) * points_[i + 1].y + (t3 - t2) * h * slopes_[i + 1];
  }

  friend bool operator==(const monotone_table&, const monotone_table&) = default;

 private:
  void pool(double sign) {
    struct block {
      double mean;
      std::size_t size;
    };
    std::vector<block> blocks;
    for (const point& p : points_) {
      blocks.push_back({p.y, 1});
      while (blocks.size() > 1 &&
             sign * (blocks.back().mean - blocks[blocks.size() - 2].mean) < 0) {
        const block last = blocks.back();
        blocks.pop_back();
        block& b = blocks.back();
        const auto a = static_cast<double>(b.size), c = static_cast<double>(last.size);
        b = {(b.mean * a + last.mean * c) / (a + c), b.size + last.size};
      }
    }
    std::size_t i = 0;
    for (const block& b : blocks)
      for (std::size_t k = 0; k < b.size; ++k) points_[i++].y = b.mean;
  }

  void find_slopes() {
    const std::size_t n = points_.size();
    slopes_.assign(n, 0);
    if (n < 2) return;
    std::vector<double> d(n - 1);
    for (std::size_t i = 0; i + 1 < n; ++i)
      d[i] = (points_[i + 1].y - points_[i].y) / (points_[i + 1].x - points_[i].x);
    slopes_.front() = d.front(), slopes_.back() = d.back();
    for (std::size_t i = 1; i + 1 < n; ++i)
      slopes_[i] = d[i - 1] * d[i] > 0 ? (d[i - 1] + d[i]) / 2 : 0;
    for (std::size_t i = 0; i + 1 < n; ++i) {
      if (d[i] == 0) {
        slopes_[i] = slopes_[i + 1] = 0;
        continue;
      }
      const double a = slopes_[i] / d[i], b = slopes_[i + 1] / d[i], length = std::hypot(a, b);
      if (length > 3) slopes_[i] = 3 * a / length * d[i], slopes_[i + 1] = 3 * b / length * d[i];
    }
  }

  std::vector<point> points_;
  std::vector<double> slopes_;
};

/// Power of one GPU over its clock from measured points at full load, and what of it is static.
struct table_power {
  monotone_table over_clock;  ///< GHz → W, rising
  double static_w = 0;        ///< drawn without load, ≥ 0 and at most the lowest point

  [[nodiscard]] double operator()(double clock_ghz, double utilization) const {
    return static_w + (over_clock(clock_ghz) - static_w) * utilization;
  }
};

/// Time of an iteration from a table: for each GPU count the time over the local batch at one clock.
/// Between two counts ln T is linear in ln n, beyond them it stays; the clock divides the share of
/// the time that is core-bound.
class table_throughput {
 public:
  struct row {
    int gpus = 1;               ///< ≥ 1
    monotone_table over_batch;  ///< samples per GPU → s, rising and > 0
  };

  /// \param clock_ghz   at which the table was measured, > 0
  /// \param core_share  part of the time bound by the core clock, in [0, 1]
  /// \throws input_error  for no rows, rows that are not in ascending order of GPUs, a clock ≤ 0
  explicit table_throughput(std::vector<row> rows, double clock_ghz = 1, double core_share = 0)
      : rows_(std::move(rows)), clock_ghz_(clock_ghz), core_share_(core_share) {
    if (rows_.empty()) throw input_error("table_throughput", "at least one row", "none");
    for (std::size_t i = 0; i < rows_.size(); ++i)
      if (rows_[i].gpus < 1 || (i && rows_[i].gpus <= rows_[i - 1].gpus) ||
          rows_[i].over_batch.points().empty() || !(rows_[i].over_batch.points().front().y > 0))
        throw input_error("table_throughput", "rows with times > 0 in ascending order of GPUs",
                          std::to_string(rows_[i].gpus));
    if (!(clock_ghz_ > 0)) throw input_error("table_throughput", "a clock > 0", "another");
    if (!(core_share_ >= 0 && core_share_ <= 1))
      throw input_error("table_throughput", "a core share in [0, 1]", std::to_string(core_share_));
  }

  [[nodiscard]] step_time operator()(const configuration& c) const {
    const double scale = 1 - core_share_ + core_share_ * clock_ghz_ / c.clock_ghz;
    const double total = at(c.gpus, c.local_batch) * scale;
    const double alone = at(1, c.local_batch) * scale;
    return {.compute_s = std::min(total, alone),
            .sync_s = std::max(0.0, total - alone),
            .total_s = total};
  }

 private:
  [[nodiscard]] double at(int gpus, double batch) const {
    const auto next = std::upper_bound(rows_.begin(), rows_.end(), gpus,
                                       [](int n, const row& r) { return n < r.gpus; });
    if (next == rows_.begin()) return next->over_batch(batch);
    const row& low = *std::prev(next);
    const double below = low.over_batch(batch);
    if (next == rows_.end() || low.gpus == gpus) return below;
    const double share = std::log(static_cast<double>(gpus) / low.gpus) /
                         std::log(static_cast<double>(next->gpus) / low.gpus);
    return below * std::pow(next->over_batch(batch) / below, share);
  }

  std::vector<row> rows_;
  double clock_ghz_, core_share_;
};

}  // namespace heddle::model
