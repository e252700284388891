#include "common/run_simulation.hpp"

#include <utility>

#include <heddle/sim/run.hpp>

namespace heddle::examples {

template <class Fabric>
sim::report run_simulation(const Fabric& dc, const model::workload& jobs,
                           schedule::any_scheduler<Fabric>& plan, const sim::options& o,
                           const watcher& watch) {
  return run_simulation(plan.make_network(dc, o.contention), dc, jobs, plan, o, watch);
}

template <class Fabric>
sim::report run_simulation(schedule::any_network network, const Fabric& dc,
                           const model::workload& jobs, schedule::any_scheduler<Fabric>& plan,
                           const sim::options& o, const watcher& watch) {
  return sim::run_on(std::move(network), dc, jobs, plan, o, watch);
}

sim::report run_simulation(const any_fabric& on, const model::workload& jobs,
                           const scheduler_names& names, const schedule::scheduler_options& options,
                           std::uint64_t seed, const sim::options& o, const watcher& watch) {
  return on.on_any([&]<class Fabric>(const Fabric& dc) {
    schedule::any_scheduler<Fabric> plan = make_scheduler<Fabric>(names, options, seed);
    return run_simulation(dc, jobs, plan, o, watch);
  });
}

#define HEDDLE_ON(fabric)                                                                       \
  template sim::report run_simulation(const fabric&, const model::workload&,                    \
                                      schedule::any_scheduler<fabric>&, const sim::options&,    \
                                      const watcher&);                                          \
  template sim::report run_simulation(schedule::any_network, const fabric&,                     \
                                      const model::workload&, schedule::any_scheduler<fabric>&, \
                                      const sim::options&, const watcher&);
HEDDLE_ON(fabric::leaf_spine)
HEDDLE_ON(fabric::leaf_spine_ocs)
HEDDLE_ON(fabric::torus)
HEDDLE_ON(fabric::cubes)
#undef HEDDLE_ON

}  // namespace heddle::examples
