#include <heddle/trace/fill.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/workloads.hpp"

using namespace heddle;
using trace::missing;
using trace::vclos_mix;

namespace {

constexpr missing everything{true, true, true};
constexpr int draws = 20'000;

// Of so many draws, six standard errors of a share p.
bool near(int count, double p) {
  return std::abs(static_cast<double>(count) / draws - p) < 6 * std::sqrt(p * (1 - p) / draws);
}

}  // namespace

TEST_CASE("the filler of nothing leaves a job as it is") {
  job j = test::make_job(1, 2, 3, 4);
  trace::nothing{}(j, everything);
  CHECK(j == test::make_job(1, 2, 3, 4));
}

TEST_CASE("the heavy mix gives every job the share of the largest model") {
  for (std::uint32_t i = 0; i < 100; ++i) {
    job j = test::make_job(i, 0, 8, 1);
    vclos_mix{}(j, everything);
    CHECK(j.comm_share == 0.348);
    CHECK(j.model == "pangu");
  }
}

TEST_CASE("collectives are drawn as in the vClos evaluation") {
  std::map<collective, int> powers, others;
  for (std::uint32_t i = 0; i < draws; ++i) {
    job j = test::make_job(i, 0, 64, 1);
    vclos_mix{.seed = 3}(j, everything);
    ++powers[j.pattern];
    j.gpus = 192;
    vclos_mix{.seed = 3}(j, everything);
    ++others[j.pattern];
  }
  CHECK(near(powers[collective::halving_doubling], .5));
  CHECK(near(powers[collective::ring], .2));
  CHECK(near(powers[collective::all_to_all], .3));
  CHECK(others[collective::ring] == draws);  // no power of two
}

TEST_CASE("the mixed mix draws a row of measured shares uniformly") {
  std::map<std::pair<std::string, double>, int> rows;
  for (std::uint32_t i = 0; i < draws; ++i) {
    job j = test::make_job(i, 0, 64, 1);
    vclos_mix{.seed = 3, .heavy = false}(j, everything);
    ++rows[{j.model, j.local_batch}];
    bool listed = false;
    for (const auto& r : trace::comm_shares)
      listed = listed || (r.model == j.model && r.local_batch == j.local_batch &&
                          r.comm_share == j.comm_share);
    REQUIRE(listed);
  }
  CHECK(rows.size() == trace::comm_shares.size());
  for (const auto& [row, n] : rows) CHECK(near(n, 1.0 / 18));
}

TEST_CASE("what a job has is kept") {
  job j = test::make_job(1, 0, 8, 1);
  j.model = "bert";
  j.local_batch = 5;
  j.pattern = collective::none;
  j.comm_share = 0.01;
  const job before = j;
  vclos_mix{.heavy = false}(j, {});
  CHECK(j == before);
  vclos_mix{.heavy = false}(j, {.comm_share = true});
  CHECK(j.model == "bert");
  CHECK(j.local_batch == 5);
  CHECK(j.comm_share != 0.01);
}

TEST_CASE("a job gets the same draw whatever was drawn before it") {
  job a = test::make_job(77, 0, 8, 1), b = a, other = test::make_job(3, 0, 16, 1);
  const vclos_mix mix{.seed = 5, .heavy = false};
  mix(a, everything);
  mix(other, everything);
  mix(b, everything);
  CHECK(a == b);
}

TEST_CASE("models are drawn from a list uniformly") {
  constexpr std::array<std::string_view, 4> models{"a", "b", "c", "d"};
  std::map<std::string, int> seen;
  for (std::uint32_t i = 0; i < draws; ++i) {
    job j = test::make_job(i, 0, 8, 1);
    trace::catalogue_mix{1, models}(j, everything);
    ++seen[j.model];
    REQUIRE(j.comm_share > 0);
  }
  CHECK(seen.size() == 4);
  for (const auto& [name, n] : seen) CHECK(near(n, .25));
}

TEST_CASE("jobs that are there are filled in as while they are read") {
  std::vector<job> jobs{test::make_job(1, 0, 8, 1), test::make_job(2, 0, 6, 1),
                        test::make_job(3, 0, 4, 1)};
  jobs[1].model = "bert";
  jobs[2].pattern = collective::ring;
  jobs[2].comm_share = .5;
  std::vector<job> expected = jobs;
  const vclos_mix mix{.seed = 2, .heavy = false};
  mix(expected[0], everything);
  mix(expected[1], {.pattern = true, .comm_share = true});
  mix(expected[2], {.model = true});
  trace::fill_in(jobs, mix);
  CHECK(jobs == expected);
}
