// heddle-simulate: replays a job trace on a cluster under a scheduler.
#include <charconv>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <heddle/heddle.hpp>

#include "common/cluster_file.hpp"
#include "common/named_policies.hpp"
#include "common/program.hpp"

namespace {

using namespace heddle;
using namespace heddle::examples;

struct arguments {
  std::string cluster, jobs, workload;
  std::string order = "fifo", allocate = "requested", place = "packed", route = "ecmp";
  std::string contention = "steady";
  double power_budget_w = std::numeric_limits<double>::infinity();
  std::size_t limit = std::numeric_limits<std::size_t>::max();
  double from_s = 0;
  std::uint64_t seed = 0;
  std::string report = "-", per_job, timeline;
  bool progress = false;
};

void add_options(CLI::App& app, arguments& a) {
  app.add_option("--cluster", a.cluster, "cluster JSON")->required();
  app.add_option("--jobs", a.jobs, "job CSV, - for standard input")->required();
  app.add_option("--workload", a.workload,
                 "draw what the trace leaves open by seed: vclos, vclos_mixed or powerflow "
                 "(else: no communication)");
  app.add_option("--order", a.order,
                 "fifo, fewest_gpus, shortest, shortest_remaining or deadline")->capture_default_str();
  app.add_option("--allocate", a.allocate, "requested or powerflow")->capture_default_str();
  app.add_option("--place", a.place, "spread, packed, one_server, one_leaf, vclos or vclos_even")
      ->capture_default_str();
  app.add_option("--route", a.route, "ecmp, balanced, source or ideal, for jobs that own no links")
      ->capture_default_str();
  app.add_option("--contention", a.contention, "steady")->capture_default_str();
  app.add_option("--power-budget-w", a.power_budget_w, "power of the whole cluster, in W");
  app.add_option("--limit", a.limit, "jobs read at most")->check(CLI::NonNegativeNumber);
  app.add_option("--from", a.from_s, "pass over jobs submitted earlier, in s");
  app.add_option("--seed", a.seed, "of hashes and draws")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--report", a.report, "report JSON, - for standard output")->capture_default_str();
  app.add_option("--per-job", a.per_job, "CSV with a row a job");
  app.add_option("--timeline", a.timeline, "CSV with a row an event");
  app.add_flag("--progress", a.progress, "a progress line on standard error");
}

/// The shortest text that reads back as `x`, the same on every compiler.
std::string text_of(double x) {
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, x);
  return {buffer, end};
}

/// Jobs per second of real time, on one line that is rewritten.
class progress_line {
 public:
  progress_line(bool shown, std::size_t jobs) : shown_(shown), jobs_(jobs) {}
  ~progress_line() {
    if (shown_ && drawn_) std::cerr << '\n';
  }
  void operator()(const sim::moment& m) {
    if (!shown_ || ++calls_ % 256) return;
    const std::size_t left = m.state.waiting.size() + m.state.running.size();
    const std::size_t seen = m.state.jobs.size();
    std::cerr << "\rheddle-simulate: " << seen - left << " of " << jobs_ << " jobs finished, "
              << m.state.running.size() << " running, " << m.state.waiting.size() << " waiting   "
              << std::flush;
    drawn_ = true;
  }

 private:
  bool shown_, drawn_ = false;
  std::size_t jobs_, calls_ = 0;
};

/// Rows of the timeline.
struct timeline {
  bool wanted;
  std::string rows = "time_s,used_gpus,running,waiting,power_w\n";

  void operator()(const sim::moment& m) {
    if (!wanted) return;
    const fabric::ledger& l = m.state.ledger;
    rows += text_of(m.now_s) + ',' + std::to_string(l.fabric().gpus() - l.free_gpus()) + ',' +
            std::to_string(m.state.running.size()) + ',' + std::to_string(m.state.waiting.size()) +
            ',' + text_of(m.power_w) + '\n';
  }
};

model::workload read_workload(const arguments& a, const cluster& c, const model::catalogue& known) {
  std::ifstream file;
  if (a.jobs != "-") {
    file.open(a.jobs);
    if (!file) throw input_error(a.jobs + ":1", "a readable file", "none");
  }
  std::istream& in = a.jobs == "-" ? std::cin : file;
  const std::string name = a.jobs == "-" ? "stdin" : a.jobs;
  const trace::read_options read{.max_gpus = c.fabric.gpus(),
                                 .from_s = a.from_s,
                                 .limit = a.limit,
                                 .known = &known};
  std::vector<job> jobs;
  if (a.workload.empty()) {
    jobs = trace::read_jobs(in, name, read);
  } else if (a.workload == "vclos" || a.workload == "vclos_mixed") {
    jobs = trace::read_jobs(in, name, read, trace::vclos_mix{a.seed, a.workload == "vclos"});
  } else if (a.workload == "powerflow") {
    std::vector<std::string_view> models;
    for (const model::training_job& j : known.jobs()) models.push_back(j.name);
    jobs = trace::read_jobs(in, name, read, trace::catalogue_mix{a.seed, models});
  } else {
    throw input_error("--workload", "one of vclos, vclos_mixed, powerflow", trace::quoted(a.workload));
  }
  return trace::with_curves(std::move(jobs), known,
                            {.gpu = c.gpu,
                             .gpus_per_server = c.fabric.gpus_per_server(),
                             .max_gpus = c.fabric.gpus()});
}

