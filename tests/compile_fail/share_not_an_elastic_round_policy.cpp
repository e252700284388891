// expect: rounds of jobs with several numbers of GPUs are decided by an ElasticRoundPolicy
// One that chooses types alone is given the jobs with the numbers that they ask for.
#include <heddle/share/by_share.hpp>
#include <heddle/share/share.hpp>
#include <heddle/sim/rounds.hpp>

using namespace heddle;

int main() {
  share::by_share<share::max_min> policy;
  const sim::elastic_jobs jobs;
#ifdef HEDDLE_MAKE_VALID
  (void)sim::run_rounds(jobs.asked, policy);
#else
  (void)sim::run_rounds(jobs, policy);
#endif
}
