// expect: this placement policy is not for this fabric
// vclos owns fixed links; on a fabric of circuits there is ocs_vclos.
#include <heddle/allocate/requested.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/place/ocs_vclos.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/sim/run.hpp>

using namespace heddle;

#ifdef HEDDLE_MAKE_VALID
using mine = place::ocs_vclos;
#else
using mine = place::vclos;
#endif

int main() {
  schedule::scheduler plan{order::fifo{}, allocate::requested{}, mine{}, route::ideal{}};
  (void)sim::run(fabric::leaf_spine_ocs{{}}, model::workload{}, plan);
}
