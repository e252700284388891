// What is decided at the start of a round where jobs may run with several numbers of GPUs: on which type and with
// how many each job runs, or that it waits.
//
//   ElasticRoundPolicy     what decides such rounds
//   relative_goodput       the largest sum of the jobs' relative goodputs to a power, by choice with a bound, as Sia
//                          (relative_goodput.hpp)
//   type_blind<P>          policy P that takes all types for one, as Pollux (type_blind.hpp)
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <heddle/share/round.hpp>

namespace heddle::share {

/// What a job has for a round: GPUs of one type, or nothing.
struct grant {
  std::uint32_t type = no_type;
  double gpus = 0;

  [[nodiscard]] bool waits() const { return type == no_type; }
  friend bool operator==(const grant&, const grant&) = default;
};

/// The jobs that are there at the start of a round, with what they would do on every type with every number of
/// GPUs. Vectors have one entry a job unless said otherwise; all live as long as the call.
struct elastic_view {
  /// As for jobs of fixed numbers; `jobs.gpus` and `jobs.throughput` are what they ask for.
  const round_view& round;
  const std::vector<double>& counts;  ///< numbers of GPUs, > 0, rising
  const std::vector<double>& rate;    ///< goodput, steps/s: jobs × types × counts; 0: no such run
  const std::vector<grant>& before;   ///< of the round before
  const std::vector<std::uint32_t>& starts;  ///< how often each job has started on a grant

  [[nodiscard]] std::size_t jobs() const { return before.size(); }
  [[nodiscard]] std::size_t types() const { return round.jobs.types(); }
  /// Of job i: types × counts, row by row.
  [[nodiscard]] const double* row(std::size_t i) const {
    return rate.data() + i * types() * counts.size();
  }
  /// The place of a number of GPUs among `counts`, or their number. O(log counts).
  [[nodiscard]] std::size_t count_of(double gpus) const {
    const auto at = std::lower_bound(counts.begin(), counts.end(), gpus);
    return at != counts.end() && *at == gpus ? static_cast<std::size_t>(at - counts.begin())
                                             : counts.size();
  }
  /// What job i does with `g`, 0 for what there is not.
  [[nodiscard]] double rate_of(std::size_t i, const grant& g) const {
    const std::size_t c = count_of(g.gpus);
    return g.type < types() && c < counts.size() ? row(i)[g.type * counts.size() + c] : 0;
  }
};

/// T decides elastic rounds: `policy(view, given)` writes a grant for each job of the view, a number of GPUs of
/// `counts` on a type where the job has a rate, or none. No type is given more GPUs than it has. It is called once
/// a round, in the order of time, and may remember.
template <class T>
concept ElasticRoundPolicy = std::copyable<T> &&
    requires(T policy, const elastic_view& view, std::vector<grant>& given) {
  { policy(view, given) } -> std::same_as<void>;
};

/// Which promise of `ElasticRoundPolicy` an answer breaks, in a sentence; empty: none. O(jobs log counts + types).
[[nodiscard]] inline std::string broken_promise(const elastic_view& view,
                                                const std::vector<grant>& given) {
  if (given.size() != view.jobs())
    return std::to_string(given.size()) + " grants for " + std::to_string(view.jobs()) + " jobs";
  std::vector<double> used(view.types(), 0);
  for (std::size_t i = 0; i < given.size(); ++i) {
    const grant& g = given[i];
    if (g.waits()) continue;
    const std::string job = "job " + std::to_string(view.round.id[i]);
    if (g.type >= view.types()) return job + " on a type that there is not";
    if (view.count_of(g.gpus) == view.counts.size())
      return job + " with " + std::to_string(g.gpus) + " GPUs, which is none of the numbers";
    if (!(view.rate_of(i, g) > 0)) return job + " with GPUs on which it does not run";
    used[g.type] += g.gpus;
  }
  for (std::size_t j = 0; j < used.size(); ++j)
    if (used[j] > view.round.jobs.capacity[j])
      return std::to_string(used[j]) + " GPUs of type " + std::to_string(j) + " of " +
             std::to_string(view.round.jobs.capacity[j]);
  return {};
}

}  // namespace heddle::share
