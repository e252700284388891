// expect: an observer of a simulation has at least one of the members
// An observer that misspells its only event would never be called.
#include <heddle/allocate/requested.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/sim/engine.hpp>

using namespace heddle;

struct mine {
#ifdef HEDDLE_MAKE_VALID
  void on_finish(double, const sim::job_record&) {}
#else
  void on_finished(double, const sim::job_record&) {}
#endif
};

int main() {
  schedule::scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::source{}};
  mine watch;
  (void)sim::run(fabric::leaf_spine{{}}, model::workload{}, plan, {}, watch);
}
