// expect: any_scheduler holds a scheduler
// A scheduler decides on a state, not on a ledger.
#include <heddle/route/routing.hpp>
#include <heddle/schedule/any_scheduler.hpp>
#include <heddle/schedule/archetypes.hpp>

using namespace heddle;

struct mine {
  schedule::decision decide(fabric::ledger<fabric::leaf_spine>&, double) { return {}; }
  bool carry_out(schedule::state<fabric::leaf_spine>&, double, const schedule::decision&) {
    return true;
  }
  const schedule::scheduler_options& options() const { return options_; }
  route::ideal route() const { return {}; }
  schedule::scheduler_options options_;
};

int main() {
#ifdef HEDDLE_MAKE_VALID
  schedule::any_scheduler<> any{schedule::archetype::scheduler{{}}};
#else
  schedule::any_scheduler<> any{mine{}};
#endif
}
