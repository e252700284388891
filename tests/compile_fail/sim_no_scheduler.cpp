// expect: a simulation runs under a scheduler
// A placement policy is a part of a scheduler, not one.
#include <heddle/allocate/requested.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/sim/run.hpp>

using namespace heddle;

int main() {
#ifdef HEDDLE_MAKE_VALID
  schedule::scheduler mine{order::fifo{}, allocate::requested{}, place::packed{}, route::source{}};
#else
  place::packed mine;
#endif
  (void)sim::run(fabric::leaf_spine{{}}, model::workload{}, mine);
}