nlohmann::ordered_json to_json(const sim::report& r, std::uint64_t seed) {
  return {{"jobs", r.jobs},
          {"finished", r.finished},
          {"mean_jct_s", r.mean_jct_s},
          {"p50_jct_s", r.p50_jct_s},
          {"p99_jct_s", r.p99_jct_s},
          {"mean_jwt_s", r.mean_jwt_s},
          {"mean_jrt_s", r.mean_jrt_s},
          {"makespan_s", r.makespan_s},
          {"mean_slowdown", r.mean_slowdown},
          {"share_waiting", r.share_waiting},
          {"gpu_utilization", r.gpu_utilization},
          {"network_fragmentation", r.network_fragmentation},
          {"energy_j", r.energy_j},
          {"overhead_energy_j", r.overhead_energy_j},
          {"mean_power_w", r.mean_power_w},
          {"peak_power_w", r.peak_power_w},
          {"rescales", r.rescales},
          {"migrations", r.migrations},
          {"circuits_moved", r.circuits_moved},
          {"decisions", r.decisions},
          {"decide_us_p50", r.decide_us_p50},
          {"decide_us_p99", r.decide_us_p99},
          {"events", r.events},
          {"seed", seed},
          {"version", HEDDLE_VERSION_STRING}};
}

std::string per_job_csv(const sim::report& r) {
  std::string out =
      "job_id,submit_s,start_s,finish_s,gpus,leafs,servers,slowdown,energy_j,rescales,wait_reason\n";
  for (const sim::job_record& j : r.records)
    out += std::to_string(j.id.value) + ',' + text_of(j.submit_s) + ',' + text_of(j.start_s) + ',' +
           text_of(j.finish_s) + ',' + std::to_string(j.gpus) + ',' + std::to_string(j.leafs) + ',' +
           std::to_string(j.servers) + ',' + text_of(j.slowdown) + ',' + text_of(j.energy_j) + ',' +
           std::to_string(j.rescales) + ',' + std::string(name(j.why_waited)) + '\n';
  return out;
}

template <class Allocate>
sim::report replay(const arguments& a, const cluster& c, const model::workload& w,
                   Allocate allocate, timeline& rows) {
  schedule::scheduler plan{order_of{find_named(orders, "order", a.order)}, allocate,
                           find_named(places, "place", a.place), route_named(a.route, a.seed),
                           schedule::scheduler_options{.power_budget_w = a.power_budget_w}};
  progress_line progress{a.progress, w.size()};
  return sim::run(c.fabric, w, plan, {.power = c.power}, rows, progress);
}

void check_policies(const arguments& a) {
  (void)find_named(orders, "order", a.order);
  (void)find_named(places, "place", a.place);
  (void)route_named(a.route, a.seed);
  if (a.allocate != "requested" && a.allocate != "powerflow")
    throw input_error("--allocate", "one of requested, powerflow", trace::quoted(a.allocate));
  if (a.contention != "steady")
    throw input_error("--contention", "steady", trace::quoted(a.contention));
  if (!(a.power_budget_w > 0))
    throw input_error("--power-budget-w", "a positive number of W", text_of(a.power_budget_w));
  if (!(a.from_s >= 0)) throw input_error("--from", "a time of at least 0 s", text_of(a.from_s));
}

int simulate(const arguments& a) {
  check_policies(a);
  const model::catalogue known;
  const cluster c = read_cluster(json_file{a.cluster}, known);
  const model::workload w = read_workload(a, c, known);

  timeline rows{!a.timeline.empty()};
  const sim::report r = a.allocate == "powerflow"
                            ? replay(a, c, w, allocate::powerflow{}, rows)
                            : replay(a, c, w, allocate::requested{}, rows);
  if (r.status == sim::run_status::budget_too_low)
    throw unmet_request("the power budget of " + text_of(a.power_budget_w) +
                        " W is below what the idle cluster draws, " +
                        text_of(schedule::state{c.fabric, c.power}.idle_power_w()) + " W");
  if (r.status == sim::run_status::stuck)
    throw unmet_request(std::to_string(r.stuck_jobs.size()) + " jobs wait for ever: job " +
                        std::to_string(r.stuck_jobs.front().value) +
                        ", first in the queue, cannot start on the idle cluster under --allocate " +
                        a.allocate + ", --place " + a.place);
  whole_files out;
  out.add(a.report, to_json(r, a.seed).dump(2) + '\n');
  if (!a.per_job.empty()) out.add(a.per_job, per_job_csv(r));
  if (!a.timeline.empty()) out.add(a.timeline, rows.rows);
  out.commit();
  return done;
}

}  // namespace

int main(int argc, char** argv) {
  arguments a;
  return run_program(
      "heddle-simulate", "Replays a job trace on a cluster under a scheduler.", argc, argv,
      [&](CLI::App& app) { add_options(app, a); }, [&] { return simulate(a); });
}
