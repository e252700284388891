// Pieces of jobs inside NVLink domains, and servers put in the place of failed ones.
#include <heddle/place/segments.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/ledger.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::leaf_spine;
using ledger = fabric::ledger<leaf_spine>;
using place::segments;

static_assert(place::PlacementPolicy<segments>);

namespace {

// Racks of 18 trays of 4 GPUs, each one domain.
leaf_spine racks(int n) {
  return leaf_spine{fabric::clos_parts{.ports = fabric::ports{fabric::hosts{n, 18, 4, 18}},
                                       .up = fabric::tier_links{n, 4, 1}}};
}
// Servers in each domain, the most first.
std::vector<int> shape_of(const leaf_spine& dc, const place::placement& p) {
  std::map<domain_id, int> n;
  for (gpu_id g : p.gpus) ++n[dc.hosts().domain_of(dc.server_of(g))];
  std::vector<int> out;
  for (const auto& [d, gpus] : n) out.push_back(gpus / 4);
  std::sort(out.rbegin(), out.rend());
  return out;
}
std::vector<int> shape_of(const ledger& l, segments policy, int servers) {
  const place::answer a = place::ask(policy, l, {job_id{1}, 4 * servers});
  return a ? shape_of(l.fabric(), *a.where) : std::vector<int>{};
}

}  // namespace

TEST_CASE("pieces are as equal as can be: 24 trays are 12 and 12, 32 twice 16, 48 three times 16") {
  const leaf_spine dc = racks(4);
  const ledger l{dc};
  const segments of_racks{.promised = 16};
  CHECK(shape_of(l, of_racks, 24) == std::vector{12, 12});
  CHECK(shape_of(l, of_racks, 32) == std::vector{16, 16});
  CHECK(shape_of(l, of_racks, 48) == std::vector{16, 16, 16});
  CHECK(shape_of(l, of_racks, 16) == std::vector{16});
  CHECK(shape_of(l, of_racks, 17) == std::vector{9, 8});
  CHECK(shape_of(l, of_racks, 64) == std::vector{16, 16, 16, 16});
  CHECK(shape_of(l, of_racks, 65).empty());
  CHECK(shape_of(l, segments{}, 24) == std::vector{12, 12});
  CHECK(shape_of(l, segments{}, 72) == std::vector{18, 18, 18, 18});
}

TEST_CASE("a job that is no multiple of a server takes part of its last server") {
  const leaf_spine dc = racks(4);
  ledger l{dc};
  segments policy{.promised = 16};
  const place::answer a = policy(l, {job_id{1}, 4 * 17 + 2});  // 18 trays: 9 and 9
  REQUIRE(a);
  CHECK(a.where->gpus.size() == 4 * 17 + 2);
  CHECK(shape_of(dc, *a.where) == std::vector{9, 8});
  REQUIRE(l.reserve(job_id{1}, *a.where) == fabric::reserve_status::reserved);
  CHECK(l.idle_servers() == 4 * 18 - 18);
}

TEST_CASE("the size of pieces goes by the size of the job, and small pieces share a domain") {
  const leaf_spine dc = racks(4);
  const segments policy{.promised = 16, .pieces = {{1, 1}, {8, 4}, {32, 16}}};
  CHECK(policy.piece_of(dc.hosts(), 7) == 1);
  CHECK(policy.piece_of(dc.hosts(), 8) == 4);
  CHECK(policy.piece_of(dc.hosts(), 31) == 4);
  CHECK(policy.piece_of(dc.hosts(), 32) == 16);
  CHECK(shape_of(ledger{dc}, policy, 12) == std::vector{12});  // three of 4 in one rack
}

TEST_CASE("through random jobs no domain has more servers in use than promised, and each piece is "
          "in one") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const leaf_spine dc = racks(6);
    ledger l{dc};
    segments policy{.promised = 16, .pieces = {{1, 1}, {8, 4}, {32, 16}}};
    std::vector<job_id> running;
    int placed = 0;
    for (std::uint32_t step = 0; step < 200; ++step) {
      const int servers = d.between(1, 40);
      const place::answer a = place::ask(policy, l, {job_id{step}, 4 * servers});
      if (a) {
        const int most = policy.piece_of(dc.hosts(), servers);
        const int pieces = (servers + most - 1) / most;
        for (int n : shape_of(dc, *a.where))
          REQUIRE((n % (servers / pieces) == 0 || n % (servers / pieces + 1) == 0 ||
                   servers % pieces != 0));
        REQUIRE(l.reserve(job_id{step}, *a.where) == fabric::reserve_status::reserved);
        running.push_back(job_id{step});
        ++placed;
      } else if (!running.empty()) {
        const std::size_t k = d.index(running.size());
        l.release(running[k]);
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(k));
      }
      for (domain_id x : dc.hosts().all_domains()) {
        int used = 0;
        for (server_id s : dc.hosts().servers_of(x)) used += !l.is_idle(s);
        REQUIRE(used <= 16);
      }
    }
    CHECK(placed > 50);
  }
}

TEST_CASE("failed servers are replaced by near ones, and nothing else moves") {
  const leaf_spine dc = racks(2);
  ledger l{dc};
  segments policy{.promised = 16};
  const place::placement before = *policy(l, {job_id{1}, 4 * 16}).where;
  REQUIRE(l.reserve(job_id{1}, before) == fabric::reserve_status::reserved);
  const std::vector<server_id> failed{server_id{3}, server_id{7}};
  for (server_id s : failed) l.fail(s);
  const auto after = place::swap(l, before, failed);
  REQUIRE(after);
  CHECK(shape_of(dc, *after) == std::vector{16});  // the two spares of the rack
  int moved = 0;
  for (std::size_t r = 0; r < before.gpus.size(); ++r) {
    if (before.gpus[r] == after->gpus[r]) continue;
    ++moved;
    CHECK(dc.hosts().index_in_server(before.gpus[r]) == dc.hosts().index_in_server(after->gpus[r]));
    CHECK(std::find(failed.begin(), failed.end(), dc.server_of(before.gpus[r])) != failed.end());
  }
  CHECK(moved == 8);
  const std::vector<server_id> three{server_id{0}, server_id{1}, server_id{2}};
  CHECK(place::swap(l, before, three));  // one of them comes from the other rack
  place::placement owner = before;
  owner.links.push_back({leaf_id{0}, spine_id{0}, 0});
  CHECK_FALSE(place::swap(l, owner, three));  // its links are those of its rack
}
