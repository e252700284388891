// Checks of what a pilot has booked.
#pragma once

#include <doctest/doctest.h>

#include <heddle/route/verify.hpp>

#include "slurm_pilot/book.hpp"

namespace heddle::test {

/// Checks that all jobs of a book that the pilot placed are isolated, for every collective.
inline void check_isolated(const pilot::book& all, const pilot::machine<fabric::leaf_spine>& m) {
  pilot::book ours;
  for (const auto& [id, j] : all.jobs)
    if (j.at != pilot::stage::foreign) ours.jobs.emplace(id, j);
  const fabric::ledger<fabric::leaf_spine> l = pilot::ledger_of(ours, m, {});
  for (const collective c :
       {collective::ring, collective::halving_doubling, collective::all_to_all}) {
    const auto found = route::verify_isolated(
        l, [&](job_id) { return c; }, route::source{});
    CHECK_MESSAGE(found, (found.broken ? found.broken->message() : ""));
  }
}

}  // namespace heddle::test
