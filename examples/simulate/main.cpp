// heddle-simulate: replays a job trace on a cluster under a scheduler.
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <heddle/schedule/decision_log.hpp>
#include <heddle/sim/rehearse.hpp>
#include <heddle/trace/availability.hpp>
#include <heddle/trace/csv.hpp>

#include "common/cluster_file.hpp"
#include "common/named_networks.hpp"
#include "common/named_policies.hpp"
#include "common/open_text.hpp"
#include "common/place_flags.hpp"
#include "common/program.hpp"
#include "common/simulation.hpp"
#include "simulate/page.hpp"

namespace {

using namespace heddle;
using namespace heddle::examples;

struct arguments {
  network_source cluster;
  simulation_spec what;
  std::string steps, failures, carbon, price, decisions;
  bool resume = false, place_given = false, route_given = false;
  place_flags placing;
  double checkpoint_s = sim::options{}.checkpoint_s;
  std::string energy_pace = "time";
  std::string report = "-", per_job, timeline, html;
  std::vector<std::string> command;  // its words, for the page
  bool progress = false;
  std::size_t most_flows = route::flow_contention_options{}.most_flows;
  double contention_step = 0;
};

void add_options(CLI::App& app, arguments& a) {
  simulation_spec& w = a.what;
  const std::vector<name_kind> kinds = simulation_kinds();
  add_names(app, kinds);
  app.add_option("--cluster", a.cluster.path,
                 "the cluster: JSON, a topology of Slurm or topograph, output of ibnetdiscover, a "
                 "table of hosts; "
                 "packed or not")
      ->required();
  add_network_options(app, a.cluster);
  add_jobs_options(app, w);
  app.add_option("--curves", w.curves,
                 "CSV of measured throughputs, model,gpu_type,gpus,steps_per_s and more "
                 "(docs/models.md), in the place of the catalogue's models");
  app.add_option("--workload", w.workload,
                 "draw what the trace leaves open by seed: " + either(kinds, "--workload") +
                     " (else: no communication)");
  app.add_option("--order", w.names.order,
                 "which waiting job goes first: " + either(kinds, "--order"))
      ->capture_default_str();
  app.add_option("--allocate", w.names.allocate,
                 "GPUs and clock of each job: " + either(kinds, "--allocate"))
      ->capture_default_str();
  app.add_option("--place", w.names.place,
                 "which GPUs and links a job gets: " + either(kinds, "--place") +
                     " (else, on a torus: folded; on cubes: folded_reconfigured)")
      ->capture_default_str()
      ->each([&](const std::string&) { a.place_given = true; });
  add_place_flags(app, a.placing);
  app.add_option("--isolation", w.names.isolation,
                 "whether a job waits for links of its own: " + either(kinds, "--isolation"))
      ->capture_default_str();
  app.add_option("--route", w.names.route,
                 "paths of jobs that own no links: " + either(kinds, "--route"))
      ->capture_default_str()
      ->each([&](const std::string&) { a.route_given = true; });
  app.add_option("--backfill", w.names.backfill,
                 "who may pass a job that cannot start, easy if no kind is named: " +
                     either(kinds, "--backfill"))
      ->expected(0, 1);
  app.add_option("--backfill-depth", w.names.depth,
                 "jobs looked at behind one that cannot start, the whole queue by default")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--preempt", w.names.preempt, "jobs may stop running ones that come after them");
  app.add_option("--patience-s", w.options.patience_s,
                 "a job that has waited longer goes first, in s");
  app.add_flag("--joint", w.names.joint,
               "a job takes another number of GPUs if that can be placed now and is done sooner");
  app.add_option("--move-gpus", w.names.move_gpus,
                 "GPUs of running jobs that may migrate to make room for one")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--contention", w.contention,
                 "how jobs that share links slow each other down: " + either(kinds, "--contention"))
      ->capture_default_str();
  app.add_option("--most-flows", a.most_flows, "that are followed at most under --contention flow")
      ->capture_default_str();
  app.add_option(
         "--contention-step", a.contention_step,
         "by how much, of it, a job's share of time on the network must change before others hear "
         "of it under --contention steady: faster, slow-downs are off by half of that at most; 0: "
         "exactly")
      ->capture_default_str();
  app.add_option("--steps", a.steps,
                 "JSON of model: training step; what jobs of these models send, in place of their "
                 "collective");
  app.add_option("--power-budget-w", w.options.power_budget_w, "power of the whole cluster, in W");
  app.add_option("--energy-price", w.options.energy_price,
                 "what a joule costs, in job-seconds: no clock is faster than that is worth");
  app.add_option("--energy-budget-j", w.options.energy.energy_j,
                 "energy of the whole cluster, in J: in all, or in each horizon");
  app.add_option("--energy-horizon-s", w.options.energy.horizon_s,
                 "time in which the energy budget comes in, in s");
  app.add_flag("--energy-hard", w.options.energy.hard,
               "running jobs stop when the energy is used up");
  app.add_option(
         "--energy-pace", a.energy_pace,
         "an energy budget over a horizon is handed out as power, by time, or as a price, by work: "
         "work that is forecast from what came so far, or told: rehearsed at some prices (as many "
         "runs as fifteen)")
      ->check(CLI::IsMember({"time", "forecast", "told"}))
      ->capture_default_str();
  app.add_option("--energy-learn-s", w.options.energy.learn_s,
                 "how long nothing is forecast and --energy-price is the price, in s")
      ->capture_default_str();
  app.add_flag("--forecast", w.options.forecast_work,
               "policies do not know what jobs have left, but what those that have ended lead one "
               "to expect");
  app.add_option("--off-after-s", w.options.off_after_s,
                 "switch servers off that have been idle so long, in s");
  app.add_option("--failures", a.failures, "CSV of servers that leave and join: t_ms,event,node");
  app.add_option("--checkpoint-s", a.checkpoint_s,
                 "run time between two checkpoints of a job, in s")
      ->capture_default_str();
  app.add_option("--carbon", a.carbon, "CSV time_s,value of the carbon in electricity, g per kWh");
  app.add_option("--price", a.price, "CSV time_s,value of the price of a kWh");
  app.add_option("--limit", w.limit, "jobs read at most")->check(CLI::NonNegativeNumber);
  app.add_option("--from", w.from_s, "pass over jobs submitted earlier, in s");
  app.add_option("--seed", w.seed, "of hashes and draws")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--report", a.report, "report JSON, - for standard output")->capture_default_str();
  app.add_option("--per-job", a.per_job, "CSV with a row a job");
  app.add_option("--timeline", a.timeline, "CSV with a row an event");
  app.add_option("--html", a.html,
                 "a page: what was run, tables, plots; the same for the same command");
  app.add_option("--decisions", a.decisions, "log of all decisions, written as they are made");
  app.add_flag("--resume", a.resume, "go on where the log of decisions ends");
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
    rows += text_of(m.now_s) + ',' + std::to_string(m.used_gpus) + ',' +
            std::to_string(m.state.running.size()) + ',' + std::to_string(m.state.waiting.size()) +
            ',' + text_of(m.power_w) + '\n';
  }
};

