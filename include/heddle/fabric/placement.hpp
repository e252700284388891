// Where a job runs: the GPUs and links that are its own.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include <heddle/core/ids.hpp>

namespace heddle::fabric {

/// One leaf-spine link, both ways; `lane` counts the parallel links of the pair from 0. On an
/// optical fabric a circuit; `lane` is then the uplink of the leaf that it uses (see leaf_spine).
struct link {
  leaf_id leaf;
  spine_id spine;
  std::uint32_t lane = 0;

  friend auto operator<=>(const link&, const link&) = default;
};

/// What a job holds. A placement without links shares the network's links with others, or needs
/// none because it lies under one leaf.
struct placement {
  std::vector<gpu_id> gpus;  ///< in rank order, distinct
  std::vector<link> links;   ///< owned by this job alone; sorted, distinct

  friend bool operator==(const placement&, const placement&) = default;
};

/// A circuit of a running job that goes over another OCS: the same leaf and spine, another uplink.
struct circuit_move {
  job_id job;
  link from, to;

  friend bool operator==(const circuit_move&, const circuit_move&) = default;
};

}  // namespace heddle::fabric
