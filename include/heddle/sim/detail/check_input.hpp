// What cannot be replayed is refused.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include <heddle/core/error.hpp>
#include <heddle/core/gpu_types.hpp>
#include <heddle/core/job.hpp>
#include <heddle/core/node_event.hpp>
#include <heddle/fabric/hosts.hpp>
#include <heddle/model/curve.hpp>
#include <heddle/model/workload.hpp>
#include <heddle/sim/options.hpp>

namespace heddle::sim::detail {

/// Whether there are as many GPUs as a job asks for, of a type on which its curve goes so far.
[[nodiscard]] inline bool has_gpus(const fabric::hosts& h, const job& j,
                                   const model::curve& curve) {
  for (int t = 0; t < h.gpu_types(); ++t)
    if (has_type(types_of(j.gpu_type), t) && h.gpus_of_type(t) >= j.gpus && curve.on(t) &&
        curve.on(t)->fastest(j.gpus))
      return true;
  return false;
}

[[noreturn]] inline void refuse(const job& j, const std::string& expected, const std::string& got) {
  throw input_error("job " + std::to_string(j.id.value), expected, got);
}
/// \throws input_error  for a job that comes before the one that was given before it
inline void check_order(const job& j, double submit_s_before) {
  if (j.submit_s < submit_s_before)
    refuse(j, "jobs in the order of their submission", "an earlier time");
}
/// \throws input_error  for a job that cannot be replayed
inline void check_job(const fabric::hosts& hosts, const job& j, const model::curve& curve) {
  if (j.gpus < 1 || j.gpus > hosts.gpus())
    refuse(j, "1 to " + std::to_string(hosts.gpus()) + " GPUs", std::to_string(j.gpus));
  if (!(j.duration_s > 0) || !std::isfinite(j.duration_s))
    refuse(j, "a positive duration", std::to_string(j.duration_s));
  if (!(j.comm_share >= 0 && j.comm_share < 1))
    refuse(j, "a communication share from 0 to below 1", std::to_string(j.comm_share));
  if (!(j.overlap >= 0 && j.overlap <= 1 - j.comm_share))
    refuse(j, "an overlap from 0 to 1 - comm_share", std::to_string(j.overlap));
  if (hosts.gpu_types() > 1 && !has_gpus(hosts, j, curve))
    refuse(j,
           "GPUs of a type that it may have, and a curve on them with a point at " +
               std::to_string(j.gpus) + " GPUs",
           j.gpu_type == any_gpu_type ? "none" : "type " + std::to_string(j.gpu_type));
  if (!curve.fastest(j.gpus))
    refuse(j, "a curve with a point at " + std::to_string(j.gpus) + " GPUs", "none");
}
/// \throws input_error  for jobs that `run` cannot replay
inline void check_jobs(const fabric::hosts& hosts, const model::workload& all) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i > 0) check_order(all.jobs[i], all.jobs[i - 1].submit_s);
    check_job(hosts, all.jobs[i], all.curve_of_job(i));
  }
}

/// \throws input_error  for failures and options that `run` cannot replay
inline void check_options(const fabric::hosts& hosts, const options& o) {
  for (std::size_t i = 0; i < o.failures.size(); ++i) {
    const node_event& e = o.failures[i];
    const std::string where = "failure " + std::to_string(i);
    if (e.node >= static_cast<std::uint32_t>(hosts.servers()))
      throw input_error(where, "one of " + std::to_string(hosts.servers()) + " servers",
                        std::to_string(e.node));
    if (!std::isfinite(e.time_s) || (i > 0 && e.time_s < o.failures[i - 1].time_s))
      throw input_error(where, "failures in the order of their time", std::to_string(e.time_s));
  }
  if (!(o.checkpoint_s >= 0))
    throw input_error("checkpoint_s", "at least 0 s", std::to_string(o.checkpoint_s));
}

}  // namespace heddle::sim::detail
