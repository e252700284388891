#include <heddle/place/combinators.hpp>

#include <doctest/doctest.h>

#include <vector>

#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>

using namespace heddle;
using place::answer;
using place::first_of;
using place::request;
using place::wait_reason;

namespace {

const fabric::leaf_spine dc{{.leafs = 2, .spines = 2, .servers_per_leaf = 2, .gpus_per_server = 2}};

// Places GPU `gpu`, or says `why`; notes that it was asked.
struct scripted {
  std::vector<int>* asked;
  int gpu;
  wait_reason why = wait_reason::none;
  bool proved = true;

  answer operator()(const fabric::ledger&, const request&) {
    asked->push_back(gpu);
    if (why != wait_reason::none) return {why, proved};
    return place::placement{{gpu_id{gpu}}, {}};
  }
};

static_assert(place::PlacementPolicy<first_of<place::one_server, place::one_leaf, place::vclos>>);
static_assert(place::PlacementPolicy<first_of<first_of<place::one_server>, place::packed>>);

}  // namespace

TEST_CASE("the first policy that places wins and those behind it are not asked") {
  std::vector<int> asked;
  first_of chain{scripted{&asked, 0, wait_reason::gpu_fragmentation}, scripted{&asked, 1},
                 scripted{&asked, 2}};
  const answer a = chain(fabric::ledger{dc}, {job_id{0}, 1});
  REQUIRE(a);
  CHECK(a.where->gpus[0] == gpu_id{1});
  CHECK(asked == std::vector{0, 1});
}

TEST_CASE("if none places the last one's reason stands") {
  std::vector<int> asked;
  first_of chain{scripted{&asked, 0, wait_reason::gpu_fragmentation},
                 scripted{&asked, 1, wait_reason::network_fragmentation}};
  const answer a = chain(fabric::ledger{dc}, {job_id{0}, 1});
  CHECK_FALSE(a);
  CHECK(a.why == wait_reason::network_fragmentation);
  CHECK(a.proved);
  CHECK(asked == std::vector{0, 1});
}

TEST_CASE("an earlier search that gave up leaves the no unproved") {
  std::vector<int> asked;
  first_of chain{scripted{&asked, 0, wait_reason::search_limit, false},
                 scripted{&asked, 1, wait_reason::network_fragmentation}};
  const answer a = chain(fabric::ledger{dc}, {job_id{0}, 1});
  CHECK(a.why == wait_reason::search_limit);
  CHECK_FALSE(a.proved);
}

TEST_CASE("chains nest and are made of defaults") {
  first_of<first_of<place::one_server>, first_of<place::one_leaf, place::packed>> chain;
  const fabric::ledger free{dc};
  CHECK(chain(free, {job_id{0}, 2}).where->gpus.size() == 2);
  CHECK(chain(free, {job_id{0}, 4}).where->gpus.size() == 4);
  CHECK(chain(free, {job_id{0}, 7}).where->gpus.size() == 7);
}
