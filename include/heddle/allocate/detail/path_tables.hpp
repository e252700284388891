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
  std::uint32_t points = 0;             ///< of all groups
  double least_count = 0;               ///< of the first group
  double top_speed = 0;                 ///< of the fastest point
};

/// A point as prices see it.
struct path_point {
  double speed, watts;  ///< samples a second; beyond idle, ≥ 0
  double time;          ///< of a sample, in s
  std::uint32_t index;  ///< in the curve

  /// Of a sample, where a second of the GPUs held costs `held` and a joule `price`.
  [[nodiscard]] double cost(double held, double price) const {
    return (held + price * watts) * time;
  }
  /// Of a second, where a sample is worth `worth` and a joule costs `price`.
  [[nodiscard]] double gain(double worth, double price) const {
    return worth * speed - price * watts;
  }
};

/// Tables of all curves seen, by curve and range of counts. Of a count the points stay that are on the
/// upper hull of speed over watts, since others are best at no price of energy; where watts do not matter
/// the fastest alone. A larger count whose points all are no faster than one of a smaller count, on no less
/// watts, goes.
class path_tables {
 public:
  std::vector<double> count;         ///< by group
  std::vector<std::uint32_t> begin;  ///< by group: its first point; one more at the end
  std::vector<path_point> points;

  [[nodiscard]] const path_table& operator[](std::uint32_t t) const { return tables_[t]; }
  /// Grows when all tables were forgotten, so that numbers of tables from before mean nothing.
  [[nodiscard]] std::uint64_t age() const { return age_; }

  /// Call before a decision. \param frugal  watts matter  \param jobs  of the decision
  void prepare(double idle_w, bool frugal, std::size_t jobs) {
    before_.swap(asked_);
    asked_.clear();
    at_ = 0;
    if (idle_w == idle_w_ && frugal == frugal_ && tables_.size() <= 2 * jobs + 1024 && age_ > 0)
      return;
    idle_w_ = idle_w;
    frugal_ = frugal;
    ++age_;
    tables_.clear();
    keys_.clear();
    before_.clear();
    count.clear();
    points.clear();
    begin.assign(1, 0);
    slots_.assign(std::max<std::size_t>(64, slots_.size()), none);
  }

  /// The table of `c` between two counts. O(1) if it is known, at once if it is asked for after the same one as in the
  /// last decision; else O(points).
  std::uint32_t of(const model::curve& c, int low, int high) {
    const key k{c.fingerprint(), low, high};
    for (std::size_t i = at_; i < std::min(at_ + 2, before_.size()); ++i)  // one may have gone
      if (keys_[before_[i]] == k) {
        at_ = i + 1;
        return asked_.emplace_back(before_[i]);
      }
    return asked_.emplace_back(find(k, c));
  }

 private:
  struct key {
    std::uint64_t fingerprint;
    int low, high;
    friend bool operator==(const key&, const key&) = default;
  };
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  std::uint32_t find(const key& k, const model::curve& c) {
    std::size_t at = hash(k) & (slots_.size() - 1);
    for (; slots_[at] != none; at = (at + 1) & (slots_.size() - 1))
      if (keys_[slots_[at]] == k) return slots_[at];
    const auto made = static_cast<std::uint32_t>(tables_.size());
    slots_[at] = made;
    keys_.push_back(k);
    tables_.push_back(make(c, k.low, k.high));
    if (2 * tables_.size() > slots_.size()) grow();
    return made;
  }
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
    const auto all = c.points();
    std::size_t i = static_cast<std::size_t>(
        std::partition_point(all.begin(), all.end(),
                             [&](const auto& p) { return p.config.gpus < low; }) -
        all.begin());
    const std::size_t begins = points.size();
    points.resize(begins + all.size());
    std::size_t end = begins;
    while (i < all.size() && all[i].config.gpus <= high) {
      const int n = all[i].config.gpus;
      const std::size_t from = end;
      if (!frugal_)
        while (i + 1 < all.size() && all[i + 1].config.gpus == n) ++i;
      for (; i < all.size() && all[i].config.gpus == n; ++i) end = add(all[i], i, from, end);
      if (beaten(t, from, end)) {  // it takes GPUs and gives nothing
        end = from;
        continue;
      }
      for (std::size_t x = from; x < end; ++x) points[x].time = 1 / points[x].speed;
      t.top_speed = std::max(t.top_speed, points[end - 1].speed);
      count.push_back(n);
      begin.push_back(static_cast<std::uint32_t>(end));
      ++t.groups;
    }
    points.resize(end);
    t.points = static_cast<std::uint32_t>(end - begins);
    if (t.groups > 0) t.least_count = count[t.first];
    return t;
  }
  // Adds a point to the hull of those from `from` on. Where it ends then.
  std::size_t add(const model::operating_point& p, std::size_t i, std::size_t from,
                  std::size_t end) {
    const double w = std::max(0.0, fabric::extra_power_w(p, idle_w_)), s = p.throughput;
    for (; end > from; --end) {
      const path_point& b = points[end - 1];
      const path_point* const a = end - 1 == from ? nullptr : &points[end - 2];
      if (a ? (b.speed - a->speed) * (w - b.watts) > (s - b.speed) * (b.watts - a->watts)
            : w > b.watts)
        break;
    }
    points[end] = {s, w, 0, static_cast<std::uint32_t>(i)};
    return end + 1;
  }
  // Whether smaller counts do what all points from `from` on do.
  [[nodiscard]] bool beaten(const path_table& t, std::size_t from, std::size_t end) const {
    if (points[end - 1].speed > t.top_speed) return false;
    for (std::size_t b = from; b < end; ++b) {
      bool is = false;
      for (std::size_t a = begin[t.first]; a < from && !is; ++a)
        is = points[a].speed >= points[b].speed && (!frugal_ || points[a].watts <= points[b].watts);
      if (!is) return false;
    }
    return true;
  }

  std::vector<path_table> tables_;
  std::vector<key> keys_;
  std::vector<std::uint32_t> slots_;
  std::vector<std::uint32_t> before_,
      asked_;           // tables by question, of the last decision and of this
  std::size_t at_ = 0;  // in `before_`
  double idle_w_ = 0;
  bool frugal_ = false;
  std::uint64_t age_ = 0;
};

}  // namespace heddle::allocate::detail
