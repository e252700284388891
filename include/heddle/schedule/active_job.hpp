// A job that has been submitted and has not finished.
#pragma once

#include <algorithm>
#include <cstdint>

#include <heddle/core/gpu_types.hpp>
#include <heddle/core/job.hpp>
#include <heddle/model/curve.hpp>
#include <heddle/model/operating_point.hpp>
#include <heddle/order/order.hpp>

namespace heddle::schedule {

/// Run times are counted at the *reference*: the fastest point of the job's curve at the GPUs asked for,
/// without contention, where the whole job takes `spec->duration_s`. What it runs at is written by the
/// state alone; how far it has come by whoever drives the scheduler, alone.
struct active_job {
  const job* spec = nullptr;
  const model::curve* curve = nullptr;
  const model::operating_point* reference = nullptr;

  double remaining_s = 0;     ///< reference run time left at `since_s`
  double since_s = 0;         ///< progress counts from here, may lie ahead (start-up, rescaling)
  double rate = 0;            ///< reference seconds done in a second
  double attained_gpu_s = 0;  ///< GPU time had until `since_s`
  /// Reference run time that is expected to be left, at the last decision, where that is a matter of
  /// forecast (expected_work.hpp); below 0: what is really left is known.
  double expected_s = -1;
  double expected_spread = 0;  ///< standard deviation of the logarithm of that; 0: it is known

  active_job(const job& j, const model::curve& c)
      : spec(&j), curve(&c), reference(c.fastest(j.gpus)), remaining_s(j.duration_s) {}

  /// A point of `curve`; null while it waits.
  [[nodiscard]] const model::operating_point* point() const { return point_; }
  [[nodiscard]] bool running() const { return point_ != nullptr; }

  /// Of GPUs, that it can and may run on.
  [[nodiscard]] gpu_type_set types() const {
    return static_cast<gpu_type_set>(curve->types() & types_of(spec->gpu_type));
  }

  [[nodiscard]] double remaining_at(double now_s) const {
    return remaining_s - std::max(0.0, now_s - since_s) * rate;
  }
  /// The same as far as schedulers know.
  [[nodiscard]] double left_at(double now_s) const {
    return expected_s >= 0 ? expected_s : remaining_at(now_s);
  }
  /// Samples left, as far as schedulers know.
  [[nodiscard]] double work_at(double now_s) const {
    return left_at(now_s) * reference->throughput;
  }
  /// GPU time had until `now_s`, in s. One that has just been started has no rate yet; one that has just
  /// been stopped has it still, until its driver has written down how far it came.
  [[nodiscard]] double attained_at(double now_s) const {
    if (!last_ || rate <= 0) return attained_gpu_s;
    return attained_gpu_s + std::max(0.0, now_s - since_s) * last_->config.gpus;
  }
  /// Run time left at `p`, without contention, in s.
  [[nodiscard]] double run_time_s(const model::operating_point& p, double now_s) const {
    return work_at(now_s) / p.throughput;
  }
  /// As an order sees it. \param patience_s  after which it is overdue
  [[nodiscard]] order::entry queue_entry(double now_s, double patience_s) const {
    return {spec, left_at(now_s), attained_at(now_s), now_s - spec->submit_s >= patience_s};
  }

 private:
  friend struct job_table;  // whoever changes it books the GPUs of the point
  const model::operating_point* point_ = nullptr;
  const model::operating_point* last_ = nullptr;  // where it runs, or ran
  std::uint64_t start_ = 0;                       // which start of all its last one was
};

}  // namespace heddle::schedule
