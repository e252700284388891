#include <heddle/place/placement_policy.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <vector>

using namespace heddle;
using place::answer;
using place::placement;
using place::request;
using place::wait_reason;

namespace {

struct first_gpu {
  std::optional<placement> operator()(const fabric::ledger<fabric::leaf_spine>&,
                                      const request&) const {
    return placement{{gpu_id{0}}, {}};
  }
};
struct never {
  std::optional<placement> operator()(const fabric::ledger<fabric::leaf_spine>&,
                                      const request&) const {
    return std::nullopt;
  }
};
struct gives_up {
  answer operator()(const fabric::ledger<fabric::leaf_spine>&, const request&) {
    return {wait_reason::search_limit, false};
  }
};
struct changes_the_ledger {
  answer operator()(fabric::ledger<fabric::leaf_spine>&, const request&) { return std::nullopt; }
};
struct answers_a_number {
  int operator()(const fabric::ledger<fabric::leaf_spine>&, const request&) { return 0; }
};

static_assert(place::PlacementPolicy<first_gpu>);
static_assert(place::PlacementPolicy<gives_up>);
static_assert(!place::PlacementPolicy<changes_the_ledger>);
static_assert(!place::PlacementPolicy<answers_a_number>);
static_assert(!place::PlacementPolicy<int>);

const fabric::leaf_spine dc{{.leafs = 1, .spines = 1, .servers_per_leaf = 1, .gpus_per_server = 4}};

}  // namespace

TEST_CASE("a policy that places is taken at its word") {
  const fabric::ledger free{dc};
  first_gpu policy;
  const answer a = place::ask(policy, free, {job_id{1}, 1});
  REQUIRE(a);
  CHECK(a.where->gpus == std::vector{gpu_id{0}});
  CHECK(a.why == wait_reason::none);
}

TEST_CASE("a request for more GPUs than are free is not put to the policy") {
  const fabric::ledger free{dc};
  first_gpu policy;
  const answer a = place::ask(policy, free, {job_id{1}, 5});
  CHECK_FALSE(a);
  CHECK(a.why == wait_reason::gpus);
  CHECK(a.proved);
}

TEST_CASE("a bare no is GPU fragmentation, a reasoned one stands") {
  const fabric::ledger free{dc};
  never no;
  CHECK(place::ask(no, free, {job_id{1}, 4}).why == wait_reason::gpu_fragmentation);
  gives_up tired;
  const answer a = place::ask(tired, free, {job_id{1}, 4});
  CHECK(a.why == wait_reason::search_limit);
  CHECK_FALSE(a.proved);
}

TEST_CASE("a lambda is a placement policy") {
  const fabric::ledger free{dc};
  auto policy = [](const fabric::ledger<fabric::leaf_spine>&, const request& job) {
    return answer{placement{{gpu_id{job.gpus}}, {}}};
  };
  CHECK(place::ask(policy, free, {job_id{1}, 3}).where->gpus[0] == gpu_id{3});
}

TEST_CASE("reasons to wait have names") {
  CHECK(name(wait_reason::none) == "none");
  CHECK(name(wait_reason::queue) == "queue");
  CHECK(name(wait_reason::budget) == "budget");
  CHECK(name(wait_reason::gpus) == "gpus");
  CHECK(name(wait_reason::gpu_fragmentation) == "gpu_fragmentation");
  CHECK(name(wait_reason::network_fragmentation) == "network_fragmentation");
  CHECK(name(wait_reason::search_limit) == "search_limit");
}
