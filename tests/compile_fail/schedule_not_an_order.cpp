// expect: the first part of a scheduler orders two entries
// An order compares two entries, not one with a number.
#include <heddle/allocate/requested.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/scheduler.hpp>

using namespace heddle;

#ifdef HEDDLE_MAKE_VALID
using mine = order::fifo;
#else
struct mine {
  bool operator()(const order::entry& a, int b) const { return a.spec->gpus < b; }
};
#endif

int main() {
  schedule::scheduler plan{mine{}, allocate::requested{}, place::packed{}, route::source{}};
  schedule::state s{fabric::leaf_spine{{}}};
  (void)plan.decide(s, 0);
}
