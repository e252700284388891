// expect: JobModel
#include <heddle/model/curve.hpp>

using namespace heddle::model;

struct only_throughput {
  double operator()(const configuration& c) const { return c.gpus; }
};

int main() {
  const grid g{.gpus = {1}, .clocks_ghz = {1}, .global_batch = 1};
#ifdef HEDDLE_MAKE_VALID
  const job_model<powerflow_throughput, ridge_power> m{{.b0_s = 1}, {.static_w = 50}};
#else
  const only_throughput m;
#endif
  return make_curve(m, g).empty();
}
