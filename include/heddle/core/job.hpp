// What a training job asks and is. One record for every trace format and every scheduler.
#pragma once

#include <limits>
#include <string>

#include <heddle/core/collective.hpp>
#include <heddle/core/communication.hpp>
#include <heddle/core/declared.hpp>
#include <heddle/core/gpu_types.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/core/shape.hpp>

namespace heddle {

/// One job as its user submitted it. Policies read it, nothing writes it after submission.
struct job {
  job_id id;
  double submit_s = 0;    ///< when it joined the queue
  int gpus = 1;           ///< GPUs asked for, ≥ 1
  double duration_s = 0;  ///< run time on `gpus` GPUs at full clock when nobody slows it down, > 0

  /// The only type of GPU that it may have, by its number in the cluster; `any_gpu_type`: whichever it has a
  /// curve for. Its `duration_s` is on the type of its curve.
  int gpu_type = any_gpu_type;

  std::string model;       ///< the entry of the catalogue whose curve it follows; empty: unknown
  double local_batch = 0;  ///< samples per GPU and iteration at `gpus`; 0: the model's default
  collective pattern = collective::none;
  heddle::declared sends = {};  ///< what else it may send, one at a time; empty: `pattern` alone
  double comm_share = 0;        ///< part of `duration_s` spent in communication alone, in [0, 1)
  double overlap = 0;  ///< part spent in communication behind computing, in [0, 1 − comm_share]

  int priority = 0;   ///< a higher class never waits for a lower one
  double weight = 1;  ///< what one second of this job's time is worth, > 0
  double deadline_s = std::numeric_limits<double>::infinity();  ///< absolute time
  int min_gpus = 1;                                             ///< elastic range
  int max_gpus = std::numeric_limits<int>::max();
  /// Of the trace: 1 completed, 2 failed, 3 cancelled, 4 still running at its end, −1 unknown.
  int status = -1;
  std::string vc;   ///< virtual cluster (tenant)
  box_shape shape;  ///< on a torus: the mesh that it asks for, of `gpus` cells; none: any

  /// What isolation for declared traffic is to be enough for; empty: unknown.
  [[nodiscard]] heddle::declared declared() const {
    heddle::declared all = sends;
    if (pattern != collective::none) all.names.add(pattern);
    return all;
  }
  /// Without contention.
  [[nodiscard]] heddle::communication communication() const { return {comm_share, overlap}; }

  friend bool operator==(const job&, const job&) = default;
};

}  // namespace heddle
