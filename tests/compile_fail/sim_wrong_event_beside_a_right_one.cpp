// expect: an observer of a simulation has a call operator that no event reaches
// The record of a job is no event, although this observer takes another that is one.
#include <heddle/allocate/requested.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/sim/run.hpp>

using namespace heddle;

struct mine {
  void operator()(const sim::moment&) {}
#ifdef HEDDLE_MAKE_VALID
  void operator()(const sim::finished&) {}
#else
  void operator()(double, const sim::job_record&) {}
#endif
};

int main() {
  mine watch;
  (void)sim::run(
      fabric::leaf_spine{{}}, model::workload{},
      schedule::scheduler{order::fifo{}, allocate::requested{}, place::packed{}, route::source{}},
      {}, watch);
}
