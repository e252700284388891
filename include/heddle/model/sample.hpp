// One measurement of a training job.
#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include <heddle/core/error.hpp>
#include <heddle/model/configuration.hpp>

namespace heddle::model {

/// An iteration that somebody timed. A clock of 0 says that it was not observed.
struct sample {
  configuration config{.gpus = 1, .servers = 1, .local_batch = 1, .clock_ghz = 0};
  double iteration_s = 0;               ///< > 0
  std::optional<double> power_w;        ///< of all GPUs of the job, > 0
  std::optional<double> power_limit_w;  ///< of each GPU, > 0

  friend bool operator==(const sample&, const sample&) = default;
};

/// \throws input_error  for a number that is not finite or not in its range, saying which sample;
///                      for clocks or power limits that are given for some samples only
inline void check_samples(std::span<const sample> samples) {
  const auto positive = [](double x) { return x > 0 && std::isfinite(x); };
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const sample& s = samples[i];
    const auto require = [&](bool ok, const char* expected, double got) {
      if (!ok) throw input_error("sample " + std::to_string(i), expected, std::to_string(got));
    };
    require(s.config.gpus >= 1, "at least 1 GPU", s.config.gpus);
    require(s.config.servers >= 1 && s.config.servers <= s.config.gpus,
            "between 1 server and one for each GPU", s.config.servers);
    require(s.config.local_batch >= 0 && std::isfinite(s.config.local_batch),
            "a finite local batch of at least 0", s.config.local_batch);
    require(s.config.clock_ghz >= 0 && std::isfinite(s.config.clock_ghz),
            "a finite clock of at least 0 GHz", s.config.clock_ghz);
    require(positive(s.iteration_s), "an iteration time > 0 s", s.iteration_s);
    if (s.power_w) require(positive(*s.power_w), "a power > 0 W", *s.power_w);
    if (s.power_limit_w)
      require(positive(*s.power_limit_w), "a power limit > 0 W", *s.power_limit_w);
    require((s.config.clock_ghz > 0) == (samples[0].config.clock_ghz > 0),
            "a clock for all samples or for none", s.config.clock_ghz);
    if (s.power_limit_w.has_value() != samples[0].power_limit_w.has_value())
      throw input_error("sample " + std::to_string(i), "a power limit for all samples or for none",
                        s.power_limit_w ? std::to_string(*s.power_limit_w) : "none");
  }
}

}  // namespace heddle::model
