// expect: the second argument of verify_isolated gives what a job sends
#include <heddle/route/verify.hpp>

using namespace heddle;

int main() {
#ifdef HEDDLE_MAKE_VALID
  const auto mine = [](job_id) { return collective::ring; };
#else
  const auto mine = [](job_id) { return 3; };
#endif
  return route::verify_isolated(fabric::ledger{fabric::leaf_spine{{}}}, mine, route::ecmp{}) ? 0
                                                                                             : 1;
}
