// A plan to the last end for jobs that are all there: order, worth of work, and what each gets now.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <heddle/allocate/detail/path_engine.hpp>
#include <heddle/allocate/detail/path_forward.hpp>
#include <heddle/allocate/detail/path_order.hpp>
#include <heddle/core/random.hpp>

namespace heddle::allocate::detail {

/// Orders jobs by their ends, works out V and chooses their points. One writer.
class path_plan {
 public:
  std::vector<path_entry> order;    ///< by position: the one that ends last first
  std::vector<std::int32_t> level;  ///< by position: index of the gain chosen, −1: none

  /// \param most_exact  jobs · counts · GPUs up to which worth is exact  \param improving  tries other orders
  void make(std::vector<path_entry>& entries, const path_tables& tables, const path_resource& r,
            double most_exact, bool improving) {
    by_end_(entries, tables, r, order, time_);
    exact_ = r.a_watt == 0 && few(tables, most_exact / r.capacity);
    kinds();
    if (std::any_of(order.begin(), order.end(), [](const path_entry& e) { return e.spread > 0; })) {
      average(tables, r);
      improving = false;
    }
    if (exact_) {
      if (improving) improve(tables, r);
      table_.run(kinds_, tables, r);
      pick_exactly(table_, order.size(), level);
    } else {
      hull_.run(kinds_, tables, r);
      reached();
    }
  }

  [[nodiscard]] bool exact() const { return exact_; }
  /// Whether gains' sizes are GPUs.
  [[nodiscard]] bool in_gpus() const { return exact_ || hull_.resource().a_watt == 0; }
  [[nodiscard]] const std::vector<double>& worth() const {
    return exact_ ? table_.work_worth : hull_.work_worth;
  }
  [[nodiscard]] std::span<const path_gain> gains_of(std::size_t i) const {
    return exact_ ? table_.gains_of(i) : hull_.gains_of(i);
  }
  [[nodiscard]] std::uint32_t first_gain(std::size_t i) const {
    return exact_ ? table_.first_gain[i] : hull_.first_gain[i];
  }
  [[nodiscard]] const path_gain& gain(std::int32_t at) const {
    return (exact_ ? table_.gains : hull_.gains)[static_cast<std::size_t>(at)];
  }
  /// What a GPU more would save, in weighted job-seconds a second.
  [[nodiscard]] double price() {
    return !exact_ ? hull_.worth.price() : order.empty() ? 0 : table_.worth.price();
  }

  /// When each job ends if the plan is followed, in s from now, by position. O(jobs² · counts) where worth is
  /// exact, else O(jobs + steps), with jobs in the order assumed and fractions of steps as they are.
  void ends(const path_tables& tables, std::vector<double>& out) {
    if (exact_) {
      kinds();  // V as it would be where work is certain
      work();
      forward_.cost(kinds_, work_, tables, table_.resource(), &out);
    } else {
      hull_ends(tables, out);
    }
  }

 private:
  // Whether jobs have so many counts together. Looks no further than that.
  [[nodiscard]] bool few(const path_tables& tables, double most) const {
    double counts = 0;
    for (std::size_t i = 0; i < order.size() && counts <= most; ++i)
      counts += tables[order[i].kind.table].groups;
    return counts <= most;
  }
  // Where work is uncertain so is the order of ends, and with it what work is worth: its mean over some orders, each of
  // works as they may turn out.
  void average(const path_tables& tables, const path_resource& r) {
    const std::size_t n = order.size();
    mean_.assign(n, 0);
    for (int k = 0; k < scenarios; ++k) {
      keys_.clear();
      for (std::uint32_t i = 0; i < n; ++i)
        keys_.push_back({time_[i] * share_of_mean(order[i], k), order[i].id, i});
      by_end_.sort(keys_);
      drawn_.clear();
      for (const path_order::key& x : keys_) drawn_.push_back(kinds_[x.entry]);
      const auto add = [&](auto& engine) {
        engine.run(drawn_, tables, r);
        for (std::size_t p = 0; p < n; ++p)
          mean_[keys_[p].entry] += engine.work_worth[p] / scenarios;
      };
      if (exact_)
        add(drawn_table_);
      else
        add(drawn_hull_);
    }
    for (std::size_t i = 0; i < n; ++i) kinds_[i].worth = mean_[i];
  }
  // What becomes of work, over its mean. Log-normal, twice as wide as told: what is forecast from jobs that have ended is
  // less certain than these are alike. (A guess, better than once.)
  static double share_of_mean(const path_entry& e, int scenario) {
    constexpr double widened = 2;
    return std::exp(widened * e.spread * turn_out(e.id, scenario) - e.spread * e.spread / 2);
  }
  // In standard deviations. The scenarios of a job are in equally likely parts of the distribution, each in one, in an
  // order of its own that it keeps. Logistic, which has a closed form and is near enough to normal.
  static double turn_out(std::uint64_t id, int scenario) {
    const std::uint64_t bits = mix(id + 1);
    const auto k = static_cast<std::uint64_t>(scenario);
    const std::uint64_t part = ((2 * (bits >> 8) + 1) * k + (bits >> 40)) % scenarios;
    const double u = (static_cast<double>(part) + .5) / scenarios;
    constexpr double per_deviation = 1.702;
    return std::log(u / (1 - u)) / per_deviation;
  }
  void kinds() {
    kinds_.resize(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) kinds_[i] = order[i].kind;
  }
  void work() {
    work_.resize(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) work_[i] = order[i].work;
  }

