// expect: an elastic allocation makes room itself
// No job is stopped to make room under an elastic allocation.
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
  schedule::scheduler plan{order::fifo{},    allocate::powerflow{},
                           place::packed{},  route::source{},
                           admit::elastic{}, schedule::means{schedule::preempt{}}};
#endif
  schedule::state s{fabric::leaf_spine{{}}};
  (void)plan.decide(s, 0);
}
