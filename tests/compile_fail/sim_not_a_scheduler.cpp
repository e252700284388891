// expect: a simulation drives a scheduler
// A placement policy is a part of a scheduler, and none itself.
#include <heddle/place/shared_network.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/schedule/archetypes.hpp>
#include <heddle/sim/engine.hpp>

using namespace heddle;

int main() {
#ifdef HEDDLE_MAKE_VALID
  schedule::archetype::scheduler plan{{}};
#else
  place::packed plan;
#endif
  (void)sim::run_on(route::steady<route::ideal>{fabric::leaf_spine{{}}}, fabric::leaf_spine{{}},
                    model::workload{}, plan, {});
}
