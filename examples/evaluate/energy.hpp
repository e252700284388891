// What energy-aware elastic allocation is worth, alone and together with isolation.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "isolation.hpp"

namespace heddle::evaluate {

struct energy_options {
  std::size_t jobs = 2000;       ///< of a workload
  int seeds = 5;                 ///< of workloads that are drawn
  std::filesystem::path traces;  ///< directory of msr_itp_c02.csv and msr_itp_c04.csv
  std::filesystem::path out = ".";
  std::string arena = {};  ///< one cluster and its jobs alone, by name; all where empty
};

/// Energy and completion times of powerflow, optimal and their rivals over clocks and budgets, on a
/// network without contention; powerflow without its parts; priorities. Writes energy.csv and prints
/// tables as Markdown.
void evaluate_energy(const energy_options& asked, const progress& told);

/// Budgets of energy that are paced by work, told and forecast, and by time, beside a constant price. Prints a table as
/// Markdown.
void evaluate_budget(const energy_options& asked);

/// price_path with work known and forecast beside AFS with the same price of energy. Prints a table as Markdown.
void evaluate_forecasts(const energy_options& asked);

/// price_path's rivals over clocks, power caps and energy prices, against it at equal energy. Writes price_path.csv and
/// prints tables.
void evaluate_price_path(const energy_options& asked, const progress& told);

/// Isolation and energy-awareness, each alone and both. Writes joint.csv and waterfall.csv, and
/// prints tables.
void evaluate_joint(const energy_options& asked, const progress& told);

struct bound_options {
  int instances = 24;  ///< of 40 to 60 jobs, batches and bursts by turns
  int steps = 600;     ///< of the bound's prices
};
/// price_path beside the clairvoyant bound at equal energy. Prints a table.
void evaluate_bound(const bound_options& asked, const progress& told);

/// Policies of rivals on an input like the one of which they published numbers. Prints a table.
void evaluate_rivals(const energy_options& asked);

/// The time of one decision over the size of the cluster. Writes decisions.csv and prints a table.
void evaluate_decisions(const energy_options& asked);

}  // namespace heddle::evaluate
