// How long a job may be expected to run, from those that have ended.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <utility>

#include <heddle/core/job.hpp>

namespace heddle::order {

/// The mean run time of past jobs of the same virtual cluster and number of GPUs; where there are fewer than
/// `enough` of them, of the same number of GPUs, then of all. Made once, of jobs that have ended before those
/// that it is asked about were submitted, so that a claim does not change while a job waits. O(log groups).
class past_means {
 public:
  static constexpr std::size_t enough = 5;

  past_means() = default;
  explicit past_means(std::span<const job> past) {
    for (const job& j : past) {
      all_.add(j.duration_s);
      by_gpus_[j.gpus].add(j.duration_s);
      by_group_[{j.vc, j.gpus}].add(j.duration_s);
    }
  }
  /// In s; 0 where nothing is known.
  [[nodiscard]] double operator()(const job& j) const {
    if (const auto g = by_group_.find({j.vc, j.gpus});
        g != by_group_.end() && g->second.count >= enough)
      return g->second.mean();
    if (const auto g = by_gpus_.find(j.gpus); g != by_gpus_.end() && g->second.count >= enough)
      return g->second.mean();
    return all_.mean();
  }

 private:
  struct sum {
    double total_s = 0;
    std::size_t count = 0;

    void add(double s) {
      total_s += s;
      ++count;
    }
    [[nodiscard]] double mean() const {
      return count > 0 ? total_s / static_cast<double>(count) : 0;
    }
  };
  sum all_;
  std::map<int, sum> by_gpus_;
  std::map<std::pair<std::string, int>, sum> by_group_;
};

}  // namespace heddle::order
