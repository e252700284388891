// One price of energy, and for GPUs a path of prices to the last end.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/detail/path_handout.hpp>
#include <heddle/allocate/detail/path_plan.hpp>
#include <heddle/allocate/detail/path_tables.hpp>
#include <heddle/allocate/gpu_steps.hpp>
#include <heddle/allocate/remaining.hpp>
#include <heddle/allocate/rescale_rule.hpp>
#include <heddle/core/detail/scratch.hpp>

namespace heddle::allocate {

/// What a decision of `price_path` rests on.
struct path_answer {
  double gpu_price = 0;     ///< of the last GPU given, in weighted job-seconds a second
  double energy_price = 0;  ///< in weighted job-seconds a joule
  bool exact = true;        ///< V is from tables, not from hulls
  double plan_cost = 0;     ///< Σ V · work: what the plan costs if ends come in its order
  std::vector<double>
      worth;  ///< V by candidate, in weighted job-seconds a sample; 0: it has no work
};

/// Minimises Σ weight · completion time + `energy_price` · energy of the jobs that are there. As prices of GPUs fall
/// when jobs end, each job has one worth V of a sample of its work until it ends, and at any time the
/// points are best that maximise Σ (V·throughput − price·watts) within the GPUs. From the job that ends
/// last to the one that ends first,
///
///     V = min over points (weight + price·watts + what the jobs that end later lose by its GPUs) / throughput
///
/// Jobs are ordered by work · (least cost of a sample at the price expected) / weight; where there are few, they are
/// moved in that order while the plan, followed to its ends, costs less. That order is the one heuristic. What the later
/// jobs lose is exact while jobs · counts · GPUs are at most `exact_work`, and by concave hulls beyond that.
///
///     allocate::price_path frugal{.energy_price = 3e-4};    // a joule for 0.3 ms of somebody's time
///
/// Watts are those beyond the GPUs' idle power, with what their servers draw for them (`gpu_base_w`). A limit on power becomes a part of the resource that is shared
/// out, one on the energy left raises the price of energy. A job with a deadline that the plan would miss
/// gets the fewest GPUs that meet it, if there are so many. GPUs that are left go where they gain most, and
/// to jobs that wait.
///
/// O(J log J + S log S) by hulls for J jobs with S steps, O(J · counts · GPUs) by tables; what has not changed
/// in the order of ends is not worked out again, and the answer is that from nothing. Allocates nothing
/// once the sizes have been seen. One writer.
///
/// Derived: docs/allocate/price_path.md.
struct price_path {
  static constexpr bool elastic = true;
  static constexpr bool prices_energy = true;

  double energy_price = 0;    ///< weighted job-seconds a joule; `limits::energy_price` comes on top
  bool classes = true;        ///< hard priority classes: the lower get what the higher leave
  bool deadlines = true;      ///< reads `time_left_s`
  double exact_work = 1.5e5;  ///< jobs · counts · GPUs up to which worth is exact
  rescale_rule rescale = {};  ///< off as it is

  struct work_space {
    detail::path_tables tables;
    detail::path_plan plan;
    std::vector<detail::path_entry> entries;
    std::vector<int> priorities;
    std::vector<std::uint8_t> forced;
    bool dated = false;  // some of the entries have deadlines
    std::vector<double> ends;
    std::vector<std::uint32_t> turn;
    path_answer answer;
  };
  heddle::detail::scratch<work_space> work = {};

  bool operator==(const price_path&) const = default;

  /// Prices and worth of the last decision. Precondition: one has been made.
  [[nodiscard]] const path_answer& last() const { return work->answer; }

  /// When the jobs of the last decision end if its plan is followed and nobody comes, in s from then, by
  /// candidate; of the lowest priority class alone, infinite for others. Precondition: one has been made.
  void predict(std::vector<double>& end_s) {
    auto& w = *work;
    end_s.assign(w.answer.worth.size(), infinite);
    w.plan.ends(w.tables, w.ends);
    for (std::size_t i = 0; i < w.plan.order.size(); ++i)
      end_s[w.plan.order[i].candidate] = w.ends[i];
  }

  /// No schedule of the jobs of the last decision costs less than this in weight · time + price · energy, whatever else
  /// is there: with the whole cluster for each of them alone. O(points). See `path_bound` for a near one.
  /// Precondition: one has been made.
  [[nodiscard]] double bound() const {
    const auto& w = *work;
    double sum = 0;
    for (const detail::path_entry& e : w.plan.order) {
      const detail::path_table& t = w.tables[e.kind.table];
      double least = infinite;
      for (std::uint32_t x = w.tables.begin[t.first]; x < w.tables.begin[t.first + t.groups]; ++x)
        least = std::min(least, w.tables.points[x].cost(e.kind.weight, w.answer.energy_price));
      sum += least * e.work;
    }
    return sum;
  }

