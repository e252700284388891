#include <heddle/route/verify.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

#include <heddle/route/routing.hpp>

using namespace heddle;
using fabric::leaf_spine;
using fabric::ledger;
using fabric::placement;
using fabric::reserve_status;
using route::verify_isolated;

namespace {

const leaf_spine dc{{.leafs = 3, .spines = 4, .servers_per_leaf = 1, .gpus_per_server = 4}};

void reserve(ledger<leaf_spine>& l, std::uint32_t job, placement p) {
  REQUIRE(l.reserve(job_id{job}, std::move(p)) == reserve_status::reserved);
}
placement gpus(std::initializer_list<int> ids) {
  placement p;
  for (int g : ids) p.gpus.push_back(gpu_id{g});
  return p;
}
// GPUs [first, first + n) of each leaf with the spines of the same numbers.
placement virtual_clos(std::initializer_list<int> leafs, int first, int n) {
  placement p;
  for (int l : leafs)
    for (int i = first; i < first + n; ++i) {
      p.gpus.push_back(gpu_id{l * 4 + i});
      p.links.push_back({leaf_id{l}, spine_id{i}, 0});
    }
  return p;
}
const auto all_to_all = [](job_id) { return collective::all_to_all; };

// Sends every flow over one spine.
struct over {
  std::uint32_t spine;
  template <class View>
  route::path operator()(const View&, const traffic::flow&) const {
    return {spine_id{spine}, 0, 0};
  }
};

}  // namespace

TEST_CASE("an empty cluster is isolated") {
  const auto found = verify_isolated(ledger{dc}, all_to_all, route::ecmp{});
  CHECK(found);
  CHECK(found.flows_checked == 0);
}

TEST_CASE("jobs with links of their own and jobs under one leaf are isolated") {
  ledger l{dc};
  reserve(l, 1, virtual_clos({0, 1, 2}, 0, 2));
  reserve(l, 2, virtual_clos({0, 2}, 2, 1));
  reserve(l, 3, gpus({6, 7}));
  for (collective c : {collective::ring, collective::all_to_all, collective::none}) {
    const auto found = verify_isolated(
        l, [&](job_id) { return c; }, route::ecmp{});
    CHECK(found);
  }
  // Six ranks: 5 shifts of 6 flows; two: one shift of 2, twice.
  CHECK(verify_isolated(l, all_to_all, route::ecmp{}).flows_checked == 30 + 2 + 2);
}

TEST_CASE("a collision within a job is found") {
  ledger l{dc};
  reserve(l, 5, gpus({0, 1, 4, 5}));
  const auto found = verify_isolated(l, all_to_all, over{3});
  REQUIRE(found.broken);
  CHECK(found.broken->job == job_id{5});
  CHECK(found.broken->other == job_id{5});
  CHECK(found.broken->phase == 1);  // the shift by two: both GPUs of a leaf send
  CHECK(found.broken->leaf == leaf_id{0});
  CHECK(found.broken->spine == spine_id{3});
  CHECK(found.broken->up);
  CHECK(found.broken->flows == 2);
  CHECK(found.broken->allowed == 1);
  CHECK(found.broken->message() ==
        "job 5, all_to_all phase 1: the link from leaf 0 to spine 3 carries 2 flows of a phase, "
        "1 allowed");
}

TEST_CASE("a collision on a down-link alone is found") {
  // Under source routing GPU 0 of leaf 0 and GPU 0 of leaf 1 go by spine 0, both into leaf 2.
  ledger l{dc};
  reserve(l, 1, gpus({0, 4, 8, 9}));
  const auto found = verify_isolated(
      l, [](job_id) { return collective::halving_doubling; }, route::source{});
  REQUIRE(found.broken);
  CHECK_FALSE(found.broken->up);
  CHECK(found.broken->leaf == leaf_id{2});
  CHECK(found.broken->message() ==
        "job 1, halving_doubling phase 1: the link to leaf 2 from spine 0 carries 2 flows of a "
        "phase, 1 allowed");
}

