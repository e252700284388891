// expect: the second type must be a PowerModel
#include <heddle/model/job_model.hpp>

using namespace heddle::model;

struct not_a_model {
  double operator()(double clock_ghz) const { return clock_ghz; }
};

int main() {
#ifdef HEDDLE_MAKE_VALID
  const job_model<powerflow_throughput, ridge_power> m{{.b0_s = 1}, {.static_w = 50}};
#else
  const job_model<powerflow_throughput, not_a_model> m{{.b0_s = 1}, {}};
#endif
  return m.waiting_utilization > 1;
}
