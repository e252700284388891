#include <heddle/core/job.hpp>

#include <doctest/doctest.h>

#include <limits>

using namespace heddle;

TEST_CASE(
    "a job asks one GPU, may have any number and does not communicate unless told otherwise") {
  const job j;
  CHECK_FALSE(j.id.valid());
  CHECK(j.gpus == 1);
  CHECK(j.min_gpus == 1);
  CHECK(j.max_gpus == std::numeric_limits<int>::max());
  CHECK(j.pattern == collective::none);
  CHECK(j.comm_share == 0);
  CHECK(j.weight == 1);
  CHECK(j.deadline_s == std::numeric_limits<double>::infinity());
  CHECK(j == job{});
}
