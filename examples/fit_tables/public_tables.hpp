// Public tables of measured training jobs, as samples.
#pragma once

#include <fstream>
#include <string>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/model/sample.hpp>
#include <heddle/trace/csv.hpp>

namespace heddle::examples {

/// All samples of one model on one type of GPU.
struct measured_job {
  std::string name;
  std::vector<model::sample> samples;
};

namespace detail {

inline std::vector<model::sample>& job_named(std::vector<measured_job>& jobs,
                                             const std::string& name) {
  for (measured_job& j : jobs)
    if (j.name == name) return j.samples;
  return jobs.emplace_back(measured_job{name, {}}).samples;
}

}  // namespace detail

/// The step times on T4 of the Pollux artifact (petuum/adaptdl, osdi21-artifact). A placement is
/// `p` and the GPUs of each server, or `n` and the number of servers.
inline std::vector<measured_job> read_pollux(const std::string& path) {
  std::ifstream in(path);
  trace::csv_reader rows(in, path);
  const auto model = rows.required("model"), gpus = rows.required("gpus"),
             placement = rows.required("placement"), batch = rows.required("batch_size"),
             time = rows.required("step_time_s");
  std::vector<measured_job> jobs;
  while (rows.next()) {
    const std::string where = rows.text(placement);
    model::sample s;
    s.config.gpus = rows.integer(gpus, 1, "GPUs");
    s.config.servers =
        where[0] == 'n' ? std::stoi(where.substr(1)) : static_cast<int>(where.size()) - 1;
    s.config.local_batch = rows.number(batch, 0, "a batch size");
    s.iteration_s = rows.number(time, "a step time in s");
    detail::job_named(jobs, rows.text(model)).push_back(s);
  }
  return jobs;
}

/// The power-limit traces of Zeus (ml-energy/zeus): one epoch on one GPU, so that an iteration takes
/// a time proportional to batch · epoch; the unit of time is left open.
inline std::vector<measured_job> read_zeus(const std::string& path) {
  std::ifstream in(path);
  trace::csv_reader rows(in, path);
  const auto model = rows.required("model"), gpu = rows.required("gpu_type"),
             batch = rows.required("batch_size"), limit = rows.required("power_limit_w"),
             time = rows.required("time_s"), power = rows.required("avg_power_w");
  std::vector<measured_job> jobs;
  while (rows.next()) {
    model::sample s;
    s.config.local_batch = rows.number(batch, 0, "a batch size");
    s.iteration_s = rows.number(time, "an epoch in s") * s.config.local_batch / 1e5;
    s.power_limit_w = rows.number(limit, "a power limit in W");
    s.power_w = rows.number(power, "a power in W");
    detail::job_named(jobs, rows.text(model) + " " + rows.text(gpu)).push_back(s);
  }
  return jobs;
}

/// The throughput tables of Gavel (stanford-futuredata/gavel): steps/s of all GPUs together.
inline std::vector<measured_job> read_gavel(const std::string& path) {
  std::ifstream in(path);
  trace::csv_reader rows(in, path);
  const auto model = rows.required("model"), gpu = rows.required("gpu_type"),
             gpus = rows.required("gpus"), placement = rows.required("placement"),
             batch = rows.required("batch_size"), rate = rows.required("steps_per_s");
  std::vector<measured_job> jobs;
  while (rows.next()) {
    const double steps = rows.number(rate, 0, "steps per s");
    if (!(steps > 0)) continue;  // did not fit
    model::sample s;
    s.config.gpus = rows.integer(gpus, 1, "GPUs");
    // Unconsolidated GPUs are on servers of their own.
    s.config.servers = rows.text(placement) == "unconsolidated" ? s.config.gpus : 1;
    s.config.local_batch = rows.number(batch, 0, "a batch size");
    s.iteration_s = s.config.gpus / steps;
    detail::job_named(jobs, rows.text(model) + " " + rows.text(gpu)).push_back(s);
  }
  return jobs;
}

}  // namespace heddle::examples
