// Elastic, energy-aware allocation: many small steps, the most time saved for the energy first.
#pragma once

#include <span>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/detail/step_engine.hpp>
#include <heddle/allocate/gpu_steps.hpp>
#include <heddle/allocate/rescale_rule.hpp>
#include <heddle/core/detail/scratch.hpp>

namespace heddle::allocate {

/// By what a step's saving of time is measured.
enum class ranking {
  relative,  ///< in parts of the job's own time and energy
  absolute,  ///< in seconds and joules
};
/// To which count a step in GPUs leads.
enum class growth {
  doubling,    ///< the next on the curve that is at least twice as large
  next_count,  ///< the next on the curve
};
/// What happens at the first step that GPUs or a budget do not allow.
enum class when_full {
  skip,  ///< smaller steps that fit are still made
  stop,  ///< nothing more is handed out
};

/// Starts every job on the fewest GPUs it may have, at the clock that spends least energy on a
/// sample, in the order of the candidates as far as GPUs and budgets allow. Then makes steps, each of
/// one job: to a larger GPU count at the best clock there, or to the next faster point at the same
/// count; of these two a job takes the one that ranks higher. Steps are ranked by the time they save
/// for their energy,
///
///     priority = weight · (ΔJCT / JCT) / (ΔE / E)
///
/// JCT being the run time left at a point and E its energy. A step that saves time and costs no energy
/// has infinite priority, one that saves no time is never made. All jobs' steps are made in one order:
/// by the least priority on the job's way up to the step, then fewest steps made, then the lower id.
///
///     1  the order, until a step does not fit (`when_full::stop` ends here)
///     2  the GPUs that are left, to jobs whose next step is one in GPUs and fits
///     3  faster clocks, in the order, until one does not fit
///     4  the faster clocks that fit still
///
/// So two jobs that differ in their work alone are never more than one step apart before a limit binds,
/// and no step is left out that could be made at the end by a faster clock. What a step gives back (a
/// larger count may spend less energy) is not handed out again in the same call.
///
/// With `classes` the jobs of a higher priority are served before a lower one is looked at: what they
/// get, and so their JCT, is the same whether or not there are lower ones.
///
/// An exhausted energy budget (`limits::energy_j`) starts no job; running ones go on at their start
/// point, unless `hard_energy`. Power and energy are kept to 1e-15 of the limit a job. A job without
/// `work_left` gets nothing, one whose weight is not positive stays at its start.
///
/// Cold O(P + J·S) for P points, J jobs and S steps of a chain that are looked at, and a heap of those
/// near the limit. What it remembers of curves and of where the last search ended makes the next call
/// take a few passes over the jobs and changes no answer: 10 000 jobs × 40 points take 4 to 5 ms from nothing
/// and 0.07 ms after an arrival, 0.11 ms where power binds too (bench/allocate/policies.cpp). Allocates
/// nothing once the curves have been seen. One writer: it keeps its work space.
///
/// Reference: Gu et al., Energy-Efficient GPU Clusters Scheduling for Deep Learning, arXiv 2304.06381
/// (2023), for the aim; the priority is as a third party's port has it; steps, order, budgets and
/// classes are derived.
struct powerflow {
  static constexpr bool elastic = true;  ///< running jobs may be resized

  /// Divides by the energy's change. Without it steps are ordered by the time they save alone.
  bool weigh_energy = true;
  ranking rank = ranking::relative;
  growth grow = growth::doubling;
  when_full full = when_full::skip;
  bool classes = true;        ///< hard priority classes
  bool hard_energy = false;   ///< running jobs too stop when the energy is used up
  rescale_rule rescale = {};  ///< off as it is
  /// Starts jobs at another clock whose start point does not fit, where GPUs would idle.
  bool start_waiting = true;

  heddle::detail::scratch<detail::step_engine> memory = {};

  bool operator==(const powerflow&) const = default;

  void operator()(std::span<const candidate> jobs, const limits& l, allocation& out) {
    memory->run({.rule = {.weigh_energy = weigh_energy,
                          .relative = rank == ranking::relative,
                          .doubling = grow == growth::doubling},
                 .stop = full == when_full::stop,
                 .classes = classes,
                 .hard = hard_energy},
                jobs, l, out);
    rescale.apply(jobs, l, out);
    if (start_waiting && full == when_full::skip)
      allocate::start_waiting(
          jobs, l, out, [](std::size_t) { return true; }, classes);
  }
};

}  // namespace heddle::allocate
