// expect: a simulation runs under a scheduler
// A placement policy is a part of a scheduler, and none itself.
#include <heddle/place/shared_network.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/schedule/archetypes.hpp>
#include <heddle/sim/run.hpp>

using namespace heddle;

int main() {
#ifdef HEDDLE_MAKE_VALID
  schedule::archetype::scheduler plan{{}};
#else
  place::packed plan;
#endif
  (void)sim::run_on(route::steady{fabric::leaf_spine{{}}, route::ideal{}}, fabric::leaf_spine{{}},
                    model::workload{}, plan, {});
}
