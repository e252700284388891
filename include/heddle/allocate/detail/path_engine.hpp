// The worth of a unit of each job's work, from the job that ends last to the one that ends first.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
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
  double worth = 0;  ///< V, if it is given and not to be worked out
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
    if constexpr (requires { worth.expect(std::size_t{}); }) {
      std::size_t most = gains.size();
      for (std::size_t i = same; i < jobs.size(); ++i) most += tables[jobs[i].table].points;
      worth.expect(most);
    }
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
    double v = resource_.a_watt > 0 ? mixed_worth(j, t, tables)
               : j.worth > 0        ? 0
                                    : worth_of(j, t, tables);
    if (j.worth > 0) v = j.worth;
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

  // The best point of a count, and what `value` says of it. Its points stand on a hull of speed over watts, so that what
  // a clock costs or gains rises and falls once: the search begins where that of the count before ended.
  template <class Value, class Better>
  static std::uint32_t climb(const path_point* points, std::uint32_t size, std::uint32_t from,
                             double& best, Value value, Better better) {
    std::uint32_t x = std::min(from, size - 1);
    const std::uint32_t start = x;
    best = value(points[x]);
    for (double next; x + 1 < size && better(next = value(points[x + 1]), best); ++x) best = next;
    if (x == start)
      for (double next; x > 0 && better(next = value(points[x - 1]), best); --x) best = next;
    return x;
  }

  [[nodiscard]] double worth_of(const path_job& j, const path_table& t, const path_tables& tables) {
    const double price = resource_.energy_price;
    double best = std::numeric_limits<double>::infinity();
    std::uint32_t x = t.points;
    for (std::uint32_t g = t.first; g < t.first + t.groups; ++g) {
      if (tables.count[g] > resource_.capacity) break;
      const double held = j.weight + worth.displaced(tables.count[g]);
      if (held >= best * t.top_speed) break;  // and so are all larger counts
      const std::uint32_t first = tables.begin[g];
      double here = 0;
      x = climb(
          &tables.points[first], tables.begin[g + 1] - first, x, here,
          [&](const path_point& p) { return p.cost(held, price); }, std::less<>{});
      best = std::min(best, here);
    }
    return best;
  }
  void gains_at(const path_table& t, const path_tables& tables, double v) {
    const double price = resource_.energy_price;
    const std::size_t from = gains.size();
    gains.resize(from + t.groups);
    path_gain* to = gains.data() + from;
    std::uint32_t x = t.points;
    for (std::uint32_t g = t.first; g < t.first + t.groups; ++g, ++to) {
      if (tables.count[g] > resource_.capacity) break;
      const std::uint32_t first = tables.begin[g];
      double most = 0;
      x = climb(
          &tables.points[first], tables.begin[g + 1] - first, x, most,
          [&](const path_point& p) { return p.gain(v, price); }, std::greater<>{});
      *to = {tables.count[g], most, first + x};
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
            {resource_.a_gpu * tables.count[g] + resource_.a_watt * tables.points[x].watts, 0, x});
    std::sort(sorted_.begin(), sorted_.end(), [](const path_gain& a, const path_gain& b) {
      return a.size != b.size ? a.size < b.size : a.point < b.point;
    });
    double best = std::numeric_limits<double>::infinity();
    for (const path_gain& p : sorted_) {
      if (p.size > resource_.capacity && best < std::numeric_limits<double>::infinity()) break;
      const double held = j.weight + worth.displaced(std::min(p.size, resource_.capacity));
      best = std::min(best, tables.points[p.point].cost(held, resource_.energy_price));
    }
    return best;
  }
  void mixed_gains(const path_tables& tables, double v) {
    for (const path_gain& p : sorted_) {
      if (p.size > resource_.capacity) break;
      gains.push_back({p.size, tables.points[p.point].gain(v, resource_.energy_price), p.point});
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
