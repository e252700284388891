// How long a job that has run so long may be expected to go on, from those that have ended.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/job.hpp>

namespace heddle::order {

/// What is left of a run time, as far as the past tells.
struct run_guess {
  double left_s = 0;  ///< mean, > 0
  double error_s = 0;  ///< of that mean: standard deviation over √jobs; infinite for fewer than two
  std::size_t jobs = 0;  ///< that have run longer, on which it rests
  double spread =
      2;  ///< of the logarithm of what is left: half of what lies between its 16th and 84th percentile
};

/// Run times of jobs that have ended, and the mean of what was left of those of a group that had run longer than so
/// much:
///
///     E[T − a | T > a],  a the run time had
///
/// The group is the virtual cluster (in traces that tell users, the user) and the GPUs asked for; where fewer than
/// `enough` of it have run longer, the GPUs alone, then all. Of a job that has run longer than all, it is expected to
/// run as long again. Jobs that still run tell nothing yet, so that long ones are underrated at first.
/// Adding is O(jobs of the groups), asking O(log jobs). One writer.
class run_history {
 public:
  static constexpr std::size_t enough = 5;
  double first_s = 3600;  ///< what is expected while nothing is known, in s

  /// Adds one that has ended, with its run time at its reference.
  void add(const job& j) { add(j, j.duration_s); }
  void add(const job& j, double run_s) {
    if (!(run_s > 0 && run_s < std::numeric_limits<double>::infinity())) return;
    all_.add(run_s);
    by_gpus_[j.gpus].add(run_s);
    by_group_[{j.vc, j.gpus}].add(run_s);
  }
  [[nodiscard]] std::size_t size() const { return all_.run_s.size(); }

  /// \param had_s  run time had
  [[nodiscard]] run_guess operator()(const job& j, double had_s) const {
    const double had = std::max(0.0, had_s);
    if (const auto g = by_group_.find({j.vc, j.gpus}); g != by_group_.end())
      if (g->second.longer(had) >= enough) return g->second.guess(had);
    if (const auto g = by_gpus_.find(j.gpus); g != by_gpus_.end())
      if (g->second.longer(had) >= enough) return g->second.guess(had);
    if (all_.longer(had) > 0) return all_.guess(had);
    return {had > 0 ? had : first_s, std::numeric_limits<double>::infinity(), 0};
  }

 private:
  // Run times, shortest first, and the sums from each to the longest.
  struct group {
    std::vector<double> run_s, sum_s, squares;

    void add(double x) {
      const auto at =
          static_cast<std::size_t>(std::upper_bound(run_s.begin(), run_s.end(), x) - run_s.begin());
      const auto offset = static_cast<std::ptrdiff_t>(at);
      run_s.insert(run_s.begin() + offset, x);
      sum_s.insert(sum_s.begin() + offset, at < sum_s.size() ? sum_s[at] : 0);
      squares.insert(squares.begin() + offset, at < squares.size() ? squares[at] : 0);
      for (std::size_t i = 0; i <= at; ++i) {
        sum_s[i] += x;
        squares[i] += x * x;
      }
    }
    [[nodiscard]] std::size_t first_longer(double had) const {
      return static_cast<std::size_t>(std::upper_bound(run_s.begin(), run_s.end(), had) -
                                      run_s.begin());
    }
    [[nodiscard]] std::size_t longer(double had) const { return run_s.size() - first_longer(had); }
    [[nodiscard]] run_guess guess(double had) const {
      const std::size_t i = first_longer(had), jobs = run_s.size() - i;
      const auto n = static_cast<double>(jobs);
      const double mean = sum_s[i] / n;
      const double least = std::numeric_limits<double>::min();
      const auto at = [&](double part) {
        return std::max(run_s[i + static_cast<std::size_t>(part * n)] - had, 1.0);
      };
      return {std::max(mean - had, least),
              jobs < 2 ? std::numeric_limits<double>::infinity()
                       : std::sqrt(std::max(0.0, squares[i] / n - mean * mean) / (n - 1)),
              jobs, jobs < enough ? run_guess{}.spread : std::log(at(.84) / at(.16)) / 2};
    }
  };

  group all_;
  std::map<int, group> by_gpus_;
  std::map<std::pair<std::string, int>, group> by_group_;
};

}  // namespace heddle::order