  void operator()(std::span<const candidate> jobs, const limits& l, allocation& out) {
    out.assign(jobs.size(), nullptr);
    auto& w = *work;
    const double price = std::max(0.0, energy_price) + std::max(0.0, l.energy_price);
    w.answer.worth.assign(jobs.size(), 0);
    w.answer.gpu_price = w.answer.plan_cost = 0;
    w.answer.energy_price = price;
    w.answer.exact = true;
    w.plan.order.clear();
    if (!(l.gpus > 0) || !(l.power_w >= 0) || !(l.energy_j >= 0)) return;
    const bool frugal = price > 0 || l.power_w < infinite || l.energy_j < infinite;
    w.tables.prepare(l.gpu_idle_w - l.gpu_base_w, frugal, jobs.size());
    remaining left{l};
    w.forced.assign(jobs.size(), 0);
    if (enter(jobs, left.gpus)) {
      serve(jobs, l, price, left, out, nullptr);
    } else {
      w.priorities.clear();
      for (const candidate& j : jobs) w.priorities.push_back(j.priority);
      std::sort(w.priorities.begin(), w.priorities.end(), std::greater<>{});
      w.priorities.erase(std::unique(w.priorities.begin(), w.priorities.end()), w.priorities.end());
      for (const int& p : w.priorities) {
        w.forced.assign(jobs.size(), 0);
        (void)enter(jobs, left.gpus, &p);
        serve(jobs, l, price, left, out, &p);
      }
    }
    rescale.apply(jobs, l, out);
  }

 private:
  static constexpr double infinite = std::numeric_limits<double>::infinity();

  // Gives the jobs that were entered, of one class or all, their points out of what is left.
  void serve(std::span<const candidate> jobs, const limits& l, double price, remaining& left,
             allocation& out, const int* priority) {
    plan(jobs, price, left);
    constexpr int most_rounds = 3;  // what is left over may still be given to somebody late
    for (int round = 0; work->dated && round < most_rounds && force(jobs, left, out); ++round) {
      (void)enter(jobs, left.gpus, priority);
      plan(jobs, price, left);
    }
    hand_out(jobs, l, left, out);
    book();
  }

  // The jobs that are not forced, of one class or all. False, and some of them only, where there are several classes and
  // none is asked for.
  bool enter(std::span<const candidate> jobs, int gpus, const int* priority = nullptr) {
    work_space& w = *work;
    w.entries.clear();
    w.dated = false;
    if (gpus <= 0) return true;
    for (std::uint32_t i = 0; i < jobs.size(); ++i) {
      const candidate& j = jobs[i];
      if (priority && j.priority != *priority) continue;
      if (!priority && classes && j.priority != jobs[0].priority) return false;
      if (w.forced[i]) continue;
      w.dated |= deadlines && j.time_left_s < infinite;
      enter(w, j, i, gpus);
    }
    return true;
  }
  static void enter(work_space& w, const candidate& j, std::uint32_t i, int gpus) {
    const double todo = work_left(j);
    if (!(todo > 0)) return;
    const std::uint32_t t = w.tables.of(*j.curve, j.min_gpus, j.max_gpus);
    const detail::path_table& table = w.tables[t];
    if (table.groups == 0 || table.least_count > gpus) return;
    constexpr double most = 1e12;  // of a weight: beyond it sums lose all others
    const double weight = j.weight > 0 ? std::min(j.weight, most) : 0;
    const double spread = j.work_spread > 0 ? std::min(j.work_spread, 3.0) : 0;
    w.entries.push_back({{t, weight}, todo, j.id.value, i, spread});
  }

  void plan(std::span<const candidate> jobs, double price, const remaining& left) {
    auto& w = *work;
    const double gpus = left.gpus;
    detail::path_resource r{.capacity = gpus, .energy_price = price};
    const auto make = [&](double at, bool improving = false) {
      r.energy_price = at;
      w.plan.make(w.entries, w.tables, r, exact_work, improving);
      return improving || energy(jobs) <= left.energy_j;
    };
    if (left.energy_j < infinite && !make(price)) {
      // The price at which the rest takes what there is.
      constexpr double most = 1e6;
      double low = price, high = std::max(1e-9, 2 * price);
      for (; !make(high) && high < most; high *= 4) low = high;
      for (int i = 0; i < 8; ++i) {
        const double middle = low > 0 ? std::sqrt(low * high) : high / 4;
        (make(middle) ? high : low) = middle;
      }
      price = w.answer.energy_price = high;
    }
    make(price, true);
    if (!(left.power_w < infinite)) return;
    double given = 0, watts = 0;
    taken(given, watts);
    if (watts <= left.power_w) return;
    // A mix of GPUs and watts of which both run out together.
    const double most_w = std::max(left.power_w, 1e-9);
    double low = 0, high = 1;
    r.capacity = 1;
    for (int i = 0; i < 6; ++i) {
      const double a = i == 0 ? 0 : (low + high) / 2;
      r.a_gpu = a / gpus;
      r.a_watt = (1 - a) / most_w;
      w.plan.make(w.entries, w.tables, r, exact_work, false);
      taken(given, watts);
      if (i == 0 && given <= gpus) return;
      (given / gpus > watts / most_w ? low : high) = a;
    }
  }

