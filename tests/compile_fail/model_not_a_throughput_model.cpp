// expect: the first type must be a ThroughputModel
#include <heddle/model/job_model.hpp>

using namespace heddle::model;

struct not_a_model {
  double operator()(double seconds) const { return seconds; }
};

int main() {
#ifdef HEDDLE_MAKE_VALID
  const job_model<powerflow_throughput, ridge_power> m{{.b0_s = 1}, {.static_w = 50}};
#else
  const job_model<not_a_model, ridge_power> m{{}, {.static_w = 50}};
#endif
  return m.waiting_utilization > 1;
}
