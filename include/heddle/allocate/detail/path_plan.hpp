// A plan to the last end for jobs that are all there: order, worth of work, and what each gets now.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <heddle/allocate/detail/path_engine.hpp>
#include <heddle/allocate/detail/path_forward.hpp>

namespace heddle::allocate::detail {

/// A job as it is given to a plan.
struct path_entry {
  path_job kind;
  double work = 0;
  std::uint64_t id = 0;
  std::uint32_t candidate = 0;
};

/// Orders jobs by their ends, works out V and chooses their points. One writer.
class path_plan {
 public:
  std::vector<path_entry> order;    ///< by position: the one that ends last first
  std::vector<std::int32_t> level;  ///< by position: index of the gain chosen, −1: none

  /// \param most_exact  jobs · counts · GPUs up to which worth is exact  \param improving  tries other orders
  void make(std::vector<path_entry>& entries, const path_tables& tables, const path_resource& r,
            double most_exact, bool improving) {
    sort(entries, tables, r);
    double counts = 0;
    for (const path_entry& e : order) counts += tables[e.kind.table].groups;
    exact_ = r.a_watt == 0 && counts * r.capacity <= most_exact;
    kinds();
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
      work();
      forward_.cost(kinds_, work_, tables, table_.resource(), &out);
    } else {
      hull_ends(tables, out);
    }
  }

 private:
  // The price expected: half of what all are worth for a GPU now, which is the price where speed rises as the root
  // of GPUs. A power of √2, so that it stays the same over most events.
  static double expected_price(double weight, double gpus) {
    int exponent = 0;
    const double m = std::frexp(0.5 * weight / gpus, &exponent);
    return std::ldexp(m < 0.70710678118654752 ? 0.59460355750136051 : 0.84089641525371454,
                      exponent);
  }
  // Who ends later: the larger work · φ / weight, φ the least cost of a unit at that price. Two neighbours i, j of
  // an order are right if swapping them costs more. i raises the price that j pays by about its own
  // k·price/φ·s share of weight, and so does j for i; with that, what stands here is compared.
  [[nodiscard]] static double cost_by_weight(const path_job& j, const path_tables& tables,
                                             const path_resource& r, double price) {
    const path_table& t = tables[j.table];
    double best = std::numeric_limits<double>::infinity();
    for (std::uint32_t g = t.first; g < t.first + t.groups; ++g) {
      const double held = j.weight + price * tables.count[g];
      if (held >= best * t.top_speed) break;
      for (std::uint32_t x = tables.begin[g]; x < tables.begin[g + 1]; ++x)
        best = std::min(best, tables.points[x].cost(held, r.energy_price));
    }
    return best / std::max(j.weight, 1e-12);
  }

  void sort(std::vector<path_entry>& entries, const path_tables& tables, const path_resource& r) {
    double weight = 0;
    for (const path_entry& e : entries) weight += e.kind.weight;
    const double gpus = r.a_gpu > 0 ? r.capacity / r.a_gpu : 1;
    const double price = weight > 0 ? expected_price(weight, gpus) : 0;
    if (known_.price != price || known_.energy_price != r.energy_price ||
        known_.age != tables.age()) {
      known_ = {price, r.energy_price, tables.age()};
      cost_.clear();
    }
    keys_.clear();
    for (std::uint32_t i = 0; i < entries.size(); ++i) {
      const path_job& j = entries[i].kind;
      double cost = 0;
      if (j.weight == 1) {
        if (j.table >= cost_.size()) cost_.resize(j.table + std::size_t{1}, 0);
        double& kept = cost_[j.table];
        if (kept == 0) kept = cost_by_weight(j, tables, r, price);
        cost = kept;
      } else {
        cost = cost_by_weight(j, tables, r, price);
      }
      keys_.push_back({entries[i].work * cost, entries[i].id, i});
    }
    sort_keys();
    order.clear();
    for (const key& k : keys_) order.push_back(entries[k.entry]);
  }
  // By the bits of times, which are in the order of times, into as many boxes as there are jobs, each then by itself.
  void sort_keys() {
    const std::size_t n = keys_.size();
    if (n < 2) return;
    const auto bits = [](const key& k) { return std::bit_cast<std::uint64_t>(k.time); };
    std::uint64_t least = bits(keys_[0]), most = least;
    for (const key& k : keys_) {
      least = std::min(least, bits(k));
      most = std::max(most, bits(k));
    }
    const int shift = std::max(0, static_cast<int>(std::bit_width(most - least)) -
                                      static_cast<int>(std::bit_width(n)));
    const auto box = [&](const key& k) {
      return static_cast<std::size_t>((most - bits(k)) >> shift);
    };
    boxes_.reserve(2 * n + 2);
    boxes_.assign(((most - least) >> shift) + 2, 0);
    for (const key& k : keys_) ++boxes_[box(k) + 1];
    for (std::size_t b = 1; b < boxes_.size(); ++b) boxes_[b] += boxes_[b - 1];
    boxed_.resize(n);
    for (const key& k : keys_) boxed_[boxes_[box(k)]++] = k;
    keys_.swap(boxed_);
    std::size_t from = 0;
    for (std::size_t b = 0; b + 1 < boxes_.size(); ++b) {  // it holds its end now
      const std::size_t to = boxes_[b];
      if (to > from + 1)
        std::sort(keys_.begin() + static_cast<std::ptrdiff_t>(from),
                  keys_.begin() + static_cast<std::ptrdiff_t>(to));
      from = to;
    }
  }
  void kinds() {
    kinds_.clear();
    for (const path_entry& e : order) kinds_.push_back(e.kind);
  }
  void work() {
    work_.clear();
    for (const path_entry& e : order) work_.push_back(e.work);
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

  static constexpr double most_improving = 40'000;  // jobs · (GPUs + jobs) of all trials

  struct key {
    double time;
    std::uint64_t id;
    std::uint32_t entry;
    friend bool operator<(const key& a, const key& b) {
      if (a.time != b.time) return a.time > b.time;
      return a.id != b.id ? a.id > b.id : a.entry > b.entry;
    }
  };
  struct gone {
    std::uint32_t dropped, job;
    double speed;
  };

  struct priced_at {
    double price = -1, energy_price = -1;
    std::uint64_t age = 0;
  };

  bool exact_ = true;
  priced_at known_;           // what cost_ was worked out for
  std::vector<double> cost_;  // `cost_by_weight` of weight 1, by table
  path_engine<path_knapsack> table_;
  path_engine<path_hull> hull_;
  path_forward forward_;
  std::vector<key> keys_, boxed_;
  std::vector<std::uint32_t> boxes_;
  std::vector<path_job> kinds_;
  std::vector<double> work_, speed_, since_;
  std::vector<gone> back_;
};

}  // namespace heddle::allocate::detail
