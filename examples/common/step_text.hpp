// A training step as JSON says it.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include <heddle/core/collective.hpp>
#include <heddle/core/error.hpp>
#include <heddle/traffic/training_step.hpp>

namespace heddle::examples {

/// How a job's ranks share the work and what they send in a step. Keys are those of
/// `traffic::parallelism` and `traffic::step_traffic`, but `…_collective` for `…_pattern`; what is not
/// said has its default. Without `data` there are as many data ranks as fill the job's GPUs.
struct told_step {
  traffic::parallelism how = {.data = 0};  ///< data 0: as many as fill the GPUs
  traffic::step_traffic what;

  /// Whether a step can be had on so many GPUs.
  [[nodiscard]] bool fits(int gpus) const {
    const int inside = how.tensor * how.pipeline;
    if (inside < 1 || gpus % inside != 0) return false;
    const int data = gpus / inside;
    return (how.data == 0 || how.data == data) && how.expert > 0 && data % how.expert == 0;
  }

  /// The phases of a step on such a group, all bytes times `factor`.
  /// \throws input_error  as traffic::training_step
  [[nodiscard]] traffic::training_step on(const traffic::group& ranks, double factor = 1) const {
    traffic::parallelism p = how;
    if (p.data == 0 && p.tensor > 0 && p.pipeline > 0)
      p.data = std::max(1, ranks.size() / p.tensor / p.pipeline);
    traffic::step_traffic w = what;
    for (double* bytes : {&w.tensor_bytes, &w.expert_bytes, &w.pipeline_bytes, &w.data_bytes})
      *bytes *= factor;
    return traffic::training_step{ranks, p, w};
  }
};

/// Reads one. \param fail  (what was expected, the value at fault); does not return
template <class Fail>
[[nodiscard]] told_step read_step(const nlohmann::json& object, Fail&& fail) {
  told_step s;
  if (!object.is_object()) fail("an object as training_step", object);
  for (const auto& [key, value] : object.items()) {
    const auto count = [&, &key = key, &value = value](int& to) {
      const double x = value.is_number() ? value.template get<double>() : -1;
      if (!(x >= 0 && x <= 1e9) || x != std::floor(x)) fail("a whole number as " + key, value);
      to = static_cast<int>(x);
    };
    const auto bytes = [&, &key = key, &value = value](double& to) {
      if (!value.is_number()) fail("a number of bytes as " + key, value);
      to = value.template get<double>();
    };
    const auto pattern = [&, &key = key, &value = value](collective& to) {
      const auto c =
          value.is_string() ? collective_named(value.template get<std::string>()) : std::nullopt;
      if (!c) fail("a collective as " + key, value);
      to = *c;
    };
    if (key == "tensor")
      count(s.how.tensor);
    else if (key == "data")
      count(s.how.data);
    else if (key == "pipeline")
      count(s.how.pipeline);
    else if (key == "expert")
      count(s.how.expert);
    else if (key == "micro_batches")
      count(s.what.micro_batches);
    else if (key == "tensor_times")
      count(s.what.tensor_times);
    else if (key == "expert_times")
      count(s.what.expert_times);
    else if (key == "tensor_bytes")
      bytes(s.what.tensor_bytes);
    else if (key == "expert_bytes")
      bytes(s.what.expert_bytes);
    else if (key == "pipeline_bytes")
      bytes(s.what.pipeline_bytes);
    else if (key == "data_bytes")
      bytes(s.what.data_bytes);
    else if (key == "tensor_collective")
      pattern(s.what.tensor_pattern);
    else if (key == "expert_collective")
      pattern(s.what.expert_pattern);
    else if (key == "data_collective")
      pattern(s.what.data_pattern);
    else
      fail("keys of a training step: tensor, data, pipeline, expert, micro_batches, and bytes, "
           "times "
           "or collective of each",
           nlohmann::json(key));
  }
  return s;
}

}  // namespace heddle::examples
