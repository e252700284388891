#include <heddle/place/buddy.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include <heddle/place/compact.hpp>

#include "support/dice.hpp"
#include "support/states.hpp"

using namespace heddle;
using fabric::leaf_spine;
using ledger = fabric::ledger<leaf_spine>;
using fabric::reserve_status;
using place::buddy;
using place::placement;

static_assert(place::PlacementPolicy<buddy>);

namespace {

std::set<server_id> servers_of(const leaf_spine& dc, const placement& p) {
  std::set<server_id> out;
  for (gpu_id g : p.gpus) out.insert(dc.server_of(g));
  return out;
}

// Sizes and positions of the maximal free blocks of a server of 2^k GPUs, by definition.
int tightest_by_hand(const ledger& free, server_id s, int size) {
  const int g = static_cast<int>(free.fabric().gpus_of(s).size());
  const auto is_free = [&](int first, int n) {
    for (int i = first; i < first + n; ++i)
      if (!free.is_free(
              gpu_id{free.fabric().gpus_of(s).front().value + static_cast<std::uint32_t>(i)}))
        return false;
    return true;
  };
  int best = 0;
  for (int outer = size; outer <= g; outer *= 2)
    for (int first = 0; first + outer <= g; first += outer)
      if (is_free(first, outer) &&
          (outer == g || !is_free(first - first % (2 * outer), 2 * outer)) && best == 0)
        best = outer;
  return best;
}

// Powers of two arrive and depart at random; large ones rarely.
struct churn {
  leaf_spine dc;
  ledger state;
  test::dice d;
  std::vector<job_id> running;
  std::uint32_t next = 0;

  churn(std::uint64_t seed, int leafs, int servers, int gpus)
      : dc({.leafs = leafs, .spines = 2, .servers_per_leaf = servers, .gpus_per_server = gpus}),
        state(dc), d(seed) {}

  int power_of_two(int most) {
    int n = 1;
    while (2 * n <= most && d.chance(.55)) n *= 2;
    return n;
  }
  void leave() {
    const std::size_t k = d.index(running.size());
    REQUIRE(state.release(running[k]));
    running.erase(running.begin() + static_cast<std::ptrdiff_t>(k));
  }
  bool arrive(int gpus) {
    const job_id id{next++};
    const auto a = place::ask(policy, state, {id, gpus});
    if (!a) return false;
    REQUIRE(state.reserve(id, *a.where) == reserve_status::reserved);
    running.push_back(id);
    return true;
  }
  buddy policy;
};

}  // namespace

TEST_CASE(
    "buddy puts a job of at most a server's GPUs on one server in the tightest block there is") {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const leaf_spine dc{{.leafs = d.between(1, 3),
                         .spines = 1,
                         .servers_per_leaf = d.between(1, 3),
                         .gpus_per_server = 1 << d.between(0, 4)}};
    const ledger free = test::random_state(dc, d, d.real(), 0);
    const int wanted =
        1 << d.between(0, std::countr_zero(static_cast<unsigned>(dc.gpus_per_server())));
    const std::optional<placement> p = buddy{}(free, {job_id{1}, wanted});
    int tightest = 0;
    for (server_id s : dc.all_servers())
      if (const int here = tightest_by_hand(free, s, wanted); here > 0)
        tightest = tightest == 0 ? here : std::min(tightest, here);
    REQUIRE(p.has_value() == (tightest > 0));
    if (!p) continue;
    REQUIRE(p->gpus.size() == static_cast<std::size_t>(wanted));
    REQUIRE(servers_of(dc, *p).size() == 1);
    const server_id s = dc.server_of(p->gpus[0]);
    const auto offset = p->gpus[0].value - dc.gpus_of(s).front().value;
    CHECK(offset % static_cast<std::uint32_t>(wanted) == 0);  // aligned
    CHECK(p->gpus.back().value == p->gpus.front().value + static_cast<std::uint32_t>(wanted) - 1);
    CHECK(tightest_by_hand(free, s, wanted) == tightest);
    for (gpu_id g : p->gpus) CHECK(free.is_free(g));
  }
}

