// heddle-slurm-pilot: places the jobs of a live Slurm, each with links of its own. docs/howto/slurm.md
// says how to set it up, and what must stand behind its hooks.
#include <signal.h>

#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include <heddle/model/catalogue.hpp>

#include "common/program.hpp"
#include "slurm_pilot/fly.hpp"

namespace {

using namespace heddle;
using namespace heddle::examples;

const std::map<std::string, pilot::clock_choice> clocks{
    {"fastest", pilot::clock_choice::fastest},
    {"efficient", pilot::clock_choice::efficient},
    {"any", pilot::clock_choice::any}};
const std::map<std::string, pilot::reading> readings{{"auto", pilot::reading::automatic},
                                                     {"json", pilot::reading::json},
                                                     {"text", pilot::reading::text}};

void add_options(CLI::App& app, pilot::arguments& a) {
  app.footer("docs/howto/slurm.md tells how to set it up.");
  app.add_option("--state", a.state, "file that keeps the ledger across restarts")->required();
  app.add_option("--log", a.log,
                 "append what happens to this file, a JSON object a line (else: standard output)");
  app.add_option("--hooks", a.hooks,
                 "directory for rank files, routes, clocks and circuits of each job");
  app.add_option("--hook-command", a.hook_command,
                 "program to run after a job's files have changed: set|clear JOB DIRECTORY");
  app.add_option("--partition", a.partition, "only held jobs of this partition");
  app.add_option("--spines", a.network.spines,
                 "spines of the network (else: as many as a leaf has GPUs)")
      ->check(CLI::PositiveNumber);
  app.add_option("--links-per-pair", a.network.links_per_pair,
                 "parallel links between a leaf and a spine")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--ocs-switches", a.network.ocs_switches,
                 "optical circuit switches between leafs and spines (else: fixed links)")
      ->check(CLI::PositiveNumber);
  app.add_option("--leaf-fibres", a.network.leaf_fibres, "from each leaf to each OCS")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--spine-fibres", a.network.spine_fibres, "from each spine to each OCS")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  auto* ib = app.add_option("--ib-network", a.ib_network,
                            "ibnetdiscover's output: the network, in place of Slurm's topology");
  auto* tables = app.add_option("--ib-tables", a.ib_tables,
                                "forwarding tables, the file of opensm -R file -U: kept so that "
                                "jobs have their links to themselves")
                     ->needs(ib);
  app.add_option("--opensm", a.opensm, "OpenSM's process number, or a file that has it")
      ->needs(tables);
  app.add_option("--start-opensm", a.start_opensm,
                 "line for the shell that starts OpenSM again when it has ended, and writes its "
                 "number into the file of --opensm")
      ->needs("--opensm");
  tables->needs("--opensm");
  app.add_option("--order", a.order, "of the queue; shortest: by time limit")
      ->check(CLI::IsMember(pilot::orders))
      ->capture_default_str();
  app.add_option(
         "--place", a.place,
         "vclos, or ocs_vclos on an optical network, if none is given; packed is not isolated")
      ->check(CLI::IsMember(pilot::places()));
  app.add_option("--backfill", a.backfill,
                 "who may pass a job that cannot start; easy trusts time limits")
      ->check(CLI::IsMember(pilot::backfills))
      ->capture_default_str();
  app.add_option("--allocate", a.allocate,
                 "powerflow: jobs whose comment says elastic=MIN-MAX get more or fewer GPUs")
      ->check(CLI::IsMember({"requested", "powerflow"}))
      ->capture_default_str();
  app.add_option("--reports", a.reports,
                 "directory in which jobs report; without it none that runs is moved");
  app.add_option("--notice", a.notice,
                 "signal and seconds that a job has to save a checkpoint, if it does not say")
      ->capture_default_str();
  app.add_option("--settle", a.settle_s,
                 "seconds before a job that has started is moved, and that a move must save")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  app.add_option("--clocks", a.clocks,
                 "for jobs whose comment names their model; any: allocation chooses")
      ->check(CLI::IsMember(clocks))
      ->capture_default_str();
  app.add_option("--gpu", a.gpu, "type of the GPUs, for clocks")->capture_default_str();
  app.add_option("--interval", a.interval_s, "seconds between two looks")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  app.add_option("--start-timeout", a.start_timeout_s,
                 "take a job back that Slurm does not start in so many seconds")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--read", a.read, "how to ask Slurm")
      ->check(CLI::IsMember(readings))
      ->capture_default_str();
  app.add_flag("--dry-run", a.dry_run, "say what would be done and change nothing");
  app.add_flag("--once", a.once, "one look, then end");
}

