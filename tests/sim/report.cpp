#include <heddle/sim/report.hpp>

#include <doctest/doctest.h>

using namespace heddle::sim;

TEST_CASE("the ends of a run have names") {
  CHECK(name(run_status::finished) == "finished");
  CHECK(name(run_status::stuck) == "stuck");
  CHECK(name(run_status::budget_too_low) == "budget_too_low");
}

TEST_CASE("JCT counts from the submission, JWT until the first start") {
  job_record r;
  r.submit_s = 10;
  r.start_s = 14;
  r.finish_s = 30;
  CHECK(r.jct_s() == 20);
  CHECK(r.jwt_s() == 4);
}

TEST_CASE("an empty report is all zero") {
  const report r;
  CHECK(r.status == run_status::finished);
  CHECK(r.jobs == 0);
  CHECK(r.energy_j == 0);
  CHECK(r.mean_jct_s == 0);
  CHECK(r.records.empty());
}
