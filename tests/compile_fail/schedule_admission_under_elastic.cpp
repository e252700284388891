// expect: an elastic allocation gives and takes GPUs itself
// An elastic allocation is not asked for one job at a time.
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
  schedule::scheduler plan{order::fifo{}, allocate::powerflow{}, place::packed{}, route::source{},
                           admit::elastic{}};
#else
  schedule::scheduler plan{order::fifo{}, allocate::powerflow{}, place::packed{}, route::source{},
                           admit::easy{}};
#endif
  schedule::state s{fabric::leaf_spine{{}}};
  (void)plan.decide(s, 0);
}
