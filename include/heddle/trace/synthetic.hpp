// Workloads made by chance.
//
//   workload          sizes, run times                    gaps between arrivals
//   vclos_workload    of the vClos evaluation             exponential (Poisson arrivals)
//   bursty_workload   powers of two, log-normal           of any coefficient of variation ≥ 1
//
// One more is in lingjun.hpp: many small jobs and few very large ones.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include <boost/random/exponential_distribution.hpp>
#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_01.hpp>

#include <heddle/core/error.hpp>
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
  int cluster_gpus = 512;  ///< the load refers to these
  double load = 0.75;      ///< GPU time asked for over GPU time there is, > 0
  double mean_gap_s = 0;   ///< between submissions; 0: what gives `load`
  bool heavy = true;       ///< as in `vclos_mix`
  std::uint64_t seed = 0;

  /// Mean GPU time of a job, in s.
  [[nodiscard]] double mean_gpu_s() const {
    double sum = 0, weights = 0;
    for (const size_class& c : sizes) {
      const double rest = c.duration_s(.95);
      const double mean =
          .50 * c.p50_s + .25 * c.p75_s + .15 * c.p90_s + .09 * rest + .01 * c.p99_s;
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

/// Gaps of a given mean whose standard deviation is `cv` times the mean, ≥ 1: with probability p short
/// ones, else long ones, either kind exponential and contributing half of the mean (the hyperexponential
/// distribution of two phases with balanced means; 1 is the exponential distribution). Real arrivals of
/// training jobs come in such bursts: cv is 2.8 to 18.9 in six public traces (Philly, ITP, Alibaba).
/// Reference: Allen, Probability, Statistics, and Queueing Theory, 2nd ed., 1990.
struct bursty_gaps {
  double mean_s = 60;  ///< > 0
  double cv = 4;       ///< ≥ 1

  /// The probability p of a short gap.
  [[nodiscard]] double short_share() const {
    return (1 + std::sqrt((cv * cv - 1) / (cv * cv + 1))) / 2;
  }
  /// A gap drawn from the stream.
  [[nodiscard]] double operator()(stream& s) const {
    const double p = short_share();
    const bool is_short = boost::random::uniform_01<double>()(s) < p;
    return boost::random::exponential_distribution<double>(2 * (is_short ? p : 1 - p) / mean_s)(s);
  }
};

/// A workload with the bursts of real ones, for elastic jobs: sizes are powers of two, small ones more
/// often, run times log-normal, models drawn from a list if there is one (PowerFlow gives its jobs
/// models of a catalogue; which jobs it ran was not published, so all of this is derived).
struct bursty_workload {
  std::size_t jobs = 1000;
  bursty_gaps gaps;
  int max_gpus = 64;           ///< the largest size; twice the size is `halving` times as likely
  double halving = .6;         ///< in (0, 1]
  double median_s = 1800;      ///< of the run time, > 0
  double sigma = 1.5;          ///< of its logarithm, ≥ 0
  double max_s = 7 * 86400.0;  ///< longer run times are cut
  std::span<const std::string_view> models;  ///< empty: none; must outlive this
  std::uint64_t seed = 0;

  /// The jobs by submission, without curves. O(jobs · log max_gpus).
  /// \throws input_error  for options out of their range
  [[nodiscard]] std::vector<job> operator()() const {
    if (!(gaps.mean_s > 0 && gaps.cv >= 1 && max_gpus >= 1 && halving > 0 && halving <= 1 &&
          median_s > 0 && sigma >= 0))
      throw input_error("bursty_workload", "options in their ranges", "one out of them");
    std::vector<double> weights;  // of 1, 2, 4, … GPUs, summed up
    for (int n = 1; n <= max_gpus && n > 0; n *= 2) {
      const double weight = std::pow(halving, static_cast<double>(weights.size()));
      weights.push_back((weights.empty() ? 0 : weights.back()) + weight);
      if (n > std::numeric_limits<int>::max() / 2) break;
    }
    boost::random::uniform_01<double> uniform;
    boost::random::normal_distribution<double> normal;
    const vclos_mix pattern{seed, false};
    std::vector<job> out(jobs);
    double now_s = 0;
    for (std::size_t i = 0; i < jobs; ++i) {
      job& j = out[i];
      j.id = job_id{i};
      stream arrival{seed, i, "arrival"}, size{seed, i, "size"}, length{seed, i, "duration"};
      if (i > 0) now_s += gaps(arrival);
      j.submit_s = now_s;
      const double at = uniform(size) * weights.back();
      const auto k = std::upper_bound(weights.begin(), weights.end() - 1, at) - weights.begin();
      j.gpus = 1 << k;
      normal.reset();  // a job's draw is its own
      j.duration_s =
          std::clamp(median_s * std::exp(sigma * normal(length)), 1.0, std::max(1.0, max_s));
      if (models.empty())
        pattern(j, {.model = false, .pattern = true, .comm_share = true});
      else
        catalogue_mix{seed, models}(j, {.model = true, .pattern = true, .comm_share = true});
    }
    return out;
  }
};

}  // namespace heddle::trace
