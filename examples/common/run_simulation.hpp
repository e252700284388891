// The simulator under any scheduler, compiled once for all programs.
#pragma once

#include <functional>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/model/workload.hpp>
#include <heddle/schedule/any_scheduler.hpp>
#include <heddle/sim/observer.hpp>
#include <heddle/sim/options.hpp>
#include <heddle/sim/report.hpp>

namespace heddle::examples {

/// What a program watches while a simulation runs; what is empty is not called.
struct watcher {
  std::function<void(const sim::moment&)> after_each_time = {};
  std::function<void(const sim::decision_made&)> after_each_decision = {};

  void operator()(const sim::moment& m) const {
    if (after_each_time) after_each_time(m);
  }
  void operator()(const sim::decision_made& e) const {
    if (after_each_decision) after_each_decision(e);
  }
};

/// `sim::run`.
[[nodiscard]] sim::report run_simulation(const fabric::leaf_spine& dc, const model::workload& jobs,
                                         schedule::any_scheduler& plan, const sim::options& o = {},
                                         const watcher& watch = {});

/// The same on a given model of contention.
[[nodiscard]] sim::report run_simulation(schedule::any_network network,
                                         const fabric::leaf_spine& dc, const model::workload& jobs,
                                         schedule::any_scheduler& plan, const sim::options& o = {},
                                         const watcher& watch = {});

}  // namespace heddle::examples
