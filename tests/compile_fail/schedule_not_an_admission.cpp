// expect: the fifth part of a scheduler admits jobs at a desk
// An admission policy is called with a desk, not with a queue.
#include <vector>

#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/requested.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/admit/conservative.hpp>
#include <heddle/schedule/admit/easy.hpp>
#include <heddle/schedule/means/preempt.hpp>
#include <heddle/schedule/scheduler.hpp>

using namespace heddle;

struct mine {
  void operator()(std::vector<job_id>& queue) const { queue.clear(); }
};

int main() {
#ifdef HEDDLE_MAKE_VALID
  schedule::scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::source{},
                           admit::easy{}};
#else
  schedule::scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::source{},
                           mine{}};
#endif
  schedule::state s{fabric::leaf_spine{{}}};
  (void)plan.decide(s, 0);
}