  // What the plan gives now.
  void taken(double& gpus, double& watts) const {
    const auto& w = *work;
    gpus = watts = 0;
    for (std::size_t i = 0; i < w.plan.order.size(); ++i)
      if (w.plan.level[i] >= 0) {
        const detail::path_gain& g = w.plan.gain(w.plan.level[i]);
        watts += w.tables.points[g.point].watts;
        gpus += count_of(g.point, i);
      }
  }
  [[nodiscard]] int count_of(std::uint32_t point, std::size_t position) const {
    const auto& w = *work;
    const detail::path_table& t = w.tables[w.plan.order[position].kind.table];
    std::uint32_t g = t.first;
    while (w.tables.begin[g + 1] <= point) ++g;
    return static_cast<int>(w.tables.count[g]);
  }

  // Energy of the work left, each job's at the point at which it ends.
  [[nodiscard]] double energy(std::span<const candidate> jobs) const {
    const auto& w = *work;
    double joules = 0;
    for (std::size_t i = 0; i < w.plan.order.size(); ++i) {
      const detail::path_entry& e = w.plan.order[i];
      const detail::path_gain* best = nullptr;
      if (w.plan.level[i] >= 0)
        best = &w.plan.gain(w.plan.level[i]);
      else
        for (const detail::path_gain& g : w.plan.gains_of(i))
          if (!best || g.value > best->value) best = &g;
      if (best) joules += e.work * point_of(jobs[e.candidate], best->point).energy_per_sample_j();
    }
    return joules;
  }
  [[nodiscard]] const model::operating_point& point_of(const candidate& j,
                                                       std::uint32_t point) const {
    return j.curve->points()[work->tables.points[point].index];
  }

  // Gives jobs that the plan would bring in late the fewest GPUs that meet their deadline. Whether there are any.
  bool force(std::span<const candidate> jobs, remaining& left, allocation& out) {
    auto& w = *work;
    bool any = false;
    for (std::size_t i = 0; i < w.plan.order.size(); ++i) {
      const std::uint32_t c = w.plan.order[i].candidate;
      const candidate& j = jobs[c];
      if (!(j.time_left_s < infinite)) continue;
      const double needed = work_left(j) / j.time_left_s;
      const bool runs = w.plan.level[i] >= 0;
      const double speed = runs ? w.tables.points[w.plan.gain(w.plan.level[i]).point].speed : 0;
      if (j.time_left_s <= 0 || speed >= needed) continue;
      for (int n = count_from(j, 1); n != 0 && n <= left.gpus; n = count_from(j, n + 1)) {
        const model::operating_point* least = nullptr;
        for (const model::operating_point& p : j.curve->at(n)) {
          remaining then = left;
          if (p.throughput >= needed && then.move(j, nullptr, &p) &&
              (!least || p.energy_per_sample_j() < least->energy_per_sample_j()))
            least = &p;
        }
        if (!least) continue;
        left.move(j, nullptr, least);
        out[c] = least;
        w.forced[c] = 1;
        any = true;
        break;
      }
    }
    return any;
  }

  void hand_out(std::span<const candidate> jobs, const limits& l, remaining& left,
                allocation& out) {
    auto& w = *work;
    const bool limited = l.power_w < infinite || l.energy_j < infinite;
    detail::path_handout give{w.plan, w.tables, jobs, left, out};
    if (!limited)
      give.planned_gpus();
    else
      give.planned(w.turn);
    if (left.gpus > 0) give.rest();
    if (left.gpus > 0 && limited) {  // at a clock that the plan would not choose
      for (const detail::path_entry& e : w.plan.order) w.forced[e.candidate] = 2;
      start_smallest(jobs, left, out, [&](std::size_t i) { return w.forced[i] == 2; });
    }
  }
  void book() {
    work_space& w = *work;
    w.answer.gpu_price = std::max(w.answer.gpu_price, w.plan.price());
    w.answer.exact = w.answer.exact && w.plan.exact();
    const std::vector<double>& worth = w.plan.worth();
    double* const by_candidate = w.answer.worth.data();
    double cost = 0;
    for (std::size_t i = 0; i < worth.size(); ++i) {
      const detail::path_entry& e = w.plan.order[i];
      by_candidate[e.candidate] = worth[i];
      cost += worth[i] * e.work;
    }
    w.answer.plan_cost += cost;
  }
};

}  // namespace heddle::allocate
