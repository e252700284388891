#include "common/simulation.hpp"

#include <fstream>
#include <iostream>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <heddle/trace/fill.hpp>
#include <heddle/trace/jobs.hpp>
#include <heddle/version.hpp>

namespace heddle::examples {

void check_names(const simulation_spec& s) {
  (void)make_scheduler(s.names, {}, 0);
  if (s.contention != "steady" && s.contention != "flow")
    throw input_error("--contention", "steady or flow", "\"" + s.contention + "\"");
  if (!s.workload.empty() && s.workload != "vclos" && s.workload != "vclos_mixed" &&
      s.workload != "powerflow")
    throw input_error("--workload", "one of vclos, vclos_mixed, powerflow",
                      "\"" + s.workload + "\"");
}

fabric::leaf_spine network_for(const cluster& c, const std::string& place) {
  const bool circuits = find_place(place, "--place").optical;
  if (circuits == c.fabric.is_optical()) return c.fabric;
  if (circuits) throw input_error("--place", "a cluster of leaf_spine_ocs for " + place, "another");
  if (const auto fixed = c.fabric.mesh()) return *fixed;
  throw input_error("--place", "ocs_vclos on this cluster, whose circuits cannot be spread evenly",
                    "\"" + place + "\"");
}

model::workload read_workload(const simulation_spec& s, const cluster& c,
                              const model::catalogue& known) {
  std::ifstream file;
  if (s.jobs != "-") {
    file.open(s.jobs);
    if (!file) throw input_error(s.jobs + ":1", "a readable file", "none");
  }
  std::istream& in = s.jobs == "-" ? std::cin : file;
  const std::string name = s.jobs == "-" ? "stdin" : s.jobs;
  const trace::read_options read{
      .max_gpus = c.fabric.gpus(), .from_s = s.from_s, .limit = s.limit, .known = &known};
  std::vector<job> jobs;
  if (s.workload.empty()) {
    jobs = trace::read_jobs(in, name, read);
  } else if (s.workload == "powerflow") {
    std::vector<std::string_view> models;
    for (const model::training_job& j : known.jobs()) models.push_back(j.name);
    jobs = trace::read_jobs(in, name, read, trace::catalogue_mix{s.seed, models});
  } else {
    jobs = trace::read_jobs(in, name, read, trace::vclos_mix{s.seed, s.workload == "vclos"});
  }
  if (s.load > 0 && jobs.size() > 1) {  // the same jobs, nearer or further apart
    double gpu_s = 0;
    for (const job& j : jobs) gpu_s += j.gpus * j.duration_s;
    const double first = jobs.front().submit_s, span = jobs.back().submit_s - first;
    const double wanted = gpu_s / (c.fabric.gpus() * s.load);
    for (job& j : jobs)
      if (span > 0) j.submit_s = first + (j.submit_s - first) * (wanted / span);
  }
  return trace::with_curves(
      std::move(jobs), known,
      {.gpu = c.gpu, .gpus_per_server = c.fabric.gpus_per_server(), .max_gpus = c.fabric.gpus()});
}

nlohmann::ordered_json to_json(const sim::report& r, std::uint64_t seed) {
  return {{"jobs", r.jobs},
          {"finished", r.finished},
          {"mean_jct_s", r.mean_jct_s},
          {"p50_jct_s", r.p50_jct_s},
          {"p90_jct_s", r.p90_jct_s},
          {"p99_jct_s", r.p99_jct_s},
          {"mean_jwt_s", r.mean_jwt_s},
          {"p99_jwt_s", r.p99_jwt_s},
          {"mean_jrt_s", r.mean_jrt_s},
          {"makespan_s", r.makespan_s},
          {"mean_slowdown", r.mean_slowdown},
          {"share_waiting", r.share_waiting},
          {"mean_ftf", r.mean_ftf},
          {"p99_ftf", r.p99_ftf},
          {"deadlines", r.deadlines},
          {"deadlines_met", r.deadlines_met},
          {"gpu_utilization", r.gpu_utilization},
          {"network_fragmentation", r.network_fragmentation},
          {"gpu_fragmentation", r.gpu_fragmentation},
          {"energy_j", r.energy_j},
          {"overhead_energy_j", r.overhead_energy_j},
          {"energy_parts_j",
           {{"gpus_running", r.parts.gpus_running_j},
            {"gpus_idle", r.parts.gpus_idle_j},
            {"servers_on", r.parts.servers_on_j},
            {"servers_off", r.parts.servers_off_j},
            {"wake_ups", r.parts.wake_j},
            {"switches", r.parts.switches_j},
            {"ocs", r.parts.ocs_j}}},
          {"energy_delay_js", r.energy_delay_js},
          {"mean_power_w", r.mean_power_w},
          {"peak_power_w", r.peak_power_w},
          {"rescales", r.rescales},
          {"migrations", r.migrations},
          {"circuits_moved", r.circuits_moved},
          {"wake_ups", r.wake_ups},
          {"failures", r.failures},
          {"restarts", r.restarts},
          {"lost_gpu_s", r.lost_gpu_s},
          {"decisions", r.decisions},
          {"decide_us_p50", r.decide_us_p50},
          {"decide_us_p99", r.decide_us_p99},
          {"events", r.events},
          {"seed", seed},
          {"version", HEDDLE_VERSION_STRING}};
}

}  // namespace heddle::examples
