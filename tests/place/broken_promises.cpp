#include <heddle/place/broken_promises.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/place/buddy.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/fragmentation.hpp>
#include <heddle/place/hived.hpp>
#include <heddle/place/jigsaw.hpp>
#include <heddle/place/ocs_vclos.hpp>
#include <heddle/place/patched.hpp>
#include <heddle/place/relaxed.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/topology_aware.hpp>
#include <heddle/place/vclos.hpp>

#include "fabric/own_fabric.hpp"

using namespace heddle;
using fabric::gpu_book;
using fabric::leaf_spine;
using fabric::leaf_spine_ocs;
using place::answer;
using place::broken_promises;
using place::placement;
using place::request;
using place::trial_setup;
using place::wait_reason;

namespace {

const leaf_spine whole{{.leafs = 3, .spines = 4, .servers_per_leaf = 2, .gpus_per_server = 4}};

leaf_spine railed() {
  const fabric::ports where{fabric::hosts{3, 2, 4, 2}, {.rails = 4, .planes = 2}};
  return leaf_spine{
      fabric::clos_parts{.ports = where, .up = fabric::tier_links{where.leafs(), 2, 1}}};
}
leaf_spine uneven() {
  const fabric::ports where{fabric::hosts{
      {{{.gpus = 4}, {.gpus = 0}, {.gpus = 2}}, {{.gpus = 8}}, {{.gpus = 1}, {.gpus = 8}}}}};
  return leaf_spine{fabric::clos_parts{
      .ports = where, .up = fabric::tier_links{3, 2, std::vector{2, 0, 1, 1, 3, 2}}}};
}
const leaf_spine_ocs switched{
    {.leafs = 3, .spines = 2, .switches = 4, .servers_per_leaf = 2, .gpus_per_server = 4}};
const test::torus mesh{3, 2, 4};

std::string first_broken(const auto& policy, const auto& dc, const trial_setup& setup = {}) {
  for (std::uint64_t seed = 0; seed < 5; ++seed)
    if (const std::optional<std::string> broken = broken_promises(policy, dc, seed, setup))
      return *broken;
  return "";
}

// For policies that give away GPUs alone: on every fabric.
void check_everywhere(const auto& policy, const trial_setup& setup = {}) {
  CHECK(first_broken(policy, whole, setup) == "");
  CHECK(first_broken(policy, railed(), setup) == "");
  CHECK(first_broken(policy, switched, setup) == "");
  CHECK(first_broken(policy, mesh, setup) == "");
}
// For those that own fixed links.
void check_on_links(const auto& policy) {
  CHECK(first_broken(policy, whole) == "");
  CHECK(first_broken(policy, railed()) == "");
  CHECK(first_broken(policy, uneven()) == "");
}

}  // namespace

TEST_CASE("policies that give away GPUs alone keep their promises on every fabric") {
  check_everywhere(place::one_server{});
  check_everywhere(place::one_leaf{});
  check_everywhere(place::packed{});
  check_everywhere(place::locality{});
  check_everywhere(place::spread{});
  check_everywhere(place::random{3});
  check_everywhere(place::buddy{});
  check_everywhere(place::topology_aware{});
  {
    const leaf_spine dc = uneven();
    CHECK(first_broken(place::packed{}, dc) == "");
    CHECK(first_broken(place::locality{}, dc) == "");
    CHECK(first_broken(place::spread{}, dc) == "");
    CHECK(first_broken(place::buddy{}, dc) == "");
    CHECK(first_broken(place::topology_aware{}, dc) == "");
  }
}

TEST_CASE("hived with quotas keeps its promises on every fabric") {
  const place::hived policy{{{"a", 2, 4}, {"b", 2, 2}, {"c", 3, 1}}};
  // Six servers: two for a, one for b, one for c; two for all others.
  check_everywhere(policy, {.tenants = {{"a", 8}, {"b", 4}, {"c", 3}, {"", 8}}});
  check_everywhere(place::hived{}, {.tenants = {{"", 24}}});
}

TEST_CASE("policies that own links keep their promises") {
  check_on_links(place::vclos{});
  check_on_links(place::vclos{.any_size = false});
  check_on_links(place::vclos{.saves = place::vclos_saves::gpus, .search_nodes = 2});
  check_on_links(place::relaxed{});
  check_on_links(place::patched{});
  check_on_links(place::jigsaw{});
  check_on_links(place::laas{});
  check_on_links(place::laas{.whole_leafs = true});
}

