// expect: an objective tells what a point of its curve is worth to a job
// A point is worth something to a job: an objective is asked for both.
#include <vector>

#include <heddle/allocate/optimal.hpp>

using namespace heddle;

struct mine {
#ifdef HEDDLE_MAKE_VALID
  double operator()(const allocate::candidate& j, const model::operating_point& p) const {
    return j.weight * p.throughput;
  }
#else
  double operator()(const model::operating_point& p) const { return p.throughput; }
#endif
};

int main() {
  allocate::optimal<mine> best;
  const std::vector<allocate::candidate> jobs;
  allocate::allocation out;
  best(jobs, {}, out);
}
