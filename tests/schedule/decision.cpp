#include <heddle/schedule/decision.hpp>

#include <doctest/doctest.h>

#include "support/workloads.hpp"

using namespace heddle;
using schedule::decision;

TEST_CASE("a decision that only says who waits changes nothing") {
  decision d;
  CHECK(d.changes_nothing());
  d.waiting.push_back({job_id{1}, place::wait_reason::gpus, true});
  CHECK(d.changes_nothing());
  decision stops = d, resizes = d, starts = d;
  stops.stops.push_back(job_id{2});
  resizes.resizes.push_back({job_id{2}, test::point(1, 1, 1), {}, false});
  starts.starts.push_back({job_id{2}, test::point(1, 1, 1), {}});
  CHECK_FALSE(stops.changes_nothing());
  CHECK_FALSE(resizes.changes_nothing());
  CHECK_FALSE(starts.changes_nothing());
}

TEST_CASE("decisions compare by all that they say") {
  decision a;
  a.starts.push_back({job_id{1}, test::point(2, 2, 2), {{gpu_id{0}, gpu_id{1}}, {}}});
  decision b = a;
  CHECK(a == b);
  b.starts[0].where.gpus[1] = gpu_id{2};
  CHECK(a != b);
  b = a;
  b.waiting.push_back({job_id{3}, place::wait_reason::queue, true});
  CHECK(a != b);
}
