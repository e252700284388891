// Models of contention by name.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <heddle/core/job.hpp>
#include <heddle/model/workload.hpp>
#include <heddle/route/flow_contention.hpp>
#include <heddle/schedule/any_scheduler.hpp>
#include <heddle/traffic/any_source.hpp>

#include "common/any_fabric.hpp"
#include "common/json_file.hpp"
#include "common/names.hpp"
#include "common/step_text.hpp"

namespace heddle::examples {

/// What jobs send: of models that are named a training step, else the collective of the job. A job
/// that an elastic policy gave a number of GPUs that its step cannot have sends its collective too.
struct steps_of_models {
  std::map<std::string, told_step> of = {};

  [[nodiscard]] traffic::any_source operator()(const job& j, const traffic::group& ranks,
                                               double bytes) const;
};

/// Reads an object of model → training step (step_text.hpp), for these jobs.
/// \throws input_error  for a step that is none, or that a job of its model cannot have
[[nodiscard]] steps_of_models read_steps(const json_file& file, const any_fabric& on,
                                         const model::workload& jobs);

/// How jobs that share links slow each other down.
enum class sharing { steady, flow };
inline constexpr named<sharing> contentions[] = {
    {"steady", "links shared by the mean of what each job sends", sharing::steady},
    {"flow", "flow by flow, for small clusters", sharing::flow},
};

/// The model of contention of that name, under the routing of that name. \throws input_error  for a name that is none
[[nodiscard]] schedule::any_network
network_named(const std::string& contention, const std::string& route, std::uint64_t seed,
              const any_fabric& on, const route::flow_contention_options& o = {},
              const steps_of_models& traffic = {}, const route::steady_options& steady = {});

}  // namespace heddle::examples
