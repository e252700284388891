// The best operating points for all jobs together, with a proof of how good they are.
#pragma once

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
/// budget or one that is not a number. Jobs without `work_left` get nothing. Knows no priority classes: a weight is what
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

  /// Status, objective, bound and gap of the last decision, and the price of each resource: GPUs, then
  /// power if it was limited, then energy if it was. Precondition: one has been made.
  [[nodiscard]] const choice::answer& last() const { return work->answer; }

  void operator()(std::span<const candidate> jobs, const limits& l, allocation& out) {
    out.assign(jobs.size(), nullptr);
    auto& [problem, solver, answer, points] = *work;
    const auto worth = objective::prepared(objective, jobs);
    const bool power = l.power_w != infinite, energy = l.energy_j != infinite;
    const auto from_zero = [](double x) { return x > 0 ? x : 0; };
    problem.capacity.clear();
    problem.capacity.push_back(from_zero(l.gpus));
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
      if (runs)
        for (const model::operating_point& p : j.curve->points())
          add(*work, worth, j, p, l, power, energy);
      problem.begin.push_back(static_cast<std::uint32_t>(points.size()));
    }
    solver(problem, {.gap = gap, .node_limit = node_limit, .time_limit_s = time_limit_s}, answer);
    for (std::size_t i = 0; i < jobs.size(); ++i)
      if (answer.point[i] >= 0)
        out[i] = points[problem.begin[i] + static_cast<std::size_t>(answer.point[i])];
    rescale.apply(jobs, l, out);
    if (start_waiting && any)
      allocate::start_waiting(jobs, l, out, [&](std::size_t i) { return problem.weight[i] > 0; });
  }

 private:
  static constexpr double infinite = std::numeric_limits<double>::infinity();

  template <class Worth>
  static void add(work_space& w, const Worth& worth, const candidate& j,
                  const model::operating_point& p, const limits& l, bool power, bool energy) {
    if (p.config.gpus < j.min_gpus || p.config.gpus > j.max_gpus) return;
    const double value = worth(j, p);
    const double watts = power ? extra_power_w(p, l) : 0;
    const double joules = energy ? j.work * p.energy_per_sample_j() : 0;
    if (!(value > 0) || !(value < infinite) || !(watts < infinite) || !(joules < infinite)) return;
    w.points.push_back(&p);
    w.problem.value.push_back(value);
    w.problem.use.push_back(p.config.gpus);
    if (power) w.problem.use.push_back(watts > 0 ? watts : 0);
    if (energy) w.problem.use.push_back(joules);
  }
};

}  // namespace heddle::allocate
