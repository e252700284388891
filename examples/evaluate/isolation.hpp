// What isolation is worth: the setting of the vClos evaluation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace heddle::evaluate {

struct isolation_options {
  std::size_t jobs = 5000;  ///< of a run
  int seeds = 5;
  int gpus = 0;        ///< 512 or 8192: that cluster alone; 0: both
  bool quick = false;  ///< few loads and orders
  std::filesystem::path
      traces;  ///< directory of msr_itp_c02.csv and msr_itp_c04.csv; none: without
  std::filesystem::path out = ".";
};

/// Called with the number of runs done and the number in all, by one thread at a time.
using progress = std::function<void(std::size_t, std::size_t)>;

/// Runs every scheduler on every setting. Writes isolation.csv (a row for each setting, order and
/// scheduler), isolation_cdf.csv (JCT quantiles), and prints tables as Markdown.
void evaluate_isolation(const isolation_options& asked, const progress& told);

/// Changes one assumption at a time and prints what that does to the gain by isolation.
void evaluate_sensitivity(const isolation_options& asked, const progress& told);

/// Waiting for links of a job's own always, never, and where it pays, on 512 GPUs; prints a table.
void evaluate_waiting(const isolation_options& asked, const progress& told);

}  // namespace heddle::evaluate
