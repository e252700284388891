// A simulation as programs are told of it, and its report as they write it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <heddle/model/catalogue.hpp>
#include <heddle/model/workload.hpp>
#include <heddle/sim/report.hpp>

#include "common/cluster_file.hpp"
#include "common/jobs_file.hpp"
#include "common/named_policies.hpp"
#include "common/names.hpp"
#include "common/program.hpp"
#include "common/run_simulation.hpp"

namespace heddle::examples {

/// What a program is told of one run, apart from the cluster.
struct simulation_spec {
  std::string jobs;
  jobs_file_options read{.flag = "--jobs-from"};
  std::shared_ptr<const std::string> text;  ///< of the jobs, if it was read already
  std::string curves;                       ///< a table of measured throughputs; empty: catalogue
  std::string workload;                     ///< draws what the trace leaves open
  scheduler_names names;
  std::string contention = "steady";
  schedule::scheduler_options options;
  std::size_t limit = std::numeric_limits<std::size_t>::max();
  double from_s = 0;
  double load = 0;  ///< GPU time asked for over GPU time there is; 0: as in the trace
  std::uint64_t seed = 0;
};

/// The names that a simulation can be told, by their options.
[[nodiscard]] std::vector<name_kind> simulation_kinds();

/// Adds `--jobs`, `--jobs-from` and `--strict`.
void add_jobs_options(CLI::App& app, simulation_spec& s);

/// Looks all names of `s` up.
/// \throws input_error  for one that is not known, and for parts that do not go together
void check_names(const simulation_spec& s);

/// On a torus or cubes: the policies that are used there unless others were named.
void settle_for_fabric(simulation_spec& s, const cluster& c, bool place_given, bool route_given);

/// The network that `place` needs: an optical fabric for circuits, tori for meshes, else one with fixed
/// links, which on an optical cluster are circuits set once and for all.
/// \throws input_error  where the cluster cannot be had so
[[nodiscard]] any_fabric network_for(const cluster& c, const std::string& place);

/// Reads standard input if the jobs of `s` are there, so that they can be read more than once.
void keep_standard_input(simulation_spec& s);

/// Reads the jobs of `s` and gives them their curves.
[[nodiscard]] model::workload read_workload(const simulation_spec& s, const cluster& c,
                                            const model::catalogue& known);

/// The keys of report.json.
[[nodiscard]] nlohmann::ordered_json to_json(const sim::report& r, std::uint64_t seed);

}  // namespace heddle::examples
