// Where a job runs: the GPUs, links and circuits that are its own.
#pragma once

#include <compare>
#include <cstdint>
#include <string_view>
#include <vector>

#include <heddle/core/declared.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/core/shape.hpp>

namespace heddle::fabric {

/// One fixed leaf-spine link, both ways; `lane` counts the parallel links of the pair from 0.
struct link {
  leaf_id leaf;
  spine_id spine;
  std::uint32_t lane = 0;

  friend auto operator<=>(const link&, const link&) = default;
};

/// One fixed spine-core link, both ways; `lane` as in `link`.
struct core_link {
  spine_id spine;
  core_id core;
  std::uint32_t lane = 0;

  friend auto operator<=>(const core_link&, const core_link&) = default;
};

/// A light path between a leaf and a spine, over the OCS to which the leaf's `uplink` leads.
struct circuit {
  leaf_id leaf;
  spine_id spine;
  std::uint32_t uplink = 0;

  friend auto operator<=>(const circuit&, const circuit&) = default;
};

/// A light path between two cubes of chips, or of one with itself: from the + port at `position` of a
/// dimension's face of one to the − port at the same position of the other. Both ports are of chips.
struct face_circuit {
  unit_id from, to;
  std::uint16_t dimension = 0;
  std::uint16_t position = 0;  ///< u + side · v of the other two coordinates, in their order

  friend auto operator<=>(const face_circuit&, const face_circuit&) = default;
};

/// All fibres from a leaf, or a spine, to one OCS.
struct leaf_fibre {
  leaf_id leaf;
  ocs_id ocs;

  friend bool operator==(const leaf_fibre&, const leaf_fibre&) = default;
};
struct spine_fibre {
  spine_id spine;
  ocs_id ocs;

  friend bool operator==(const spine_fibre&, const spine_fibre&) = default;
};

/// What a job holds. A placement without links and circuits shares the network with others, or needs
/// none of it because it lies under one leaf.
struct placement {
  std::vector<gpu_id> gpus;                ///< in rank order, distinct
  std::vector<link> links = {};            ///< owned by this job alone; sorted, distinct
  std::vector<circuit> circuits = {};      ///< likewise, on a fabric with an optical layer
  std::vector<face_circuit> faces = {};    ///< likewise, between cubes of chips
  std::vector<core_link> core_links = {};  ///< likewise, in three tiers
  /// On a torus: the mesh in whose cells the ranks stand, by number; neighbours are joined.
  box_shape shape = {};
  /// What its own links are enough for, one thing at a time; empty: every collective.
  declared enough_for = {};

  /// Whether it has a part of the network to itself.
  [[nodiscard]] bool owns_network() const {
    return !links.empty() || !core_links.empty() || owns_circuits();
  }
  /// Whether some of it has to be switched first.
  [[nodiscard]] bool owns_circuits() const { return !circuits.empty() || !faces.empty(); }

  friend bool operator==(const placement&, const placement&) = default;
};

/// A circuit of a running job that goes over another OCS: the same leaf and spine, another uplink.
struct circuit_move {
  job_id job;
  circuit from, to;

  friend bool operator==(const circuit_move&, const circuit_move&) = default;
};

/// The answer to a reservation. Everything but `reserved` left the ledger as it was.
enum class reserve_status : unsigned char {
  reserved,
  job_present,  ///< the job holds a placement already
  gpu_taken,    ///< a GPU of the placement has an owner or is out of order
  link_taken,   ///< so has a link, or one of the fibres of a circuit
  malformed,  ///< no id, a part that the fabric does not have or that is named twice, links not sorted
};

[[nodiscard]] constexpr std::string_view name(reserve_status s) {
  switch (s) {
  case reserve_status::reserved:
    return "reserved";
  case reserve_status::job_present:
    return "job_present";
  case reserve_status::gpu_taken:
    return "gpu_taken";
  case reserve_status::link_taken:
    return "link_taken";
  case reserve_status::malformed:
    break;
  }
  return "malformed";
}

}  // namespace heddle::fabric
