// The workloads of the energy experiments.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/model/catalogue.hpp>
#include <heddle/model/workload.hpp>
#include <heddle/trace/jobs.hpp>
#include <heddle/trace/synthetic.hpp>

#include "energy.hpp"

namespace heddle::evaluate {

/// A cluster and the jobs that come to it.
struct arena {
  std::string name;
  fabric::leaf_spine fixed;
  fabric::leaf_spine optical;  ///< the same GPUs, with OCS
  std::vector<job> jobs;

  [[nodiscard]] model::workload with_curves(const model::catalogue& known) const {
    return trace::with_curves(jobs, known,
                              {.gpus_per_server = fixed.gpus_per_server(), .max_gpus = 64});
  }
  /// GPU time asked for over GPU time there is from the first submission to the last.
  [[nodiscard]] double load() const {
    double gpu_s = 0;
    for (const job& j : jobs) gpu_s += j.gpus * j.duration_s;
    return gpu_s / (fixed.gpus() * (jobs.back().submit_s - jobs.front().submit_s));
  }
};

/// `leafs` leafs of 32 GPUs in servers of eight, as many uplinks as GPUs.
inline arena arena_of(std::string name, int leafs, std::vector<job> jobs) {
  return {std::move(name), fabric::leaf_spine{{.leafs = leafs, .spines = 8, .links_per_pair = 4}},
          fabric::leaf_spine_ocs{{.leafs = leafs, .spines = 8, .switches = 32,
                                  .spine_fibres = std::max(1, (leafs + 7) / 8)}},
          std::move(jobs)};
}

/// Models of the catalogue for all jobs; communication as the vClos evaluation draws it.
inline std::vector<std::string_view> models_of(const model::catalogue& known) {
  std::vector<std::string_view> names;
  for (const model::training_job& j : known.jobs()) names.push_back(j.name);
  return names;
}

/// Two clusters of Microsoft ITP on as many GPUs as keep them busy, and a synthetic workload whose
/// jobs come in bursts; without the traces the last alone.
inline std::vector<arena> arenas(const energy_options& asked, const model::catalogue& known,
                                 std::uint64_t seed) {
  const std::vector<std::string_view> models = models_of(known);
  std::vector<arena> all;
  for (const auto& [file, leafs] : {std::pair{"msr_itp_c02", 4}, std::pair{"msr_itp_c04", 20}}) {
    if (asked.traces.empty()) break;
    const std::string path = (asked.traces / (std::string(file) + ".csv")).string();
    std::ifstream in(path);
    if (!in) throw input_error(path, "a readable trace", "none");
    all.push_back(arena_of(file, leafs,
                           trace::read_jobs(in, path, {.max_gpus = 32 * leafs, .limit = asked.jobs},
                                            trace::catalogue_mix{seed, models})));
  }
  trace::bursty_workload drawn{.jobs = asked.jobs, .max_gpus = 64, .models = models, .seed = seed};
  arena made = arena_of("bursty", 8, drawn());
  // A load of 0.9: the same jobs further apart or nearer.
  const double stretch = made.load() / .9, first = made.jobs.front().submit_s;
  for (job& j : made.jobs) j.submit_s = first + (j.submit_s - first) * stretch;
  const trace::catalogue_mix mix{seed, models};
  for (job& j : made.jobs) mix(j, {.pattern = true, .comm_share = true});
  all.push_back(std::move(made));
  return all;
}

}  // namespace heddle::evaluate
