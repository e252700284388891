// From tables in force to those that a set of jobs needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/forwarding.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/switch_ports.hpp>
#include <heddle/route/detail/table_links.hpp>
#include <heddle/route/table_keeper.hpp>

namespace heddle::route {

/// The first fault of each LID that has one both on a network and on what `lost` cables leave of it: tables of
/// before a loss are broken by it alone, and those of after it know what is left. That a LID has no entry is
/// none of them: `bring_tables` gives it one.
inline std::vector<fabric::forwarding_fault>
lasting_faults(const fabric::switch_ports& whole, const fabric::forwarding& tables,
               const std::vector<fabric::port_end>& ends,
               std::span<const fabric::port_end> lost = {}) {
  fabric::switch_ports left = whole;
  for (const fabric::port_end& p : lost) left.cut(p);
  std::vector<fabric::forwarding_fault> out;
  for (std::uint32_t lid = 0; lid < tables.lids(); ++lid) {
    if (!ends[lid].valid()) continue;
    const auto fault = first_fault(whole, tables, lid, ends[lid]);
    if (fault && fault->what != fabric::forwarding_fault::kind::no_entry &&
        (lost.empty() || first_fault(left, tables, lid, ends[lid])))
      out.push_back(*fault);
  }
  return out;
}

/// What came of one job.
struct brought_job {
  std::string why = {};        ///< it is not isolated; empty: it is
  std::size_t changed = 0;     ///< entries
  fabric::port_end lost = {};  ///< the link of its that is there no more

  explicit operator bool() const { return why.empty() && !lost.valid(); }
};

/// Brings jobs that own links into the tables that `keeper` has, which know of none yet. LIDs without a way
/// from some leaf get one. Jobs that the tables carry already come first and change nothing; then what went
/// over `lost` cables goes elsewhere, and their owners are told; then the others come. The answers are in the
/// order of the jobs.
///
/// \throws input_error  if the tables, or what is left of the network, do not reach all hosts
inline std::vector<brought_job> bring_tables(const fabric::leaf_spine& dc, table_keeper& keeper,
                                             std::span<const placed_routes> jobs,
                                             std::span<const fabric::port_end> lost = {}) {
  if (const table_update u = keeper.complete(); !u)
    throw input_error("the tables", "a way to every host", u.refused);
  std::vector<brought_job> out(jobs.size());
  std::vector<bool> there(jobs.size(), false);
  std::vector<placed_routes> carried;
  for (std::size_t i = 0; i < jobs.size(); ++i)
    if (there[i] = keeper.has(dc, jobs[i]); there[i]) carried.push_back(jobs[i]);
  const std::vector<table_update> adopted = keeper.adopt(dc, carried);
  for (std::size_t i = 0, k = 0; i < jobs.size(); ++i)
    if (there[i]) {
      out[i].why = adopted[k].refused;
      out[i].changed = adopted[k++].changes.size();
    }
  for (const fabric::port_end& p : lost) {
    const table_update u = keeper.cut(p);
    if (!u) throw input_error("the network without a cable", "a way to every host", u.refused);
    for (job_id id : u.broken)
      for (std::size_t i = 0; i < jobs.size(); ++i)
        if (jobs[i].id == id && !out[i].lost.valid()) out[i].lost = p;
  }
  for (std::size_t i = 0; i < jobs.size(); ++i)
    if (!there[i]) {
      table_update u = keeper.arrive(dc, jobs[i]);
      out[i].why = std::move(u.refused);
      out[i].changed = u.changes.size();
    }
  return out;
}

}  // namespace heddle::route
