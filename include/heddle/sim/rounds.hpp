// Replays jobs over several types of GPU by rounds: whole GPUs, one type a job at a time.
//
//   run_rounds         under a share::RoundPolicy, or a share::ElasticRoundPolicy for jobs of several numbers of GPUs
//   least_makespan_s   no schedule of these jobs ends sooner
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/share/elastic_round.hpp>
#include <heddle/share/level.hpp>
#include <heddle/share/problem.hpp>
#include <heddle/share/round.hpp>
#include <heddle/sim/detail/round_run.hpp>
#include <heddle/sim/typed_jobs.hpp>

namespace heddle::sim {

/// Runs all jobs to their end. At the start of each round the policy says which job runs on which type, with all
/// its GPUs; jobs that come meanwhile wait for the next one. A round ends `round_s` later, or as soon as nobody has
/// anything more to do in it; the GPUs of a job that ends in between stay idle until then. A type counts its GPUs:
/// servers and links are not looked at. If no job runs, time goes on to the next submission.
///
/// \param watch  called with every view and the types decided, before they are carried out
/// \throws input_error  for jobs that cannot be run, and where the policy breaks its promise or lets all wait for good
template <class Policy, class Watch>
[[nodiscard]] round_report run_rounds(const typed_jobs& all, Policy& policy,
                                      const round_options& rules, Watch&& watch) {
  static_assert(share::RoundPolicy<Policy>,
                "rounds of jobs with fixed numbers of GPUs are decided by a RoundPolicy: "
                "policy(const round_view&, std::vector<std::uint32_t>& type)");
  return detail::round_run(all, rules).run(policy, watch);
}
template <class Policy>
[[nodiscard]] round_report run_rounds(const typed_jobs& all, Policy& policy,
                                      const round_options& rules = {}) {
  return run_rounds(all, policy, rules,
                    [](const share::round_view&, const std::vector<std::uint32_t>&) {});
}

/// The same with jobs that may have several numbers of GPUs: the policy says for each round on which type and with how
/// many each job runs. A job that is given another type or another number than just before loses `switch_s`.
///
/// \param watch  called with every view and the grants decided, before they are carried out
/// \throws input_error  for jobs that cannot be run, and where the policy breaks its promise or lets all wait for good
template <class Policy, class Watch>
[[nodiscard]] round_report run_rounds(const elastic_jobs& all, Policy& policy,
                                      const round_options& rules, Watch&& watch) {
  static_assert(share::ElasticRoundPolicy<Policy>,
                "rounds of jobs with several numbers of GPUs are decided by an ElasticRoundPolicy: "
                "policy(const elastic_view&, std::vector<grant>& given)");
  return detail::round_run(all, rules).run(policy, watch);
}
template <class Policy>
[[nodiscard]] round_report run_rounds(const elastic_jobs& all, Policy& policy,
                                      const round_options& rules = {}) {
  return run_rounds(all, policy, rules,
                    [](const share::elastic_view&, const std::vector<share::grant>&) {});
}

/// A lower bound on the time from the first submission to the last end, whatever the schedule and though jobs be
/// split at will and switch for nothing: for each moment of submission, what is submitted from then on cannot end
/// before `share::makespan` of it has passed. O(moments) searches.
/// \throws input_error  from `share::makespan`
[[nodiscard]] inline double least_makespan_s(const typed_jobs& all) {
  const share::problem& p = all.jobs;
  share::workspace space;
  share::answer found;
  double least = 0;
  for (std::size_t k = 0; k < p.jobs(); ++k) {
    if (k > 0 && all.submit_s[k] == all.submit_s[k - 1]) continue;
    share::problem rest;
    rest.capacity = p.capacity;
    rest.throughput.assign(p.row(k), p.throughput.data() + p.throughput.size());
    for (std::size_t i = k; i < p.jobs(); ++i) {
      rest.gpus.push_back(p.gpus_of(i));
      rest.steps.push_back(p.steps[i]);
    }
    share::makespan{}(rest, space, found);
    least = std::max(least, all.submit_s[k] - all.submit_s[0] + found.bound);
  }
  return least;
}

}  // namespace heddle::sim
