// What a simulation adds up as jobs finish, in bounded memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>

#include <heddle/core/job.hpp>
#include <heddle/core/statistics.hpp>
#include <heddle/sim/quantiles.hpp>
#include <heddle/sim/report.hpp>

namespace heddle::sim {

/// Sums over time and over finished jobs. O(1) a call.
class metrics {
 public:
  /// \param cluster_gpus  of the whole cluster
  explicit metrics(int cluster_gpus) : gpus_(cluster_gpus) {}

  /// Lets `dt` s pass in one state of the cluster.
  /// \param used        GPUs that jobs hold
  /// \param fitting     GPUs of the queue's prefix that would fit by number; −1 for an empty queue
  /// \param free        GPUs in order that nobody holds
  /// \param scattered   those of them in servers that are partly used
  /// \param in_system   jobs submitted and not finished
  void advance(double dt, int used, int fitting, int free, int scattered, std::size_t in_system) {
    used_gpu_s_ += used * dt;
    free_gpu_s_ += free * dt;
    scattered_gpu_s_ += scattered * dt;
    jobs_s_ += static_cast<double>(in_system) * dt;
    if (fitting < 0) return;
    queue_used_ += used * dt;
    queue_fitting_ += (used + fitting) * dt;
  }
  /// ∫ jobs in the system dt, until now.
  [[nodiscard]] double jobs_s() const { return jobs_s_; }

  /// \param jobs_s_before  `jobs_s()` when the job was submitted
  void finished(const job& spec, const job_record& r, double jobs_s_before) {
    const double jct = r.jct_s();
    jct_.add(jct);
    jct_sum_.add(jct);
    jwt_.add(r.jwt_s());
    jwt_sum_.add(r.jwt_s());
    jrt_.add(r.run_s);
    slow_.add(r.run_s / spec.duration_s);
    waiting_ += r.jwt_s() > 10;
    const double mean_jobs = jct > 0 ? (jobs_s_ - jobs_s_before) / jct : 1;
    const double alone_s = spec.duration_s * std::max(1.0, spec.gpus * mean_jobs / gpus_);
    ftf_.add(jct / alone_s);
    ftf_sum_.add(jct / alone_s);
    if (spec.deadline_s < std::numeric_limits<double>::infinity()) {
      ++deadlines_;
      met_ += r.finish_s <= spec.deadline_s;
    }
  }

  void write(report& r) {
    const auto n = static_cast<double>(jct_.count());
    r.deadlines = deadlines_;
    r.deadlines_met = met_;
    if (n == 0) return;
    r.mean_jct_s = jct_sum_.mean();
    r.p50_jct_s = jct_.at(.5);
    r.p90_jct_s = jct_.at(.9);
    r.p99_jct_s = jct_.at(.99);
    r.mean_jwt_s = jwt_sum_.mean();
    r.p99_jwt_s = jwt_.at(.99);
    r.mean_jrt_s = jrt_.mean();
    r.mean_slowdown = slow_.mean();
    r.share_waiting = static_cast<double>(waiting_) / n;
    r.mean_ftf = ftf_sum_.mean();
    r.p99_ftf = ftf_.at(.99);
    r.gpu_utilization = used_gpu_s_ / (gpus_ * r.makespan_s);
    r.network_fragmentation = queue_fitting_ > 0 ? 1 - queue_used_ / queue_fitting_ : 0;
    r.gpu_fragmentation = free_gpu_s_ > 0 ? scattered_gpu_s_ / free_gpu_s_ : 0;
  }

 private:
  /// A plain mean: a sum keeps whole seconds exact, which a recurrence does not.
  struct sum {
    double total = 0;
    std::size_t count = 0;
    void add(double x) {
      total += x;
      ++count;
    }
    [[nodiscard]] double mean() const { return count ? total / static_cast<double>(count) : 0; }
  };

  int gpus_;
  double used_gpu_s_ = 0, free_gpu_s_ = 0, scattered_gpu_s_ = 0, jobs_s_ = 0;
  double queue_used_ = 0, queue_fitting_ = 0;
  quantiles jct_, jwt_, ftf_;
  sum jct_sum_, jwt_sum_, jrt_, slow_, ftf_sum_;
  std::size_t waiting_ = 0, deadlines_ = 0, met_ = 0;
};

}  // namespace heddle::sim
