// Curves as price_path reads them: flat, without points that no price picks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/core/random.hpp>
#include <heddle/fabric/watts.hpp>
#include <heddle/model/curve.hpp>

namespace heddle::allocate::detail {

/// A job's choices: groups of points, each of one count, the counts rising.
struct path_table {
  std::uint32_t first = 0, groups = 0;  ///< of `path_tables::count`
  double top_speed = 0;                 ///< of the fastest point
};

/// Tables of all curves seen, by curve and range of counts. Of a count the points stay that are on the
/// upper hull of speed over watts, since others are best at no price of energy; where watts do not matter
/// the fastest alone. A larger count whose points all are no faster than one of a smaller count, on no less
/// watts, goes.
class path_tables {
 public:
  std::vector<double> count;         ///< by group
  std::vector<std::uint32_t> begin;  ///< by group: its first point; one more at the end
  std::vector<double> speed, watts;  ///< by point, watts beyond idle, ≥ 0
  std::vector<double> time, joules;  ///< by point: of a sample
  std::vector<std::uint32_t> index;  ///< by point: in the curve

  [[nodiscard]] const path_table& operator[](std::uint32_t t) const { return tables_[t]; }
  /// Grows when all tables were forgotten, so that numbers of tables from before mean nothing.
  [[nodiscard]] std::uint64_t age() const { return age_; }

  /// Call before a decision. \param frugal  watts matter  \param jobs  of the decision
  void prepare(double idle_w, bool frugal, std::size_t jobs) {
    if (idle_w == idle_w_ && frugal == frugal_ && tables_.size() <= 2 * jobs + 1024 && age_ > 0)
      return;
    idle_w_ = idle_w;
    frugal_ = frugal;
    ++age_;
    tables_.clear();
    keys_.clear();
    count.clear();
    speed.clear();
    watts.clear();
    time.clear();
    joules.clear();
    index.clear();
    begin.assign(1, 0);
    slots_.assign(std::max<std::size_t>(64, slots_.size()), none);
  }

  /// The table of `c` between two counts. O(1) if it is known, else O(points).
  std::uint32_t of(const model::curve& c, int low, int high) {
    const key k{c.fingerprint(), low, high};
    std::size_t at = hash(k) & (slots_.size() - 1);
    for (; slots_[at] != none; at = (at + 1) & (slots_.size() - 1))
      if (keys_[slots_[at]] == k) return slots_[at];
    const auto made = static_cast<std::uint32_t>(tables_.size());
    slots_[at] = made;
    keys_.push_back(k);
    tables_.push_back(make(c, low, high));
    if (2 * tables_.size() > slots_.size()) grow();
    return made;
  }

 private:
  struct key {
    std::uint64_t fingerprint;
    int low, high;
    friend bool operator==(const key&, const key&) = default;
  };
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  static std::size_t hash(const key& k) {
    const auto range = static_cast<std::uint64_t>(static_cast<std::uint32_t>(k.low)) << 32 |
                       static_cast<std::uint32_t>(k.high);
    return static_cast<std::size_t>(k.fingerprint ^ range * 0x9e3779b97f4a7c15u);
  }
  void grow() {
    slots_.assign(2 * slots_.size(), none);
    for (std::uint32_t t = 0; t < keys_.size(); ++t) {
      std::size_t at = hash(keys_[t]) & (slots_.size() - 1);
      while (slots_[at] != none) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = t;
    }
  }

  path_table make(const model::curve& c, int low, int high) {
    path_table t{.first = static_cast<std::uint32_t>(count.size())};
    const auto points = c.points();
    std::size_t i = static_cast<std::size_t>(
        std::partition_point(points.begin(), points.end(),
                             [&](const auto& p) { return p.config.gpus < low; }) -
        points.begin());
    while (i < points.size() && points[i].config.gpus <= high) {
      const int n = points[i].config.gpus;
      const std::size_t from = speed.size();
      std::size_t next = i;
      while (next < points.size() && points[next].config.gpus == n) ++next;
      for (i = frugal_ ? i : next - 1; i < next; ++i) add(points[i], i, from);
      if (beaten(t, from)) {  // it takes GPUs and gives nothing
        speed.resize(from);
        watts.resize(from);
        index.resize(from);
        continue;
      }
      for (std::size_t x = from; x < speed.size(); ++x) {
        time.push_back(1 / speed[x]);
        joules.push_back(watts[x] / speed[x]);
      }
      t.top_speed = std::max(t.top_speed, speed.back());
      count.push_back(n);
      begin.push_back(static_cast<std::uint32_t>(speed.size()));
      ++t.groups;
    }
    return t;
  }
  void add(const model::operating_point& p, std::size_t i, std::size_t from) {
    const double w = std::max(0.0, fabric::extra_power_w(p, idle_w_));
    while (speed.size() > from) {
      const std::size_t b = speed.size() - 1;
      const bool above = b == from ? w > watts[b]
                                   : (speed[b] - speed[b - 1]) * (w - watts[b]) >
                                         (p.throughput - speed[b]) * (watts[b] - watts[b - 1]);
      if (above) break;
      speed.pop_back();
      watts.pop_back();
      index.pop_back();
    }
    speed.push_back(p.throughput);
    watts.push_back(w);
    index.push_back(static_cast<std::uint32_t>(i));
  }
  // Whether smaller counts do what all points from `from` on do.
  [[nodiscard]] bool beaten(const path_table& t, std::size_t from) const {
    if (speed.back() > t.top_speed) return false;
    for (std::size_t b = from; b < speed.size(); ++b) {
      bool is = false;
      for (std::size_t a = begin[t.first]; a < from && !is; ++a)
        is = speed[a] >= speed[b] && (!frugal_ || watts[a] <= watts[b]);
      if (!is) return false;
    }
    return true;
  }

  std::vector<path_table> tables_;
  std::vector<key> keys_;
  std::vector<std::uint32_t> slots_;
  double idle_w_ = 0;
  bool frugal_ = false;
  std::uint64_t age_ = 0;
};

}  // namespace heddle::allocate::detail
