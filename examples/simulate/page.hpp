// report.html of heddle-simulate: one run on one page.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <heddle/fabric/gpu_book.hpp>
#include <heddle/model/workload.hpp>
#include <heddle/sim/observer.hpp>
#include <heddle/sim/options.hpp>
#include <heddle/sim/report.hpp>

#include "common/cluster_file.hpp"
#include "common/plot_data.hpp"
#include "common/simulation.hpp"

namespace heddle::examples {

/// How the cluster was used over time, in a few hundred parts whatever the trace: an observer.
class history {
 public:
  /// What is summed up in each part: times, and energy in J.
  enum amount : std::size_t {
    used_gpu_s,
    running_s,
    waiting_s,
    gpus_j,
    idle_j,
    servers_j,
    network_j,
    amounts
  };

  void operator()(const sim::moment& m);

  [[nodiscard]] const svg::time_parts<amounts>& over_time() const { return parts_; }

  /// Who held what when most links had an owner, of such moments when most GPUs had one first.
  struct busy_moment {
    double at_s;
    fabric::gpu_book gpus;
  };
  [[nodiscard]] const std::optional<busy_moment>& busiest() const { return busiest_; }

 private:
  svg::time_parts<amounts> parts_;
  // Since the last moment.
  bool begun_ = false;
  double at_s_ = 0, used_gpus_ = 0, running_ = 0, waiting_ = 0;
  sim::energy_parts spent_;
  std::pair<std::size_t, int> most_;  // links, GPUs
  std::optional<busy_moment> busiest_;
};

/// All that the page shows.
struct one_run {
  const cluster& on;
  const simulation_spec& what;
  const sim::options& options;
  const model::workload& jobs;
  const sim::report& report;
  const history& use;
  std::string cluster_file, failures_file;
  bool carbon = false, cost = false;      ///< whether they were asked for
  std::vector<std::string> command = {};  ///< the words that make the page again
};

/// A command line as words that a shell reads back, each option with its value.
[[nodiscard]] std::vector<std::string> words_of(const std::string& program, int argc, char** argv);

/// The page. The same for the same run: times of decisions, which are measured, are left out.
[[nodiscard]] std::string page_of(const one_run& r);

}  // namespace heddle::examples
