// heddle-slurm-pilot: places the jobs of a live Slurm, each with links of its own. docs/howto/slurm.md
// says how to set it up, and what must stand behind its hooks.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <ctime>
#include <exception>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <heddle/allocate/requested.hpp>
#include <heddle/order/order.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/ocs_vclos.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/schedule/admit/easy.hpp>
#include <heddle/schedule/admit/greedy.hpp>
#include <heddle/schedule/scheduler.hpp>

#include "common/program.hpp"
#include "slurm_pilot/pilot.hpp"
#include "slurm_pilot/table_driver.hpp"

namespace {

using namespace heddle;
using namespace heddle::examples;

using any_order = std::variant<order::fifo, order::fewest_gpus, order::shortest>;
struct order_of {
  any_order order;
  bool operator()(const order::entry& a, const order::entry& b) const {
    return std::visit([&](const auto& o) -> bool { return o(a, b); }, order);
  }
};
template <class Fabric>
using place_function =
    std::function<place::answer(const fabric::ledger<Fabric>&, const place::request&)>;
using small_first = place::first_of<place::one_server, place::one_leaf>;

template <class Last>
auto chain(Last last) {
  return place::first_of{place::one_server{}, place::one_leaf{}, std::move(last)};
}

/// A policy that knows GPUs alone, asked on each island of the network by itself.
template <class Policy>
auto on_islands(Policy policy) {
  return [p = std::move(policy)](const auto& free, const place::request& job) mutable {
    return place::ask(p, free, job);
  };
}

/// A policy for fixed links, and for circuits; null where it is not for them. Those whose placements
/// are isolated; `packed` is for comparison.
struct named_place {
  place_function<fabric::leaf_spine> for_links;
  place_function<fabric::leaf_spine_ocs> for_circuits;