volatile sig_atomic_t stop_asked = 0;
extern "C" void ask_to_stop(int) { stop_asked = 1; }

template <class Fabric>
void fly(const pilot::flight& w, const pilot::machine<Fabric>& cluster) {
  if (w.options.elastic)
    pilot::fly_elastic(w, cluster);
  else
    pilot::fly_rigid(w, cluster);
}

pilot::pilot_options options_of(const pilot::arguments& a) {
  pilot::pilot_options o;
  o.start_timeout_s = a.start_timeout_s;
  o.partition = a.partition;
  o.dry_run = a.dry_run;
  o.gpu = a.gpu;
  o.clocks = clocks.at(a.clocks);
  o.elastic = a.allocate == "powerflow";
  o.reports = a.reports;
  o.settle_s = a.settle_s;
  if (!model::catalogue{}.find_gpu(a.gpu))
    throw input_error("--gpu", "a GPU of the catalogue", "\"" + a.gpu + "\"");
  const auto notice = pilot::read_notice(a.notice);
  if (!notice) throw input_error("--notice", "a signal and seconds like USR1@60", shown(a.notice));
  o.told_by = *notice;
  if (o.elastic && a.backfill != "none")
    throw input_error("--backfill", "none with --allocate powerflow, which fills gaps itself",
                      a.backfill);
  if (!o.elastic && o.clocks == pilot::clock_choice::any)
    throw input_error("--clocks", "fastest or efficient without --allocate powerflow", "any");
  return o;
}

int run(const pilot::arguments& a) {
  const bool optical = a.network.ocs_switches > 0;
  pilot::pilot_options options = options_of(a);
  const std::string place = !a.place.empty() ? a.place : optical ? "ocs_vclos" : "vclos";
  const pilot::named_place& policy = pilot::places().at(place);
  if (optical ? !policy.for_circuits : !policy.for_links)
    throw input_error(
        "--place",
        optical ? "ocs_vclos on an optical network" : "another one without --ocs-switches", place);
  pilot::slurm_commands slurm{readings.at(a.read), options.elastic};
  pilot::notebook book{a};

  struct sigaction act {};
  act.sa_handler = ask_to_stop;
  ::sigaction(SIGINT, &act, nullptr);
  ::sigaction(SIGTERM, &act, nullptr);

  std::optional<fabric::ib_network> net;
  const pilot::flight w{
      a, policy, std::move(options), slurm, book, net, [] { return stop_asked != 0; }};
  if (!a.ib_network.empty()) {
    if (optical) throw input_error("--ib-network", "a network of fixed links", "--ocs-switches");
    std::ifstream in(a.ib_network);
    net = fabric::read_ib_network(in, a.ib_network);
    fly(w, pilot::make_ib_machine(*net));
    return done;
  }
  const pilot::cluster_report first = slurm.look();
  const std::string tree = slurm.topology();
  if (optical)
    fly(w, pilot::make_optical_machine(tree, first.nodes, a.network));
  else
    fly(w, pilot::make_machine(tree, first.nodes, a.network));
  return done;
}

}  // namespace

int main(int argc, char** argv) {
  pilot::arguments a;
  return run_program(
      "heddle-slurm-pilot", "Places the held jobs of a live Slurm, each with links of its own.",
      argc, argv, [&](CLI::App& app) { add_options(app, a); }, [&] { return run(a); });
}
