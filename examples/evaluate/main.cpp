// heddle-evaluate: the experiments of docs/evaluation.md.
#include <cstddef>
#include <filesystem>
#include <iostream>
#include <string>

#include <unistd.h>

#include "common/program.hpp"
#include "energy.hpp"
#include "fabrics.hpp"
#include "isolation.hpp"
#include "iterations.hpp"

namespace {

using namespace heddle;
using namespace heddle::examples;

/// "12 of 90 runs", on one line that is rewritten.
void show_progress(std::size_t done, std::size_t in_all) {
  if (isatty(STDERR_FILENO) == 0) return;
  std::cerr << "\rheddle-evaluate: " << done << " of " << in_all << " runs"
            << (done == in_all ? "\r\033[K" : "") << std::flush;
}

struct arguments {
  evaluate::isolation_options isolation;
  evaluate::energy_options energy;
  std::string traces;
  std::string out = ".";
  CLI::App* isolation_command = nullptr;
  CLI::App* sensitivity_command = nullptr;
  CLI::App* waiting_command = nullptr;
  CLI::App* iterations_command = nullptr;
  CLI::App* energy_command = nullptr;
  CLI::App* joint_command = nullptr;
  CLI::App* rivals_command = nullptr;
  CLI::App* decisions_command = nullptr;
  evaluate::bound_options bound;
  CLI::App* bound_command = nullptr;
  CLI::App* price_path_command = nullptr;
  evaluate::fabrics_options fabrics;
  CLI::App* lingjun_command = nullptr;
  CLI::App* racks_command = nullptr;
  CLI::App* budget_command = nullptr;
  CLI::App* forecast_command = nullptr;
};

void add_options(CLI::App& app, arguments& a) {
  app.require_subcommand(1);
  a.isolation_command = app.add_subcommand("isolation", "the setting of the vClos evaluation");
  a.sensitivity_command = app.add_subcommand(
      "sensitivity", "what moves the gain by isolation, one assumption at a time");
  a.waiting_command =
      app.add_subcommand("waiting", "links of a job's own waited for always, never, where it pays");
  a.iterations_command =
      app.add_subcommand("iterations", "measured iteration times beside the model's");
  a.energy_command =
      app.add_subcommand("energy", "powerflow and its rivals over clocks and budgets");
  a.price_path_command = app.add_subcommand(
      "price_path", "price path and its rivals over clocks, power caps and energy prices");
  a.budget_command = app.add_subcommand(
      "budget", "budgets of energy paced by work, beside a constant price of energy");
  a.forecast_command = app.add_subcommand(
      "forecast", "price path on work that is forecast, beside AFS with the same price of energy");
  a.joint_command = app.add_subcommand("joint", "isolation and energy-awareness, each and both");
  a.rivals_command = app.add_subcommand("rivals", "rivals' published numbers beside counterparts'");
  a.decisions_command =
      app.add_subcommand("decisions", "the time of a decision by size of the cluster");
  a.bound_command =
      app.add_subcommand("bound", "price path beside what any schedule can reach, at equal energy");
  a.bound_command->add_option("--instances", a.bound.instances, "drawn, of 40 to 60 jobs each")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  a.bound_command->add_option("--steps", a.bound.steps, "in which a bound is improved")
      ->check(CLI::Range(0, 100000))
      ->capture_default_str();
  a.lingjun_command =
      app.add_subcommand("lingjun", "made-up jobs on a real network of three tiers");
  a.lingjun_command->add_option("--network", a.fabrics.network, "lingjun_clos.csv")->required();
  a.racks_command =
      app.add_subcommand("racks", "pieces of jobs inside racks beside packing that knows none");
  a.racks_command->add_option("--sizes", a.fabrics.sizes, "tpuv4_slice_mix.csv")->required();
  a.racks_command->add_option("--run-times", a.fabrics.run_times, "philly_all.csv")->required();
  for (CLI::App* command : {a.lingjun_command, a.racks_command}) {
    command->add_option("--jobs", a.fabrics.jobs, "jobs of a run")
        ->check(CLI::Range(10, 100000))
        ->capture_default_str();
    command->add_option("--seeds", a.fabrics.seeds, "runs of each setting")
        ->check(CLI::Range(1, 100))
        ->capture_default_str();
  }
  for (CLI::App* command : {a.isolation_command, a.sensitivity_command, a.waiting_command}) {
    command->add_option("--jobs", a.isolation.jobs, "jobs of a run")
        ->check(CLI::Range(10, 100000))
        ->capture_default_str();
    command->add_option("--seeds", a.isolation.seeds, "runs of each setting")
        ->check(CLI::Range(1, 100))
        ->capture_default_str();
  }
  a.isolation_command->add_option("--gpus", a.isolation.gpus, "one cluster alone: 512 or 8192")
      ->check(CLI::IsMember({512, 8192}));
  a.isolation_command->add_flag("--quick", a.isolation.quick, "few settings");
  for (CLI::App* command : {a.energy_command, a.price_path_command, a.joint_command,
                            a.rivals_command, a.budget_command, a.forecast_command})
    command->add_option("--seeds", a.energy.seeds, "workloads drawn")
        ->check(CLI::Range(1, 100))
        ->capture_default_str();
  for (CLI::App* command : {a.energy_command, a.price_path_command, a.joint_command,
                            a.decisions_command, a.budget_command, a.forecast_command})
    command->add_option("--jobs", a.energy.jobs, "jobs of a workload; for decisions, by 512 GPUs")
        ->check(CLI::Range(10, 100000))
        ->capture_default_str();
  for (CLI::App* command : {a.isolation_command, a.energy_command, a.price_path_command,
                            a.joint_command, a.budget_command, a.forecast_command})
    command->add_option("--traces", a.traces, "directory of msr_itp_c02.csv and msr_itp_c04.csv");
  for (CLI::App* command : {a.energy_command, a.price_path_command, a.joint_command,
                            a.budget_command, a.forecast_command})
    command->add_option("--arena", a.energy.arena,
                        "one cluster alone: bursty, or a trace by its name (philly_all)");
  for (CLI::App* command : {a.isolation_command, a.energy_command, a.price_path_command,
                            a.joint_command, a.decisions_command})
    command->add_option("--out", a.out, "directory for the CSV files")
        ->check(CLI::ExistingDirectory)
        ->capture_default_str();
}

int run(const arguments& a) {
  evaluate::isolation_options isolation = a.isolation;
  isolation.out = a.out;
  isolation.traces = a.traces;
  evaluate::energy_options energy = a.energy;
  energy.out = a.out;
  energy.traces = a.traces;
  if (*a.isolation_command) evaluate::evaluate_isolation(isolation, show_progress);
  if (*a.sensitivity_command) evaluate::evaluate_sensitivity(isolation, show_progress);
  if (*a.waiting_command) evaluate::evaluate_waiting(isolation, show_progress);
  if (*a.iterations_command) evaluate::evaluate_iterations();
  if (*a.energy_command) evaluate::evaluate_energy(energy, show_progress);
  if (*a.joint_command) evaluate::evaluate_joint(energy, show_progress);
  if (*a.rivals_command) evaluate::evaluate_rivals(energy);
  if (*a.price_path_command) evaluate::evaluate_price_path(energy, show_progress);
  if (*a.budget_command) evaluate::evaluate_budget(energy);
  if (*a.forecast_command) evaluate::evaluate_forecasts(energy);
  if (*a.bound_command) evaluate::evaluate_bound(a.bound, show_progress);
  if (*a.lingjun_command) evaluate::evaluate_lingjun(a.fabrics, show_progress);
  if (*a.racks_command) evaluate::evaluate_racks(a.fabrics, show_progress);
  if (*a.decisions_command) evaluate::evaluate_decisions(energy);
  return done;
}

}  // namespace

int main(int argc, char** argv) {
  arguments a;
  return run_program(
      "heddle-evaluate",
      "Runs the experiments of docs/evaluation.md and prints their tables as Markdown.", argc, argv,
      [&](CLI::App& app) { add_options(app, a); }, [&] { return run(a); });
}
