#include "common/run_simulation.hpp"

#include <utility>

#include <heddle/sim/run.hpp>

namespace heddle::examples {

sim::report run_simulation(const fabric::leaf_spine& dc, const model::workload& jobs,
                           schedule::any_scheduler& plan, const sim::options& o,
                           const watcher& watch) {
  return run_simulation(plan.make_network(dc, o.contention), dc, jobs, plan, o, watch);
}

sim::report run_simulation(schedule::any_network network, const fabric::leaf_spine& dc,
                           const model::workload& jobs, schedule::any_scheduler& plan,
                           const sim::options& o, const watcher& watch) {
  return sim::run_on(std::move(network), dc, jobs, plan, o, watch);
}

}  // namespace heddle::examples
