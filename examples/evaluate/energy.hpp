// What energy-aware elastic allocation is worth, alone and together with isolation.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>

namespace heddle::evaluate {

struct energy_options {
  std::size_t jobs = 3000;         ///< of a workload
  int seeds = 3;                   ///< of workloads that are drawn
  std::filesystem::path traces;    ///< directory of msr_itp_c02.csv and msr_itp_c04.csv
  std::filesystem::path out = ".";
};

/// Energy and completion times of powerflow, optimal and their rivals over clocks and budgets, on a
/// network without contention. Writes energy.csv and prints tables as Markdown.
void evaluate_energy(const energy_options& asked,
                     const std::function<void(std::size_t, std::size_t)>& told);

/// Isolation and energy-awareness, each alone and both. Writes joint.csv and prints tables.
void evaluate_joint(const energy_options& asked,
                    const std::function<void(std::size_t, std::size_t)>& told);

}  // namespace heddle::evaluate
