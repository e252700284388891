// expect: the fourth part of a scheduler gives a flow its path
// A routing policy answers with a path, not with a spine.
#include <heddle/allocate/requested.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/scheduler.hpp>

using namespace heddle;

#ifdef HEDDLE_MAKE_VALID
using mine = route::source;
#else
struct mine {
  template <class View>
  spine_id operator()(const View&, const traffic::flow&) const {
    return spine_id{0};
  }
};
#endif

int main() {
  schedule::scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, mine{}};
  schedule::state s{fabric::leaf_spine{{}}};
  (void)plan.decide(s, 0);
}
