// expect: the second part of a scheduler gives each candidate an operating point
// An allocation policy writes to the allocation that it is handed.
#include <heddle/allocate/requested.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/scheduler.hpp>

using namespace heddle;

#ifdef HEDDLE_MAKE_VALID
using mine = allocate::requested;
#else
struct mine {
  allocate::allocation operator()(std::span<const allocate::candidate> jobs) const {
    return allocate::allocation(jobs.size());
  }
};
#endif

int main() {
  schedule::scheduler plan{order::fifo{}, mine{}, place::packed{}, route::source{}};
  schedule::state s{fabric::leaf_spine{{}}};
  (void)plan.decide(s, 0);
}
