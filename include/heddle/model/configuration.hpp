// How a job runs: the knobs that a scheduler may turn.
#pragma once

#include <cstdint>

namespace heddle::model {

/// GPUs, batch and clock of one training job. `servers` follows from the placement; where none is
/// known yet, it is the fewest servers that hold the GPUs.
struct configuration {
  int gpus = 1;            ///< n ≥ 1
  int servers = 1;         ///< 1 ≤ servers ≤ gpus
  double local_batch = 1;  ///< b > 0, samples per GPU and iteration
  double clock_ghz = 1;    ///< f > 0, core clock
  std::uint16_t type = 0;  ///< of the GPUs, by its number in the cluster (fabric::host)

  friend bool operator==(const configuration&, const configuration&) = default;
};

}  // namespace heddle::model
