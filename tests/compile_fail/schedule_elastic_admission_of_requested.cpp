// expect: admit::elastic asks an allocation for all jobs together
// What users asked for is not handed out to all jobs together.
#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/requested.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/admit/conservative.hpp>
#include <heddle/schedule/admit/easy.hpp>
#include <heddle/schedule/means/preempt.hpp>
#include <heddle/schedule/scheduler.hpp>

using namespace heddle;

int main() {
#ifdef HEDDLE_MAKE_VALID
  schedule::scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::source{},
                           admit::easy{}};
#else
  schedule::scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::source{},
                           admit::elastic{}};
#endif
  schedule::state s{fabric::leaf_spine{{}}};
  (void)plan.decide(s, 0);
}
