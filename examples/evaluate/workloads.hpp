// The workloads of the energy experiments.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/model/catalogue.hpp>
#include <heddle/model/workload.hpp>
#include <heddle/trace/jobs.hpp>
#include <heddle/trace/synthetic.hpp>

#include "energy.hpp"
#include "plan.hpp"

namespace heddle::evaluate {

/// A cluster and the jobs that come to it.
struct arena {
  std::string name;
  two_networks on;
  std::vector<job> jobs;

  [[nodiscard]] model::workload with_curves(const model::catalogue& known) const {
    int most = 64;  // GPUs of an elastic job, or as many as one asks for
    for (const job& j : jobs) most = std::max(most, j.gpus);
    return trace::with_curves(jobs, known,
                              {.gpus_per_server = on.fixed.gpus_per_server(), .max_gpus = most});
  }
  /// GPU time asked for over GPU time there is from the first submission to the last.
  [[nodiscard]] double load() const {
    double gpu_s = 0;
    for (const job& j : jobs) gpu_s += j.gpus * j.duration_s;
    return gpu_s / (on.fixed.gpus() * (jobs.back().submit_s - jobs.front().submit_s));
  }
  /// The same jobs nearer together or further apart.
  void set_load(double l) {
    const double stretch = load() / l, first = jobs.front().submit_s;
    for (job& j : jobs) j.submit_s = first + (j.submit_s - first) * stretch;
  }
};

/// `leafs` leafs of 32 GPUs in servers of eight, as many uplinks as GPUs.
inline arena arena_of(std::string name, int leafs, std::vector<job> jobs) {
  return {std::move(name),
          {fabric::leaf_spine{{.leafs = leafs, .spines = 8, .links_per_pair = 4}},
           fabric::leaf_spine_ocs{{.leafs = leafs,
                                   .spines = 8,
                                   .switches = 32,
                                   .spine_fibres = std::max(1, (leafs + 7) / 8)}}},
          std::move(jobs)};
}

/// All models of the catalogue.
inline std::vector<std::string_view> models_of(const model::catalogue& known) {
  std::vector<std::string_view> names;
  for (const model::training_job& j : known.jobs()) names.push_back(j.name);
  return names;
}

/// Jobs of a synthetic cluster that come in bursts, at a load of 0.9.
inline arena bursty_arena(std::size_t jobs, const std::vector<std::string_view>& models,
                          std::uint64_t seed) {
  const trace::bursty_workload drawn{.jobs = jobs, .max_gpus = 64, .models = models, .seed = seed};
  arena made = arena_of("bursty", 8, drawn());
  made.set_load(.9);
  const trace::catalogue_mix mix{seed, models};
  for (job& j : made.jobs) mix(j, {.pattern = true, .comm_share = true});
  return made;
}

/// A trace of `energy_options::traces`, and leafs of 32 GPUs that its first 2 000 jobs keep busy.
struct traced {
  const char* file;
  int leafs;
};
inline constexpr traced own_traces[] = {{"msr_itp_c02", 3}, {"msr_itp_c04", 22}};
inline constexpr traced further_traces[] = {{"msr_itp_c07", 8}, {"philly_all", 14}};

/// Two clusters of Microsoft ITP (models and collectives drawn by `seed`), `further`, and bursts; without the traces
/// the last alone; of all these the one that is asked for.
inline std::vector<arena> arenas(const energy_options& asked, const model::catalogue& known,
                                 std::uint64_t seed, std::span<const traced> further = {}) {
  const std::vector<std::string_view> models = models_of(known);
  std::vector<arena> all;
  const auto add = [&](const traced& t) {
    const std::string path = (asked.traces / (std::string(t.file) + ".csv")).string();
    std::ifstream in(path);
    if (!in) throw input_error(path, "a readable trace", "none");
    all.push_back(
        arena_of(t.file, t.leafs,
                 trace::read_jobs(in, path, {.max_gpus = 32 * t.leafs, .limit = asked.jobs},
                                  trace::catalogue_mix{seed, models})));
  };
  if (!asked.traces.empty()) {
    for (const traced& t : own_traces) add(t);
    for (const traced& t : further) add(t);
  }
  all.push_back(bursty_arena(asked.jobs, models, seed));
  if (!asked.arena.empty()) {
    std::string names;
    for (const arena& a : all) names += (names.empty() ? "" : ", ") + a.name;
    std::erase_if(all, [&](const arena& a) { return a.name != asked.arena; });
    if (all.empty()) throw input_error("--arena", "one of " + names, asked.arena);
  }
  return all;
}

/// The 512-GPU mix of the vClos evaluation, elastic: jobs up to half of the cluster, every one with a
/// third of its time on the network.
inline arena heavy_arena(std::size_t jobs, std::uint64_t seed) {
  arena made = arena_of("vClos mix (heavy)", 16,
                        trace::vclos_workload{.jobs = jobs, .heavy = true, .seed = seed}());
  made.set_load(.75);
  return made;
}

}  // namespace heddle::evaluate