  template <class Fabric>
  [[nodiscard]] const place_function<Fabric>& on() const {
    if constexpr (pilot::has_circuits<Fabric>)
      return for_circuits;
    else
      return for_links;
  }
};
const std::map<std::string, named_place> places{
    {"vclos", {chain(place::vclos{}), nullptr}},
    {"vclos_even", {chain(place::vclos{.any_size = false}), nullptr}},
    {"ocs_vclos", {nullptr, chain(place::ocs_vclos{})}},
    {"one_leaf", {small_first{}, small_first{}}},
    {"one_server", {place::one_server{}, place::one_server{}}},
    {"packed", {on_islands(place::packed{}), on_islands(place::packed{})}}};
const std::map<std::string, any_order> orders{{"fifo", order::fifo{}},
                                              {"fewest_gpus", order::fewest_gpus{}},
                                              {"shortest", order::shortest{}}};
/// Whom a job that cannot start lets pass, chosen at run time.
struct admission_of {
  std::variant<admit::in_order, admit::greedy, admit::easy> which;
  template <class Desk>
  void operator()(Desk& d) {
    std::visit([&](auto& a) { a(d); }, which);
  }
};
const std::map<std::string, admission_of> backfills{
    {"none", {admit::in_order{}}}, {"greedy", {admit::greedy{}}}, {"easy", {admit::easy{}}}};
const std::map<std::string, bool> clocks{{"fastest", false}, {"efficient", true}};
const std::map<std::string, pilot::reading> readings{{"auto", pilot::reading::automatic},
                                                     {"json", pilot::reading::json},
                                                     {"text", pilot::reading::text}};

struct arguments {
  std::string state, log, hooks, hook_command, partition, order = "fifo", place, gpu = "a100";
  std::string backfill = "none", clocks = "fastest", read = "auto";
  std::string ib_network, ib_tables, opensm, start_opensm;
  pilot::network_options network;
  double interval_s = 5, start_timeout_s = 120;
  bool dry_run = false, once = false;
};

void add_options(CLI::App& app, arguments& a) {
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
      ->check(CLI::IsMember(orders))
      ->capture_default_str();
  app.add_option(
         "--place", a.place,
         "vclos, or ocs_vclos on an optical network, if none is given; packed is not isolated")
      ->check(CLI::IsMember(places));
  app.add_option("--backfill", a.backfill,
                 "who may pass a job that cannot start; easy trusts time limits")
      ->check(CLI::IsMember(backfills))
      ->capture_default_str();
  app.add_option("--clocks", a.clocks, "for jobs whose comment names their model")
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

double now_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// Notes go to a file, or to standard output; a dry run saves nothing.
class notebook {
 public:
  explicit notebook(const arguments& a) : to_stdout_(a.log.empty()), dry_(a.dry_run) {
    // A dry run may look over the shoulder of a pilot at work.
    if (!dry_) files_.emplace(a.state, a.log);
    if (dry_) to_stdout_ = true;
  }
  void save(const std::string& text) {
    if (files_) files_->save(text);
  }
  void note(const std::string& line) {
    if (files_) files_->note(line);
    if (to_stdout_) std::cout << line << std::endl;
  }

 private:
  std::optional<pilot::file_store> files_;
  bool to_stdout_, dry_;
};

/// Hooks and forwarding tables that may be left out.
class hooks {
 public:
  hooks(const arguments& a, const std::optional<fabric::ib_network>& net)
      : subnet_(a.ib_tables, a.opensm, {}, a.start_opensm) {
    if (!a.hooks.empty()) files_.emplace(a.hooks, a.hook_command);
    if (!a.ib_tables.empty()) tables_.emplace(subnet_, *net);
  }
  void take_over(const pilot::book& b) {
    if (tables_) tables_->take_over(b);
  }
  void set_network(std::uint32_t job, const pilot::booked_job& j) {
    if (!tables_) return;
    tables_->set_network(job, j);
    if (files_) files_->write(job, "settings.sh", tables_->settings_of(j));
  }
  void clear_network(std::uint32_t job) {
    if (tables_) tables_->clear_network(job);
  }
  std::map<std::uint32_t, std::string> look_after() {
    return tables_ ? tables_->look_after() : std::map<std::uint32_t, std::string>{};
  }
  [[nodiscard]] pilot::lost_links lost() const {
    return tables_ ? tables_->lost() : pilot::lost_links{};
  }
  void set_ranks(std::uint32_t job, auto v) {
    if (files_) files_->set_ranks(job, v);
  }
  void clear_ranks(std::uint32_t job) {
    if (files_) files_->clear_ranks(job);
  }
  void set_routes(std::uint32_t job, auto v) {
    if (files_) files_->set_routes(job, v);
  }
  void clear_routes(std::uint32_t job) {
    if (files_) files_->clear_routes(job);
  }
  void set_clocks(std::uint32_t job, auto v) {
    if (files_) files_->set_clocks(job, v);
  }
  void clear_clocks(std::uint32_t job) {
    if (files_) files_->clear_clocks(job);
  }
  void set_circuits(std::uint32_t job, auto v) {
    if (files_) files_->set_circuits(job, v);
  }
  void clear_circuits(std::uint32_t job) {
    if (files_) files_->clear_circuits(job);
  }

 private:
  pilot::opensm_subnet subnet_;
  std::optional<pilot::recording_driver> files_;
  std::optional<pilot::table_driver<pilot::opensm_subnet>> tables_;
};

std::optional<std::string> text_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

/// Looks at Slurm until it is stopped.
template <class Fabric>
void fly(const arguments& a, const named_place& place, pilot::pilot_options options,
         pilot::slurm_commands& slurm, notebook& book, const pilot::machine<Fabric>& cluster,
         const std::optional<fabric::ib_network>& net = {}) {
  pilot::job_needs needs;
  schedule::scheduler plan{order_of{orders.at(a.order)}, allocate::requested{},
                           pilot::even_servers{place.on<Fabric>(), &needs}, route::source{},
                           backfills.at(a.backfill)};
  for (const std::string& n : cluster.notes) std::cerr << "heddle-slurm-pilot: " << n << std::endl;
  hooks to_network{a, net};
  options.needs = &needs;
  pilot::control_loop one{slurm, to_network, book, plan, cluster, options};
  one.open(text_of(a.state), a.state, now_s());
  while (!stop_asked) {
    try {
      one.look(now_s());
    } catch (const std::exception& e) {
      // A controller that is restarted does not answer for a while. The book waits for it.
      if (a.once) throw;
      std::cerr << "heddle-slurm-pilot: " << e.what() << std::endl;
    }
    if (a.once) break;
    const timespec pause{
        static_cast<time_t>(a.interval_s),
        static_cast<long>((a.interval_s - static_cast<double>(static_cast<time_t>(a.interval_s))) *
                          1e9)};
    ::nanosleep(&pause, nullptr);
  }
}

int run(const arguments& a) {
  pilot::pilot_options options;
  options.start_timeout_s = a.start_timeout_s;
  options.partition = a.partition;
  options.dry_run = a.dry_run;
  options.gpu = a.gpu;
  options.efficient_clocks = clocks.at(a.clocks);
  if (!model::catalogue{}.find_gpu(a.gpu))
    throw input_error("--gpu", "a GPU of the catalogue", "\"" + a.gpu + "\"");
  const bool optical = a.network.ocs_switches > 0;
  const std::string place = !a.place.empty() ? a.place : optical ? "ocs_vclos" : "vclos";
  const named_place& policy = places.at(place);
  if (optical ? !policy.for_circuits : !policy.for_links)
    throw input_error(
        "--place",
        optical ? "ocs_vclos on an optical network" : "another one without --ocs-switches", place);
  pilot::slurm_commands slurm{readings.at(a.read)};
  notebook book{a};

  struct sigaction act {};
  act.sa_handler = ask_to_stop;
  ::sigaction(SIGINT, &act, nullptr);
  ::sigaction(SIGTERM, &act, nullptr);

  if (!a.ib_network.empty()) {
    if (optical) throw input_error("--ib-network", "a network of fixed links", "--ocs-switches");
    std::ifstream in(a.ib_network);
    const fabric::ib_network net = fabric::read_ib_network(in, a.ib_network);
    fly(a, policy, options, slurm, book, pilot::make_ib_machine(net), net);
    return done;
  }
  const pilot::cluster_report first = slurm.look();
  const std::string tree = slurm.topology();
  if (optical)
    fly(a, policy, options, slurm, book, pilot::make_optical_machine(tree, first.nodes, a.network));
  else
    fly(a, policy, options, slurm, book, pilot::make_machine(tree, first.nodes, a.network));
  return done;
}

}  // namespace

int main(int argc, char** argv) {
  arguments a;
  return run_program(
      "heddle-slurm-pilot", "Places the held jobs of a live Slurm, each with links of its own.",
      argc, argv, [&](CLI::App& app) { add_options(app, a); }, [&] { return run(a); });
}
