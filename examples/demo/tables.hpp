// The tables of heddle-demo, and what is to be seen in them: sentences made of the numbers.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <heddle/core/statistics.hpp>
#include <heddle/sim/report.hpp>

#include "common/table.hpp"
#include "experiment.hpp"

namespace heddle::demo {

using examples::column;
using examples::count_of;
using examples::fixed;
using examples::grouped;
using examples::percent;
using examples::signed_percent;
using examples::table;

inline double jct_s(const sim::report& r) { return r.mean_jct_s; }
inline double jrt_s(const sim::report& r) { return r.mean_jrt_s; }
inline double jwt_s(const sim::report& r) { return r.mean_jwt_s; }
inline double energy_mwh(const sim::report& r) { return r.energy_j / 3.6e9; }
inline double peak_kw(const sim::report& r) { return r.peak_power_w / 1e3; }

template <class Number>
double mean_of(const tried& t, Number&& number) {
  return t.over_runs(number).mean();
}

/// Mean and standard deviation over the runs: "4,507 ± 1,026".
template <class Number>
std::string mean_and_spread(const tried& t, Number&& number, int digits = 0) {
  const running_statistics s = t.over_runs(number);
  return s.count() < 2 ? fixed(s.mean(), digits)
                       : fixed(s.mean(), digits) + " ± " + fixed(s.stddev(), digits);
}

/// In how many runs a number is smaller under `a` than under `b`.
template <class Number>
int runs_below(const tried& a, const tried& b, Number&& number) {
  int n = 0;
  for (std::size_t k = 0; k < a.runs.size(); ++k) n += number(a.runs[k]) < number(b.runs[k]);
  return n;
}

/// "means of 5 runs of 1,000 jobs".
inline std::string runs_text(const results& r) {
  const std::string jobs = count_of(r.asked.jobs, "job");
  return r.asked.runs == 1
             ? "one run of " + jobs
             : "means ± standard deviations of " +
                   count_of(static_cast<std::size_t>(r.asked.runs), "run") + " of " + jobs;
}

// ---- One network against the other --------------------------------------------------------------

inline table network_table(const results& r) {
  table t{.caption = "Six schedulers, " +
                     count_of(static_cast<std::size_t>(r.cluster.gpus()), "GPU") + " on " +
                     std::to_string(r.cluster.leafs()) + " leafs and " +
                     std::to_string(r.cluster.spines()) + " spines, load " +
                     examples::shortest(r.asked.load) + ": " + runs_text(r),
          .columns = {{"scheduler", "", true},
                      {"mean JCT", "s"},
                      {"mean JRT", "s"},
                      {"mean JWT", "s"},
                      {"slow-down", "of JRT"},
                      {"network", "fragmentation"},
                      {"JCT against", "packed + ECMP"}}};
  const double today_s = mean_of(r.networks[packed_ecmp], jct_s);
  for (std::size_t i = 0; i < r.networks.size(); ++i) {
    const tried& s = r.networks[i];
    if (i == ideal) t.begin_group();
    t.add({s.what.label, mean_and_spread(s, jct_s), fixed(mean_of(s, jrt_s), 0),
           fixed(mean_of(s, jwt_s), 0),
           fixed(mean_of(s, [](const sim::report& x) { return x.mean_slowdown; }), 4),
           percent(mean_of(s, [](const sim::report& x) { return x.network_fragmentation; })),
           i == packed_ecmp ? "\u2013" : signed_percent(mean_of(s, jct_s) / today_s - 1)});
  }
  return t;
}

/// What sharing the network costs in run time.
inline std::string run_time_finding(const results& r) {
  const double ideal_s = mean_of(r.networks[ideal], jrt_s);
  const auto excess = [&](network n) { return mean_of(r.networks[n], jrt_s) / ideal_s - 1; };
  double worst = 0;
  for (network n : {spread_ecmp, packed_ecmp, packed_balanced, packed_source})
    worst = std::max(worst, excess(n));
  std::string text = worst < 0.0005 ? "Sharing the network costs next to no run time here"
                                    : "Sharing the network costs run time";
  text += ": mean JRT is above the ideal network's by " + percent(excess(spread_ecmp)) +
          " with spread + ECMP, " + percent(excess(packed_ecmp)) + " with packed + ECMP, " +
          percent(excess(packed_balanced)) + " with balanced ECMP and " +
          percent(excess(packed_source), 2) + " with source routing; ";
  const std::size_t jobs = r.asked.jobs * static_cast<std::size_t>(r.asked.runs);
  return text + (r.isolated_is_ideal ? "under vclos each job of " + grouped(jobs) +
                                           " ran exactly as long as on the ideal network."
                                     : "under vclos it is " + percent(excess(vclos), 2) + ".");
}

/// Whether the runs agree on which of two is smaller: "lower in all 5 runs", "lower in 4 of 5 runs,
/// so the runs do not settle it".
template <class Number>
std::string agreement(const tried& a, const tried& b, Number&& number) {
  const int runs = static_cast<int>(a.runs.size());
  const int below = runs_below(a, b, number), above = runs_below(b, a, number);
  if (below + above == 0) return "the same in every run";
  if (runs == 1) return "one run, so chance may have made it";
  const int most = std::max(below, above);
  const std::string text = below >= above ? "lower in " : "higher in ";
  if (most == runs) return text + (runs == 2 ? "both" : "all " + std::to_string(runs)) + " runs";
  return text + std::to_string(most) + " of " + std::to_string(runs) +
         " runs, so the runs do not settle it";
}

/// Seconds saved or lost by vclos against packed + ECMP, and which scheduler is fastest.
inline std::string waiting_finding(const results& r) {
  const tried &own = r.networks[vclos], &shared = r.networks[packed_ecmp];
  const double run_s = mean_of(shared, jrt_s) - mean_of(own, jrt_s);
  const double wait_s = mean_of(shared, jwt_s) - mean_of(own, jwt_s);
  const double change = mean_of(own, jct_s) / mean_of(shared, jct_s) - 1;
  const auto seconds = [](double s) { return fixed(std::abs(s), 0) + " s"; };

  std::string text = "Against packed + ECMP, jobs under vclos run " + seconds(run_s) +
                     (run_s >= 0 ? " less" : " more") + " and wait " + seconds(wait_s) +
                     (wait_s >= 0 ? " less" : " more") + " on average";
  if (run_s > 0 && wait_s < 0)
    text += run_s + wait_s >= 0 ? " (isolation gains more in run time than it costs in waiting)"
                                : " (isolation costs more in waiting than it gains in run time)";
  if (change == 0)
    text += ", which leaves mean JCT as it is.";
  else
    text += ", which makes mean JCT " + percent(std::abs(change)) +
            (change < 0 ? " lower" : " higher") + " (" + agreement(own, shared, jct_s) + ").";

  std::size_t best = spread_ecmp;
  for (std::size_t i = 0; i < ideal; ++i)
    if (mean_of(r.networks[i], jct_s) < mean_of(r.networks[best], jct_s)) best = i;
  const double above = mean_of(r.networks[best], jct_s) / mean_of(r.networks[ideal], jct_s) - 1;
  return text + " The shortest mean JCT on a real network has " + r.networks[best].what.label +
         ", " + percent(std::abs(above)) + (above >= 0 ? " above" : " below") +
         " the ideal network's.";
}

/// The first run on cubes, beside that under vclos.
inline std::string cubes_finding(const results& r) {
  const sim::report &meshes = r.meshes.runs.front(), &links = r.networks[vclos].runs.front();
  const std::string how = "The first run on as many GPUs that hang in cubes, whose faces optical "
                          "switches join: each job gets a mesh of its own, of the shape that "
                          "communicates best among those of its GPUs. ";
  if (meshes.status != sim::run_status::finished || links.status != sim::run_status::finished)
    return how + "Not all jobs can have one.";
  return how + "Jobs wait " + fixed(meshes.mean_jwt_s, 0) + " s on average there, and " +
         fixed(links.mean_jwt_s, 0) + " s under vclos.";
}

// ---- One budget against the other ---------------------------------------------------------------

/// "finishes 3 of 5 runs": in the others a job can never start.
inline std::string finishes(const tried& t) {
  return "finishes " + std::to_string(t.finished_runs()) + " of " + count_of(t.runs.size(), "run");
}

inline std::string budget_text(const budget& b) {
  return percent(b.share, 0) + ", " + fixed(b.power_w / 1e3, 1) + " kW";
}

inline table budget_table(const results& r) {
  table t{.caption =
              "Power budgets of the whole cluster, as shares of the highest peak without one (" +
              fixed(r.peak_power_w / 1e3, 1) + " kW): " + runs_text(r) +
              "; the peak is the highest of all runs",
          .columns = {{"allocation, network", "", true},
                      {"budget", "", true},
                      {"mean JCT", "s"},
                      {"mean JWT", "s"},
                      {"slow-down", "of JRT"},
                      {"energy", "MWh"},
                      {"peak", "kW"}}};
  for (std::size_t i = 0; i < r.budgets.size(); ++i) {
    const budget_pair& b = r.budgets[i];
    if (i % 2 == 0) t.begin_group();
    for (const tried* s : {&b.requested, &b.powerflow}) {
      if (!s->finished()) {
        const std::string none = "\u2013";
        t.add({s->what.label, budget_text(b.limit), finishes(*s), none, none, none, none});
        continue;
      }
      t.add({s->what.label, budget_text(b.limit), mean_and_spread(*s, jct_s),
             fixed(mean_of(*s, jwt_s), 0),
             fixed(mean_of(*s, [](const sim::report& x) { return x.mean_slowdown; }), 4),
             mean_and_spread(*s, energy_mwh, 2), fixed(s->over_runs(peak_kw).max(), 1)});
    }
  }
  return t;
}

/// powerflow against requested at one budget.
inline std::string compare(const budget_pair& b) {
  std::string text = "at " + percent(b.limit.share, 0) + " of the peak ";
  if (!b.powerflow.finished()) return text + "powerflow " + finishes(b.powerflow);
  if (!b.requested.finished())
    return text + "requested " + finishes(b.requested) + ", powerflow all";
  const double jct = mean_of(b.powerflow, jct_s) / mean_of(b.requested, jct_s) - 1;
  const double energy = mean_of(b.powerflow, energy_mwh) / mean_of(b.requested, energy_mwh) - 1;
  return text + "mean JCT " + signed_percent(jct) + " (" +
         agreement(b.powerflow, b.requested, jct_s) + "), energy " + signed_percent(energy);
}

inline std::string budget_finding(const results& r) {
  std::string text = "powerflow against requested, both under vclos: ";
  for (std::size_t i = 1; i < r.budgets.size(); i += 2)
    text += (i > 1 ? "; " : "") + compare(r.budgets[i]);
  const budget_pair& last = r.budgets.back();
  if (last.requested.finished() && last.powerflow.finished())
    text += ". At the lowest budget a job waits " + fixed(mean_of(last.powerflow, jwt_s), 0) +
            " s on average under powerflow and " + fixed(mean_of(last.requested, jwt_s), 0) +
            " s under requested";
  return text + ".";
}

// ---- Percentiles, the CDFs in words -------------------------------------------------------------

/// A number of each job of all runs, sorted.
template <class Number>
std::vector<double> of_jobs(const tried& t, Number&& number) {
  std::vector<double> out;
  for (const sim::report& r : t.runs)
    for (const sim::job_record& j : r.records) out.push_back(number(j));
  std::sort(out.begin(), out.end());
  return out;
}

inline table percentile_table(const results& r) {
  table t{.caption = "Percentiles over the jobs of all runs",
          .columns = {{"scheduler", "", true},
                      {"JCT, 50th", "s"},
                      {"90th", "s"},
                      {"99th", "s"},
                      {"slow-down, 90th"},
                      {"99th"},
                      {"largest"}}};
  for (const tried& s : r.networks) {
    std::vector<double> jct = of_jobs(s, [](const sim::job_record& j) { return j.jct_s(); });
    std::vector<double> slow = of_jobs(s, [](const sim::job_record& j) { return j.slowdown; });
    t.add({s.what.label, fixed(quantile(jct, .5), 0), fixed(quantile(jct, .9), 0),
           fixed(quantile(jct, .99), 0), fixed(quantile(slow, .9), 3),
           fixed(quantile(slow, .99), 3), fixed(quantile(slow, 1), 3)});
  }
  return t;
}

}  // namespace heddle::demo
