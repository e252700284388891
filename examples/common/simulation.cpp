#include "common/simulation.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <heddle/core/collective.hpp>
#include <heddle/core/error.hpp>
#include <heddle/core/shape.hpp>
#include <heddle/trace/curve_table.hpp>
#include <heddle/trace/fill.hpp>
#include <heddle/trace/jobs.hpp>
#include <heddle/version.hpp>

#include "common/named_networks.hpp"
#include "common/open_text.hpp"

namespace heddle::examples {

namespace {

/// Draws what a trace leaves open.
using filler = std::function<void(job&, const trace::missing&)>;
using filler_of_seed = filler (*)(std::uint64_t seed, const model::catalogue&);

template <bool Heavy>
filler vclos(std::uint64_t seed, const model::catalogue&) {
  return trace::vclos_mix{seed, Heavy};
}
filler powerflow(std::uint64_t seed, const model::catalogue& known) {
  std::vector<std::string> models;
  for (const model::training_job& j : known.jobs()) models.emplace_back(j.name);
  return [seed, models = std::move(models)](job& j, const trace::missing& open) {
    const std::vector<std::string_view> names(models.begin(), models.end());
    trace::catalogue_mix{seed, names}(j, open);
  };
}

constexpr named<filler_of_seed> workloads[] = {
    {"vclos", "models, collectives and shares of vClos' heavy mix", vclos<true>},
    {"vclos_mixed", "the same of its mixed one", vclos<false>},
    {"powerflow", "the models of the catalogue", powerflow},
};

}  // namespace

std::vector<name_kind> simulation_kinds() {
  std::vector<name_kind> out = policy_kinds();
  out.insert(out.begin(), {"fabric", "the network, in cluster files", fabric_names()});
  out.push_back(
      {"--contention", "how jobs that share links slow each other down", lines_of(contentions)});
  out.push_back({"--workload", "draws by seed what a trace leaves open", lines_of(workloads)});
  out.push_back({"collective", "what jobs send, in job files", lines_of(collectives)});
  return out;
}

void add_jobs_options(CLI::App& app, simulation_spec& s) {
  app.add_option("--jobs", s.jobs,
                 "jobs: CSV, or as sacct, workload logs and published traces have them; packed or "
                 "not, - for standard input")
      ->required();
  app.add_option("--jobs-from", s.read.from,
                 "who wrote the jobs: " + source_names() + " (else: by content)");
  app.add_flag("--strict", s.read.strict, "what would be passed over in reading is an error");
}

void check_names(const simulation_spec& s) {
  check_scheduler(s.names);
  (void)find_named(contentions, "--contention", s.contention);
  if (!s.workload.empty()) (void)find_named(workloads, "--workload", s.workload);
}

any_fabric network_for(const cluster& c, const std::string& place) {
  require_links(c, place, "--place");
  const named_place& row = find_place(place, "--place");
  if (!c.fabric.has_leafs() || row.of_meshes()) {
    require_fabric(place, c.fabric, "--place");
    return c.fabric;
  }
  const bool circuits = row.optical();
  const fabric::leaf_spine_ocs* optical = c.fabric.circuits();
  if (circuits == (optical != nullptr)) return c.fabric;
  if (circuits) throw input_error("--place", "a cluster of leaf_spine_ocs for " + place, "another");
  if (const auto fixed = optical->mesh()) return *fixed;
  throw input_error("--place", "ocs_vclos on this cluster, whose circuits cannot be spread evenly",
                    "\"" + place + "\"");
}

void settle_for_fabric(simulation_spec& s, const cluster& c, bool place_given, bool route_given) {
  if (c.fabric.has_leafs()) return;
  if (!place_given) s.names.place = c.fabric.torus() ? "folded" : "folded_reconfigured";
  if (!route_given) s.names.route = dimension_order.name;
}

void keep_standard_input(simulation_spec& s) {
  if (s.jobs == "-") s.text = std::make_shared<const std::string>(open_text("-").all());
}

model::workload read_workload(const simulation_spec& s, const cluster& c,
                              const model::catalogue& known) {
  const trace::read_options asked{.max_gpus = c.fabric.gpus(),
                                  .from_s = s.from_s,
                                  .limit = s.limit,
                                  .known = s.curves.empty() ? &known : nullptr,
                                  .gpu_types = c.gpu_types};
  std::unique_ptr<open_text> file;
  if (!s.text) file = std::make_unique<open_text>(s.jobs);
  std::istringstream kept(s.text ? *s.text : "");
  filler fill;
  if (!s.workload.empty())
    fill = find_named(workloads, "--workload", s.workload).value(s.seed, known);
  std::vector<job> jobs =
      s.text ? read_jobs_text(kept, "stdin", *s.text, s.read, asked, fill)
             : read_jobs_text(file->stream(), file->name(), file->ahead(), s.read, asked, fill);
  if (s.load > 0 && jobs.size() > 1) {  // the same jobs, nearer or further apart
    double gpu_s = 0;
    for (const job& j : jobs) gpu_s += j.gpus * j.duration_s;
    const double first = jobs.front().submit_s, span = jobs.back().submit_s - first;
    const double wanted = gpu_s / (c.fabric.gpus() * s.load);
    for (job& j : jobs)
      if (span > 0) j.submit_s = first + (j.submit_s - first) * (wanted / span);
  }
  if (!c.fabric.has_leafs() && !find_place(s.names.place, "--place").of_meshes())
    for (const job& j : jobs)
      if (!j.shape.empty())
        throw input_error("--place",
                          "a policy that places meshes, since job " + std::to_string(j.id.value) +
                              " asks for " + text_of(j.shape),
                          s.names.place);
  trace::curve_options o{.gpu = c.gpu,
                         .gpus_per_server = c.fabric.gpus_per_server(),
                         .max_gpus = c.fabric.gpus(),
                         .gpu_types = c.gpu_types};
  if (s.curves.empty()) return trace::with_curves(std::move(jobs), known, o);
  if (o.gpu_types.empty()) o.gpu_types = {c.gpu};
  open_text table{s.curves};
  return trace::with_curves(std::move(jobs),
                            trace::read_curves(table.stream(), table.name(), o.gpu_types, known), o,
                            &known);
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
