// expect: migrate moves jobs between GPUs and fixed links
// Jobs do not move where links are circuits: circuits do.
#include <heddle/allocate/requested.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/place/ocs_vclos.hpp>
#include <heddle/schedule/means/migrate.hpp>
#include <heddle/schedule/means/preempt.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/sim/run.hpp>

using namespace heddle;

int main() {
#ifdef HEDDLE_MAKE_VALID
  const schedule::means room{schedule::preempt{}};
#else
  const schedule::means room{schedule::migrate{}};
#endif
  schedule::scheduler plan{order::fifo{},  allocate::requested{}, place::ocs_vclos{},
                           route::ideal{}, admit::in_order{},     room};
  (void)sim::run(fabric::leaf_spine_ocs{{}}, model::workload{}, plan);
}
