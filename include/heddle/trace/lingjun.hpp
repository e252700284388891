// Jobs in the manner of a large cluster: many small ones and few of hundreds of GPUs.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_01.hpp>

#include <heddle/core/error.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/core/job.hpp>
#include <heddle/core/random.hpp>
#include <heddle/trace/fill.hpp>
#include <heddle/trace/synthetic.hpp>

namespace heddle::trace {

/// A size of jobs and how often it comes.
struct weighted_size {
  int gpus;
  double weight;
};
inline constexpr std::array<weighted_size, 11> lingjun_sizes{{
    {1, 12},
    {2, 6},
    {4, 10},
    {8, 45},
    {16, 6},
    {32, 10},
    {64, 4},
    {128, 2},
    {256, 3.5},
    {400, 1},
    {744, .5},
}};

/// Jobs in the manner of Alibaba's Lingjun, a cluster of 847 hosts of 8 GPUs: many of one host, few of hundreds
/// of GPUs, run times log-normal with a mean of 28 medians, arrivals in bursts. Which jobs ran was not
/// published: sizes and moments are made up after what was.
struct lingjun_workload {
  std::span<const weighted_size> sizes = lingjun_sizes;
  std::size_t jobs = 2000;
  int cluster_gpus = 6776;  ///< the load refers to these
  double load =
      .7;  ///< GPU time asked for over GPU time from the first submission to the last, > 0
  double median_s = 500;   ///< of the run time, > 0
  double mean_s = 14'000;  ///< ≥ the median
  double gap_cv = 6;       ///< standard deviation of gaps over their mean, ≥ 1
  bool heavy = false;      ///< as in `vclos_mix`
  std::uint64_t seed = 0;

  /// The jobs by submission, without curves. O(jobs · sizes).
  /// \throws input_error  for options out of their range
  [[nodiscard]] std::vector<job> operator()() const {
    if (!(median_s > 0 && mean_s >= median_s && gap_cv >= 1 && load > 0 && cluster_gpus >= 1 &&
          !sizes.empty()))
      throw input_error("lingjun_workload", "options in their ranges", "one out of them");
    const double sigma = std::sqrt(2 * std::log(mean_s / median_s));
    double weights = 0;
    for (const weighted_size& c : sizes) weights += c.weight;
    boost::random::uniform_01<double> uniform;
    boost::random::normal_distribution<double> normal;
    const vclos_mix mix{seed, heavy};
    std::vector<job> out(jobs);
    double now_s = 0, gpu_s = 0;
    for (std::size_t i = 0; i < jobs; ++i) {
      job& j = out[i];
      j.id = job_id{i};
      stream arrival{seed, i, "arrival"}, size{seed, i, "size"}, length{seed, i, "duration"};
      if (i > 0) now_s += bursty_gaps{.mean_s = 1, .cv = gap_cv}(arrival);
      j.submit_s = now_s;
      double at = uniform(size) * weights;
      auto c = sizes.begin();
      while (c + 1 != sizes.end() && at >= c->weight) at -= (c++)->weight;
      j.gpus = c->gpus;
      normal.reset();  // a job's draw is its own
      j.duration_s = std::max(1.0, median_s * std::exp(sigma * normal(length)));
      gpu_s += j.gpus * j.duration_s;
      mix(j, {.model = true, .pattern = true, .comm_share = true});
    }
    if (now_s > 0)  // gaps were of 1 s: as long as gives the load
      for (job& j : out) j.submit_s *= gpu_s / (cluster_gpus * load) / now_s;
    return out;
  }
};

}  // namespace heddle::trace
