// Who has the best chance to end soon.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/order/order.hpp>

namespace heddle::order {

/// Jobs by their Gittins index, highest first: with X the GPU time that a job takes in all and a what it
/// has had,
///
///     G(a) = max over Δ > 0 of  P(X − a ≤ Δ | X > a) / E[min(X − a, Δ) | X > a]
///
/// in 1/s. Least mean completion time of one job at a time where run times are not known and their
/// distribution is; a heuristic where jobs run side by side. The index counts for the ages at which it was
/// worked out until the next of them, so that a claim holds for a while. Made for a scheduler that preempts.
/// References: Gittins, J. R. Stat. Soc. B 41, 1979; by GPU time, 2D-Gittins: Gu et al., Tiresias, NSDI 2019,
/// whose simulator takes one Δ for all.
class gittins {
 public:
  /// \param gpu_s   GPU times of jobs that have ended, in s: the distribution
  /// \param levels  ages at which the index is worked out, the first at 0: at most so many parts of the
  ///                distribution that are equally likely
  /// \throws input_error  if there is no job, or one without a time
  /// O(jobs · (log jobs + levels)).
  explicit gittins(std::vector<double> gpu_s, std::size_t levels = 32) {
    if (gpu_s.empty()) throw input_error("gittins", "at least one job that has ended", "none");
    std::sort(gpu_s.begin(), gpu_s.end());
    if (!(gpu_s.front() > 0) || !(gpu_s.back() < std::numeric_limits<double>::infinity()))
      throw input_error("gittins", "positive GPU times", "another");
    const std::size_t parts = std::max<std::size_t>(1, std::min(levels, gpu_s.size()));
    for (std::size_t k = 0; k < parts; ++k) {
      const double age = k == 0 ? 0 : gpu_s[k * gpu_s.size() / parts - 1];
      if (k > 0 && age <= ages_.back()) continue;
      ages_.push_back(age);
      index_.push_back(index_at(gpu_s, age));
    }
    // Beyond the longest nothing is known: such jobs go last.
    ages_.push_back(gpu_s.back());
    index_.push_back(0);
  }

  /// In 1/s of GPU time.
  [[nodiscard]] double index(double attained_gpu_s) const { return index_[level(attained_gpu_s)]; }
  bool operator()(const entry& a, const entry& b) const {
    return index(a.attained_gpu_s) > index(b.attained_gpu_s);
  }
  /// How long a job that runs on `gpus` GPUs keeps its index, in s.
  [[nodiscard]] double steady_for_s(const entry& e, int gpus) const {
    const std::size_t next = level(e.attained_gpu_s) + 1;
    return next < ages_.size() ? (ages_[next] - e.attained_gpu_s) / gpus
                               : std::numeric_limits<double>::infinity();
  }

 private:
  [[nodiscard]] std::size_t level(double attained_gpu_s) const {
    constexpr double rounding = 1e-3;  // a job that is looked at when it comes to an age is there
    const auto after = std::upper_bound(ages_.begin(), ages_.end(), attained_gpu_s + rounding);
    return static_cast<std::size_t>(after - ages_.begin()) - 1;
  }
  /// Δ that ends between two jobs is no better than that of the one before.
  static double index_at(const std::vector<double>& sorted, double age) {
    const auto first = std::upper_bound(sorted.begin(), sorted.end(), age);
    double best = 0, spent = 0, ended = 0;
    const auto left = static_cast<double>(sorted.end() - first);
    for (auto it = first; it != sorted.end(); ++it) {
      spent += *it - age;
      ++ended;
      best = std::max(best, ended / (spent + (left - ended) * (*it - age)));
    }
    return best;
  }

  std::vector<double> ages_, index_;  // rising; the index from each age on
};

}  // namespace heddle::order
