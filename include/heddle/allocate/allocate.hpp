// Which operating point every job gets.
//
//   policy               hands out                                   elastic  when                 a decision
//   requested            what users asked for, at full clock         no       the usual baseline   O(J log P)
//   zeus                 the same at each job's own best clock       no       energy, no elasticity  O(J·P)
//   static_clock<P>      what P does, under a fixed clock cap        as P     one clock for all    as P
//   powerflow            steps by time saved for energy spent        yes      a budget, thousands of jobs
//                                                                             O(J) after a change
//   optimal<Objective>   the best choice for an objective, proved    yes      how good is good     tens of passes
//   throughput_marginal  GPUs by relative gain, deadlines first      yes      deadlines            O(S log J)
//   optimus              GPUs by seconds saved                       yes      long jobs first      O(S log J)
//   pollux<Efficiency>   GPUs by goodput                             yes      batch grows with GPUs  O(S log J)
//   price_path           all jobs' ends planned, one price for energy   yes  work left is known, or guessed
//                                                                             O(J log J + S log S)
//   priced_clock<P>      what P does, at the clocks a price of energy is worth  as P  energy  as P
//   max_min              equal time by weight, in rounds             stops    fairness             O(J log J)
//   by_rounds<R>         what R decides by rounds on GPU types       yes      Gavel's policies     R's round
//   over_types<P>        what P does, on each of several GPU types   as P     a desk does it itself  as P, a type
//
// J jobs, P points of one, S steps made. All keep to GPUs, power and energy (`limits`). Beside them:
//
//   energy_allowance  an energy budget over time as the power that it allows now
//   energy_pace       the same as a price of energy that lasts for the work to be done
//   energy_plan       what is going to be spent at some prices, rehearsed beforehand
//   work_by_day       how sure a forecast of work to come is
//   rescale_rule      moves a job only where that pays for its pause
//   objective::*      what a point is worth to `optimal`
//   remaining         what a policy of one's own counts with; gpu_steps.hpp for one that ranks steps
//   check             whether a policy of one's own keeps what schedulers rely on (conformance.hpp)
//
// Fair shares of several GPU types are `share/`, the knapsack under `optimal` is `choice/`.
#pragma once

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/by_rounds.hpp>
#include <heddle/allocate/energy_allowance.hpp>
#include <heddle/allocate/energy_pace.hpp>
#include <heddle/allocate/energy_plan.hpp>
#include <heddle/allocate/gpu_steps.hpp>
#include <heddle/allocate/marginals.hpp>
#include <heddle/allocate/max_min.hpp>
#include <heddle/allocate/optimal.hpp>
#include <heddle/allocate/over_types.hpp>
#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/price_path.hpp>
#include <heddle/allocate/priced_clock.hpp>
#include <heddle/allocate/remaining.hpp>
#include <heddle/allocate/requested.hpp>
#include <heddle/allocate/rescale_rule.hpp>
#include <heddle/allocate/static_clock.hpp>
#include <heddle/allocate/work_by_day.hpp>
#include <heddle/allocate/zeus.hpp>