/// Counts decisions that a depth of backfill cut short: GPUs stay free, and somebody behind was not seen.
struct depth_watch {
  bool may_pass;
  std::size_t depth, cut = 0;

  void operator()(const sim::moment& m) {
    if (may_pass && m.state.waiting.size() > 1 && m.state.waiting.size() - 1 > depth &&
        m.gpus.free_gpus() > 0)
      ++cut;
  }
};

/// A row a job, by submission. Those that wait for ever have no start and no finish.
/// \param types  names of GPU types by number; none: they are no column
std::string per_job_csv(const sim::report& r, const model::workload& w,
                        const std::vector<std::string>& types) {
  std::string out = "job_id,submit_s,start_s,finish_s,gpus,leafs,servers,slowdown,energy_j,"
                    "rescales,wait_reason";
  out += types.empty() ? "\n" : ",gpu_type\n";
  auto next = r.records.begin();
  for (const job& spec : w.jobs) {
    if (next == r.records.end() || next->id != spec.id) {
      out += std::to_string(spec.id.value) + ',' + text_of(spec.submit_s) + ",,," +
             std::to_string(spec.gpus) + ",,,,,," +
             std::string(name(spec.id == r.stuck.job ? r.stuck.why : place::wait_reason::queue)) +
             (types.empty() ? "\n" : ",\n");
      continue;
    }
    const sim::job_record& j = *next++;
    out += std::to_string(j.id.value) + ',' + text_of(j.submit_s) + ',' + text_of(j.start_s) + ',' +
           text_of(j.finish_s) + ',' + std::to_string(j.gpus) + ',' + std::to_string(j.leafs) +
           ',' + std::to_string(j.servers) + ',' + text_of(j.slowdown) + ',' + text_of(j.energy_j) +
           ',' + std::to_string(j.rescales) + ',' + std::string(name(j.why_waited));
    if (!types.empty()) out += ',' + types[static_cast<std::size_t>(j.gpu_type)];
    out += '\n';
  }
  return out;
}

/// Writes decisions, those that were read from the log left out.
struct log_writer {
  schedule::decision_log log;
  std::size_t known = 0;

