#include <heddle/place/combinators.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
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

  answer operator()(const fabric::ledger<fabric::leaf_spine>&, const request&) {
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

TEST_CASE("the cut that is too narrow is told behind a chain too") {
  const place::narrow_cut cut{place::narrow_cut::tier::core, 16, 64};
  first_of chain{place::one_server{}, [&](const fabric::gpu_book&, const request&) {
                   answer a{wait_reason::tapered};
                   a.cut = cut;
                   return a;
                 }};
  const answer a = chain(fabric::ledger{dc}, {job_id{0}, 3});
  CHECK(a.why == wait_reason::tapered);
  CHECK(a.cut == cut);
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

namespace {

// Always gives up after so many nodes, or places GPU 0 if it may look at more.
struct searcher {
  std::int64_t needs;
  std::vector<std::int64_t>* allowed;
  std::int64_t most = 100, used = 0;

  answer operator()(const fabric::ledger<fabric::leaf_spine>&, const request&) {
    allowed->push_back(most);
    used = std::min(needs, most);
    if (needs > most) return {wait_reason::search_limit, false};
    return wait_reason::gpu_fragmentation;
  }
  void limit(std::int64_t nodes) { most = nodes; }
  [[nodiscard]] std::int64_t visited() const { return used; }
};

static_assert(place::SearchingPolicy<searcher> && place::SearchingPolicy<place::vclos>);
static_assert(!place::SearchingPolicy<place::packed>);

}  // namespace

TEST_CASE(
    "of several placements the one with the lowest score is taken and of equal ones the first") {
  std::vector<int> asked;
  const fabric::ledger free{dc};
  const auto by_gpu = [](const fabric::ledger<fabric::leaf_spine>&, const place::placement& p) {
    return p.gpus[0].value / 2;
  };
  place::best_of policy{by_gpu, scripted{&asked, 5}, scripted{&asked, 3}, scripted{&asked, 2},
                        scripted{&asked, 0, wait_reason::gpu_fragmentation}};
  const answer a = policy(free, {job_id{0}, 1});
  REQUIRE(a);
  CHECK(a.where->gpus[0] == gpu_id{3});
  CHECK(asked == std::vector{5, 3, 2, 0});
  place::best_of none{by_gpu, scripted{&asked, 0, wait_reason::search_limit, false},
                      scripted{&asked, 1, wait_reason::network_fragmentation}};
  const answer no = none(free, {job_id{0}, 1});
  CHECK(no.why == wait_reason::search_limit);
  CHECK_FALSE(no.proved);
}

TEST_CASE("scores of placements count servers and links") {
  const fabric::ledger free{dc};
  place::best_of<place::fewest_servers, place::spread, place::packed> few;
  const answer a = few(free, {job_id{0}, 2});
  CHECK(dc.server_of(a.where->gpus[0]) == dc.server_of(a.where->gpus[1]));
  place::best_of<place::fewest_links, place::vclos, place::packed> cheap;
  CHECK(cheap(free, {job_id{0}, 6}).where->links.empty());
}

TEST_CASE("a filtered policy sees the allowed leafs servers and spines alone") {
  const fabric::ledger free{dc};
  place::filtered leaf{[](leaf_id l) { return l == leaf_id{1}; }, place::packed{}};
  CHECK(leaf(free, {job_id{0}, 4}).where->gpus.front() == gpu_id{4});
  const answer no = leaf(free, {job_id{0}, 5});
  CHECK(no.why == wait_reason::gpu_fragmentation);
  place::filtered server{[](server_id s) { return s.value % 2 == 1; }, place::packed{}};
  CHECK(server(free, {job_id{0}, 4}).where->gpus ==
        std::vector{gpu_id{2}, gpu_id{3}, gpu_id{6}, gpu_id{7}});
  place::filtered spine{[](spine_id s) { return s == spine_id{1}; }, place::vclos{}};
  const answer five = spine(free, {job_id{0}, 5});  // four and one over the one spine
  REQUIRE(five);
  CHECK(five.where->links.size() == 2);
  CHECK(five.where->links[0].spine == spine_id{1});
  CHECK(spine(free, {job_id{0}, 6}).why == wait_reason::network_fragmentation);
  CHECK(free == fabric::ledger{dc});
}

TEST_CASE("searches behind one question share what limited allows them") {
  std::vector<std::int64_t> allowed;
  const fabric::ledger free{dc};
  place::limited policy{50, first_of{searcher{30, &allowed}, place::one_leaf{},
                                     searcher{30, &allowed}, searcher{1, &allowed}}};
  const answer a = policy(free, {job_id{0}, 8});  // one_leaf says no
  CHECK(allowed == std::vector<std::int64_t>{50, 20, 0});
  CHECK(a.why == wait_reason::search_limit);
  CHECK_FALSE(a.proved);
  CHECK(policy.visited() == 50);
  (void)policy(free, {job_id{0}, 8});
  CHECK(allowed.size() == 6);
  CHECK(allowed[3] == 50);  // each question anew
  CHECK(place::limited{1000, place::vclos{}}(free, {job_id{0}, 6}));
}
