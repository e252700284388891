// Fair shares: fractions of time on GPU types.
//
//   policy                       what it wants                               when                        searches
//   max_min                      the lowest normalised level highest          one level is enough         1
//   max_min_lexicographic        … then the next lowest, …                    fair and nothing wasted     ≤ types
//   max_min_hierarchical         … by entities with weights                   teams with quotas           ≤ types
//   makespan                     the last job done soonest                    a batch of known length     1
//   finish_time_fairness         the worst delay against an own share least   long and short jobs mixed   1
//   max_throughput               most samples in all                          fairness does not matter    1
//   max_normalized_throughput    … each job in parts of its best              unlike models               1
//   max_throughput_per_cost      … per money                                  clouds                      1
//   isolated, proportional       a rule: 1/N, or by weight, of each type      the baseline of fairness    1
//   fifo                         a rule: whole jobs in their order            the baseline of queues      1
//
// A search is a few dozen passes over the jobs, O(jobs · types²) each; it returns an allocation and a
// bound that meet to 1e-8 relative or better. Policies are values without state: `max_min{}(problem)` or, without
// allocating after the first call, `max_min{}(problem, workspace, answer)`. They may run side by side,
// each with its own workspace. `rounds.hpp` turns fractions into whole jobs on whole GPUs; `by_share.hpp` does so for
// jobs that come and end, and `rate_by_time_left.hpp` decides rounds without fractions (both: `round.hpp`). Rounds of jobs
// that may have several numbers of GPUs: `relative_goodput.hpp`, `type_blind.hpp` (both: `elastic_round.hpp`).
//
// Objectives are those of Gavel (Narayanan et al., OSDI 2020) and Themis (Mahajan et al., NSDI 2020);
// how they are solved is derived in `detail/level_search.hpp` and `detail/value_search.hpp`.
#pragma once

#include <heddle/share/level.hpp>       // IWYU pragma: export
#include <heddle/share/problem.hpp>     // IWYU pragma: export
#include <heddle/share/rules.hpp>       // IWYU pragma: export
#include <heddle/share/throughput.hpp>  // IWYU pragma: export
#include <heddle/share/water.hpp>       // IWYU pragma: export
#include <heddle/share/workspace.hpp>   // IWYU pragma: export