  void operator()(const sim::decision_made& e) {
    if (known > 0)
      --known;
    else
      log(e);
  }
};

/// A CSV of steps over time.
sim::series read_series(const std::string& path) {
  open_text text(path);
  trace::csv_reader rows{text.stream(), text.name()};
  rows.require({"time_s", "value"});
  const auto time = rows.required("time_s"), value = rows.required("value");
  std::vector<sim::series::step> steps;
  while (rows.next()) {
    const sim::series::step next{rows.number(time, 0, "a time of at least 0 s"),
                                 rows.number(value, 0, "a value of at least 0")};
    if (!steps.empty() && next.from_s <= steps.back().from_s) rows.fail(time, "a later time");
    steps.push_back(next);
  }
  return sim::series{std::move(steps)};
}

sim::options read_options(const arguments& a, const cluster& c) {
  sim::options o{.power = c.power, .checkpoint_s = a.checkpoint_s};
  if (!a.failures.empty()) {
    open_text text(a.failures);
    const trace::availability read = trace::read_availability(text.stream(), text.name())
                                         .on(static_cast<std::uint32_t>(c.fabric.servers()));
    o.failures = read.events;
    o.up_at_start = read.up_at_start;
  }
  if (!a.carbon.empty()) o.carbon_g_per_kwh = read_series(a.carbon);
  if (!a.price.empty()) o.price_per_kwh = read_series(a.price);
  return o;
}

/// Runs the simulation; with a log of decisions it is written, and gone on with.
sim::report replay(const arguments& a, const cluster& c, const model::workload& w,
                   const sim::options& o, timeline& rows, depth_watch& depth, history& use) {
  progress_line progress{a.progress, w.size()};
  watcher watch{.after_each_time = [&](const sim::moment& m) {
    rows(m);
    depth(m);
    if (!a.html.empty()) use(m);
    progress(m);
  }};
  schedule::any_network network = network_named(
      a.what.contention, a.what.names.route, a.what.seed, c.fabric,
      {.seed = a.what.seed, .most_flows = a.most_flows},
      a.steps.empty() ? steps_of_models{} : read_steps(json_file{a.steps}, c.fabric, w),
      {.step = a.contention_step});
  return c.fabric.on_any([&]<class Fabric>(const Fabric& dc) {
    using any = schedule::any_scheduler<Fabric>;
    any plan = make_scheduler<Fabric>(a.what.names, a.what.options, a.what.seed);
    if (a.decisions.empty()) return run_simulation(std::move(network), dc, w, plan, o, watch);

    std::vector<schedule::logged> before;
    std::size_t bytes = 0;
    if (std::ifstream in{a.decisions, std::ios::binary}; a.resume && in)
      before = schedule::read_log(in, a.decisions, &bytes);
    if (bytes > 0) std::filesystem::resize_file(a.decisions, bytes);  // drops half a decision
    std::ofstream out(a.decisions,
                      std::ios::binary | (bytes > 0 ? std::ios::app : std::ios::trunc));
    if (!out) throw unmet_request(a.decisions + ": cannot be written");
    log_writer log{schedule::decision_log{out, bytes == 0}, before.size()};
    watch.after_each_decision = [&](const sim::decision_made& e) { log(e); };
    any again{schedule::replayed{plan, std::move(before)}};
    return run_simulation(std::move(network), dc, w, again, o, watch);
  });
}

void check_numbers(const arguments& a) {
  const schedule::scheduler_options& o = a.what.options;
  const auto positive = [](const char* option, double x, const char* what) {
    if (!(x > 0)) throw input_error(option, what, text_of(x));
  };
  const auto not_negative = [](const char* option, double x) {
    if (!(x >= 0)) throw input_error(option, "a time of at least 0 s", text_of(x));
  };
  positive("--power-budget-w", o.power_budget_w, "a positive number of W");
  positive("--energy-budget-j", o.energy.energy_j, "a positive number of J");
  positive("--energy-horizon-s", o.energy.horizon_s, "a positive number of s");
  if (!(o.energy_price >= 0 && o.energy_price < 1e9))
    throw input_error("--energy-price", "a price of at least 0 job-seconds a joule",
                      text_of(o.energy_price));
  not_negative("--energy-learn-s", o.energy.learn_s);
  if (a.energy_pace != "time" && !(o.energy.limited() && o.energy.recurs()))
    throw input_error("--energy-pace", "a budget over a horizon", "none");
  not_negative("--from", a.what.from_s);
  not_negative("--patience-s", o.patience_s);
  not_negative("--off-after-s", o.off_after_s);
  not_negative("--checkpoint-s", a.checkpoint_s);
  if (!(a.contention_step >= 0 && a.contention_step <= 1))
    throw input_error("--contention-step", "a step in [0, 1]", text_of(a.contention_step));
  if (a.resume && a.decisions.empty())
    throw input_error("--resume", "a log named by --decisions", "none");
}

