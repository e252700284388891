// expect: an observer of a simulation can be called with at least one of the events
// What is recorded of a job is no event.
#include <heddle/allocate/requested.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/sim/run.hpp>

using namespace heddle;

struct mine {
#ifdef HEDDLE_MAKE_VALID
  void operator()(const sim::finished&) {}
#else
  void operator()(const sim::job_record&) {}
#endif
};

int main() {
  schedule::scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::source{}};
  mine watch;
  (void)sim::run(fabric::leaf_spine{{}}, model::workload{}, plan, {}, watch);
}
