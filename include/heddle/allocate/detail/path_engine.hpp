// The worth of a unit of each job's work, from the job that ends last to the one that ends first.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <heddle/allocate/detail/path_tables.hpp>
#include <heddle/allocate/detail/path_worth.hpp>

namespace heddle::allocate::detail {

/// A job in the order of ends.
struct path_job {
  std::uint32_t table = 0;
  double weight = 1;
  friend bool operator==(const path_job&, const path_job&) = default;
};

/// What is shared out: a mix of GPUs and watts, of which there is `capacity`.
struct path_resource {
  double capacity = 0;
  double a_gpu = 1, a_watt = 0;
  double energy_price = 0;  ///< weighted job-seconds a joule
  friend bool operator==(const path_resource&, const path_resource&) = default;
};

/// A list of jobs, the one that ends last first, with the worth V of their work
///
///     V_j = min_x (w_j + λ·P_j(x) + D_A(x)) / s_j(x),    D_A(x) = F_A(G) − F_A(G − k(x)),
///
/// A being the jobs before j, and with what each gains at each of its counts. V depends on who comes
/// before and on nothing else, so that a list that begins as the last one did is worked out from there.
template <class Worth>
class path_engine {
 public:
  std::vector<path_job> jobs;      ///< the order of ends; change it with `replace`
  std::vector<double> work_worth;  ///< V, by position
  std::vector<path_gain> gains;    ///< of all jobs, by rising size; gains may be negative
  std::vector<std::uint32_t> first_gain{0};
  Worth worth;

  /// Works V out for these jobs. Every job has a count that fits. Allocation-free once warm.
  void run(std::span<const path_job> order, const path_tables& tables, const path_resource& r) {
    std::size_t same = 0;
    if (r == resource_ && tables.age() == age_)
      while (same < jobs.size() && same < order.size() && jobs[same] == order[same]) ++same;
    else
      worth.start(r.capacity);
    resource_ = r;
    age_ = tables.age();
    worth.restore(same);
    jobs.resize(same);
    jobs.insert(jobs.end(), order.begin() + static_cast<std::ptrdiff_t>(same), order.end());
    work_worth.resize(same);
    first_gain.resize(same + 1);
    gains.resize(first_gain[same]);
    for (std::size_t i = same; i < jobs.size(); ++i) add(jobs[i], tables);
  }

  [[nodiscard]] std::span<const path_gain> gains_of(std::size_t i) const {
    return std::span{gains}.subspan(first_gain[i], first_gain[i + 1] - first_gain[i]);
  }
  [[nodiscard]] const path_resource& resource() const { return resource_; }

 private:
  void add(const path_job& j, const path_tables& tables) {
    const path_table& t = tables[j.table];
    worth.begin_query();
    const double v = resource_.a_watt > 0 ? mixed_worth(j, t, tables) : worth_of(j, t, tables);
    work_worth.push_back(v);
    if (resource_.a_watt > 0)
      mixed_gains(tables, v);
    else
      gains_at(t, tables, v);
    if constexpr (requires { worth.insert(gains_of(0), std::uint32_t{}); })
      worth.insert(std::span{gains}.subspan(first_gain.back()), first_gain.back());
    else
      worth.insert(std::span{gains}.subspan(first_gain.back()));
    first_gain.push_back(static_cast<std::uint32_t>(gains.size()));
  }

  // A count's points stand on a hull of speed over watts, so that what a clock costs or gains falls and rises once: the
  // search begins where that of the count before ended.
  template <class Better>
  static std::uint32_t climb(std::uint32_t first, std::uint32_t end, std::uint32_t offset,
                             double& value, Better better) {
    std::uint32_t x = std::min(first + offset, end - 1);
    value = better.at(x);
    const std::uint32_t start = x;
    for (double next; x + 1 < end && better(next = better.at(x + 1), value); ++x) value = next;
    if (x == start)
      for (double next; x > first && better(next = better.at(x - 1), value); --x) value = next;
    return x;
  }

