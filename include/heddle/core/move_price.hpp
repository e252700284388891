// What it costs a job to change its GPUs.
#pragma once

#include <cmath>

namespace heddle {

/// The pause of a job that goes on with `gpus` GPUs after it has moved or was stopped, in s. The
/// defaults were measured by ElasticFlow (Gu et al., ASPLOS 2023): 2 s, from 256 GPUs on 7 s, when the
/// program stays up and its data are at hand.
struct move_price {
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
  friend bool operator==(const move_price&, const move_price&) = default;
};

/// The prices of all kinds of moves. Whoever drives a scheduler states them once: what its decisions
/// weigh is then what its jobs pay.
struct move_prices {
  move_price rescale = {};                  ///< of a job that moves or goes on after a stop
  move_price migration = {};                ///< of one that moves to as many other GPUs
  move_price recovery = {.restart = true};  ///< of one that goes on after a failure

  friend bool operator==(const move_prices&, const move_prices&) = default;
};

}  // namespace heddle