/// Has the budget paced by work where that is asked for; simulates the same at some prices before it is told.
void pace_by_work(arguments& a, const cluster& c, const model::workload& w, const sim::options& o) {
  schedule::energy_budget& e = a.what.options.energy;
  e.pace_by_work = a.energy_pace != "time";
  if (a.energy_pace != "told" || w.size() == 0) return;
  e.plan = sim::rehearse(e, w.jobs.back().submit_s - w.jobs.front().submit_s,
                         [&](double price, auto& meter) {
                           schedule::scheduler_options priced = a.what.options;
                           priced.energy = {};
                           priced.energy_price = price;
                           (void)run_simulation(c.fabric, w, a.what.names, priced, a.what.seed, o,
                                                {.after_each_time = std::ref(meter)});
                         });
}

int simulate(arguments& a) {
  if (a.what.names.backfill.empty()) a.what.names.backfill = "easy";
  check_numbers(a);
  const model::catalogue known;
  cluster c = read_cluster(a.cluster, known, fabric_family::any);
  settle_for_fabric(a.what, c, a.place_given, a.route_given);
  a.what.names.placing = options_of(a.placing, a.what.names.place, "--place");
  check_names(a.what);
  c.fabric = network_for(c, a.what.names.place);
  if (!c.links_told) a.what.names.route = "ideal";  // nothing is simulated over links nobody knows
  const model::workload w = read_workload(a.what, c, known);
  const sim::options o = read_options(a, c);
  pace_by_work(a, c, w, o);

  timeline rows{!a.timeline.empty()};
  depth_watch depth{a.what.names.backfill != "none", a.what.names.depth};
  history use;
  const sim::report r = [&] {
    try {
      return replay(a, c, w, o, rows, depth, use);
    } catch (const route::flow_limit_reached& e) {
      throw unmet_request(std::string(e.what()) +
                          ": raise --most-flows, or leave out --contention flow");
    }
  }();
  nlohmann::ordered_json report = to_json(r, a.what.seed);
  if (!r.stuck_jobs.empty())
    report["stuck"] = {{"jobs", r.stuck_jobs.size()},
                       {"first", r.stuck_jobs.front().value},
                       {"wait_reason", name(r.stuck.why)},
                       {"because", sim::text_of(r.stuck)}};
  for (std::size_t t = 0; t < c.gpu_types.size(); ++t) {
    const int gpus = c.fabric.hosts().gpus_of_type(static_cast<int>(t));
    if (gpus > 0)
      report["gpu_types"].push_back(
          {{"name", c.gpu_types[t]},
           {"gpus", gpus},
           {"utilization",
            r.makespan_s > 0 ? r.used_gpu_s_of_type[t] / (gpus * r.makespan_s) : 0}});
  }
  if (!a.carbon.empty()) report["carbon_g"] = r.carbon_g;
  if (!a.price.empty()) report["cost"] = r.cost;
  whole_files out;
  out.add(a.report, report.dump(2) + '\n');
  if (!a.per_job.empty()) out.add(a.per_job, per_job_csv(r, w, c.gpu_types));
  if (!a.timeline.empty()) out.add(a.timeline, rows.rows);
  if (!a.html.empty())
    out.add(a.html, page_of({c, a.what, o, w, r, use, a.cluster.path, a.failures, !a.carbon.empty(),
                             !a.price.empty(), a.command}));
  out.commit();
  if (depth.cut > 0)
    std::cerr << "heddle-simulate: warning: " << depth.cut << " of " << r.decisions
              << " decisions left GPUs free and the jobs behind the first " << a.what.names.depth
              << " unseen (--backfill-depth)\n";
  if (!r.stuck_jobs.empty())
    throw unmet_request(std::to_string(r.stuck_jobs.size()) + " jobs wait for ever: job " +
                        std::to_string(r.stuck_jobs.front().value) +
                        ", first in the queue, cannot start under --allocate " +
                        a.what.names.allocate + ", --place " + a.what.names.place + ": " +
                        sim::text_of(r.stuck));
  return done;
}

}  // namespace

int main(int argc, char** argv) {
  arguments a;
  a.command = words_of("heddle-simulate", argc, argv);
  return run_program(
      "heddle-simulate", "Replays a job trace on a cluster under a scheduler.", argc, argv,
      [&](CLI::App& app) { add_options(app, a); }, [&] { return simulate(a); });
}
