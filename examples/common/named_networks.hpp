// Models of contention by name.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <heddle/core/job.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/model/workload.hpp>
#include <heddle/route/flow_contention.hpp>
#include <heddle/schedule/any_scheduler.hpp>
#include <heddle/traffic/any_source.hpp>

#include "common/json_file.hpp"
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
[[nodiscard]] steps_of_models read_steps(const json_file& file, const fabric::leaf_spine& dc,
                                         const model::workload& jobs);

/// How jobs that share links slow each other down: `steady`, or `flow` by flow, under the routing of
/// that name. \throws input_error  for a name that is none
[[nodiscard]] schedule::any_network network_named(const std::string& contention,
                                                  const std::string& route, std::uint64_t seed,
                                                  const fabric::leaf_spine& dc,
                                                  const route::flow_contention_options& o = {},
                                                  const steps_of_models& traffic = {});

}  // namespace heddle::examples
