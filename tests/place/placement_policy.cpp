#include <heddle/place/placement_policy.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/place/buddy.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/hived.hpp>
#include <heddle/place/jigsaw.hpp>
#include <heddle/place/patched.hpp>
#include <heddle/place/relaxed.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/topology_aware.hpp>
#include <heddle/place/vclos.hpp>

#include "fabric/own_fabric.hpp"

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

// Which fabrics a policy is for follows from what it asks for, and a chain is for those that all of
// its policies are for.
using fixed = fabric::ledger<fabric::leaf_spine>;
using circuits = fabric::ledger<fabric::leaf_spine_ocs>;
using cables = fabric::ledger<test::torus>;

template <class Policy>
constexpr bool for_links_alone =
    place::PlacementPolicy<Policy, fixed> && !place::PlacementPolicy<Policy, circuits> &&
    !place::PlacementPolicy<Policy, cables> && !place::PlacementPolicy<Policy, fabric::gpu_book>;
template <class Policy>
constexpr bool for_every_fabric =
    place::PlacementPolicy<Policy, fixed>&& place::PlacementPolicy<Policy, circuits>&&
        place::PlacementPolicy<Policy, cables>&& place::PlacementPolicy<Policy, fabric::gpu_book>;

static_assert(for_every_fabric<place::one_server> && for_every_fabric<place::one_leaf>);
static_assert(for_every_fabric<place::packed> && for_every_fabric<place::locality>);
static_assert(for_every_fabric<place::spread> && for_every_fabric<place::random>);
static_assert(for_every_fabric<place::buddy> && for_every_fabric<place::hived>);
static_assert(for_every_fabric<place::topology_aware>);
static_assert(for_links_alone<place::vclos> && for_links_alone<place::relaxed>);
static_assert(for_links_alone<place::patched>);
static_assert(for_links_alone<place::jigsaw> && for_links_alone<place::laas>);

using place::first_of;
static_assert(for_every_fabric<first_of<place::one_server, place::packed>>);
static_assert(for_links_alone<first_of<place::one_server, place::vclos>>);
static_assert(for_links_alone<first_of<first_of<place::packed>, first_of<place::vclos>>>);
static_assert(for_every_fabric<place::best_of<place::fewest_links, place::packed, place::spread>>);
static_assert(for_links_alone<place::best_of<place::fewest_links, place::packed, place::vclos>>);
static_assert(for_links_alone<place::limited<place::vclos>>);
static_assert(for_links_alone<place::limited<first_of<place::packed, place::vclos>>>);

using even_servers = decltype([](server_id s) { return s.value % 2 == 0; });
static_assert(place::PlacementPolicy<place::filtered<even_servers, place::packed>, fixed>);
static_assert(place::PlacementPolicy<place::filtered<even_servers, place::packed>, circuits>);
static_assert(place::PlacementPolicy<place::filtered<even_servers, place::packed>, cables>);
static_assert(place::PlacementPolicy<place::filtered<even_servers, place::vclos>, fixed>);
static_assert(!place::PlacementPolicy<place::filtered<even_servers, place::vclos>, circuits>);

// No policy of any fabric: it would change what it is asked on.
static_assert(!place::PolicyOfSomeFabric<changes_the_ledger>);
static_assert(!place::PolicyOfSomeFabric<int>);
static_assert(place::PolicyOfSomeFabric<first_of<place::vclos>>);

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

TEST_CASE("policies that give away GPUs alone are asked on circuits and on a torus of one's own") {
  const fabric::leaf_spine_ocs optical{
      {.leafs = 2, .spines = 1, .switches = 2, .servers_per_leaf = 1, .gpus_per_server = 4}};
  const test::torus torus{2, 2, 4};
  first_of<place::one_server, place::packed> policy;
  const answer a = place::ask(policy, circuits{optical}, {job_id{1}, 6});
  REQUIRE(a);
  CHECK(a.where->gpus.size() == 6);
  CHECK_FALSE(a.where->owns_network());
  const answer b = place::ask(policy, cables{torus}, {job_id{1}, 6});
  REQUIRE(b);
  CHECK(b.where->gpus.size() == 6);
  const auto even = [](server_id s) { return s.value % 2 == 0; };
  place::filtered half{even, place::packed{}};
  CHECK(place::ask(half, cables{torus}, {job_id{1}, 8}));
  CHECK(place::ask(half, cables{torus}, {job_id{1}, 9}).why == wait_reason::gpu_fragmentation);
}

TEST_CASE("of the policies that own links those that do not know rails say so") {
  const fabric::ports where{fabric::hosts{2, 2, 4}, {.rails = 4}};
  const fabric::leaf_spine rails{
      fabric::clos_parts{.ports = where, .up = fabric::tier_links{where.leafs(), 4, 1}}};
  const auto why = [&](auto policy) {
    return place::ask(policy, fixed{rails}, {job_id{1}, 9}).why;
  };
  CHECK(why(place::vclos{}) == wait_reason::none);  // three servers, the same three rails of each
  CHECK(why(place::relaxed{}) == wait_reason::none);
  CHECK(why(place::patched{}) == wait_reason::none);
  CHECK(why(place::jigsaw{}) == wait_reason::unsupported);
  CHECK(why(place::laas{}) == wait_reason::unsupported);
  CHECK(why(place::laas{.whole_leafs = true}) == wait_reason::unsupported);
  place::packed packed;
  CHECK(place::ask(packed, fixed{rails}, {job_id{1}, 9}));
}

TEST_CASE("reasons to wait have names") {
  CHECK(name(wait_reason::none) == "none");
  CHECK(name(wait_reason::queue) == "queue");
  CHECK(name(wait_reason::budget) == "budget");
  CHECK(name(wait_reason::gpus) == "gpus");
  CHECK(name(wait_reason::gpu_fragmentation) == "gpu_fragmentation");
  CHECK(name(wait_reason::network_fragmentation) == "network_fragmentation");
  CHECK(name(wait_reason::search_limit) == "search_limit");
  CHECK(name(wait_reason::unsupported) == "unsupported");
  CHECK(name(wait_reason::tapered) == "tapered");
}
