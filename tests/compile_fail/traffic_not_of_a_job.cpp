// expect: what jobs send is a function
// What a job sends is asked with the job and its group, not with its name alone.
#include <heddle/route/steady.hpp>

using namespace heddle;

int main() {
#ifdef HEDDLE_MAKE_VALID
  const auto mine = [](const job&, const traffic::group& ranks, double bytes) {
    return traffic::ring{ranks, bytes};
  };
#else
  const auto mine = [](job_id) { return collective::ring; };
#endif
  route::steady model{fabric::leaf_spine{{}}, route::ecmp{}, {}, mine};
  model.add(job{}, {{gpu_id{0}, gpu_id{1}}, {}});
}
