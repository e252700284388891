// expect: the shared routing gives a flow, or all flows of a phase, a path whatever the type
// Loads have a type of whoever asks: a routing that is no template over the view can be asked by
// nobody.
#include <heddle/route/steady.hpp>

using namespace heddle;

struct for_one {
  route::path operator()(const route::view<route::detail::no_load>&, const traffic::flow&) const {
    return {spine_id{0}, 0, 0};
  }
};
struct for_all {
  template <class Load>
  route::path operator()(const route::view<Load>&, const traffic::flow&) const {
    return {spine_id{0}, 0, 0};
  }
};

#ifdef HEDDLE_MAKE_VALID
using mine = for_all;
#else
using mine = for_one;
#endif

int main() {
  route::steady model{fabric::leaf_spine{{}}, mine{}};
  model.add(job_id{1}, {{gpu_id{0}, gpu_id{1}}, {}}, collective::ring, 0.5);
}