TEST_CASE("two flows of a two-way ring on one link are allowed, three are not") {
  ledger l{dc};
  reserve(l, 1, gpus({0, 4}));  // two ranks: both directions of the ring on the same link
  const auto ring = [](job_id) { return collective::ring; };
  CHECK(verify_isolated(l, ring, over{0}));
  l.release(job_id{1});
  // 0-1-4-5: the ring leaves a leaf from each of its ends, over cards that carry a flow each: NVLink has the rest.
  reserve(l, 1, gpus({0, 1, 4, 5}));
  const auto shared = verify_isolated(l, ring, over{0});
  REQUIRE(shared.broken);
  CHECK(shared.broken->allowed == 1);
  CHECK(shared.broken->flows == 2);
  l.release(job_id{1});
  reserve(l, 1, gpus({0, 4, 1, 5}));  // each rank between two of the other leaf
  const auto found = verify_isolated(l, ring, over{0});
  REQUIRE(found.broken);
  CHECK(found.broken->allowed == 2);
  CHECK(found.broken->flows == 3);
}

TEST_CASE("two jobs that meet on a link are found") {
  ledger l{dc};
  reserve(l, 1, gpus({0, 4}));
  reserve(l, 2, gpus({1, 5}));
  const auto found = verify_isolated(l, all_to_all, over{2});
  REQUIRE(found.broken);
  CHECK(found.broken->job == job_id{2});
  CHECK(found.broken->other == job_id{1});
  CHECK(found.broken->message() ==
        "job 2, all_to_all phase 0: the link from leaf 0 to spine 2 is used by job 1 too");
  // One leaf in common is enough: both send up from leaf 1.
  l.release(job_id{2});
  reserve(l, 2, gpus({5, 8}));
  CHECK_FALSE(verify_isolated(l, all_to_all, over{2}));
}

TEST_CASE("a flow over a link that another job owns is found, although the owner is silent") {
  ledger l{dc};
  reserve(l, 9, virtual_clos({0, 1}, 0, 1));
  reserve(l, 1, gpus({1, 5}));
  const auto pattern = [](job_id j) {
    return j == job_id{9} ? collective::none : collective::all_to_all;
  };
  const auto found = verify_isolated(l, pattern, over{0});
  REQUIRE(found.broken);
  CHECK(found.broken->job == job_id{1});
  CHECK(found.broken->other == job_id{9});
  CHECK(verify_isolated(l, pattern, over{1}));
}

TEST_CASE("a job that owns too few links for its ranks is found") {
  ledger l{dc};
  placement p = gpus({0, 1, 4, 5});
  p.links = {{leaf_id{0}, spine_id{0}, 0}, {leaf_id{1}, spine_id{0}, 0}};
  reserve(l, 1, p);
  const auto found = verify_isolated(l, all_to_all, route::ecmp{});
  REQUIRE(found.broken);
  CHECK(found.broken->flows == 2);
}

TEST_CASE("a job whose leafs share no link of its own is found") {
  ledger l{dc};
  placement p = gpus({0, 4});
  p.links = {{leaf_id{0}, spine_id{0}, 0}, {leaf_id{1}, spine_id{1}, 0}};
  reserve(l, 1, p);
  const auto found = verify_isolated(l, all_to_all, route::ecmp{});
  REQUIRE(found.broken);
  CHECK(found.broken->allowed == 0);
  CHECK(found.broken->message() ==
        "job 1, all_to_all phase 0: two of its leafs share no spine of its own");
}

TEST_CASE("jobs on an ideal network are isolated") {
  ledger l{dc};
  reserve(l, 1, gpus({0, 4, 8}));
  reserve(l, 2, gpus({1, 5, 9}));
  CHECK(verify_isolated(l, all_to_all, route::ideal{}));
}

TEST_CASE(
    "where nothing but circuits leads from leaf to leaf, who has none is isolated while silent "
    "there") {
  const fabric::leaf_spine_ocs optical{
      {.leafs = 2, .spines = 2, .switches = 2, .servers_per_leaf = 1, .gpus_per_server = 4}};
  fabric::ledger l{optical};
  REQUIRE(l.reserve(job_id{1}, gpus({0, 4})) == reserve_status::reserved);
  REQUIRE(l.reserve(job_id{2}, gpus({1, 2})) == reserve_status::reserved);
  const auto silent = [](job_id j) {
    return j == job_id{1} ? collective::none : collective::all_to_all;
  };
  CHECK(verify_isolated(l, silent, route::ecmp{}));
  const auto found = verify_isolated(l, all_to_all, route::ecmp{});
  REQUIRE(found.broken);
  CHECK(found.broken->job == job_id{1});
  CHECK(found.broken->pattern == collective::all_to_all);
  CHECK(found.broken->allowed == 0);
}