TEST_CASE("buddy gives larger jobs whole servers under as few leafs as there are") {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const leaf_spine dc{{.leafs = d.between(1, 5),
                         .spines = 1,
                         .servers_per_leaf = d.between(1, 4),
                         .gpus_per_server = 4}};
    const ledger free = test::random_state(dc, d, .3 * d.real() * d.real(), 0);
    const int servers = d.between(2, 6);
    const std::optional<placement> p = buddy{}(free, {job_id{1}, 4 * servers});
    REQUIRE(p.has_value() == (free.idle_servers() >= servers));
    if (!p) continue;
    REQUIRE(p->gpus.size() == static_cast<std::size_t>(4 * servers));
    REQUIRE(servers_of(dc, *p).size() == static_cast<std::size_t>(servers));
    std::vector<int> idle;
    for (unit_id x : dc.all_units()) idle.push_back(free.idle_servers(x));
    std::sort(idle.rbegin(), idle.rend());
    std::size_t fewest = 0;
    for (int left = servers; left > 0; ++fewest) left -= idle[fewest];
    std::set<leaf_id> leafs;
    for (gpu_id g : p->gpus) leafs.insert(dc.leaf_of(g));
    CHECK(leafs.size() == fewest);
  }
}

TEST_CASE("buddy places sizes that are no powers of two in blocks and remainders") {
  const leaf_spine dc{{.leafs = 2, .spines = 1, .servers_per_leaf = 3, .gpus_per_server = 6}};
  ledger l{dc};
  const auto p = buddy{}(l, {job_id{1}, 15});  // two servers and a block of three
  REQUIRE(p);
  CHECK(p->gpus.size() == 15);
  CHECK(servers_of(dc, *p).size() == 3);
  CHECK(dc.leaf_of(p->gpus.front()) == dc.leaf_of(p->gpus.back()));
  REQUIRE(l.reserve(job_id{1}, *p) == reserve_status::reserved);
  const auto q =
      buddy{}(l, {job_id{2}, 3});  // the first four GPUs are a block, and so are the last two
  REQUIRE(q);
  CHECK(dc.leaf_of(q->gpus.front()) == leaf_id{1});
  CHECK(buddy{}(l, {job_id{2}, 2})->gpus.front() == gpu_id{16});
  CHECK(buddy{}(l, {job_id{3}, 6})->gpus.size() == 6);
}

TEST_CASE("free and used blocks partition the cluster and merge back when all has left") {
  churn c{3, 3, 2, 8};
  for (int i = 0; i < 3000; ++i) {
    if (!c.arrive(c.power_of_two(16))) c.leave();
    // Every GPU is free or of one job; every job of at most 8 lies in one aligned block.
    int used = 0;
    for (const auto& [id, p] : c.state.placements()) {
      used += static_cast<int>(p.gpus.size());
      REQUIRE(servers_of(c.dc, p).size() == (p.gpus.size() + 7) / 8);
      if (p.gpus.size() <= 8) REQUIRE(p.gpus.front().value % p.gpus.size() == 0);
    }
    REQUIRE(used + c.state.free_gpus() == c.dc.gpus());
  }
  while (!c.running.empty()) c.leave();
  CHECK(c.state == ledger{c.dc});
  CHECK(c.arrive(c.dc.gpus()));
}

