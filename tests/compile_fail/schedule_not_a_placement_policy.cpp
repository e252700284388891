// expect: the third part of a scheduler places a request on a ledger
// A placement policy may not change the ledger: it is handed a const one.
#include <heddle/allocate/requested.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/scheduler.hpp>

using namespace heddle;

#ifdef HEDDLE_MAKE_VALID
using mine = place::packed;
#else
struct mine {
  place::answer operator()(fabric::ledger<fabric::leaf_spine>&, const place::request&) const {
    return std::nullopt;
  }
};
#endif

int main() {
  schedule::scheduler plan{order::fifo{}, allocate::requested{}, mine{}, route::source{}};
  schedule::state s{fabric::leaf_spine{{}}};
  (void)plan.decide(s, 0);
}
