// Jobs that end soon, on the types that suit them: one choice a round, with a bound.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/choice/choice.hpp>
#include <heddle/share/round.hpp>

namespace heddle::share {

/// How `rate_by_time_left` weighs and how long it searches.
struct rate_by_time_left_options {
  double exponent =
      0.7;  ///< of the time left; 0: most relative rate, 1 and more: ever nearer to shortest first
  double keep = 0;    ///< what a job's type of the round before is worth more, as a part
  double gap = 1e-4;  ///< relative gap of a choice that is good enough
  std::size_t node_limit = 2'000;  ///< of a choice's search, as `choice::options::node_limit`
};

/// Each round chooses the types, and the jobs that wait, with the largest
///
///     Σ_i w_i · r_ij · u_ij / t_i^exponent,    Σ_i g_i ≤ C_j on every type j
///
/// r_ij: the throughput on type j in parts of the job's best; t_i: the time left on its best type; u_ij: the part
/// of the round that a job which starts on a type does not lose by the switch. A job's rate is worth the more the
/// sooner it ends, as in shortest remaining time first, but a job that runs nearly as well elsewhere leaves a type
/// to one that does not. A multiple-choice knapsack with a resource a type (`choice::solver`): the worst gap of
/// all rounds is kept. Derived; the exponent was found by trying, results hardly change from 0.5 to 1.
///
/// Deterministic. One user at a time.
class rate_by_time_left {
 public:
  rate_by_time_left() = default;
  explicit rate_by_time_left(const rate_by_time_left_options& options) : options_(options) {}

  void operator()(const round_view& now, std::vector<std::uint32_t>& type) {
    offer(now);
    type.assign(now.jobs.jobs(), no_type);
    if (offer_.value.empty()) return;
    // Values of about 1, whatever the unit of time.
    const double most = *std::max_element(offer_.value.begin(), offer_.value.end());
    for (double& v : offer_.value) v /= most;
    solver_(offer_, {.gap = options_.gap, .node_limit = options_.node_limit}, answer_);
    worst_gap_ = std::max(worst_gap_, answer_.gap);
    for (std::size_t i = 0; i < type.size(); ++i)
      if (answer_.point[i] >= 0)
        type[i] = type_of_[offer_.begin[i] + static_cast<std::size_t>(answer_.point[i])];
  }

  /// The largest relative gap between a round's choice and its bound so far.
  [[nodiscard]] double worst_gap() const { return worst_gap_; }

 private:
  void offer(const round_view& now) {
    const problem& p = now.jobs;
    const std::size_t types = p.types();
    offer_.capacity = p.capacity;
    offer_.begin.assign(1, 0);
    offer_.value.clear();
    offer_.use.clear();
    type_of_.clear();
    for (std::size_t i = 0; i < p.jobs(); ++i) {
      const double* rate = p.row(i);
      const double best = *std::max_element(rate, rate + types);
      const double urgency = p.weight_of(i) * std::pow(p.steps[i] / best, -options_.exponent);
      for (std::size_t j = 0; j < types; ++j) {
        if (!(rate[j] > 0) || p.gpus_of(i) > p.capacity[j]) continue;
        double value = urgency * rate[j] / best;
        if (now.before[i] == j) {
          value *= 1 + options_.keep;
        } else if (now.switch_s > 0) {
          const double runs_s = std::min(now.round_s, p.steps[i] / rate[j] + now.switch_s);
          value *= std::max(1 - now.switch_s / runs_s, 0.0);
        }
        offer_.value.push_back(value);
        for (std::size_t k = 0; k < types; ++k) offer_.use.push_back(k == j ? p.gpus_of(i) : 0);
        type_of_.push_back(static_cast<std::uint32_t>(j));
      }
      offer_.begin.push_back(static_cast<std::uint32_t>(type_of_.size()));
    }
  }

  rate_by_time_left_options options_;
  choice::problem offer_;
  std::vector<std::uint32_t> type_of_;  // of each point
  choice::solver solver_;
  choice::answer answer_;
  double worst_gap_ = 0;
};

}  // namespace heddle::share
