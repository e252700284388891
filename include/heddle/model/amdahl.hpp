// Amdahl's law as a throughput model.
#pragma once

#include <heddle/model/throughput.hpp>

namespace heddle::model {

/// Work of which a share s cannot be spread over GPUs (Amdahl, AFIPS 1967): n·b samples take
///
///     total = t·n·b·(s + (1 − s)/n) = t·b·(1 − s) + t·b·s·n
///
/// so that throughput tends to 1/(t·s). The first guess for a job of which nothing but its serial
/// share is known. The serial part counts as synchronisation for n > 1.
struct amdahl_throughput {
  double sample_s = 1;      ///< t, one sample on one GPU, > 0
  double serial_share = 0;  ///< s, in [0, 1]

  [[nodiscard]] step_time operator()(const configuration& c) const {
    const double one = sample_s * c.local_batch, sync = one * serial_share * (c.gpus - 1);
    return {.compute_s = one, .sync_s = sync, .total_s = one + sync};
  }
};

}  // namespace heddle::model
