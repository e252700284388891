// Elastic, energy-aware allocation: many small steps, the most time saved for the energy first.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <heddle/allocate/allocation_policy.hpp>

namespace heddle::allocate {

namespace detail {
/// A move of one job from the point it has to a better one.
struct powerflow_step {
  double priority = 0;
  std::uint32_t job = 0;
  std::uint32_t version = 0;  // of the job's point when the step was found
  const model::operating_point* to = nullptr;

  /// Heap order: the largest priority first, then the earlier job.
  friend bool operator<(const powerflow_step& a, const powerflow_step& b) {
    return std::pair{a.priority, b.job} < std::pair{b.priority, a.job};
  }
};
}  // namespace detail

/// Starts every job on the fewest GPUs it may have, at the clock that spends least energy on a
/// sample, as long as GPUs and budget allow. Then makes steps, each of one job: to the next larger
/// GPU count that at least doubles what it has, at the best clock there; or to the next faster point
/// at the same count. Of all steps the one goes first that saves most time for its energy, both
/// relative to the job's own:
///
///     priority = (ΔJCT / JCT) / (ΔE / E)
///
/// JCT being the run time left at a point and E its energy. A step that saves time and no energy
/// less has infinite priority, one that saves no time is never made. A step that GPUs or budget do
/// not allow is dropped, and the job's other kind of step stays.
///
/// Of jobs alike the earlier candidate goes first. O(S log J + S·P) for J jobs, P points of a count
/// and S steps made; allocates nothing once warm. One writer: it keeps its work space.
/// Reference: Gu et al., Energy-Efficient GPU Clusters Scheduling for Deep Learning, arXiv
/// 2304.06381 (2023), for the priority; the steps and budgets are derived.
struct powerflow {
  static constexpr bool elastic = true;  ///< running jobs may be resized

  /// Divides by the energy's change. Without it steps are ordered by the time they save alone.
  bool weigh_energy = true;
  std::vector<detail::powerflow_step> heap = {};  ///< scratch, nothing to set
  std::vector<std::uint32_t> versions = {};       ///< scratch, nothing to set

  void operator()(std::span<const candidate> jobs, const limits& l, allocation& out) {
    out.assign(jobs.size(), nullptr);
    heap.clear();
    versions.assign(jobs.size(), 0);
    balance left{l.gpus, l.power_w, l.energy_j};

    for (std::size_t i = 0; i < jobs.size() && left.gpus > 0; ++i) {
      const model::operating_point* first = smallest(jobs[i]);
      if (!first || !left.pay(nullptr, *first, jobs[i].work, l)) continue;
      out[i] = first;
      propose(jobs[i], *first, i);
    }
    while (!heap.empty()) {
      std::pop_heap(heap.begin(), heap.end());
      const detail::powerflow_step step = heap.back();
      heap.pop_back();
      const model::operating_point*& point = out[step.job];
      if (step.version != versions[step.job]) continue;  // found before another step of the job
      if (!left.pay(point, *step.to, jobs[step.job].work, l)) continue;
      point = step.to;
      ++versions[step.job];
      propose(jobs[step.job], *point, step.job);
    }
  }

 private:
  struct balance {
    int gpus;
    double power_w, energy_j;

    /// Changes one job's point if what is left allows it.
    bool pay(const model::operating_point* from, const model::operating_point& to, double work,
             const limits& l) {
      const int g = to.config.gpus - (from ? from->config.gpus : 0);
      const double p = extra_power_w(to, l) - (from ? extra_power_w(*from, l) : 0);
      const double e =
          work * (to.energy_per_sample_j() - (from ? from->energy_per_sample_j() : 0));
      if (g > gpus || (p > 0 && p > power_w) || (e > 0 && e > energy_j)) return false;
      gpus -= g;
      power_w -= p;
      energy_j -= e;
      return true;
    }
  };

  /// The most efficient point at the smallest count within the job's range.
  static const model::operating_point* smallest(const candidate& job) {
    for (const model::operating_point& p : job.curve->points())
      if (p.config.gpus >= job.min_gpus)
        return p.config.gpus <= job.max_gpus ? job.curve->most_efficient(p.config.gpus) : nullptr;
    return nullptr;
  }

  [[nodiscard]] double priority(const model::operating_point& from,
                                const model::operating_point& to, double weight) const {
    const double time_saved = 1 - from.throughput / to.throughput;
    if (!(time_saved > 0)) return 0;
    if (!weigh_energy) return weight * time_saved;
    const double energy_spent = to.energy_per_sample_j() / from.energy_per_sample_j() - 1;
    if (energy_spent <= 0) return std::numeric_limits<double>::infinity();
    return weight * time_saved / energy_spent;
  }

  /// Pushes the two steps that lead on from `from`.
  void propose(const candidate& job, const model::operating_point& from, std::size_t index) {
    const auto points = job.curve->points();
    const auto offer = [&](const model::operating_point* to) {
      const double p = to ? priority(from, *to, job.weight) : 0;
      if (p <= 0) return;
      heap.push_back({p, static_cast<std::uint32_t>(index), versions[index], to});
      std::push_heap(heap.begin(), heap.end());
    };
    const std::size_t here = job.curve->index_of(from);
    if (here + 1 < points.size() && points[here + 1].config.gpus == from.config.gpus)
      offer(&points[here + 1]);

    const auto larger = std::find_if(
        points.begin() + static_cast<std::ptrdiff_t>(here), points.end(),
        [&](const model::operating_point& p) { return p.config.gpus >= 2 * from.config.gpus; });
    if (larger == points.end() || larger->config.gpus > job.max_gpus) return;
    const model::operating_point* best = nullptr;
    for (const model::operating_point& p : job.curve->at(larger->config.gpus))
      if (!best || priority(from, p, job.weight) >= priority(from, *best, job.weight)) best = &p;
    offer(best);
  }
};

}  // namespace heddle::allocate
