// Workloads made by chance.
//
//   workload         sizes, run times                    arrivals
//   vclos_workload   of the vClos evaluation             Poisson
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <boost/random/exponential_distribution.hpp>
#include <boost/random/uniform_01.hpp>

#include <heddle/core/job.hpp>
#include <heddle/core/random.hpp>
#include <heddle/trace/fill.hpp>

namespace heddle::trace {

/// Jobs of one size in a published list: how many, and their run times in s.
struct size_class {
  int gpus;
  double weight;
  double mean_s, p50_s, p75_s, p90_s, p99_s;

  /// The run time at quantile u in [0, 1): a step function through the quantiles. The step from
  /// the 90th to the 99th percentile, of which nothing was published, is where the mean puts it
  /// (derived).
  [[nodiscard]] double duration_s(double u) const {
    if (u < .50) return p50_s;
    if (u < .75) return p75_s;
    if (u < .90) return p90_s;
    if (u >= .99) return p99_s;
    const double rest = mean_s - .50 * p50_s - .25 * p75_s - .15 * p90_s - .01 * p99_s;
    return std::clamp(rest / .09, p90_s, p99_s);
  }
};

/// Sizes and run times of the 5 000 jobs for 2 048 GPUs and more (TPU v4 slice sizes, Helios run
/// times clipped to 1 000 … 100 000 s).
inline constexpr std::array<size_class, 7> vclos_sizes{{
    {8, 446, 3410, 1000, 2000, 4000, 84000},
    {64, 1501, 3570, 1000, 2000, 3000, 84000},
    {128, 699, 7490, 1000, 2000, 13000, 100000},
    {192, 31, 4500, 1000, 1000, 1400, 100000},
    {256, 501, 7210, 1000, 1000, 16000, 100000},
    {384, 5, 1090, 1000, 1000, 1400, 1400},
    {512, 1817, 8000, 1000, 1000, 16000, 100000},
}};

/// The mix for 512 GPUs; run times as those of the 8-GPU jobs above.
inline constexpr std::array<size_class, 9> vclos_small_sizes{{
    {1, 3951, 3410, 1000, 2000, 4000, 84000},
    {2, 782, 3410, 1000, 2000, 4000, 84000},
    {4, 879, 3410, 1000, 2000, 4000, 84000},
    {8, 2517, 3410, 1000, 2000, 4000, 84000},
    {16, 669, 3410, 1000, 2000, 4000, 84000},
    {32, 658, 3410, 1000, 2000, 4000, 84000},
    {64, 243, 3410, 1000, 2000, 4000, 84000},
    {128, 207, 3410, 1000, 2000, 4000, 84000},
    {256, 94, 3410, 1000, 2000, 4000, 84000},
}};

/// The workload of the vClos evaluation.
/// Reference: Han et al., arXiv 2308.05692 (2023), and the group's published simulators.
struct vclos_workload {
  std::span<const size_class> sizes = vclos_small_sizes;
  std::size_t jobs = 5000;
  int cluster_gpus = 512;    ///< the load refers to these
  double load = 0.75;        ///< GPU time asked for over GPU time there is, > 0
  double mean_gap_s = 0;     ///< between submissions; 0: what gives `load`
  bool heavy = true;         ///< as in `vclos_mix`
  std::uint64_t seed = 0;

  /// Mean GPU time of a job, in s.
  [[nodiscard]] double mean_gpu_s() const {
    double sum = 0, weights = 0;
    for (const size_class& c : sizes) {
      const double rest = c.duration_s(.95);
      const double mean = .50 * c.p50_s + .25 * c.p75_s + .15 * c.p90_s + .09 * rest + .01 * c.p99_s;
      sum += c.weight * c.gpus * mean;
      weights += c.weight;
    }
    return sum / weights;
  }

  /// The jobs by submission, without curves. O(jobs · sizes).
  [[nodiscard]] std::vector<job> operator()() const {
    const double gap_s = mean_gap_s > 0 ? mean_gap_s : mean_gpu_s() / (cluster_gpus * load);
    double weights = 0;
    for (const size_class& c : sizes) weights += c.weight;
    boost::random::exponential_distribution<double> gap(1 / gap_s);
    boost::random::uniform_01<double> uniform;
    const vclos_mix mix{seed, heavy};

    std::vector<job> out(jobs);
    double now_s = 0;
    for (std::size_t i = 0; i < jobs; ++i) {
      job& j = out[i];
      j.id = job_id{i};
      stream arrival{seed, i, "arrival"}, size{seed, i, "size"}, length{seed, i, "duration"};
      now_s += gap(arrival);
      j.submit_s = now_s;
      double at = uniform(size) * weights;
      auto c = sizes.begin();
      while (c + 1 != sizes.end() && at >= c->weight) at -= (c++)->weight;
      j.gpus = c->gpus;
      j.duration_s = c->duration_s(uniform(length));
      mix(j, {.model = true, .pattern = true, .comm_share = true});
    }
    return out;
  }
};

}  // namespace heddle::trace
