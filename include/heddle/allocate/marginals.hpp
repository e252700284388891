// Elastic policies that hand out GPUs one step after the other, by what a step gains.
//
//   policy               a step's gain, for each GPU that it takes            after
//   throughput_marginal  part of the job's time saved; deadlines first        AFS, ElasticFlow
//   optimus              seconds saved                                        Optimus
//   pollux               harmonic mean of speed-ups in goodput                Pollux
//
// All run at the fastest clock that power allows. They start jobs on their smallest count in the order of
// the candidates, then step to the next count of the curve while a step gains and fits; of steps alike the
// earlier job's goes first. O(S·(log J + P)) for S steps, J jobs and P points of a count; allocation-free
// once warm. One writer each. The greedy and its treatment of power are derived.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/gpu_steps.hpp>
#include <heddle/allocate/remaining.hpp>
#include <heddle/core/detail/scratch.hpp>

namespace heddle::allocate {

/// First every job that has a deadline gets, in order, the smallest count that meets it (ElasticFlow's
/// minimum satisfactory share); one whose count is not to be had is not admitted now. Then the others
/// start, those not admitted last of all, and GPUs go where they save the largest part of a job's time:
/// (1 − T(n)/T(n')) / (n' − n).
///
/// Reference: Hwang et al., AFS, NSDI 2021; Gu et al., ElasticFlow, ASPLOS 2023. ElasticFlow plans ahead
/// in time slots; here a share is one that would meet the deadline if it stayed.
struct throughput_marginal {
  static constexpr bool elastic = true;

  bool deadlines = true;  ///< reads `time_left_s`
  heddle::detail::scratch<std::vector<gpu_step>> heap = {};

  bool operator==(const throughput_marginal&) const = default;

  void operator()(std::span<const candidate> jobs, const limits& l, allocation& out) {
    out.assign(jobs.size(), nullptr);
    remaining left{l};
    const auto urgent = [&](std::size_t i) {
      return deadlines && jobs[i].time_left_s < std::numeric_limits<double>::infinity();
    };
    for (std::size_t i = 0; i < jobs.size() && left.gpus > 0; ++i) {
      if (!urgent(i) || !can_run(jobs[i])) continue;
      for (int n = count_from(jobs[i], 1); n != 0 && n <= left.gpus;
           n = count_from(jobs[i], n + 1)) {
        const auto* p = left.fastest(jobs[i], nullptr, n);
        if (!p || !(work_left(jobs[i]) <= p->throughput * jobs[i].time_left_s)) continue;
        left.move(jobs[i], nullptr, p);
        out[i] = p;
        break;
      }
    }
    start_smallest(jobs, left, out, [&](std::size_t i) { return !urgent(i); });
    start_smallest(jobs, left, out, [](std::size_t) { return true; });
    raise_counts(jobs, left, out, *heap, [&](std::size_t i, const auto& from, const auto& to) {
      const double saved = 1 - from.throughput / to.throughput;
      return jobs[i].weight * saved / (to.config.gpus - from.config.gpus);
    });
  }
};

/// GPUs go where they take most seconds off a job's run time left: work·(1/T(n) − 1/T(n')) / (n' − n).
/// So long jobs grow first. Reference: Peng et al., Optimus, EuroSys 2018, without its parameter servers.
struct optimus {
  static constexpr bool elastic = true;

  heddle::detail::scratch<std::vector<gpu_step>> heap = {};

  bool operator==(const optimus&) const = default;

  void operator()(std::span<const candidate> jobs, const limits& l, allocation& out) {
    out.assign(jobs.size(), nullptr);
    remaining left{l};
    start_smallest(jobs, left, out, [](std::size_t) { return true; });
    raise_counts(jobs, left, out, *heap, [&](std::size_t i, const auto& from, const auto& to) {
      const double work = work_left(jobs[i]);
      const double saved = work / from.throughput - work / to.throughput;
      return jobs[i].weight * saved / (to.config.gpus - from.config.gpus);
    });
  }
};

/// Statistical efficiency of a global batch M against the smallest, M₀, of the job's curve:
/// (φ + M₀) / (φ + M), φ the gradient's noise scale in samples. φ = ∞ is 1 at any batch, φ = 0 makes
/// a sample of a batch twice as large worth half. Reference: Qiao et al., Pollux, OSDI 2021.
struct gradient_noise {
  double noise_samples = std::numeric_limits<double>::infinity();

  bool operator==(const gradient_noise&) const = default;
  double operator()(const candidate& j, const model::operating_point& p) const {
    const auto batch = [](const model::operating_point& q) {
      return q.config.gpus * q.config.local_batch;
    };
    if (noise_samples == std::numeric_limits<double>::infinity()) return 1;
    double least = batch(p);
    for (const model::operating_point& q : j.curve->points()) least = std::min(least, batch(q));
    return (noise_samples + least) / (noise_samples + batch(p));
  }
};

/// Raises the weighted harmonic mean of the jobs' speed-ups in goodput = throughput · efficiency over what
/// an equal share of the GPUs would give them: each step the most that Σ weight/speed-up falls for a GPU.
/// Pollux itself searches with a genetic algorithm, over placements too. Its exponent p is −1 here.
///
/// `Efficiency` is a function of a candidate and a point to (0, 1].
template <class Efficiency = gradient_noise>
struct pollux {
  static constexpr bool elastic = true;

  Efficiency efficiency = {};

  struct work_space {
    std::vector<gpu_step> heap;
    std::vector<double> fair;  // the goodput of an equal share
  };
  heddle::detail::scratch<work_space> work = {};

  bool operator==(const pollux&) const = default;

  void operator()(std::span<const candidate> jobs, const limits& l, allocation& out) {
    out.assign(jobs.size(), nullptr);
    remaining left{l};
    auto& [heap, fair] = *work;
    fair.clear();
    const int share = jobs.empty() ? 0 : l.gpus / static_cast<int>(jobs.size());
    for (const candidate& j : jobs) {
      int count = count_from(j, 1);
      for (int next = count; next != 0 && next <= share; next = count_from(j, next + 1))
        count = next;
      const auto* p = j.curve->fastest(count);
      fair.push_back(p ? goodput(j, *p) : 0);
    }
    start_smallest(jobs, left, out, [](std::size_t) { return true; });
    raise_counts(
        jobs, left, out, heap, [&, &fair = fair](std::size_t i, const auto& from, const auto& to) {
          const double fall = fair[i] / goodput(jobs[i], from) - fair[i] / goodput(jobs[i], to);
          return jobs[i].weight * fall / (to.config.gpus - from.config.gpus);
        });
  }

 private:
  [[nodiscard]] double goodput(const candidate& j, const model::operating_point& p) const {
    return p.throughput * efficiency(j, p);
  }
};

}  // namespace heddle::allocate