  // Moves a job to another place while the plan, followed to its ends, costs less; neighbours are swapped first.
  // As many trials as a part of a millisecond pays for.
  void improve(const path_tables& tables, const path_resource& r) {
    const std::size_t n = order.size();
    const double size = static_cast<double>(n);
    double trials = std::floor(most_improving / (size * (r.capacity + size)));
    if (n < 2 || trials < 2) return;
    work();
    double best = forward_.cost(kinds_, work_, tables, r);
    for (bool better = true; better;) {
      better = false;
      for (std::size_t far = 1; far < n; ++far)
        for (std::size_t i = 0; i + far < n; ++i)
          for (const bool up : {true, false}) {
            if ((far == 1 && !up) || trials < 1) continue;
            const std::size_t from = up ? i : i + far, to = up ? i + far : i;
            move(from, to);
            --trials;
            const double cost = forward_.cost(kinds_, work_, tables, r);
            if (cost < best * (1 - 1e-9)) {
              best = cost;
              better = true;
            } else {
              move(to, from);
            }
          }
    }
  }
  void move(std::size_t from, std::size_t to) {
    const auto turn = [&](auto& v) {
      const auto at = [&](std::size_t i) { return v.begin() + static_cast<std::ptrdiff_t>(i); };
      if (from < to)
        std::rotate(at(from), at(from + 1), at(to + 1));
      else
        std::rotate(at(to), at(from), at(from + 1));
    };
    turn(order);
    turn(kinds_);
    turn(work_);
  }

  void reached() {
    level.assign(order.size(), -1);
    const path_hull::step* const split = hull_.worth.split();
    for (std::size_t i = 0; i < order.size(); ++i)
      for (const path_hull::step& s : hull_.worth.steps_of(i)) {
        if (s.dropped != path_hull::never || &s == split) break;
        level[i] = static_cast<std::int32_t>(s.gain);
      }
  }

  void hull_ends(const path_tables& tables, std::vector<double>& out) {
    const std::size_t n = order.size();
    out.assign(n, 0);
    // How fast each job goes while so many are left, its steps coming back one after the other.
    speed_.assign(n, 0);
    back_.clear();
    for (std::size_t i = 0; i < n; ++i)
      for (const path_hull::step& s : hull_.worth.steps_of(i)) {
        const double before = &s == hull_.worth.steps_of(i).data()
                                  ? 0
                                  : tables.points[hull_.gains[(&s - 1)->gain].point].speed;
        const double more = tables.points[hull_.gains[s.gain].point].speed - before;
        if (s.dropped == path_hull::never)
          speed_[i] += more * (&s == hull_.worth.split() ? hull_.worth.split_share() : 1);
        else
          back_.push_back({s.dropped, static_cast<std::uint32_t>(i), more});
      }
    std::sort(back_.begin(), back_.end(), [](const gone& a, const gone& b) {
      return a.dropped != b.dropped ? a.dropped > b.dropped : a.job < b.job;
    });
    work();
    since_.assign(n, 0);
    double now = 0;
    std::size_t next = 0;
    for (std::size_t m = n; m-- > 0;) {  // the job at m ends, the steps that it drove out come back
      if (speed_[m] > 0) now = std::max(now, since_[m] + std::max(0.0, work_[m]) / speed_[m]);
      out[m] = now;
      for (; next < back_.size() && back_[next].dropped == m + 1; ++next) {
        const std::uint32_t j = back_[next].job;
        if (j >= m) continue;
        work_[j] -= speed_[j] * (now - since_[j]);
        since_[j] = now;
        speed_[j] += back_[next].speed;
      }
    }
  }

  static constexpr int scenarios = 8;               // a power of two
  static constexpr double most_improving = 40'000;  // jobs · (GPUs + jobs) of all trials

  struct gone {
    std::uint32_t dropped, job;
    double speed;
  };

  bool exact_ = true;
  path_order by_end_;
  path_engine<path_knapsack> table_;
  path_engine<path_hull> hull_;
  path_engine<path_knapsack> drawn_table_;
  path_engine<path_hull> drawn_hull_;
  path_forward forward_;
  std::vector<path_order::key> keys_;
  std::vector<path_job> kinds_, drawn_;
  std::vector<double> time_, mean_;  // by position: what it was sorted by; V
  std::vector<double> work_, speed_, since_;
  std::vector<gone> back_;
};

}  // namespace heddle::allocate::detail
