// expect: what a job sends is a PhaseSource
// A source says how many phases there are and writes each; this one writes none.
#include <heddle/route/steady.hpp>

using namespace heddle;

struct mine {
  std::size_t size() const { return 1; }
#ifdef HEDDLE_MAKE_VALID
  traffic::phase write(std::size_t, std::vector<traffic::flow>& out) const {
    out.assign(1, {0, 1});
    return {.bytes = 1};
  }
#endif
};

int main() {
  route::steady model{fabric::leaf_spine{{}}, route::ecmp{}};
  model.add(job_id{1}, {{gpu_id{0}, gpu_id{1}}, {}}, mine{}, 0.5);
}