  [[nodiscard]] double worth_of(const path_job& j, const path_table& t, const path_tables& tables) {
    struct {
      const double *time, *joules;
      double held, price;
      double at(std::uint32_t x) const { return held * time[x] + price * joules[x]; }
      bool operator()(double a, double b) const { return a < b; }
    } cost{tables.time.data(), tables.joules.data(), 0, resource_.energy_price};
    double best = std::numeric_limits<double>::infinity();
    std::uint32_t offset = t.points;
    for (std::uint32_t g = t.first; g < t.first + t.groups; ++g) {
      if (tables.count[g] > resource_.capacity) break;
      cost.held = j.weight + worth.displaced(tables.count[g]);
      if (cost.held >= best * t.top_speed) break;  // and so are all larger counts
      double here = 0;
      offset = climb(tables.begin[g], tables.begin[g + 1], offset, here, cost) - tables.begin[g];
      best = std::min(best, here);
    }
    return best;
  }
  void gains_at(const path_table& t, const path_tables& tables, double v) {
    struct {
      const double *speed, *watts;
      double worth, price;
      double at(std::uint32_t x) const { return worth * speed[x] - price * watts[x]; }
      bool operator()(double a, double b) const { return a > b; }
    } const gain{tables.speed.data(), tables.watts.data(), v, resource_.energy_price};
    const std::size_t from = gains.size();
    gains.resize(from + t.groups);
    path_gain* to = gains.data() + from;
    std::uint32_t offset = t.points;
    for (std::uint32_t g = t.first; g < t.first + t.groups; ++g, ++to) {
      if (tables.count[g] > resource_.capacity) break;
      double most = 0;
      const std::uint32_t pick = climb(tables.begin[g], tables.begin[g + 1], offset, most, gain);
      offset = pick - tables.begin[g];
      *to = {tables.count[g], most, pick};
    }
    gains.resize(static_cast<std::size_t>(to - gains.data()));
  }

  // With watts in the resource every point is a size of its own.
  [[nodiscard]] double mixed_worth(const path_job& j, const path_table& t,
                                   const path_tables& tables) {
    sorted_.clear();
    for (std::uint32_t g = t.first; g < t.first + t.groups; ++g)
      for (std::uint32_t x = tables.begin[g]; x < tables.begin[g + 1]; ++x)
        sorted_.push_back(
            {resource_.a_gpu * tables.count[g] + resource_.a_watt * tables.watts[x], 0, x});
    std::sort(sorted_.begin(), sorted_.end(), [](const path_gain& a, const path_gain& b) {
      return a.size != b.size ? a.size < b.size : a.point < b.point;
    });
    double best = std::numeric_limits<double>::infinity();
    for (const path_gain& p : sorted_) {
      if (p.size > resource_.capacity && best < std::numeric_limits<double>::infinity()) break;
      const double cost = j.weight + resource_.energy_price * tables.watts[p.point] +
                          worth.displaced(std::min(p.size, resource_.capacity));
      best = std::min(best, cost / tables.speed[p.point]);
    }
    return best;
  }
  void mixed_gains(const path_tables& tables, double v) {
    for (const path_gain& p : sorted_) {
      if (p.size > resource_.capacity) break;
      gains.push_back({p.size,
                       v * tables.speed[p.point] - resource_.energy_price * tables.watts[p.point],
                       p.point});
    }
  }

  path_resource resource_;
  std::uint64_t age_ = 0;
  std::vector<path_gain> sorted_;
};

/// Which gain of each job reaches F over the first `jobs` of them, −1 for none. Of ties the one that gives
/// less to the job that ends sooner. O(jobs · counts).
inline void pick_exactly(const path_engine<path_knapsack>& e, std::size_t jobs,
                         std::vector<std::int32_t>& level) {
  level.assign(jobs, -1);
  double tie = 0;  // rounding
  for (std::size_t i = 0; i < jobs; ++i) tie += e.jobs[i].weight;
  tie *= 1e-11;
  auto g = static_cast<std::size_t>(e.resource().capacity);
  for (std::size_t i = jobs; i-- > 0;) {
    const double* const without = e.worth.after(i);
    const double all = e.worth.after(i + 1)[g];
    if (without[g] >= all - tie) continue;
    const auto gains = e.gains_of(i);
    std::size_t best = gains.size();
    double most = 0;
    for (std::size_t k = 0; k < gains.size(); ++k) {
      const auto size = static_cast<std::size_t>(gains[k].size);
      if (size > g) break;
      const double with = without[g - size] + gains[k].value;
      if (best == gains.size() || with > most + tie) best = k, most = with;
    }
    if (best == gains.size()) continue;
    level[i] = static_cast<std::int32_t>(e.first_gain[i] + best);
    g -= static_cast<std::size_t>(gains[best].size);
  }
}

}  // namespace heddle::allocate::detail
