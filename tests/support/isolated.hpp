// That a job on a ledger is isolated, whatever it sends.
#pragma once

#include <doctest/doctest.h>

#include <heddle/core/collective.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/verify.hpp>

namespace heddle::test {

/// Of the patterns that spread most differently; the other jobs send nothing.
template <class Ledger>
void check_isolated(const Ledger& l, job_id job) {
  for (collective c : {collective::ring, collective::all_to_all, collective::halving_doubling}) {
    const auto found = route::verify_isolated(
        l, [&](job_id j) { return j == job ? c : collective::none; }, route::ecmp{});
    INFO((found.broken ? found.broken->message() : "isolated"));
    REQUIRE(found);
  }
}

}  // namespace heddle::test
