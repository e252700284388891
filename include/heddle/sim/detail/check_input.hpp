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

/// \throws input_error  for what `run` cannot replay
template <class Fabric>
void check_input(const Fabric& dc, const model::workload& all, const options& o) {
  const fabric::hosts& hosts = dc.hosts();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const job& j = all.jobs[i];
    const std::string where = "job " + std::to_string(j.id.value);
    if (i > 0 && j.submit_s < all.jobs[i - 1].submit_s)
      throw input_error(where, "jobs in the order of their submission", "an earlier time");
    if (j.gpus < 1 || j.gpus > hosts.gpus())
      throw input_error(where, "1 to " + std::to_string(hosts.gpus()) + " GPUs",
                        std::to_string(j.gpus));
    if (!(j.duration_s > 0) || !std::isfinite(j.duration_s))
      throw input_error(where, "a positive duration", std::to_string(j.duration_s));
    if (!(j.comm_share >= 0 && j.comm_share < 1))
      throw input_error(where, "a communication share from 0 to below 1",
                        std::to_string(j.comm_share));
    if (!(j.overlap >= 0 && j.overlap <= 1 - j.comm_share))
      throw input_error(where, "an overlap from 0 to 1 - comm_share", std::to_string(j.overlap));
    if (hosts.gpu_types() > 1 && !has_gpus(hosts, j, all.curve_of_job(i)))
      throw input_error(where,
                        "GPUs of a type that it may have, and a curve on them with a point at " +
                            std::to_string(j.gpus) + " GPUs",
                        j.gpu_type == any_gpu_type ? "none" : "type " + std::to_string(j.gpu_type));
    if (!all.curve_of_job(i).fastest(j.gpus))
      throw input_error(where, "a curve with a point at " + std::to_string(j.gpus) + " GPUs",
                        "none");
  }
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
