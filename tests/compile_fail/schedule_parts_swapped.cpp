// expect: the first part of a scheduler orders two entries
// A placement stands where the order belongs, and the order where the placement does.
#include <heddle/allocate/requested.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/scheduler.hpp>

using namespace heddle;

int main() {
#ifdef HEDDLE_MAKE_VALID
  schedule::scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::source{}};
#else
  schedule::scheduler plan{place::packed{}, allocate::requested{}, order::fifo{}, route::source{}};
#endif
  schedule::state s{fabric::leaf_spine{{}}};
  (void)plan.decide(s, 0);
}
