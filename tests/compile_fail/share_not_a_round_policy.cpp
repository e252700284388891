// expect: rounds of jobs with fixed numbers of GPUs are decided by a RoundPolicy
// A round policy writes types, not fractions of time.
#include <heddle/sim/rounds.hpp>

using namespace heddle;

struct mine {
#ifdef HEDDLE_MAKE_VALID
  void operator()(const share::round_view& view, std::vector<std::uint32_t>& type) const {
    type.assign(view.jobs.jobs(), share::no_type);
  }
#else
  void operator()(const share::round_view& view, std::vector<double>& fraction) const {
    fraction.assign(view.jobs.throughput.size(), 0);
  }
#endif
};

int main() {
  mine policy;
  (void)sim::run_rounds(sim::typed_jobs{}, policy);
}