TEST_CASE("ocs_vclos keeps its promises whichever circuits may move") {
  using place::ocs_vclos;
  using place::rewiring;
  const leaf_spine_ocs few_ports{{.leafs = 4,
                                  .spines = 3,
                                  .switches = 2,
                                  .leaf_fibres = 2,
                                  .spine_fibres = 2,
                                  .servers_per_leaf = 2,
                                  .gpus_per_server = 3}};
  for (rewiring may_move : {rewiring::never, rewiring::bounded, rewiring::free}) {
    CAPTURE(static_cast<int>(may_move));
    for (const leaf_spine_ocs& dc : {switched, few_ports}) {
      CHECK(first_broken(ocs_vclos{.may_move = may_move, .most_moved = 3}, dc) == "");
      CHECK(first_broken(ocs_vclos{.may_move = may_move, .any_size = false}, dc) == "");
      CHECK(first_broken(ocs_vclos{.may_move = may_move, .search_nodes = 2}, dc) == "");
      CHECK(first_broken(place::first_of{place::one_server{}, ocs_vclos{.may_move = may_move}},
                         dc) == "");
    }
  }
}

TEST_CASE("policies made of policies keep their promises") {
  using place::first_of;
  check_everywhere(first_of<place::one_server, place::one_leaf, place::packed>{});
  check_on_links(first_of<place::one_server, place::one_leaf, place::vclos>{});
  check_on_links(first_of<first_of<place::one_server>, place::relaxed, place::spread>{});
  check_on_links(place::limited{20, first_of<place::vclos, place::jigsaw>{}});
  check_on_links(place::best_of<place::fewest_links, place::vclos, place::jigsaw>{});
  check_everywhere(place::best_of<place::fewest_servers, place::packed, place::spread>{});
  check_everywhere(place::filtered{[](server_id s) { return s.value % 3 != 0; }, place::packed{}});
  check_on_links(place::filtered{[](spine_id s) { return s.value == 1; }, place::vclos{}});
  CHECK(first_broken(place::best_of{place::least_unplaceable<place::one_server>{{{4, 1}}},
                                    place::spread{}, place::packed{}},
                     whole, {.steps = 60}) == "");
}

