// The circuits between cubes as a wiring: + faces are leafs, − faces are spines.
//
// So what is known of wirings (`check`, `make_plan`) holds for slices of cubes. `rewire` asks another
// question: of a circuit between faces the OCS is given, by its dimension and position.
#pragma once

#include <cstdint>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/cubes.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/optical/ports.hpp>
#include <heddle/optical/wiring.hpp>

namespace heddle::optical {

/// One fibre from each + face, and one from each − face, to each OCS; those of failed cubes and OCS are
/// closed. O(cubes · OCS).
[[nodiscard]] inline ports ports_of(const fabric::ledger<fabric::cubes>& book) {
  const fabric::cubes& dc = book.fabric();
  const int cubes = dc.hosts().units();
  ports p{cubes, cubes, dc.circuit_switches(), 1, 1};
  for (unit_id c : dc.all_cubes())
    if (book.is_failed(c))
      for (ocs_id o : dc.all_switches()) {
        p.close(leaf_id{c.value}, o);
        p.close(spine_id{c.value}, o);
      }
  for (ocs_id o : dc.all_switches())
    if (book.is_failed(o)) p.close(o);
  return p;
}

[[nodiscard]] inline circuit circuit_of(const fabric::cubes& dc, const fabric::face_circuit& k) {
  return {leaf_id{k.from.value}, spine_id{k.to.value}, dc.ocs_of(k).value};
}

/// All circuits of all jobs, over all fibres, in order or not. O(cubes · OCS).
[[nodiscard]] inline wiring wiring_of(const fabric::ledger<fabric::cubes>& book) {
  const fabric::cubes& dc = book.fabric();
  const int cubes = dc.hosts().units();
  wiring w{ports{cubes, cubes, dc.circuit_switches(), 1, 1}};
  for (const auto& [job, p] : book.placements())
    for (const fabric::face_circuit& k : p.faces) w.connect(circuit_of(dc, k));
  return w;
}

}  // namespace heddle::optical
