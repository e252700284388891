// The least that a type must be to model each concept of this room. Algorithms are compiled against
// these, so that a concept asks for all that is used.
#pragma once

#include <heddle/model/fabric_sync.hpp>
#include <heddle/model/job_model.hpp>

namespace heddle::model::archetype {

/// A ThroughputModel and nothing more: neither copyable nor default constructible.
struct throughput_model {
  throughput_model() = delete;
  throughput_model(const throughput_model&) = delete;
  throughput_model& operator=(const throughput_model&) = delete;
  explicit throughput_model(double seconds) : seconds_(seconds) {}
  step_time operator()(const configuration&) const {
    return {.compute_s = seconds_, .sync_s = 0, .total_s = seconds_};
  }

 private:
  double seconds_;
};

/// A PowerModel and nothing more; its power is only convertible to double.
struct power_model {
  struct watts {
    double value;
    operator double() const { return value; }
  };
  power_model() = delete;
  power_model(const power_model&) = delete;
  power_model& operator=(const power_model&) = delete;
  explicit power_model(double w) : w_(w) {}
  watts operator()(double, double) const { return {w_}; }

 private:
  double w_;
};

/// A JobModel and nothing more.
struct job_model {
  job_model() = delete;
  job_model(const job_model&) = delete;
  job_model& operator=(const job_model&) = delete;
  explicit job_model(double samples_per_s) : rate_(samples_per_s) {}
  operating_point operator()(const configuration& c) const {
    return {.config = c,
            .throughput = rate_ * c.gpus,
            .power_w = 100.0 * c.gpus,
            .waiting_power_w = 50.0 * c.gpus};
  }

 private:
  double rate_;
};

/// A SyncTime and nothing more.
struct sync_time {
  double operator()(int gpus, int servers) const { return 1e-3 * gpus * servers; }
};

static_assert(ThroughputModel<throughput_model>);
static_assert(PowerModel<power_model>);
static_assert(JobModel<job_model>);
static_assert(SyncTime<sync_time>);

}  // namespace heddle::model::archetype