namespace {

// Prefers the server after the one that it named last.
struct remembers_being_asked {
  std::uint32_t turn = 0;
  std::optional<placement> operator()(const gpu_book& free, const request& job) {
    const fabric::hosts& dc = free.hosts();
    for (std::uint32_t i = 0; i < dc.all_servers().size(); ++i) {
      const server_id s{(turn + i) % dc.all_servers().size()};
      if (free.free_gpus(s) < job.gpus) continue;
      turn = s.value + 1;
      placement p;
      place::pick(free, s, job.gpus, p.gpus);
      return p;
    }
    return std::nullopt;
  }
};
// Counts a tenant's quota down when it is asked, and up again when the job that it remembers is gone.
struct books_when_asked {
  std::vector<job_id> mine = {};
  answer operator()(const gpu_book& free, const request& job) {
    std::erase_if(mine, [&](job_id j) { return j != job.job && !free.find(j); });
    if (mine.size() >= 3) return wait_reason::gpu_fragmentation;
    answer a = place::packed{}(free, job);
    if (a && job.gpus > 1) mine.push_back(job.job);
    return a;
  }
};
struct names_a_taken_gpu {
  std::optional<placement> operator()(const gpu_book& free, const request& job) const {
    placement p;
    if (job.gpus > free.hosts().gpus()) return std::nullopt;
    for (std::uint32_t g = 0; g < static_cast<std::uint32_t>(job.gpus); ++g)
      p.gpus.push_back(gpu_id{g});
    return p;
  }
};
struct names_a_gpu_that_is_not_there {
  std::optional<placement> operator()(const gpu_book& free, const request& job) const {
    std::optional<placement> p = place::packed{}(free, job);
    if (p) p->gpus.back() = gpu_id{free.hosts().gpus()};
    return p;
  }
};
struct gives_too_few {
  std::optional<placement> operator()(const gpu_book& free, const request& job) const {
    return place::packed{}(free, {job.job, (job.gpus + 1) / 2});
  }
};
struct names_a_gpu_twice {
  std::optional<placement> operator()(const gpu_book& free, const request& job) const {
    std::optional<placement> p = place::packed{}(free, job);
    if (p && job.gpus > 1) p->gpus.back() = p->gpus.front();
    return p;
  }
};
// A copy of a copy spreads what the original packs.
struct differs_on_a_copy {
  int copies = 0;
  differs_on_a_copy() = default;
  differs_on_a_copy(const differs_on_a_copy& other) : copies(other.copies + 1) {}
  differs_on_a_copy& operator=(const differs_on_a_copy&) = default;
  std::optional<placement> operator()(const gpu_book& free, const request& job) const {
    if (copies < 2) return place::packed{}(free, job);
    return place::spread{}(free, job);
  }
};
// Looks where the ledger lies in memory.
struct differs_by_ledger {
  const void* first = nullptr;
  std::optional<placement> operator()(const gpu_book& free, const request& job) {
    if (!first) first = &free;
    if (first == &free) return place::packed{}(free, job);
    return place::spread{}(free, job);
  }
};
struct says_gpus_for_no_reason {
  answer operator()(const gpu_book& free, const request& job) const {
    if (auto p = place::one_server{}(free, job)) return *std::move(p);
    return wait_reason::gpus;
  }
};
struct proves_by_giving_up {
  answer operator()(const gpu_book&, const request&) const { return wait_reason::search_limit; }
};
struct takes_owned_links {
  std::optional<placement> operator()(const fabric::ledger<leaf_spine>& free,
                                      const request& job) const {
    std::optional<placement> p = place::packed{}(free, job);
    if (p) p->links.push_back({leaf_id{0}, spine_id{0}});
    return p;
  }
};
struct ignores_failures {
  std::optional<placement> operator()(const gpu_book& free, const request& job) const {
    placement p;
    for (gpu_id g : free.hosts().all_gpus())
      if (!free.owner(g).valid() && p.gpus.size() < static_cast<std::size_t>(job.gpus))
        p.gpus.push_back(g);
    if (p.gpus.size() < static_cast<std::size_t>(job.gpus)) return std::nullopt;
    return p;
  }
};
struct promises_speed {
  answer operator()(const gpu_book& free, const request& job) const {
    answer a = place::packed{}(free, job);
    a.predicted_slowdown = .5;
    return a;
  }
};

}  // namespace

TEST_CASE("policies that break a promise are told which") {
  CHECK(first_broken(remembers_being_asked{}, whole).starts_with("asked twice"));
  CHECK(first_broken(books_when_asked{}, whole) != "");
  CHECK(first_broken(names_a_taken_gpu{}, whole).starts_with("a placement names free GPUs alone"));
  CHECK(first_broken(names_a_gpu_that_is_not_there{}, whole)
            .starts_with("a placement names free GPUs alone"));
  CHECK(first_broken(gives_too_few{}, whole).starts_with("a placement has as many GPUs"));
  CHECK(first_broken(names_a_gpu_twice{}, mesh).starts_with("a placement can be booked"));
  CHECK(first_broken(differs_on_a_copy{}, whole).starts_with("it answers the same"));
  CHECK(first_broken(differs_by_ledger{}, whole).starts_with("a copy asked on a copy"));
  CHECK(first_broken(says_gpus_for_no_reason{}, whole).starts_with("GPUs are said to be short"));
  CHECK(first_broken(proves_by_giving_up{}, whole).starts_with("a search that gave up"));
  CHECK(first_broken(takes_owned_links{}, whole).starts_with("a placement can be booked"));
  CHECK(first_broken(ignores_failures{}, whole).starts_with("a placement names free GPUs alone"));
  CHECK(first_broken(promises_speed{}, whole).starts_with("no job is expected to be faster"));
}

TEST_CASE("hived is told of a quota that is larger than it knows") {
  const place::hived policy{{{"a", 1, 4}}};
  CHECK(first_broken(policy, whole, {.tenants = {{"a", 4}, {"", 20}}}) == "");
  CHECK(first_broken(policy, whole, {.tenants = {{"a", 24}, {"", 20}}})
            .starts_with("GPUs are said to be short"));
}
