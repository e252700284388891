// Moving running jobs to make room for a waiting one.
//
//   plan          moves               cheapest              finds one whenever
//   compact       jobs inside a       no: fewest GPUs       sizes are powers of two, none has
//                 server (buddy)      block by block        failed, and enough GPUs are free
//   defragment    any jobs            yes, by GPUs moved    a search by cost, with a budget
#pragma once

#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/placement.hpp>

namespace heddle::place {

/// A running job that goes elsewhere.
struct migration {
  job_id job;
  fabric::placement to;

  friend bool operator==(const migration&, const migration&) = default;
};

/// What to move so that a waiting job fits, and where it goes then.
struct migration_plan {
  std::vector<migration> moves;
  fabric::placement where;  ///< of the waiting job, after the moves
  int gpus_moved = 0;       ///< sum over the moves: the cost
  int jobs_moved = 0;       ///< distinct jobs

  friend bool operator==(const migration_plan&, const migration_plan&) = default;
};

}  // namespace heddle::place
