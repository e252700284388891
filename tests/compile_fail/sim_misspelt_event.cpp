// expect: did you mean .*finished
// An event is a type, so that one that is misspelt is not known.
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
  void operator()(const sim::finnished&) {}
#endif
};

int main() {
  mine watch;
  (void)sim::run(
      fabric::leaf_spine{{}}, model::workload{},
      schedule::scheduler{order::fifo{}, allocate::requested{}, place::packed{}, route::source{}},
      {}, watch);
}
