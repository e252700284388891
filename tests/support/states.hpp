// Ledgers in random states.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <heddle/fabric/gpu_book.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/ledger.hpp>

#include "support/dice.hpp"

namespace heddle::test {

/// A ledger on which each GPU is taken with one probability and each link with another, by a job
/// whose id is 4 000 000 000.
inline fabric::ledger<fabric::leaf_spine> random_state(const fabric::leaf_spine& dc, dice& d,
                                                       double gpus_taken, double links_taken) {
  fabric::placement p;
  for (gpu_id g : dc.all_gpus())
    if (d.chance(gpus_taken)) p.gpus.push_back(g);
  for (leaf_id l : dc.all_leafs())
    for (std::uint32_t s = 0; s < static_cast<std::uint32_t>(dc.spines()); ++s)
      for (std::uint32_t lane = 0; lane < static_cast<std::uint32_t>(dc.links_per_pair()); ++lane)
        if (d.chance(links_taken)) p.links.push_back({l, spine_id{s}, lane});
  fabric::ledger l{dc};
  (void)l.reserve(job_id{4'000'000'000u}, std::move(p));
  return l;
}

/// The ledger of `dc` on which the jobs of a book hold what they hold: links and circuits too, of
/// which none has two owners.
template <class Fabric>
fabric::ledger<Fabric> ledger_of(const Fabric& dc, const fabric::gpu_book& book) {
  fabric::ledger out{dc};
  for (const auto& [job, where] : book.placements())
    REQUIRE(out.reserve(job, where, book.tenant_of(job)) == fabric::reserve_status::reserved);
  return out;
}

}  // namespace heddle::test
