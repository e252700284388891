// Networks that people have: a cluster of three tiers, and racks that are NVLink domains.
#pragma once

#include <cstddef>
#include <filesystem>

#include "isolation.hpp"

namespace heddle::evaluate {

struct fabrics_options {
  std::size_t jobs = 2000;  ///< of a run
  int seeds = 5;
  std::filesystem::path network;    ///< lingjun_clos.csv
  std::filesystem::path sizes;      ///< tpuv4_slice_mix.csv
  std::filesystem::path run_times;  ///< philly_all.csv
};

/// Jobs in Lingjun's manner on its network of three tiers, under vclos, packed with ECMP, and without
/// contention. Prints a table.
void evaluate_lingjun(const fabrics_options& asked, const progress& told);

/// A queue that is never empty on 278 racks of 18 trays, 16 of them promised: jobs in balanced pieces inside
/// racks, beside packing that knows no racks. Prints a table.
void evaluate_racks(const fabrics_options& asked, const progress& told);

}  // namespace heddle::evaluate
