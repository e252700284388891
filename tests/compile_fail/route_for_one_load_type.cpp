// expect: the shared routing gives a flow, or all flows of a phase, a path whatever the type
// Loads have a type of whoever asks: a routing that is no template over the view can be asked by
// nobody.
#include <heddle/route/steady.hpp>

using namespace heddle;

struct mine {
#ifdef HEDDLE_MAKE_VALID
  template <class View>
  route::path operator()(const View&, const traffic::flow&) const {
#else
  route::path operator()(const route::view<route::detail::no_load>&, const traffic::flow&) const {
#endif
    return {spine_id{0}, 0, 0};
  }
};

int main() {
  route::steady model{fabric::leaf_spine{{}}, mine{}};
  model.add(job_id{1}, {{gpu_id{0}, gpu_id{1}}, {}}, collective::ring, 0.5);
}
