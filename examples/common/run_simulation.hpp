// The simulator under any scheduler, compiled once for all programs.
#pragma once

#include <cstdint>
#include <functional>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/model/workload.hpp>
#include <heddle/schedule/any_scheduler.hpp>
#include <heddle/sim/observer.hpp>
#include <heddle/sim/options.hpp>
#include <heddle/sim/report.hpp>

#include "common/any_fabric.hpp"
#include "common/named_policies.hpp"

namespace heddle::examples {

/// What a program watches while a simulation runs; what is empty is not called.
struct watcher {
  std::function<void(const sim::moment&)> after_each_time = {};
  std::function<void(const sim::decision_made&)> after_each_decision = {};
  std::function<void(const sim::started&)> after_each_start = {};
  std::function<void(const sim::finished&)> after_each_finish = {};

  void operator()(const sim::moment& m) const {
    if (after_each_time) after_each_time(m);
  }
  void operator()(const sim::decision_made& e) const {
    if (after_each_decision) after_each_decision(e);
  }
  void operator()(const sim::started& e) const {
    if (after_each_start) after_each_start(e);
  }
  void operator()(const sim::finished& e) const {
    if (after_each_finish) after_each_finish(e);
  }
};

/// `sim::run`.
template <class Fabric>
[[nodiscard]] sim::report run_simulation(const Fabric& dc, const model::workload& jobs,
                                         schedule::any_scheduler<Fabric>& plan,
                                         const sim::options& o = {}, const watcher& watch = {});

/// The same on a given model of contention.
template <class Fabric>
[[nodiscard]] sim::report run_simulation(schedule::any_network network, const Fabric& dc,
                                         const model::workload& jobs,
                                         schedule::any_scheduler<Fabric>& plan,
                                         const sim::options& o = {}, const watcher& watch = {});

/// The same under a scheduler by the names of its parts, on a fabric known at run time only.
[[nodiscard]] sim::report run_simulation(const any_fabric& on, const model::workload& jobs,
                                         const scheduler_names& names,
                                         const schedule::scheduler_options& options,
                                         std::uint64_t seed, const sim::options& o = {},
                                         const watcher& watch = {});

}  // namespace heddle::examples
