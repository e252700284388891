// The best operating points for all jobs together, with a proof of how good they are.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/gpu_steps.hpp>
#include <heddle/allocate/objective.hpp>
#include <heddle/allocate/rescale_rule.hpp>
#include <heddle/choice/choice.hpp>
#include <heddle/core/detail/scratch.hpp>

namespace heddle::allocate {

/// Maximises Σ weight · objective over at most one point a job, within GPUs, power and energy: the
/// multiple-choice knapsack of `choice::solver`, which see. `last()` tells objective, bound and gap of the
/// decision: no allocation within the limits is worth more than the bound.
///
///     allocate::optimal<> least_jct;                              // Σ weight·JCT
///     allocate::optimal<objective::energy> frugal{.gap = 1e-4};
///
/// Points that draw less than their GPUs do idle count as drawing as much. Nothing is given on a negative
/// budget or one that is not a number. Of several types of GPU (`limits::by_type`) each is a resource of its own, and a job
/// takes a point on one of them. Jobs without `work_left` get nothing. Knows no priority classes: a weight is what
/// says that a job matters more.
///
/// The prices of one decision start the next; a copy starts without any. 10 000 jobs × 40 points take 20–40 ms to a gap of 0.1 %
/// (bench/allocate/policies.cpp). Without a time limit the answer depends on the input and on the prices
/// that were kept. Allocates nothing once the sizes have been seen. One writer.
template <class Objective = objective::jct>
struct optimal {
  static_assert(objective::Objective<Objective>,
                "an objective tells what a point of its curve is worth to a job: "
                "double(const candidate&, const model::operating_point&)");

  static constexpr bool elastic = true;  ///< running jobs may be resized
  static constexpr bool knows_types = true;

  Objective objective = {};
  double gap = 1e-3;           ///< good enough, relative
  std::size_t node_limit = 0;  ///< of branch and bound, where the gap is not reached without
  double time_limit_s = std::numeric_limits<double>::infinity();  ///< for branch and bound
  rescale_rule rescale = {};  ///< off as it is; taken back changes are not in `last()`
  /// Starts jobs too that are worth nothing by the objective, on their fewest GPUs, where these would idle: else a
  /// job that takes longer than an objective's stand-in for waiting would wait for ever. Not in `last()`.
  bool start_waiting = true;

  struct work_space {
    choice::problem problem;
    choice::solver solver;
    choice::answer answer;
    std::vector<const model::operating_point*> points;
  };
  heddle::detail::scratch<work_space> work = {};

  bool operator==(const optimal&) const = default;

  /// Status, objective, bound and gap of the last decision, and the price of each resource: GPUs, of each type, then
  /// power if it was limited, then energy if it was. Precondition: one has been made.
  [[nodiscard]] const choice::answer& last() const { return work->answer; }

  void operator()(std::span<const candidate> jobs, const limits& l, allocation& out) {
    out.assign(jobs.size(), nullptr);
    auto& [problem, solver, answer, points] = *work;
    const auto worth = objective::prepared(objective, jobs);
    const bool power = l.power_w != infinite, energy = l.energy_j != infinite;
    const auto from_zero = [](double x) { return x > 0 ? x : 0; };
    problem.capacity.clear();
    const int types = std::max(1, l.by_type.types);
    for (int t = 0; t < types; ++t)
      problem.capacity.push_back(from_zero(l.by_type.alike() ? l.gpus : l.gpus_of(t)));
    if (power) problem.capacity.push_back(from_zero(l.power_w));
    if (energy) problem.capacity.push_back(from_zero(l.energy_j));
    problem.begin.assign(1, 0);
    problem.value.clear();
    problem.use.clear();
    problem.weight.clear();
    points.clear();
    const bool any = l.gpus > 0 && l.power_w >= 0 && l.energy_j >= 0;
    for (candidate j : jobs) {
      j.work = work_left(j);
      const bool runs = any && j.work > 0 && j.weight > 0 && j.weight < infinite;
      problem.weight.push_back(runs ? j.weight : 0);
      for (int t = 0; runs && t < types; ++t)
        if (const model::curve* const c = curve_on(j, l, t))
          for (const model::operating_point& p : c->points())
            add(*work, worth, j, p, l, t, power, energy);
      problem.begin.push_back(static_cast<std::uint32_t>(points.size()));
    }
    solver(problem, {.gap = gap, .node_limit = node_limit, .time_limit_s = time_limit_s}, answer);
    for (std::size_t i = 0; i < jobs.size(); ++i)
      if (answer.point[i] >= 0)
        out[i] = points[problem.begin[i] + static_cast<std::size_t>(answer.point[i])];
    if (l.by_type.alike()) rescale.apply(jobs, l, out);
    if (!start_waiting || !any) return;
    const auto may_start = [&](std::size_t i) { return problem.weight[i] > 0; };
    if (l.by_type.alike())
      allocate::start_waiting(jobs, l, out, may_start);
    else
      start_waiting_on_types(jobs, l, out, may_start);
  }

 private:
  static constexpr double infinite = std::numeric_limits<double>::infinity();

  /// As `allocate::start_waiting`, type by type.
  template <class MayStart>
  static void start_waiting_on_types(std::span<const candidate> jobs, const limits& l,
                                     allocation& out, MayStart may_start) {
    allocation one(1);
    limits rest = l;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      if (!out[i]) continue;
      rest.by_type.gpus[out[i]->config.type] -= out[i]->config.gpus;
      rest.power_w -= extra_power_w(*out[i], l);
      rest.energy_j -= work_left(jobs[i]) * out[i]->energy_per_sample_j();
    }
    for (std::size_t i = 0; i < jobs.size(); ++i)
      for (int t = 0; t < l.by_type.types && !out[i]; ++t) {
        candidate j = jobs[i];
        j.curve = curve_on(jobs[i], l, t);
        if (!j.curve) continue;
        remaining left{rest.of_type(t)};
        one[0] = nullptr;
        start_smallest({&j, 1}, left, one, [&](std::size_t) { return may_start(i); });
        if (!(out[i] = one[0])) continue;
        rest.by_type.gpus[static_cast<std::size_t>(t)] = left.gpus;
        rest.power_w = left.power_w;
        rest.energy_j = left.energy_j;
      }
  }

  template <class Worth>
  static void add(work_space& w, const Worth& worth, const candidate& j,
                  const model::operating_point& p, const limits& l, int type, bool power,
                  bool energy) {
    if (p.config.gpus < j.min_gpus || p.config.gpus > j.max_gpus) return;
    const double value = worth(j, p);
    const double watts = power ? extra_power_w(p, l) : 0;
    const double joules = energy ? j.work * p.energy_per_sample_j() : 0;
    if (!(value > 0) || !(value < infinite) || !(watts < infinite) || !(joules < infinite)) return;
    w.points.push_back(&p);
    w.problem.value.push_back(value);
    for (int t = 0; t < std::max(1, l.by_type.types); ++t)
      w.problem.use.push_back(t == type ? p.config.gpus : 0);
    if (power) w.problem.use.push_back(watts > 0 ? watts : 0);
    if (energy) w.problem.use.push_back(joules);
  }
};

}  // namespace heddle::allocate
