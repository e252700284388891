// What heddle-demo runs: one cluster, one workload drawn several times, many schedulers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <heddle/core/job.hpp>
#include <heddle/core/statistics.hpp>
#include <heddle/fabric/cubes.hpp>
#include <heddle/fabric/gpu_book.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/sim/report.hpp>

namespace heddle::demo {

struct settings {
  std::size_t jobs = 1000;  ///< of a run
  double load = 0.65;       ///< GPU time asked for over GPU time there is
  std::uint64_t seed = 1;   ///< of the first run; each further run takes the next
  int runs = 5;
};

/// A scheduler by the names of its parts, those that heddle-simulate knows.
struct scheme {
  std::string label;
  std::string place, route;
  std::string allocate = "requested";
  double power_budget_w = std::numeric_limits<double>::infinity();
};

/// What the cluster does from `at_s` on.
struct use_sample {
  double at_s = 0;
  int used_gpus = 0;
  std::size_t waiting_jobs = 0;
};

/// The state of the cluster when most links, or circuits, had an owner.
struct busy_moment {
  double at_s = 0;
  fabric::gpu_book gpus;
  std::map<job_id, job> jobs;  ///< those that run
};

/// A scheduler and what came out, a report for each run.
struct tried {
  scheme what;
  std::vector<sim::report> runs = {};
  std::vector<use_sample> use = {};  ///< of the first run
  /// Of the first run; none if no link was owned.
  std::optional<busy_moment> busiest = std::nullopt;

  /// The runs in which every job finished.
  [[nodiscard]] int finished_runs() const;
  [[nodiscard]] bool finished() const { return finished_runs() == static_cast<int>(runs.size()); }

  /// A number of each run, summed up over the runs.
  template <class Number>
  [[nodiscard]] running_statistics over_runs(Number&& number) const {
    running_statistics s;
    for (const sim::report& r : runs) s.add(number(r));
    return s;
  }
};

/// A power budget, as a share of the highest peak without one.
struct budget {
  double share = 1;
  double power_w = 0;
};

/// requested and powerflow under one budget and on one network.
struct budget_pair {
  budget limit;
  tried requested, powerflow;
};

/// The places of the schedulers in `results::networks`.
enum network : std::size_t {
  spread_ecmp,
  packed_ecmp,
  packed_balanced,
  packed_source,
  vclos,
  ideal
};

struct results {
  settings asked;
  fabric::leaf_spine cluster;
  fabric::cubes pod;                 ///< as many chips in cubes
  std::vector<tried> networks;       ///< by `network`
  tried meshes;                      ///< the first run, on the cubes
  std::vector<budget_pair> budgets;  ///< by budget, on the shared network, then isolated
  bool isolated_is_ideal = false;    ///< under vclos each job ran exactly as long as on `ideal`
  double peak_power_w = 0;           ///< highest of the runs that budgets are shares of
};

/// Called with the number of simulations done and the number in all, by one thread at a time.
using progress = std::function<void(std::size_t, std::size_t)>;

/// Runs everything on all processors. The results depend on `asked` alone.
[[nodiscard]] results run_all(const settings& asked, const progress& told = {});

}  // namespace heddle::demo