TEST_CASE("after compaction powers of two whose sum fits are always placed") {
  int compacted = 0, moved = 0, placed_at_once = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    churn c{seed, d.between(1, 3), d.between(1, 4), 1 << d.between(1, 4)};
    for (int i = 0; i < 300; ++i) {
      const int wanted = c.power_of_two(c.dc.gpus());
      if (wanted > c.state.free_gpus()) {
        c.leave();
        continue;
      }
      if (c.arrive(wanted)) {
        ++placed_at_once;
        continue;
      }
      const job_id id{c.next++};
      const auto plan = place::compact(c.state, {id, wanted});
      REQUIRE(plan);
      REQUIRE_FALSE(plan->moves.empty());
      int gpus = 0;
      std::set<job_id> jobs;
      for (const place::migration& m : plan->moves) {  // one after the other
        const auto old = c.state.extract(m.job);
        REQUIRE(old);
        REQUIRE(old->gpus.size() == m.to.gpus.size());
        REQUIRE(servers_of(c.dc, m.to).size() == 1);
        REQUIRE(c.state.reserve(m.job, m.to) == reserve_status::reserved);
        gpus += static_cast<int>(m.to.gpus.size());
        jobs.insert(m.job);
      }
      CHECK(plan->gpus_moved == gpus);
      CHECK(plan->jobs_moved == static_cast<int>(jobs.size()));
      REQUIRE(plan->where == *buddy{}(c.state, {id, wanted}));
      REQUIRE(c.state.reserve(id, plan->where) == reserve_status::reserved);
      c.running.push_back(id);
      ++compacted;
      moved += gpus;
    }
    REQUIRE(c.state.consistent());
  }
  CHECK(compacted > 500);
  CHECK(moved > compacted);
  CHECK(placed_at_once > 3000);
}

TEST_CASE(
    "compaction moves nothing where nothing need move and leaves jobs with links where they are") {
  const leaf_spine dc{{.leafs = 1, .spines = 4, .servers_per_leaf = 2, .gpus_per_server = 4}};
  ledger l{dc};
  const auto none = place::compact(l, {job_id{9}, 8});
  REQUIRE(none);
  CHECK(none->moves.empty());
  CHECK(none->where.gpus.size() == 8);

  REQUIRE(l.reserve(job_id{0}, {{gpu_id{0}}, {}}) == reserve_status::reserved);
  REQUIRE(l.reserve(job_id{1}, {{gpu_id{4}}, {}}) == reserve_status::reserved);
  const auto one = place::compact(l, {job_id{9}, 4});
  REQUIRE(one);
  CHECK(one->gpus_moved == 1);
  CHECK(one->jobs_moved == 1);
  CHECK_FALSE(place::compact(l, {job_id{9}, 7}));

  ledger held{dc};
  REQUIRE(held.reserve(job_id{0}, {{gpu_id{0}}, {{leaf_id{0}, spine_id{0}}}}) ==
          reserve_status::reserved);
  REQUIRE(held.reserve(job_id{1}, {{gpu_id{4}}, {{leaf_id{0}, spine_id{1}}}}) ==
          reserve_status::reserved);
  CHECK_FALSE(place::compact(held, {job_id{9}, 4}));
  held.fail(gpu_id{3});
  CHECK_FALSE(place::compact(held, {job_id{9}, 4}));
}

TEST_CASE("a plan of compaction costs little more than the cheapest one") {
  // One server of eight and one more: the cheapest single-stage plan is found by trying all blocks.
  double ratio = 0;
  int plans = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    churn c{seed, 1, 4, 8};
    while (c.arrive(c.power_of_two(4)) || c.state.free_gpus() > 6) {
    }
    for (int i = 0; i < 6; ++i) c.leave();
    const int wanted = 8;
    if (c.state.free_gpus() < wanted || buddy{}(c.state, {job_id{999}, wanted})) continue;
    const auto plan = place::compact(c.state, {job_id{999}, wanted});
    REQUIRE(plan);
    int least = 8;  // at least what is used of the emptiest server has to move
    for (server_id s : c.dc.all_servers()) least = std::min(least, 8 - c.state.free_gpus(s));
    CHECK(plan->gpus_moved >= least);
    ratio += static_cast<double>(plan->gpus_moved) / least;
    ++plans;
  }
  CHECK(plans > 30);
  CHECK(ratio / plans < 1.5);
}
