// expect: a simulation runs on a model of contention: add, remove, slowdown and changed
// A network that does not say whose slow-down has changed.
#include <span>

#include <heddle/allocate/requested.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/sim/run.hpp>

using namespace heddle;

struct mine {
  void add(const job&, const fabric::placement&) {}
  void remove(job_id) {}
  double slowdown(job_id) const { return 1; }
#ifdef HEDDLE_MAKE_VALID
  std::span<const job_id> changed() const { return {}; }
#endif
};

int main() {
  (void)sim::run_on(
      mine{}, fabric::leaf_spine{{}}, model::workload{},
      schedule::scheduler{order::fifo{}, allocate::requested{}, place::packed{}, route::source{}},
      {});
}
