// One type and one number of GPUs a job a round, after Sia: one choice a round, with a bound.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <heddle/choice/choice.hpp>
#include <heddle/core/error.hpp>
#include <heddle/share/elastic_round.hpp>

namespace heddle::share {

/// How `relative_goodput` weighs and how long it searches. Power and penalty are Sia's.
struct relative_goodput_options {
  double power = -0.5;   ///< of the relative goodput; below 0: who has little counts most; not 0
  double waiting = 1.1;  ///< what a job that waits costs, in the unit of goodput to the power
  double gap = 1e-5;     ///< relative gap of a choice that is good enough
  std::size_t node_limit = 20'000;  ///< of a choice's search, as `choice::options::node_limit`
};

/// Each round chooses a type and a number of GPUs for every job, or that it waits, with the largest
///
///     Σ_i w_i · (λ ± (r_i · x_i)^p)    the sign that of p; 0 for a job that waits
///
/// x_i: the job's goodput in parts of its least (of all types and numbers that fit the cluster), times the least
/// number of GPUs. r_i is 1 for a job that stays as it is or does not run, and for any other grant of one that runs
///
///     r_i = max(T_i − N_i·S, 0) / (T_i + S)
///
/// with its time since submission T_i, its starts N_i, and the cost S of a start: who has restarted often for his age
/// is left in peace. A grant that is worth nothing is not given, nor are GPUs that make a job no faster. A
/// multiple-choice knapsack with a resource a type (`choice::solver`): the worst gap of all rounds is kept.
///
/// After Sia (Jayaram Subramanya et al., SOSP 2023): its objective, normalisation, restart factor and penalty, with the
/// power and the penalty that its published simulator takes. What differs: rates are known, so that a job need not
/// start on one GPU and at most double each round; servers are not looked at, so that any number of GPUs is one grant;
/// its small penalty for each change is left out, and a job that is just restarting may be changed; powers are not
/// rounded; the choice is no integer program.
///
/// Deterministic. One user at a time.
class relative_goodput {
 public:
  relative_goodput() = default;
  /// \throws input_error  for a power that is 0, or a penalty that is not above 0
  explicit relative_goodput(const relative_goodput_options& options) : options_(options) {
    if (!std::isfinite(options.power) || options.power == 0)
      throw input_error("relative_goodput.power", "a number that is not 0",
                        std::to_string(options.power));
    if (!(options.waiting > 0 && std::isfinite(options.waiting)))
      throw input_error("relative_goodput.waiting", "a number above 0",
                        std::to_string(options.waiting));
  }

  void operator()(const elastic_view& now, std::vector<grant>& given) {
    offer(now);
    given.assign(now.jobs(), {});
    if (offer_.value.empty()) return;
    solver_(offer_, {.gap = options_.gap, .node_limit = options_.node_limit}, answer_);
    measure_gap(now);
    for (std::size_t i = 0; i < given.size(); ++i)
      if (answer_.point[i] >= 0)
        given[i] = grant_of_[offer_.begin[i] + static_cast<std::size_t>(answer_.point[i])];
  }

  /// The largest gap between a round's choice and its bound so far, relative to the sum above or, where that is
  /// less, to Sia's own: what is lost, Σ w·(r·x)^p of who runs and Σ w·λ of who waits (p < 0).
  [[nodiscard]] double worst_gap() const { return worst_gap_; }

 private:
  void offer(const elastic_view& now) {
    const problem& p = now.round.jobs;
    const std::size_t types = p.types(), counts = now.counts.size();
    offer_.capacity = p.capacity;
    offer_.begin.assign(1, 0);
    offer_.value.clear();
    offer_.use.clear();
    grant_of_.clear();
    for (std::size_t i = 0; i < now.jobs(); ++i) {
      const double* rate = now.row(i);
      const auto runs = [&](std::size_t j, std::size_t c) {
        return rate[j * counts + c] > 0 && now.counts[c] <= p.capacity[j];
      };
      double least = std::numeric_limits<double>::infinity(), fewest = least;
      for (std::size_t j = 0; j < types; ++j)
        for (std::size_t c = 0; c < counts; ++c)
          if (runs(j, c)) {
            least = std::min(least, rate[j * counts + c]);
            fewest = std::min(fewest, now.counts[c]);
          }
      const double after_restart = restart_factor(now, i);
      for (std::size_t j = 0; j < types; ++j) {
        double most = 0;  // with fewer GPUs
        for (std::size_t c = 0; c < counts; ++c) {
          if (!runs(j, c)) continue;
          const grant g{static_cast<std::uint32_t>(j), now.counts[c]};
          const bool more = rate[j * counts + c] > most;
          most = std::max(most, rate[j * counts + c]);
          if (!more && g != now.before[i]) continue;
          double x = fewest * rate[j * counts + c] / least;
          if (!now.before[i].waits() && g != now.before[i]) x *= after_restart;
          const double value = worth(x);
          if (!(value > 0)) continue;
          offer_.value.push_back(p.weight_of(i) * value);
          for (std::size_t k = 0; k < types; ++k) offer_.use.push_back(k == j ? g.gpus : 0);
          grant_of_.push_back(g);
        }
      }
      offer_.begin.push_back(static_cast<std::uint32_t>(grant_of_.size()));
    }
  }

  [[nodiscard]] double restart_factor(const elastic_view& now, std::size_t i) const {
    const double age_s = now.round.jobs.elapsed_of(i), cost_s = now.round.switch_s;
    if (!(cost_s > 0)) return 1;
    return std::max(age_s - now.starts[i] * cost_s, 0.0) / (age_s + cost_s);
  }

  [[nodiscard]] double worth(double x) const {
    if (!(x > 0)) return options_.power > 0 ? options_.waiting : 0;
    const double to_power = std::pow(x, options_.power);
    return options_.power > 0 ? options_.waiting + to_power : options_.waiting - to_power;
  }

  void measure_gap(const elastic_view& now) {
    double unit = std::abs(answer_.bound);
    if (options_.power < 0) {
      double all = 0;
      for (std::size_t i = 0; i < now.jobs(); ++i) all += now.round.jobs.weight_of(i);
      unit = std::min(unit, options_.waiting * all - answer_.bound);
    }
    if (answer_.bound > answer_.objective)
      worst_gap_ = std::max(worst_gap_, (answer_.bound - answer_.objective) / unit);
  }

  relative_goodput_options options_;
  choice::problem offer_;
  std::vector<grant> grant_of_;  // of each point
  choice::solver solver_;
  choice::answer answer_;
  double worst_gap_ = 0;
};

}  // namespace heddle::share
