// What it costs a job to change its GPUs.
#pragma once

#include <cmath>

namespace heddle::sim {

/// The pause of a job that moves to `gpus` GPUs or goes on after it was stopped, in s. The defaults
/// were measured by ElasticFlow (Gu et al., ASPLOS 2023): 2 s, from 256 GPUs on 7 s, when the
/// program stays up and its data are at hand.
struct rescale_cost {
  double pause_s = 2;
  double large_pause_s = 7;  ///< from `large_gpus` on
  int large_gpus = 256;
  bool cached = true;    ///< else 2 (log2 n + 1) s to load data
  bool restart = false;  ///< the program restarts: 27 s more, from `large_gpus` on 47 s

  [[nodiscard]] double operator()(int gpus) const {
    const bool large = gpus >= large_gpus;
    double s = large ? large_pause_s : pause_s;
    if (!cached) s += 2 * (std::log2(gpus) + 1);
    if (restart) s += large ? 47 : 27;
    return s;
  }
};

}  // namespace heddle::sim
